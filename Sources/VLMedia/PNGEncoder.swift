internal import CMedia

/// Writes pictures as PNG: 8 bits RGB.
public enum PNGEncoder {
  /// A picture as the bytes of a file.
  /// - Throws: ``MediaError`` (`tooLarge`) for a picture of over 2³¹ bytes.
  public static func encode(_ image: RGBImage, name: String = "image") throws(MediaError) -> [UInt8] {
    let bound = cm_png_bound(image.width, image.height)
    var status: Int32 = -1
    let bytes = [UInt8](unsafeUninitializedCapacity: max(bound, 1)) { buffer, count in
      count = bound
      status =
        bound == 0 ? -1 : cm_png_write(image.pixels, image.width, image.height, buffer.baseAddress, &count)
      if status != 0 { count = 0 }
    }
    guard status == 0 else {
      throw MediaError(
        .tooLarge, name: name, problem: "\(image.width)×\(image.height) pixels do not fit a PNG file here",
        remedy: "scale it down first")
    }
    return bytes
  }
}
