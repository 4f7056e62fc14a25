import Testing
import VLMedia
import VLTensor

/// Sizes, resampling and patches, against transformers and Pillow.
@Suite struct ResizeTests {
  @Test func sizesEqualTheReference() throws {
    for row in try Expected.load().sizes {
      let (height, width) = (row[0], row[1])
      let got = try? smartResize(
        height: height, width: width, factor: row[2], minPixels: row[3], maxPixels: row[4])
      let expected = row.count == 7 ? ImageSize(width: row[6], height: row[5]) : nil
      #expect(got == expected, "\(row)")
    }
  }

  @Test func halvesRoundToEven() throws {
    for (side, expected) in [(70, 56), (350, 336), (1190, 1176), (98, 112)] {
      let size = try smartResize(height: side, width: side, minPixels: 1, maxPixels: 1 << 40)
      #expect(size == ImageSize(width: expected, height: expected))
    }
  }

  @Test func impossibleSizesAreErrors() {
    func kind(_ height: Int, _ width: Int, factor: Int = 28, min: Int = 3136, max: Int = 1 << 24)
      -> MediaError.Kind?
    {
      do throws(MediaError) {
        _ = try smartResize(height: height, width: width, factor: factor, minPixels: min, maxPixels: max)
        return nil
      } catch { return error.kind }
    }
    #expect(kind(1, 200) == nil)
    #expect(kind(1, 201) == .badSize)
    #expect(kind(402, 2) == .badSize)
    for side in [0, -1, Int.min, 1 << 24 + 1, Int.max] {
      #expect(kind(side, 100) == .badSize)
      #expect(kind(100, side) == .badSize)
      #expect(kind(side, side) == .badSize)
    }
    #expect(kind(100, 100, min: 0) == .badSetting)
    #expect(kind(100, 100, min: -5) == .badSetting)
    #expect(kind(100, 100, min: Int.max, max: Int.max) == .badSetting)
    #expect(kind(100, 100, min: 3137, max: 3136) == .badSetting)
    #expect(kind(100, 100, max: 0) == .badSetting)
    #expect(kind(100, 100, factor: 0) == .badSetting)
    #expect(kind(100, 100, factor: Int.max) == .badSetting)
    #expect(kind(1 << 24, 1 << 24, max: Int.max) == nil)
    #expect(kind(1 << 24, 1 << 24, min: 1 << 40, max: 1 << 40) == nil)
  }

  @Test func bicubicEqualsTheReference() throws {
    let pool = ThreadPool(threads: 3)
    for expected in try Expected.load().resizes {
      let image = Noise.image(width: expected.from[0], height: expected.from[1], seed: expected.seed)
      let resized = image.resizedBicubic(width: expected.to[0], height: expected.to[1])
      #expect([resized.width, resized.height] == expected.to)
      #expect(crc32(resized.pixels) == expected.crc, "\(expected.from) to \(expected.to)")
      #expect(image.resizedBicubic(width: expected.to[0], height: expected.to[1], pool: pool) == resized)
    }
  }

  @Test func aFlatPictureStaysFlat() {
    let image = RGBImage(width: 203, height: 77, red: 255, green: 0, blue: 127)
    #expect(
      image.resizedBicubic(width: 84, height: 140)
        == RGBImage(width: 84, height: 140, red: 255, green: 0, blue: 127))
  }

  @Test func picturesBecomeTheReferencesPatches() throws {
    let expected = try Expected.load()
    let preprocessor = try VisionPreprocessor(minPixels: expected.minPixels, maxPixels: expected.maxPixels)
    let compute = Compute(threads: 2)
    for picture in expected.cases {
      let image = try ImageDecoder.decode(Expected.file(picture.file), name: picture.file).image
      guard let grid = picture.grid, let resized = picture.resized else {
        #expect(throws: MediaError.self) { try preprocessor.prepare(image) }
        continue
      }
      let prepared = try preprocessor.prepare(image, name: picture.file)
      #expect(prepared.grid == GridTHW(t: grid[0], h: grid[1], w: grid[2]), "\(picture.file)")
      #expect([prepared.size.width, prepared.size.height] == resized, "\(picture.file)")
      #expect(crc32(prepared.frames[0].pixels) == picture.resizedCRC, "\(picture.file)")
      let values = preprocessor.pixelValues([prepared], compute: compute)
      #expect(values.shape == [prepared.grid.patches, 1176])
      #expect(
        crc32(UnsafeRawBufferPointer(start: values.raw, count: values.byteCount)) == picture.valuesCRC,
        "\(picture.file)")
    }
  }

  @Test func framesBecomeTheReferencesPatches() throws {
    let compute = Compute(threads: 2)
    for expected in try Expected.load().frames {
      let preprocessor = try VisionPreprocessor(minPixels: expected.minPixels, maxPixels: expected.maxPixels)
      let frames = (0..<expected.count).map {
        Noise.image(width: expected.size[0], height: expected.size[1], seed: 100 + UInt64($0))
      }
      let prepared = try preprocessor.prepare(frames: frames)
      #expect([prepared.grid.t, prepared.grid.h, prepared.grid.w] == expected.grid)
      var values = [Float](repeating: .nan, count: prepared.grid.patches * preprocessor.patchValues)
      values.withUnsafeMutableBufferPointer { preprocessor.writePatches(prepared, into: $0) }
      #expect(values.withUnsafeBytes { crc32($0) } == expected.crc, "\(expected.count) frames")
      #expect(preprocessor.pixelValues([prepared], compute: compute).array() == values)
    }
  }

  @Test func normalisationEqualsTheReferenceForOtherConstants() throws {
    let row = (0..<252).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
    let image = RGBImage(width: 252, height: 28, pixels: (0..<28).flatMap { _ in row })
    for table in try Expected.load().tables {
      let preprocessor = try VisionPreprocessor(rescaleFactor: table.scale, mean: table.mean, std: table.std)
      let prepared = try preprocessor.prepare(image)
      let values = preprocessor.pixelValues([prepared], compute: Compute(threads: 1))
      #expect(
        crc32(UnsafeRawBufferPointer(start: values.raw, count: values.byteCount)) == table.crc,
        "\(table.mean)")
    }
  }

  @Test func severalPicturesLieOneAfterTheOther() throws {
    let preprocessor = try VisionPreprocessor()
    let compute = Compute(threads: 2)
    let images = [(70, 350), (56, 56), (200, 113)].enumerated().map { index, size in
      Noise.image(width: size.0, height: size.1, seed: UInt64(index))
    }
    let prepared = try images.map { try preprocessor.prepare($0) }
    let together = preprocessor.pixelValues(prepared, compute: compute).array()
    #expect(together == prepared.flatMap { preprocessor.pixelValues([$0], compute: compute).array() })
    #expect(preprocessor.pixelValues([], compute: compute).shape == [0, 1176])
  }

  @Test func requestsOverrideThePreprocessor() throws {
    let preprocessor = try VisionPreprocessor()
    let size = ImageSize(width: 640, height: 480)
    #expect(try preprocessor.resizedSize(of: size) == ImageSize(width: 644, height: 476))
    #expect(
      try preprocessor.resizedSize(of: size, request: ResizeRequest(resizedHeight: 70, resizedWidth: 350))
        == ImageSize(width: 336, height: 56))
    #expect(
      try preprocessor.resizedSize(of: size, request: ResizeRequest(maxPixels: 50176))
        == ImageSize(width: 252, height: 168))
    #expect(
      try preprocessor.resizedSize(of: size, request: ResizeRequest(minPixels: 1_003_520))
        == ImageSize(width: 1176, height: 868))
    for request in [
      ResizeRequest(resizedHeight: 70), ResizeRequest(resizedWidth: 70),
      ResizeRequest(resizedHeight: 0, resizedWidth: 70), ResizeRequest(minPixels: 1 << 30, maxPixels: 1),
      ResizeRequest(minPixels: 1 << 40, maxPixels: 1 << 40), ResizeRequest(minPixels: 0),
    ] {
      #expect(throws: MediaError.self, "\(request)") {
        try preprocessor.resizedSize(of: size, request: request)
      }
    }
    #expect(preprocessor.grid(of: ImageSize(width: 224, height: 224)).tokens(mergeSize: 2) == 64)
  }

  @Test func impossibleSettingsAreErrors() {
    func kind(_ make: () throws(MediaError) -> VisionPreprocessor) -> MediaError.Kind? {
      do throws(MediaError) { _ = try make() } catch { return error.kind }
      return nil
    }
    #expect(kind { () throws(MediaError) in try VisionPreprocessor(patchSize: 0) } == .badSetting)
    #expect(kind { () throws(MediaError) in try VisionPreprocessor(mergeSize: -1) } == .badSetting)
    #expect(
      kind { () throws(MediaError) in try VisionPreprocessor(temporalPatchSize: 1 << 40) } == .badSetting)
    #expect(kind { () throws(MediaError) in try VisionPreprocessor(mean: [0]) } == .badSetting)
    #expect(kind { () throws(MediaError) in try VisionPreprocessor(std: [1, 0, 1]) } == .badSetting)
    #expect(kind { () throws(MediaError) in try VisionPreprocessor(std: [1, .nan, 1]) } == .badSetting)
    #expect(kind { () throws(MediaError) in try VisionPreprocessor(rescaleFactor: .infinity) } == .badSetting)
    #expect(
      kind { () throws(MediaError) in try VisionPreprocessor(minPixels: 9, maxPixels: 8) } == .badSetting)
  }

  @Test func unlikeFramesAreErrors() throws {
    let preprocessor = try VisionPreprocessor()
    #expect(throws: MediaError.self) { try preprocessor.prepare(frames: []) }
    #expect(throws: MediaError.self) {
      try preprocessor.prepare(frames: [
        Noise.image(width: 56, height: 56, seed: 1), Noise.image(width: 56, height: 28, seed: 1),
      ])
    }
  }
}
