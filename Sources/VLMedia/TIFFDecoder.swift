internal import CMedia

/// TIFF through libtiff: the first picture of a file.
enum TIFFDecoder {
  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    var message = [CChar](repeating: 0, count: 160)
    return try bytes.withUnsafeBufferPointer { file throws(MediaError) in
      var stored = cm_tiff_header()
      guard let tiff = cm_tiff_open(file.baseAddress, file.count, &stored, &message, message.count) else {
        throw failure(message, name)
      }
      defer { cm_tiff_close(tiff) }
      let (width, height) = (Int(stored.width), Int(stored.height))
      try ImageDecoder.check(width: width, height: height, name: name, limits: limits)
      let header = ImageHeader(
        format: .tiff, storedWidth: width, storedHeight: height,
        orientation: Orientation(rawValue: Int(stored.orientation)) ?? .upright,
        hasAlpha: Int(stored.alpha) != CM_TIFF_OPAQUE)
      guard wantPixels else { return (header, nil) }

      var status: Int32 = 0
      let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, initialized in
        status = cm_tiff_read(tiff, buffer.baseAddress, &message, message.count)
        initialized = status == 0 ? width * height * 3 : 0
      }
      guard status == 0 else { throw failure(message, name) }
      return (header, RGBImage(width: width, height: height, pixels: pixels))
    }
  }

  private static func failure(_ message: [CChar], _ name: String) -> MediaError {
    // libtiff may quote the file, so anything may stand in its words.
    let bytes = message.prefix { $0 != 0 }.map { (32...126).contains($0) ? UInt8($0) : UInt8(ascii: "?") }
    let text = String(decoding: bytes, as: UTF8.self)
    if text.hasPrefix("unsupported: ") {
      let kind = text.dropFirst("unsupported: ".count)
      return MediaError(
        .unsupported, name: name, problem: "this kind of TIFF is not read here (\(kind))",
        remedy: "save it as PNG or JPEG")
    }
    if text == "out of memory" || text.isEmpty {
      return MediaError(
        .tooLarge, name: name, problem: "memory for its pixels could not be had",
        remedy: "scale it down first")
    }
    return ImageDecoder.corrupt(name, text)
  }
}
