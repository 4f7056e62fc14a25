internal import CMedia
internal import CTurboJPEG
internal import Glibc

/// JPEG through TurboJPEG, with the settings Pillow uses: accurate integer DCT, smooth chroma upsampling.
enum JPEGDecoder {
  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    let markers = JPEGMarkers(bytes)
    if let precision = markers.precision, precision != 8 {
      throw MediaError(
        .unsupported, name: name, problem: "a JPEG of \(precision) bits per sample is not read here",
        remedy: "save it as an 8-bit JPEG or as PNG")
    }
    guard let decoder = tjInitDecompress() else { throw ImageDecoder.outOfMemory(name, bytes: 0) }
    defer { tjDestroy(decoder) }

    var (width, height, subsampling, colorspace): (Int32, Int32, Int32, Int32) = (-1, -1, -1, -1)
    let count = UInt(bytes.count)
    let status = bytes.withUnsafeBufferPointer {
      tjDecompressHeader3(decoder, $0.baseAddress, count, &width, &height, &subsampling, &colorspace)
    }
    // Success without sides: only tables. Failure with sides: a whole header that has an unusual subsampling, yet
    // decodes, or that brought a warning, on which decoding will report again.
    let isWarning = status != 0 && tjGetErrorCode(decoder) == TJERR_WARNING.rawValue
    guard width >= 0 && height >= 0 && (status == 0 || isWarning || subsampling < 0) else {
      throw failure(decoder, bytes, markers, name, status == 0 ? "there is no frame header" : nil)
    }
    try ImageDecoder.check(width: Int(width), height: Int(height), name: name, limits: limits)
    let header = ImageHeader(
      format: .jpeg, storedWidth: Int(width), storedHeight: Int(height), orientation: markers.orientation,
      hasAlpha: false)
    guard wantPixels else { return (header, nil) }

    let isCMYK = markers.components == 4
    let pixelCount = Int(width) * Int(height)
    let flags = TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS
    var result: Int32 = 0
    let decoded = [UInt8](unsafeUninitializedCapacity: pixelCount * (isCMYK ? 4 : 3)) { buffer, initialized in
      result = bytes.withUnsafeBufferPointer {
        tjDecompress2(
          decoder, $0.baseAddress, count, buffer.baseAddress, width, 0, height,
          Int32(isCMYK ? TJPF_CMYK.rawValue : TJPF_RGB.rawValue), flags)
      }
      initialized = result == 0 || tjGetErrorCode(decoder) == TJERR_WARNING.rawValue ? buffer.count : 0
    }
    if result != 0 && !isHarmless(decoder, bytes, markers) { throw failure(decoder, bytes, markers, name) }
    guard decoded.count == pixelCount * (isCMYK ? 4 : 3) else {
      throw ImageDecoder.corrupt(name, "no pixels")
    }
    guard isCMYK else {
      return (header, RGBImage(width: Int(width), height: Int(height), pixels: decoded))
    }
    let rgb = [UInt8](unsafeUninitializedCapacity: pixelCount * 3) { buffer, initialized in
      decoded.withUnsafeBufferPointer {
        cm_inverted_cmyk_to_rgb($0.baseAddress, buffer.baseAddress, pixelCount)
      }
      initialized = pixelCount * 3
    }
    return (header, RGBImage(width: Int(width), height: Int(height), pixels: rgb))
  }

  /// Whether the library's complaint concerns nothing that was decoded: stray bytes between segments (some cameras
  /// write them) or an unknown version of a header, in a file that has its end marker.
  private static func isHarmless(_ decoder: tjhandle, _ bytes: [UInt8], _ markers: JPEGMarkers) -> Bool {
    guard tjGetErrorCode(decoder) == TJERR_WARNING.rawValue, markers.reachesEnd(bytes) else { return false }
    let text = String(cString: tjGetErrorStr2(decoder))
    return ["extraneous bytes before marker", "unknown JFIF revision", "Unknown Adobe color transform"]
      .contains {
        text.contains($0)
      }
  }

  private static func failure(
    _ decoder: tjhandle, _ bytes: [UInt8], _ markers: JPEGMarkers, _ name: String, _ problem: String? = nil
  ) -> MediaError {
    let text = problem ?? String(cString: tjGetErrorStr2(decoder))
    if text.contains("Premature end") || !markers.reachesEnd(bytes) {
      return ImageDecoder.truncated(name, text)
    }
    if text.contains("Empty JPEG image") {
      return MediaError(
        .empty, name: name, problem: "the picture has a side of 0 pixels",
        remedy: "give a picture that has pixels")
    }
    return ImageDecoder.corrupt(name, text)
  }
}

/// The segments of a JPEG up to its first scan.
struct JPEGMarkers {
  /// Bits per sample, as the frame header says.
  private(set) var precision: Int?
  /// Colour components, as the frame header says.
  private(set) var components: Int?
  /// From the first EXIF segment.
  private(set) var orientation = Orientation.upright
  /// Where the first scan starts, if the segments lead there.
  private(set) var scan: Int?

  init(_ bytes: [UInt8]) {
    var at = 2
    var sawEXIF = false
    while at + 4 <= bytes.count {
      guard bytes[at] == 0xFF else {
        at += 1
        continue
      }
      let marker = bytes[at + 1]
      switch marker {
      case 0xFF: at += 1
      case 0x00, 0x01, 0xD0...0xD7: at += 2
      case 0xDA:
        scan = at
        return
      case 0xD9: return
      default:
        let length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
        let end = at + 2 + length
        guard length >= 2, end <= bytes.count else { return }
        let segment = bytes[at + 4..<end]
        if marker == 0xE1, !sawEXIF, segment.starts(with: "Exif\0\0".utf8) {
          sawEXIF = true
          orientation = EXIF.orientation(segment)
        } else if (0xC0...0xCF).contains(marker), ![0xC4, 0xC8, 0xCC].contains(marker), segment.count >= 6,
          precision == nil
        {
          precision = Int(segment[segment.startIndex])
          components = Int(segment[segment.startIndex + 5])
        }
        at = end
      }
    }
  }

  /// Whether an end marker follows the start of the picture data; bytes after it do not matter.
  func reachesEnd(_ bytes: [UInt8]) -> Bool {
    guard let scan else { return false }
    return stride(from: bytes.count - 2, to: scan, by: -1).contains {
      bytes[$0] == 0xFF && bytes[$0 + 1] == 0xD9
    }
  }
}
