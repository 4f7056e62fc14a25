/// A picture of 8-bit RGB pixels.
public struct RGBImage: Sendable, Hashable {
  /// Columns, at least 1.
  public let width: Int
  /// Rows, at least 1.
  public let height: Int
  /// `height * width * 3` bytes: rows top to bottom, pixels left to right, red, green, blue.
  public let pixels: [UInt8]

  /// A picture with these pixels.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(
      width >= 1 && height >= 1 && pixels.count == width * height * 3,
      "RGBImage: \(pixels.count) bytes for \(width)×\(height) pixels of 3")
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// A picture of one colour.
  public init(width: Int, height: Int, red: UInt8, green: UInt8, blue: UInt8) {
    precondition(width >= 1 && height >= 1, "RGBImage: \(width)×\(height) has no pixels")
    self.width = width
    self.height = height
    pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      count = width * height * 3
      for index in stride(from: 0, to: count, by: 3) {
        buffer[index] = red
        buffer[index + 1] = green
        buffer[index + 2] = blue
      }
    }
  }
}

/// What a picture file says about itself before any pixel is decoded.
public struct ImageHeader: Sendable, Hashable {
  /// The file's format.
  public let format: ImageFormat
  /// Columns as stored, before the orientation is applied.
  public let storedWidth: Int
  /// Rows as stored, before the orientation is applied.
  public let storedHeight: Int
  /// The EXIF orientation, 1...8; 1 if the file has none.
  public let orientation: Orientation
  /// Whether the file carries transparency (an alpha channel, a transparent colour or palette entry).
  public let hasAlpha: Bool

  /// Columns of the upright picture.
  public var width: Int { orientation.exchangesSides ? storedHeight : storedWidth }
  /// Rows of the upright picture.
  public var height: Int { orientation.exchangesSides ? storedWidth : storedHeight }
}

/// A decoded picture, upright and opaque, with what its file said.
public struct DecodedImage: Sendable, Hashable {
  /// The pixels, after orientation and with transparency composited on white.
  public let image: RGBImage
  /// The file's own account: format, stored sides, orientation, alpha.
  public let header: ImageHeader

  /// A decoded picture.
  public init(image: RGBImage, header: ImageHeader) {
    self.image = image
    self.header = header
  }
}
