/// A picture file format that is decoded here.
public enum ImageFormat: String, Sendable, Hashable, CaseIterable {
  /// Baseline, extended and progressive JPEG of 8 bits: grey, YCbCr, RGB, CMYK and YCCK.
  case jpeg
  /// PNG of every colour type and depth. Of an animated PNG, the default picture.
  case png
  /// Lossy and lossless WebP, with or without alpha. Of an animation, the first frame.
  case webp
  /// Uncompressed RGB of 8 bits (P6, maximum 255): what pictures made by a program are handed on as.
  case ppm
  /// GIF; of an animation, the first frame.
  case gif
  /// BMP of 1, 4, 8, 16, 24 and 32 bits.
  case bmp
  /// TIFF of whole numbers: grey, palette, RGB, CMYK and YCbCr in JPEG, in strips or tiles, uncompressed or packed with
  /// LZW, Deflate, PackBits, CCITT or JPEG. Of several pictures, the first.
  case tiff

  /// What is read, for messages.
  static let names = "JPEG, PNG, WebP, GIF, BMP or TIFF"

  /// The format of a file, told by its first bytes alone: neither the name nor a media type is believed.
  /// - Throws: ``MediaError`` (`empty` or `unsupported`) that names the format where it is a known one.
  public static func sniff(_ bytes: [UInt8], name: String) throws(MediaError) -> ImageFormat {
    guard !bytes.isEmpty else {
      throw MediaError(
        .empty, name: name, problem: "the file is empty", remedy: "give a \(names) picture")
    }
    if bytes.starts(with: [0xFF, 0xD8]) { return .jpeg }
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return .png }
    if bytes.starts(with: "RIFF".utf8), bytes.dropFirst(8).starts(with: "WEBP".utf8) { return .webp }
    if bytes.starts(with: "P6".utf8), bytes.count > 2, [0x09, 0x0A, 0x0D, 0x20].contains(bytes[2]) {
      return .ppm
    }
    if has(bytes, "GIF87a") || has(bytes, "GIF89a") { return .gif }
    if has(bytes, "BM") && bytes.count > 18 && bytes[15...17].allSatisfy({ $0 == 0 }) { return .bmp }
    // Versions 42 and 43 (the one for large files), in either byte order. Canon's raw files say so after it.
    for start: [UInt8] in [
      [0x49, 0x49, 0x2A, 0], [0x49, 0x49, 0x2B, 0], [0x4D, 0x4D, 0, 0x2A], [0x4D, 0x4D, 0, 0x2B],
    ]
    where bytes.starts(with: start) && !has(bytes, "CR", at: 8) { return .tiff }
    if let other = otherFormat(bytes) {
      throw MediaError(
        .unsupported, name: name, problem: "\(other) is not read here",
        remedy: "convert it to JPEG or PNG")
    }
    throw MediaError(
      .unsupported, name: name, problem: "this is not a picture (its first bytes fit no picture format)",
      remedy: "give a \(names) picture")
  }

  private static func has(_ bytes: [UInt8], _ text: String, at offset: Int = 0) -> Bool {
    bytes.dropFirst(offset).starts(with: text.utf8)
  }

  /// The name of a format that is recognised in order to refuse it well.
  private static func otherFormat(_ bytes: [UInt8]) -> String? {
    func has(_ text: String, at offset: Int = 0) -> Bool { Self.has(bytes, text, at: offset) }
    if has("II*") && has("CR", at: 8) { return "a camera raw picture" }
    if bytes.starts(with: [0, 0, 0, 0x0C, 0x6A, 0x50, 0x20, 0x20])
      || bytes.starts(with: [0xFF, 0x4F, 0xFF, 0x51])
    {
      return "a JPEG 2000 picture"
    }
    if bytes.starts(with: [0xFF, 0x0A]) || bytes.starts(with: [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C, 0x20]) {
      return "a JPEG XL picture"
    }
    if has("ftyp", at: 4) {
      for brand in ["avif", "avis"] where has(brand, at: 8) { return "an AVIF picture" }
      for brand in ["heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"] where has(brand, at: 8) {
        return "a HEIC picture"
      }
      return "an MP4 or QuickTime video"
    }
    if has("%PDF-") { return "a PDF document" }
    if bytes.starts(with: [0, 0, 1, 0]) { return "an icon file" }
    if has("8BPS") { return "a Photoshop document" }
    if bytes.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) { return "a Matroska or WebM video" }
    if has("P"), bytes.count > 2, (0x31...0x37).contains(bytes[1]), [0x0A, 0x0D, 0x20].contains(bytes[2]) {
      return "a portable anymap (PNM) picture"
    }
    let start = bytes.prefix(512)
    if start.first(where: { ![0x09, 0x0A, 0x0D, 0x20, 0xEF, 0xBB, 0xBF].contains($0) }) == UInt8(ascii: "<") {
      let text = String(decoding: start, as: UTF8.self).lowercased()
      if text.contains("<svg") { return "an SVG drawing" }
      if text.contains("<html") || text.contains("<!doctype html") { return "an HTML page" }
    }
    return nil
  }
}
