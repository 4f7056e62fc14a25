/// The alphabet in which byte-level vocabularies are written: each of the 256 bytes is one visible letter.
///
/// Printable bytes of Latin-1 stand for themselves; the others take the letters from U+0100 on, in order. So a space
/// is `Ġ` (U+0120) and a line feed `Ċ` (U+010A).
enum ByteLevel {
  /// How many letters there are up to the last one used.
  private static let letterCount = 256 + 68

  /// The letter of each byte.
  static let letters: [Unicode.Scalar] = {
    var spare: UInt32 = 256
    return (0..<256).map { (byte: UInt32) in
      if isPrintable(byte) { return Unicode.Scalar(UInt8(byte)) }
      defer { spare += 1 }
      return Unicode.Scalar(spare) ?? "\u{FFFD}"
    }
  }()

  /// The byte of each letter, -1 for what is no letter of the alphabet.
  static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: letterCount)
    for (byte, letter) in letters.enumerated() { bytes[Int(letter.value)] = Int16(byte) }
    return bytes
  }()

  private static func isPrintable(_ byte: UInt32) -> Bool {
    (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
  }

  /// Appends the bytes that `text` (UTF-8) spells in the alphabet; leaves `out` as it was and returns false if any
  /// character is not of the alphabet.
  static func decode(_ text: UnsafeBufferPointer<UInt8>, appendingTo out: inout [UInt8]) -> Bool {
    let start = out.count
    var index = 0
    while index < text.count {
      var letter = Int(text[index])
      index += 1
      if letter >= 0x80 {
        // The alphabet ends below U+0144, so no letter takes more than two bytes.
        guard letter < 0xE0, index < text.count else {
          out.removeSubrange(start...)
          return false
        }
        letter = (letter & 0x1F) << 6 | Int(text[index] & 0x3F)
        index += 1
      }
      guard letter < letterCount, bytes[letter] >= 0 else {
        out.removeSubrange(start...)
        return false
      }
      out.append(UInt8(truncatingIfNeeded: bytes[letter]))
    }
    return true
  }

  /// The alphabet's spelling of `bytes`.
  static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text.unicodeScalars.append(letters[Int(byte)]) }
    return text
  }
}
