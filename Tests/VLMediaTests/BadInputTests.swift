import Testing
import VLMedia

/// Files that are cut off, damaged, hostile or something else: always one clear error, never a trap or half a picture.
@Suite struct BadInputTests {
  private func failure(_ bytes: [UInt8], limits: MediaLimits = MediaLimits()) -> MediaError? {
    do throws(MediaError) {
      _ = try ImageDecoder.decode(bytes, name: "bad", limits: limits)
      return nil
    } catch { return error }
  }

  @Test(arguments: [
    "one.jpg", "420.jpg", "grey-progressive.jpg", "ycck-420.jpg", "grey1.png", "palette4-alpha.png",
    "rgb8.png",
    "grey-alpha16i.png", "one.webp", "lossless-alpha.webp", "lossy-alpha.webp", "animated.webp",
    "palette.gif", "animated.gif", "8.bmp", "565.bmp", "os2.bmp", "rgb8-x.tif",
    "rgb16-plane-tiles.tif",
    "rgb-jpeg.tif", "palette8.tif", "grey1-white.tif",
  ]) func everyCutIsAnError(name: String) throws {
    let bytes = try Expected.file(name)
    for length in 0..<bytes.count {
      guard let error = failure(Array(bytes[..<length])) else {
        Issue.record("\(name) cut to \(length) of \(bytes.count) bytes was read")
        return
      }
      #expect(error.name == "bad")
      #expect(!error.description.contains("\n"))
      if length > 64 {
        #expect(error.kind == .truncated || error.kind == .corrupt, "\(name) cut to \(length): \(error)")
      }
    }
    #expect(failure(bytes) == nil)
  }

  @Test(arguments: ["420.jpg", "sides-70x350.png", "lossy.webp", "many-codes.gif", "24.bmp"])
  func halfAFileIsCalledCutOff(name: String)
    throws
  {
    let bytes = try Expected.file(name)
    #expect(failure(Array(bytes[..<(bytes.count / 2)]))?.kind == .truncated)
    #expect(failure(Array(bytes.dropLast(3)))?.kind == .truncated)
  }

  @Test func notPictures() {
    #expect(failure([])?.kind == .empty)
    #expect(failure(Array("hello".utf8))?.kind == .unsupported)
    #expect(failure([0])?.kind == .unsupported)
    let known: [(String, [UInt8])] = [
      ("raw", Array("II*\0\u{10}\0\0\0CR\u{2}\0".utf8)),
      ("HEIC", [0, 0, 0, 24] + Array("ftypheic".utf8)), ("AVIF", [0, 0, 0, 24] + Array("ftypavif".utf8)),
      ("MP4", [0, 0, 0, 24] + Array("ftypisom".utf8)), ("PDF", Array("%PDF-1.7".utf8)),
      ("SVG", Array("<?xml version=\"1.0\"?><svg xmlns=\"a\">".utf8)),
      ("HTML", Array("<!DOCTYPE html><html>".utf8)),
      ("JPEG XL", [0xFF, 0x0A]), ("JPEG 2000", [0xFF, 0x4F, 0xFF, 0x51]),
      ("PNM", Array("P5\n2 2\n255\n".utf8)),
    ]
    for (format, bytes) in known {
      let error = failure(bytes)
      #expect(error?.kind == .unsupported, "\(format)")
      #expect(error?.description.contains(format) == true, "\(format): \(String(describing: error))")
    }
  }

  /// A PNG of these sides whose header is well formed.
  private func png(width: UInt32, height: UInt32) throws -> [UInt8] {
    var bytes = try Expected.file("rgb8.png")
    for (offset, value) in [(16, width), (20, height)] {
      for index in 0..<4 {
        bytes[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index))
      }
    }
    let sum = crc32(Array(bytes[12..<29]))
    for index in 0..<4 { bytes[29 + index] = UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * index)) }
    return bytes
  }

  /// A JPEG whose frame header says these sides.
  private func jpeg(width: UInt16, height: UInt16) throws -> [UInt8] {
    var bytes = try Expected.file("420.jpg")
    let frame = try #require((0..<bytes.count - 1).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    (bytes[frame + 5], bytes[frame + 6]) = (UInt8(height >> 8), UInt8(height & 0xFF))
    (bytes[frame + 7], bytes[frame + 8]) = (UInt8(width >> 8), UInt8(width & 0xFF))
    return bytes
  }

  @Test func absurdSizesAreRefusedByTheHeader() throws {
    for bytes in try [png(width: 60000, height: 60000), jpeg(width: 60000, height: 60000)] {
      let error = failure(bytes)
      #expect(error?.kind == .tooLarge)
      #expect(error?.description.contains("60000×60000") == true)
      #expect(throws: MediaError.self) { try ImageDecoder.header(of: bytes, name: "bad") }
    }
    #expect(try failure(png(width: 0x7FFF_FFFF, height: 0x7FFF_FFFF))?.kind == .tooLarge)
    #expect(try failure(png(width: 100_000, height: 1))?.kind == .tooLarge)
    #expect(try failure(png(width: 0xFFFF_FFFF, height: 1)) != nil)
    #expect(try failure(png(width: 0, height: 10)) != nil)
    #expect(try failure(jpeg(width: 0, height: 10))?.kind == .empty)
    #expect(try failure(jpeg(width: 10, height: 0)) != nil)
    // A bomb: large enough to be allowed, with data for a few rows only.
    #expect(try failure(png(width: 12000, height: 12000)) != nil)
    #expect(try failure(jpeg(width: 12000, height: 12000)) != nil)

    var limits = MediaLimits()
    limits.maxPixels = 70
    for name in [
      "420.jpg", "lossy.webp", "animated.webp", "blend.png", "palette.gif", "animated.gif", "24.bmp",
      "rle8.bmp",
      "rgb8-tiles.tif", "scan-group4.tif",
    ] {
      #expect(try failure(Expected.file(name), limits: limits)?.kind == .tooLarge, "\(name)")
    }
    limits = MediaLimits()
    limits.maxBytes = 100
    #expect(try failure(Expected.file("420.jpg"), limits: limits)?.kind == .tooLarge)
  }

  /// One wrong field each: an error that says what is wrong, of the kind given.
  @Test func contradictionsInGIF() throws {
    let bytes = try Expected.file("local-palette.gif")
    // Signature 6, canvas 7 (no palette), then the descriptor: kind, place 4, sides 4, flags; palette 12; code size.
    #expect(Array(bytes[10...13]) == [0, 0, 0, 0x2C])
    for (offset, value, kind) in [
      (13, 0x99, MediaError.Kind.corrupt), (13, 0x3B, .corrupt), (18, 0, .corrupt), (20, 0, .corrupt),
      (35, 0, .corrupt), (35, 9, .corrupt), (35, 200, .corrupt), (22, 0x80, .corrupt), (18, 255, .corrupt),
    ] as [(Int, UInt8, MediaError.Kind)] {
      var changed = bytes
      changed[offset] = value
      #expect(failure(changed)?.kind == kind, "\(offset) \(value)")
    }
    // Sides are checked before room is made for them.
    var large = bytes
    large.replaceSubrange(6..<10, with: [0xFF, 0xFF, 0xFF, 0xFF])
    #expect(failure(large)?.kind == .tooLarge)
  }

  @Test func contradictionsInBMP() throws {
    let bytes = try Expected.file("4.bmp")
    for (offset, value, kind) in [
      (14, 41, MediaError.Kind.unsupported), (21, 0x80, .corrupt), (18, 0, .corrupt), (22, 0, .empty),
      (20, 0xFF, .tooLarge), (28, 5, .unsupported), (28, 16, .truncated), (30, 4, .unsupported),
      (30, 3, .unsupported),
      (46, 3, .corrupt), (48, 9, .corrupt), (12, 0x7F, .truncated),
    ] as [(Int, UInt8, MediaError.Kind)] {
      var changed = bytes
      changed[offset] = value
      #expect(failure(changed)?.kind == kind, "\(offset) \(value): \(String(describing: failure(changed)))")
    }
  }

  @Test func contradictionsInTIFF() throws {
    // "rgb8-x.tif" is little-endian, its directory at 8; 12 bytes an entry, of which the last four are the value.
    let bytes = try Expected.file("rgb8-x.tif")
    func change(_ tag: Int, _ value: [UInt8]) throws -> [UInt8] {
      let entries = Int(bytes[8])
      let entry = try #require(
        (0..<entries).map { 10 + 12 * $0 }.first { Int(bytes[$0]) | Int(bytes[$0 + 1]) << 8 == tag })
      var changed = bytes
      changed.replaceSubrange(entry + 8..<entry + 8 + value.count, with: value)
      return changed
    }
    for (tag, value, kind) in [
      (256, [0, 0, 0, 0], MediaError.Kind.corrupt), (256, [0x60, 0xEA, 0, 0], .corrupt),
      (257, [0, 0, 0, 1], .corrupt), (259, [0x39, 0x75], .unsupported), (259, [99, 0], .unsupported),
      (262, [8, 0], .unsupported), (277, [1, 0], .corrupt), (277, [2, 0], .corrupt),
      (273, [0xFF, 0xFF, 0xFF, 0x7F], .corrupt),
    ] as [(Int, [UInt8], MediaError.Kind)] {
      let error = try failure(change(tag, value))
      #expect(error?.kind == kind, "\(tag) \(value): \(String(describing: error))")
      #expect(error?.description.allSatisfy { $0.isASCII || "×…".contains($0) } == true)
    }
    // A directory that points at itself, and one far outside.
    for offset in [[8, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0]] as [[UInt8]] {
      var changed = bytes
      changed.replaceSubrange(4..<8, with: offset)
      if offset[0] == 8 { changed.replaceSubrange(10..<14, with: [0xFF, 0xFF, 0xFF, 0xFF]) }
      #expect(failure(changed) != nil || offset[0] == 8)
    }
  }

  @Test func indicesOutsideThePaletteAreDamage() throws {
    // The palette's length is cut from four entries to two by renaming its end.
    var bytes = try Expected.file("palette2.png")
    let start = try #require((0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == Array("PLTE".utf8) })
    let shorter = Array(bytes[start..<start + 4 + 6])
    let sum = crc32(shorter)
    bytes.replaceSubrange(
      start - 4..<start + 4 + 12 + 4,
      with: [0, 0, 0, 6] + shorter + (0..<4).map { UInt8(truncatingIfNeeded: sum >> UInt32(24 - 8 * $0)) })
    let error = failure(bytes)
    #expect(error?.kind == .corrupt)
    #expect(error?.description.contains("palette") == true)
  }

  @Test func hostileEXIFIsIgnored() throws {
    let plain = try ImageDecoder.decode(Expected.file("turned1.jpg"), name: "plain").image
    let bytes = try Expected.file("turned6.jpg")
    let start =
      try #require(
        (0..<bytes.count - 6).first { Array(bytes[$0..<$0 + 6]) == Array("Exif\0\0".utf8) }) + 6
    // The entry of the orientation: header 8, count 2, one entry of 12; big-endian since 6 is even.
    let entry = start + 8 + 2 + 12
    let edits: [[(Int, UInt8)]] = [
      [(start, 0x00)], [(start + 3, 0x2B)], [(start + 4, 0xFF)], [(start + 4, 0x7F), (start + 7, 0xFF)],
      [(start + 8, 0xFF), (entry, 0x55)], [(entry + 3, 7)], [(entry + 3, 255)], [(entry + 7, 2)],
      [(entry + 4, 0xFF)],
      [(entry + 9, 0)], [(entry + 9, 9)], [(entry + 8, 0xFF)],
    ]
    for edit in edits {
      var changed = bytes
      for (offset, value) in edit { changed[offset] = value }
      let decoded = try ImageDecoder.decode(changed, name: "edited")
      #expect(decoded.header.orientation == .upright, "\(edit)")
      #expect(decoded.image == plain, "\(edit)")
    }
  }

  /// Flipped, overwritten, removed and repeated bytes: an error or a picture of the size it claims.
  @Test(arguments: [
    "420.jpg", "444-progressive.jpg", "ycck-420.jpg", "turned6.jpg", "restarts-70x350.jpg",
    "palette4-alpha.png",
    "rgb16i.png", "grey2-key.png", "turned-late.png", "lossy-alpha.webp", "lossless-alpha.webp",
    "animated-alpha.webp",
    "turned5.webp", "transparent.gif", "many-codes.gif", "interlaced.gif", "rle8.bmp", "4.bmp",
    "32-masks3.bmp",
    "rgb16big-planes.tif", "rgb8-tiles.tif", "palette4.tif", "scan-group3.tif", "scan-group4.tif",
    "rgb-jpeg.tif",
    "predictor.tif", "rgb16-premultiplied.tif", "cmyk.tif", "rgb-packbits.tif",
  ]) func mutationsNeverTrap(name: String) throws {
    let original = try Expected.file(name)
    var noise = Noise(state: UInt64(crc32(Array(name.utf8))))
    // Small limits: what is looked for is a trap, not a large picture.
    let limits = MediaLimits(maxBytes: 1 << 20, maxPixels: 1 << 20, maxSide: 1 << 14)
    let clock = ContinuousClock()
    let end = clock.now + .milliseconds(400)
    var rounds = 0
    while clock.now < end || rounds < 50 {
      rounds += 1
      var bytes = original
      for _ in 0...noise.below(4) where !bytes.isEmpty {
        let at = noise.below(2) == 0 ? noise.below(bytes.count) : noise.below(min(bytes.count, 64))
        switch noise.below(5) {
        case 0: bytes[at] ^= 1 << UInt8(noise.below(8))
        case 1: bytes[at] = noise.byte()
        case 2: bytes[at] = [0, 0x7F, 0x80, 0xFF][noise.below(4)]
        case 3: bytes.removeSubrange(at..<min(bytes.count, at + 1 + noise.below(16)))
        default: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + 1 + noise.below(16))], at: at)
        }
      }
      do throws(MediaError) {
        let decoded = try ImageDecoder.decode(bytes, name: name, limits: limits)
        #expect(decoded.image.width == decoded.header.width && decoded.image.height == decoded.header.height)
      } catch {
        #expect(!error.description.contains("\n") && !error.problem.isEmpty && !error.remedy.isEmpty)
      }
    }
  }
}
