internal import Glibc
import TestKit
import VLJSON
import VLText

/// The tiny tokenizer and the reference's results with it, as Tests/Goldens/text/make.py writes them.
enum References {
  static let tinyDirectory = Goldens.directory + "/tiny-tokenizer"

  static func tiny() throws -> Tokenizer { try Tokenizer(directory: tinyDirectory) }

  static func bytes(_ path: String) throws -> [UInt8] {
    struct Unreadable: Error { var path: String }
    guard let file = fopen(path, "rb") else { throw Unreadable(path: path) }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  static func json(_ path: String) throws -> JSONValue {
    try JSONValue(parsing: bytes(Goldens.directory + "/" + path))
  }
}

/// A directory that is gone when the test is over.
final class ScratchDirectory {
  let path: String

  init() {
    var template = Array("/tmp/vlm-text-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/nonexistent"
  }

  deinit {
    for file in written { unlink(path + "/" + file) }
    rmdir(path)
  }

  private var written: [String] = []

  func write(_ name: String, _ bytes: [UInt8]) {
    guard let file = fopen(path + "/" + name, "wb") else { return }
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
    written.append(name)
  }

  func write(_ name: String, _ text: String) { write(name, Array(text.utf8)) }
}

extension JSONValue {
  /// The ids of an array of integers.
  var ids: [Int] { (arrayValue ?? []).compactMap(\.integerValue) }
}

/// A small random generator with a fixed start, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }
}
