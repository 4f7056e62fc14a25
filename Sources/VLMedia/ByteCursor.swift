/// Reads a file's bytes in order; what would lie past its end is a cut-off file.
struct ByteCursor {
  let bytes: UnsafeBufferPointer<UInt8>
  let name: String
  /// The next byte to be read, at most `bytes.count`.
  private(set) var offset = 0

  init(_ bytes: UnsafeBufferPointer<UInt8>, name: String) {
    self.bytes = bytes
    self.name = name
  }

  mutating func uint8() throws(MediaError) -> Int {
    guard offset < bytes.count else {
      throw ImageDecoder.truncated(name, "it ends after \(bytes.count) bytes")
    }
    offset += 1
    return Int(bytes[offset - 1])
  }

  /// Two bytes, the lower one first.
  mutating func uint16() throws(MediaError) -> Int { try uint8() | uint8() << 8 }

  /// Four bytes, the lowest one first.
  mutating func uint32() throws(MediaError) -> Int { try uint16() | uint16() << 16 }

  /// Four bytes, the lowest one first, as a number with a sign.
  mutating func int32() throws(MediaError) -> Int { Int(Int32(truncatingIfNeeded: try uint32())) }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws(MediaError) -> UnsafeBufferPointer<UInt8> {
    guard count <= bytes.count - offset else {
      throw ImageDecoder.truncated(name, "it ends after \(bytes.count) bytes")
    }
    defer { offset += count }
    return UnsafeBufferPointer(rebasing: bytes[offset..<offset + count])
  }

  /// Goes on at an offset from the file's beginning.
  mutating func seek(_ target: Int) throws(MediaError) {
    guard target >= 0 && target <= bytes.count else {
      throw ImageDecoder.truncated(name, "it ends after \(bytes.count) bytes")
    }
    offset = target
  }
}
