internal import CMedia
public import VLTensor

/// Bounds on what is read from outside, checked before memory is taken.
public struct MediaLimits: Sendable, Hashable {
  /// The most bytes a file or a decoded `data:` URL may have.
  public var maxBytes: Int
  /// The most pixels a picture may have, told by its header.
  public var maxPixels: Int
  /// The longest side a picture may have, told by its header.
  public var maxSide: Int

  /// The default limits: 256 MiB, 200 million pixels, 65 535 pixels a side.
  public init(maxBytes: Int = 256 << 20, maxPixels: Int = 200_000_000, maxSide: Int = 65_535) {
    self.maxBytes = maxBytes
    self.maxPixels = maxPixels
    self.maxSide = maxSide
  }
}

/// Turns the bytes of a picture file into upright, opaque RGB.
///
/// The pixels equal Pillow's `convert("RGB")` to the byte (JPEG with the accurate integer DCT and smooth chroma
/// upsampling, CMYK by Adobe's convention), with three deliberate differences:
/// - the EXIF orientation (JPEG's APP1 segment, PNG's eXIf and WebP's EXIF chunk, TIFF's own tag) is applied, as
///   `ImageOps.exif_transpose` would; orientations in XMP are not read;
/// - transparency of *every* kind (alpha, grey with alpha, a transparent colour, palette entries) is composited on
///   white with the rounding of Pillow's paste; the reference pipeline does that for RGBA and drops other transparency;
/// - 16-bit samples keep their high byte, grey ones too (Pillow clips 16-bit grey at 255, which whites out the picture).
///
/// Colour profiles are ignored, as the reference pipeline ignores them. Damaged files are errors, never half pictures.
public enum ImageDecoder {
  /// Decodes a picture.
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - name: what error messages call it.
  ///   - limits: bounds, checked on the header before pixels are allocated.
  ///   - pool: threads to share work among; nil works on the caller's. The result is the same.
  /// - Throws: ``MediaError`` if the format is unknown, the file is damaged, or a limit is exceeded.
  /// - Returns: the upright picture, on white where it was transparent, and what the file says of itself.
  public static func decode(
    _ bytes: [UInt8], name: String, limits: MediaLimits = MediaLimits(), pool: ThreadPool? = nil
  ) throws(MediaError) -> DecodedImage {
    let (header, stored) = try read(bytes, name: name, limits: limits, wantPixels: true)
    guard let stored else { throw corrupt(name, "no pixels came out") }
    return DecodedImage(image: stored.oriented(header.orientation, pool: pool), header: header)
  }

  /// Reads what a picture says about itself, without decoding it.
  ///
  /// A PNG's orientation may follow its pixels; only one that precedes them is seen here.
  public static func header(
    of bytes: [UInt8], name: String, limits: MediaLimits = MediaLimits()
  ) throws(MediaError) -> ImageHeader {
    try read(bytes, name: name, limits: limits, wantPixels: false).header
  }

  private static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    guard bytes.count <= limits.maxBytes else {
      throw MediaError(
        .tooLarge, name: name, problem: "the file has \(bytes.count) bytes, the limit is \(limits.maxBytes)",
        remedy: "give a smaller file")
    }
    return switch try ImageFormat.sniff(bytes, name: name) {
    case .jpeg: try JPEGDecoder.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    case .png: try PNGDecoder.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    case .webp: try WebPDecoder.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    case .ppm: try PPM.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    case .gif: try GIFDecoder.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    case .bmp: try BMPDecoder.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    case .tiff: try TIFFDecoder.read(bytes, name: name, limits: limits, wantPixels: wantPixels)
    }
  }

  /// Refuses sides that are zero or over the limits.
  static func check(width: Int, height: Int, name: String, limits: MediaLimits) throws(MediaError) {
    guard width >= 1 && height >= 1 else {
      throw MediaError(
        .empty, name: name, problem: "the picture is \(width)×\(height) pixels, so has none",
        remedy: "give a picture that has pixels")
    }
    guard width <= limits.maxSide && height <= limits.maxSide else {
      throw MediaError(
        .tooLarge, name: name,
        problem: "the header says \(width)×\(height) pixels, the limit is \(limits.maxSide) a side",
        remedy: "scale it down first")
    }
    guard width <= limits.maxPixels / height else {
      throw MediaError(
        .tooLarge, name: name,
        problem: "the header says \(width)×\(height) pixels, the limit is \(limits.maxPixels) in all",
        remedy: "scale it down first")
    }
  }

  static func truncated(_ name: String, _ detail: String) -> MediaError {
    MediaError(
      .truncated, name: name, problem: "the file is cut off (\(detail))", remedy: "get the whole file")
  }

  static func corrupt(_ name: String, _ detail: String) -> MediaError {
    MediaError(
      .corrupt, name: name, problem: "the file is damaged (\(detail))",
      remedy: "get an undamaged copy or save it again")
  }

  static func outOfMemory(_ name: String, bytes: Int) -> MediaError {
    MediaError(
      .tooLarge, name: name, problem: "\(bytes) bytes of memory for its pixels could not be had",
      remedy: "scale it down first")
  }
}
