import TestKit
import Testing
import VLNN

/// A sharded checkpoint whose index was damaged at random: it opens or is refused in one line, whatever the damage.
@Suite struct IndexDamageTests {
  @Test func randomDamageOfTheIndex() throws {
    let scratch = Scratch()
    scratch.copy(golden: "tiny-untied")
    let original = Scratch.read(scratch.path + "/model.safetensors.index.json")
    try #require(original.count > 1000)
    var random = SplitMix(state: 20)
    var refused = 0
    for _ in 0..<600 {
      scratch.write(damaged(original, &random), to: "model.safetensors.index.json")
      do {
        let checkpoint = try Checkpoint(directory: scratch.path)
        // What opened must be readable throughout.
        for name in checkpoint.names { #expect(checkpoint.info(name) != nil) }
      } catch {
        refused += 1
        #expect(!error.description.contains("\n"), "\(error)")
        #expect(error.description.hasPrefix(scratch.path), "\(error)")
      }
    }
    #expect(refused > 100)
  }

  /// Bytes changed, taken out, doubled, or the end cut off.
  private func damaged(_ original: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var bytes = original
    for _ in 0...Int(random.next() % 3) {
      let place = Int(random.next() % UInt64(bytes.count))
      let length = min(Int(random.next() % 40), bytes.count - place)
      switch random.next() % 4 {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes.removeSubrange(place..<place + length)
      case 2: bytes.insert(contentsOf: Array(bytes[place..<place + length]), at: place)
      default: bytes[place] ^= 1 << UInt8(random.next() % 8)
      }
      if bytes.isEmpty { break }
    }
    return random.next() % 16 == 0 ? Array(bytes.prefix(bytes.count / 2)) : bytes
  }

  /// SplitMix64, so that a failure can be repeated.
  private struct SplitMix {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      return z ^ (z >> 31)
    }
  }
}
