import FoundationEssentials
import Glibc
import TestKit
import VLMedia

/// What the reference implementations make of the pictures under Goldens/media/files.
struct Expected: Decodable {
  struct Picture: Decodable {
    let file: String
    let format: String
    let stored: [Int]
    let size: [Int]
    let orientation: Int
    let alpha: Bool
    let crc: UInt32
    let pixels: [UInt8]?
    let samples: [[Int]]?
    let resized: [Int]?
    let resizedCRC: UInt32?
    let grid: [Int]?
    let valuesCRC: UInt32?
  }
  struct Resize: Decodable {
    let from: [Int]
    let to: [Int]
    let seed: UInt64
    let crc: UInt32
  }
  struct Frames: Decodable {
    let count: Int
    let size: [Int]
    let minPixels: Int
    let maxPixels: Int
    let grid: [Int]
    let crc: UInt32
  }
  struct Table: Decodable {
    let mean: [Double]
    let std: [Double]
    let scale: Double
    let crc: UInt32
  }
  let minPixels: Int
  let maxPixels: Int
  let cases: [Picture]
  let resizes: [Resize]
  let frames: [Frames]
  let tables: [Table]
  let sizes: [[Int]]

  static func load() throws -> Expected {
    let bytes = try MediaSource.file(Goldens.directory + "/media/expected.json").load()
    return try JSONDecoder().decode(Expected.self, from: Data(bytes))
  }

  /// A picture file's bytes.
  static func file(_ name: String) throws(MediaError) -> [UInt8] {
    try MediaSource.file(Goldens.directory + "/media/files/" + name).load()
  }
}

/// CRC-32 as zlib computes it.
func crc32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
  let table = crcTable
  var crc: UInt32 = 0xFFFF_FFFF
  for byte in bytes { crc = table[Int((crc ^ UInt32(byte)) & 0xFF)] ^ crc >> 8 }
  return ~crc
}

func crc32(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { crc32($0) } }

private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ value >> 1 : value >> 1 }
}

/// The congruential generator that the script uses too.
struct Noise: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return state
  }

  mutating func byte() -> UInt8 { UInt8(next() >> 56) }

  /// A number in `0..<limit`, from the upper bits: the lower ones of such a generator repeat soon.
  mutating func below(_ limit: Int) -> Int { Int(next() >> 33) % limit }

  static func image(width: Int, height: Int, seed: UInt64) -> RGBImage {
    var noise = Noise(state: seed)
    return RGBImage(width: width, height: height, pixels: (0..<width * height * 3).map { _ in noise.byte() })
  }
}
