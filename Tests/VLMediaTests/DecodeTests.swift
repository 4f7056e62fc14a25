import Testing
import VLMedia
import VLTensor

/// Every kind of picture, against Pillow's pixels, to the byte.
@Suite struct DecodeTests {
  @Test func everyKindEqualsTheReference() throws {
    let pool = ThreadPool(threads: 2)
    for expected in try Expected.load().cases {
      let file = expected.file
      let bytes = try Expected.file(file)
      let decoded = try ImageDecoder.decode(bytes, name: file)
      let (header, image) = (decoded.header, decoded.image)
      #expect(header.format.rawValue == expected.format, "\(file)")
      #expect([header.storedWidth, header.storedHeight] == expected.stored, "\(file)")
      #expect(header.orientation.rawValue == expected.orientation, "\(file)")
      #expect(header.hasAlpha == expected.alpha, "\(file)")
      #expect([image.width, image.height] == expected.size, "\(file)")
      #expect([header.width, header.height] == expected.size, "\(file)")
      #expect(crc32(image.pixels) == expected.crc, "\(file): \(difference(image, expected))")
      #expect(try ImageDecoder.decode(bytes, name: file, pool: pool).image == image, "\(file) on two threads")
    }
  }

  /// The first known pixel that differs.
  private func difference(_ image: RGBImage, _ expected: Expected.Picture) -> String {
    if let pixels = expected.pixels { return "got \(image.pixels), expected \(pixels)" }
    for sample in expected.samples ?? [] {
      let at = (sample[1] * image.width + sample[0]) * 3
      guard at + 3 <= image.pixels.count else { return "the picture is too small" }
      let got = image.pixels[at..<at + 3].map(Int.init)
      if got != Array(sample[2...]) {
        return "at (\(sample[0]), \(sample[1])): got \(got), expected \(sample[2...])"
      }
    }
    return "the sampled pixels are equal, others differ"
  }

  @Test func theHeaderAloneSaysTheSame() throws {
    for expected in try Expected.load().cases where expected.file != "turned-late.png" {
      let bytes = try Expected.file(expected.file)
      let header = try ImageDecoder.header(of: bytes, name: expected.file)
      #expect(try header == ImageDecoder.decode(bytes, name: expected.file).header, "\(expected.file)")
    }
  }

  @Test func formatsAreToldByContent() throws {
    #expect(try ImageFormat.sniff(Expected.file("420.jpg"), name: "x.png") == .jpeg)
    #expect(try ImageFormat.sniff(Expected.file("grey8.png"), name: "x") == .png)
    #expect(try ImageFormat.sniff(Expected.file("lossy.webp"), name: "x.jpg") == .webp)
    #expect(try ImageFormat.sniff(Expected.file("one.gif"), name: "x.png") == .gif)
    #expect(try ImageFormat.sniff(Expected.file("8.bmp"), name: "x.png") == .bmp)
    for name in ["cmyk8.tif", "cmyk16big.tif"] {
      #expect(try ImageFormat.sniff(Expected.file(name), name: "x.png") == .tiff)
    }
  }

  @Test func orientationsUndoOneAnother() {
    let image = Noise.image(width: 71, height: 37, seed: 3)
    for orientation in Orientation.allCases {
      let inverse: Orientation =
        switch orientation {
        case .rotated90: .rotated270
        case .rotated270: .rotated90
        default: orientation
        }
      let turned = image.oriented(orientation)
      #expect(turned.width == (orientation.exchangesSides ? 37 : 71))
      #expect(turned.oriented(inverse) == image, "\(orientation)")
    }
  }
}
