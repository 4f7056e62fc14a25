/// Uncompressed pictures: `P6`, width, height, `255`, one white space, then the pixels.
public enum PPM {
  /// A picture as the bytes of a file.
  public static func bytes(of image: RGBImage) -> [UInt8] {
    Array("P6\n\(image.width) \(image.height)\n255\n".utf8) + image.pixels
  }

  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    var place = 2
    var numbers: [Int] = []
    while numbers.count < 3 {
      try skipSpace(bytes, &place, name)
      var number = 0
      let start = place
      while place < bytes.count, (0x30...0x39).contains(bytes[place]), place - start < 9 {
        number = number * 10 + Int(bytes[place] - 0x30)
        place += 1
      }
      guard place > start else { throw ImageDecoder.corrupt(name, "a number is missing in its header") }
      numbers.append(number)
    }
    let (width, height) = (numbers[0], numbers[1])
    guard numbers[2] == 255 else {
      throw MediaError(
        .unsupported, name: name, problem: "a PPM picture with the maximum \(numbers[2]) is not read here",
        remedy: "convert it to a maximum of 255, or to PNG")
    }
    guard place < bytes.count, isSpace(bytes[place]) else {
      throw ImageDecoder.truncated(name, "its header has no end")
    }
    place += 1
    try ImageDecoder.check(width: width, height: height, name: name, limits: limits)
    guard bytes.count - place >= width * height * 3 else {
      throw ImageDecoder.truncated(name, "\(bytes.count - place) of \(width * height * 3) bytes of pixels")
    }
    let header = ImageHeader(
      format: .ppm, storedWidth: width, storedHeight: height, orientation: .upright, hasAlpha: false)
    guard wantPixels else { return (header, nil) }
    let pixels = Array(bytes[place..<place + width * height * 3])
    return (header, RGBImage(width: width, height: height, pixels: pixels))
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  /// At least one white space; a comment runs to the end of its line.
  private static func skipSpace(_ bytes: [UInt8], _ place: inout Int, _ name: String) throws(MediaError) {
    let start = place
    while place < bytes.count {
      if bytes[place] == UInt8(ascii: "#") {
        while place < bytes.count && bytes[place] != 0x0A { place += 1 }
      } else if isSpace(bytes[place]) {
        place += 1
      } else {
        break
      }
    }
    guard place > start, place < bytes.count else {
      throw ImageDecoder.truncated(name, "inside its header")
    }
  }
}
