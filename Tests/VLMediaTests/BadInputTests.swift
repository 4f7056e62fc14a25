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

  @Test(arguments: ["420.jpg", "sides-70x350.png", "lossy.webp"]) func halfAFileIsCalledCutOff(name: String)
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
      ("GIF", Array("GIF89a".utf8)),
      ("BMP", Array("BM".utf8) + [9, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0]),
      ("TIFF", [0x49, 0x49, 0x2A, 0]), ("TIFF", [0x4D, 0x4D, 0, 0x2A]),
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
    limits.maxPixels = 1000
    for name in ["420.jpg", "lossy.webp", "animated.webp", "blend.png"] {
      #expect(try failure(Expected.file(name), limits: limits)?.kind == .tooLarge, "\(name)")
    }
    limits = MediaLimits()
    limits.maxBytes = 100
    #expect(try failure(Expected.file("420.jpg"), limits: limits)?.kind == .tooLarge)
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
    "turned5.webp",
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
