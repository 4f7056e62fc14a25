import Glibc
import TestKit
import Testing
import VLNN
import VLTensor

@Suite struct HostileSafetensors {
  @Test(arguments: HostileFile.all) func isRefused(_ hostile: HostileFile) throws {
    let scratch = Scratch()
    let path = scratch.write(hostile.bytes, to: "bad.safetensors")
    let error = try #require(checkpointError { _ = try SafetensorsFile(path: path) })
    #expect(hostile.isExpected(error.problem), "\(error.problem)")
    #expect(error.file == path)
    let line = error.description
    #expect(line.hasPrefix(path + ": ") && !line.contains("\n") && line.count < path.count + 400, "\(line)")
  }

  /// A file that is large enough for the header it claims; the format allows 100 MB.
  @Test func headersHaveALimit() throws {
    let scratch = Scratch()
    let path = scratch.write(safetensors("{}", claimedLength: 100_000_001), to: "bad.safetensors")
    #expect(truncate(path, 200_000_000) == 0)
    #expect(
      checkpointError { _ = try SafetensorsFile(path: path) }?.problem
        == .headerLength(100_000_001, limit: 100_000_000))
  }

  @Test func hostileNamesDoNotReachTheTerminal() throws {
    let scratch = Scratch()
    let name = "\\u001b[2J\\u0007\\u202e" + String(repeating: "x", count: 10_000)
    let path = scratch.write(safetensors(#"{"\#(name)":{}}"#), to: "bad.safetensors")
    let line = try #require(checkpointError { _ = try SafetensorsFile(path: path) }).description
    #expect(!line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x202E })
    #expect(line.count < path.count + 300)
  }

  @Test func thingsThatAreNoFiles() throws {
    let scratch = Scratch()
    func problem(_ path: String) -> CheckpointError.Problem? {
      checkpointError { _ = try MappedFile(path: path) }?.problem
    }
    #expect(problem(scratch.path + "/none") == .missingFile)
    #expect(problem(scratch.path + "/none/none") == .missingFile)
    #expect(problem(scratch.path + "/a\0b") == .missingFile)
    #expect(problem("") == .missingFile)
    #expect(problem(scratch.path) == .isDirectory)
    #expect(problem("/dev/null") == .notRegularFile)
    // Opening a pipe that nobody writes to must not wait.
    let pipe = scratch.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(problem(pipe) == .notRegularFile)
    if geteuid() != 0 {
      let secret = scratch.write("{}", to: "secret")
      #expect(chmod(secret, 0) == 0)
      guard case .unreadable = problem(secret) else {
        Issue.record("a file without read permission was not refused as unreadable")
        return
      }
    }
  }

  /// Damaged files are refused or read in full; whatever the damage, nothing traps and no tensor leaves the file.
  @Test func randomDamage() throws {
    let scratch = Scratch()
    let original = Scratch.read(Goldens.directory + "/checkpoint/types.safetensors")
    let headerEnd = 8 + Int(original[0]) + Int(original[1]) << 8
    let marks = Array("0123456789-[]{},:\"eE.".utf8)
    var random = SplitMix64(state: 20_260_801)
    func below(_ limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
    func damage(_ bytes: inout [UInt8]) {
      if bytes.isEmpty { bytes = [0] }
      let place = below(bytes.count)
      switch below(6) {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes[place] ^= 1 << UInt8(below(8))
      case 2: bytes[place] = marks[below(marks.count)]
      case 3: bytes.insert(marks[below(marks.count)], at: place)
      case 4: bytes.remove(at: place)
      default: bytes.removeSubrange(place..<min(bytes.count, place + 1 + below(40)))
      }
    }
    var refused = 0
    var accepted = 0
    for _ in 0..<6000 {
      var header = Array(original[8..<headerEnd])
      var data = Array(original[headerEnd...])
      // Damage among the elements is mostly invisible to the format, so most of it goes to the header.
      for _ in 0...below(3) { if below(5) == 0 { damage(&data) } else { damage(&header) } }
      // Where the length fits again, the damage is seen by what lies behind that check.
      let bytes = safetensors(
        header, data: data, claimedLength: below(4) == 0 ? UInt64(headerEnd - 8) : nil)
      let path = scratch.write(bytes, to: "damaged.safetensors")
      do throws(CheckpointError) {
        let file = try SafetensorsFile(path: path)
        accepted += 1
        var covered = 0
        for entry in file.entries {
          #expect(entry.bytes.upperBound <= bytes.count)
          covered += entry.byteCount
          _ = try? file.tensor(entry.name).array()
          _ = try? file.int64s(entry.name)
          _ = try? file.floats(entry.name)
        }
        #expect(covered <= bytes.count - 8)
      } catch {
        refused += 1
        #expect(!error.description.contains("\n"))
      }
    }
    // Both ways were gone, or the damage tests nothing.
    #expect(refused > 1000 && accepted > 100, "\(refused) refused, \(accepted) accepted")
  }
}

/// A small generator with a fixed sequence.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
