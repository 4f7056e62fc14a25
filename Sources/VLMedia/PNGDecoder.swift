internal import CMedia

/// PNG through libpng, whose error jumps end in C.
enum PNGDecoder {
  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    var message = [CChar](repeating: 0, count: 128)
    return try bytes.withUnsafeBufferPointer { file throws(MediaError) in
      var stored = cm_png_header()
      guard let png = cm_png_open(file.baseAddress, file.count, &stored, &message, message.count) else {
        throw failure(message, name)
      }
      defer { cm_png_close(png) }
      let (width, height) = (Int(stored.width), Int(stored.height))
      try ImageDecoder.check(width: width, height: height, name: name, limits: limits)

      var image: RGBImage?
      if wantPixels {
        var status: Int32 = 0
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, initialized in
          status = cm_png_read(png, buffer.baseAddress, &message, message.count)
          initialized = status == 0 ? width * height * 3 : 0
        }
        guard status == 0 else { throw failure(message, name) }
        image = RGBImage(width: width, height: height, pixels: pixels)
      }
      var exifCount = 0
      let exif = cm_png_exif(png, &exifCount)
      let orientation = EXIF.orientation(UnsafeBufferPointer(start: exif, count: exif == nil ? 0 : exifCount))
      let header = ImageHeader(
        format: .png, storedWidth: width, storedHeight: height, orientation: orientation,
        hasAlpha: stored.has_alpha != 0)
      return (header, image)
    }
  }

  private static func failure(_ message: [CChar], _ name: String) -> MediaError {
    let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    if text.contains("ends too early") { return ImageDecoder.truncated(name, text) }
    if text == "out of memory" || text.isEmpty {
      return MediaError(
        .tooLarge, name: name, problem: "memory for its pixels could not be had",
        remedy: "scale it down first")
    }
    return ImageDecoder.corrupt(name, text)
  }
}
