internal import CMedia
internal import CWebP

/// WebP through libwebp; of an animation, the first frame on its canvas.
enum WebPDecoder {
  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    try bytes.withUnsafeBufferPointer { file throws(MediaError) in
      try read(file, name: name, limits: limits, wantPixels: wantPixels)
    }
  }

  private static func read(
    _ file: UnsafeBufferPointer<UInt8>, name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    // The container's own length tells a cut file from a damaged one.
    let declared = file.count >= 12 ? (4..<8).reversed().reduce(0) { $0 << 8 | Int(file[$1]) } + 8 : Int.max
    guard declared <= file.count else {
      throw ImageDecoder.truncated(name, "the container's length is not reached")
    }
    var features = WebPBitstreamFeatures()
    let status = WebPGetFeatures(file.baseAddress, file.count, &features)
    guard status == VP8_STATUS_OK else { throw failure(status, name) }
    let (width, height) = (Int(features.width), Int(features.height))
    try ImageDecoder.check(width: width, height: height, name: name, limits: limits)

    var data = WebPData(bytes: file.baseAddress, size: file.count)
    guard let container = WebPDemux(&data) else {
      throw ImageDecoder.corrupt(name, "the container's chunks contradict each other")
    }
    defer { WebPDemuxDelete(container) }
    let header = ImageHeader(
      format: .webp, storedWidth: width, storedHeight: height, orientation: orientation(container),
      hasAlpha: features.has_alpha != 0)
    guard wantPixels else { return (header, nil) }

    if features.has_animation != 0 {
      let pixels = try firstFrame(&data, width: width, height: height, name: name)
      return (header, RGBImage(width: width, height: height, pixels: pixels))
    }
    let rgb = try decode(file, width: width, height: height, alpha: features.has_alpha != 0, name: name)
    return (header, RGBImage(width: width, height: height, pixels: rgb))
  }

  /// Decodes a still picture.
  private static func decode(
    _ file: UnsafeBufferPointer<UInt8>, width: Int, height: Int, alpha: Bool, name: String
  ) throws(MediaError) -> [UInt8] {
    let samples = alpha ? 4 : 3
    var status = VP8_STATUS_OK
    let decoded = [UInt8](unsafeUninitializedCapacity: width * height * samples) { buffer, initialized in
      var config = WebPDecoderConfig()
      guard WebPInitDecoderConfig(&config) != 0 else {
        status = VP8_STATUS_INVALID_PARAM
        return
      }
      config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB
      config.output.is_external_memory = 1
      config.output.u.RGBA.rgba = buffer.baseAddress
      config.output.u.RGBA.stride = Int32(width * samples)
      config.output.u.RGBA.size = width * height * samples
      status = WebPDecode(file.baseAddress, file.count, &config)
      initialized = status == VP8_STATUS_OK ? width * height * samples : 0
    }
    guard status == VP8_STATUS_OK else { throw failure(status, name) }
    return alpha
      ? decoded.withUnsafeBufferPointer { onWhite($0.baseAddress!, pixels: width * height) } : decoded
  }

  /// Decodes the first frame of an animation.
  private static func firstFrame(
    _ data: inout WebPData, width: Int, height: Int, name: String
  ) throws(MediaError) -> [UInt8] {
    var options = WebPAnimDecoderOptions()
    guard WebPAnimDecoderOptionsInit(&options) != 0 else {
      throw ImageDecoder.corrupt(name, "the animation decoder has another version")
    }
    options.color_mode = MODE_RGBA
    guard let decoder = WebPAnimDecoderNew(&data, &options) else {
      throw ImageDecoder.corrupt(name, "the animation cannot be opened")
    }
    defer { WebPAnimDecoderDelete(decoder) }
    var canvas: UnsafeMutablePointer<UInt8>?
    var timestamp: Int32 = 0
    guard WebPAnimDecoderGetNext(decoder, &canvas, &timestamp) != 0, let canvas else {
      throw ImageDecoder.corrupt(name, "the first frame cannot be decoded")
    }
    return onWhite(canvas, pixels: width * height)
  }

  private static func onWhite(_ rgba: UnsafePointer<UInt8>, pixels: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: pixels * 3) { buffer, initialized in
      cm_rgba_on_white(rgba, buffer.baseAddress, pixels)
      initialized = pixels * 3
    }
  }

  private static func orientation(_ container: OpaquePointer) -> Orientation {
    var chunk = WebPChunkIterator()
    guard WebPDemuxGetChunk(container, "EXIF", 1, &chunk) != 0 else { return .upright }
    defer { WebPDemuxReleaseChunkIterator(&chunk) }
    return EXIF.orientation(UnsafeBufferPointer(start: chunk.chunk.bytes, count: chunk.chunk.size))
  }

  private static func failure(_ status: VP8StatusCode, _ name: String) -> MediaError {
    switch status {
    case VP8_STATUS_NOT_ENOUGH_DATA, VP8_STATUS_SUSPENDED:
      ImageDecoder.truncated(name, "the picture data ends too early")
    case VP8_STATUS_OUT_OF_MEMORY:
      MediaError(
        .tooLarge, name: name, problem: "memory for its pixels could not be had",
        remedy: "scale it down first")
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      MediaError(
        .unsupported, name: name, problem: "it uses a WebP feature that is not read here",
        remedy: "save it as JPEG or PNG")
    default: ImageDecoder.corrupt(name, "the picture data contradicts itself")
    }
  }
}
