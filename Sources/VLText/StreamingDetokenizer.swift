/// Turns tokens into text as they are generated, never showing half a character.
///
/// A character may be spread over several tokens. Bytes that may still become a character are held back until they
/// do; bytes that cannot become U+FFFD at once. All pieces together are what decoding all ids at once gives.
///
/// ```swift
/// var detokenizer = StreamingDetokenizer(tokenizer)
/// for id in generated { print(detokenizer.append(id), terminator: "") }
/// print(detokenizer.finish())
/// ```
public struct StreamingDetokenizer: Sendable {
  private let tokenizer: Tokenizer
  private let skipSpecialTokens: Bool
  private var pending: [UInt8] = []

  /// A detokenizer at the start of a text.
  public init(_ tokenizer: Tokenizer, skipSpecialTokens: Bool = true) {
    self.tokenizer = tokenizer
    self.skipSpecialTokens = skipSpecialTokens
  }

  /// The text that is certain with this token; often empty in the middle of a character.
  public mutating func append(_ id: Int) -> String {
    tokenizer.appendBytes(of: id, skipSpecialTokens: skipSpecialTokens, to: &pending)
    let certain = pending.count - Self.openSequence(at: pending)
    defer { pending.removeFirst(certain) }
    return String(decoding: pending[..<certain], as: UTF8.self)
  }

  /// What is left: U+FFFD for a character that never came to its end. The detokenizer is then at a start again.
  public mutating func finish() -> String {
    defer { pending.removeAll() }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end begin a well-formed UTF-8 sequence that more bytes could complete.
  private static func openSequence(at bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let lead = bytes[bytes.count - length]
      if lead & 0xC0 == 0x80 { continue }
      let needed =
        lead >= 0xF0 && lead <= 0xF4
        ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC2 && lead < 0xE0 ? 2 : 1
      if length >= needed { return 0 }
      if length >= 2 {
        // Some leads allow only part of the continuation bytes next (Unicode, table 3-7).
        let second = bytes[bytes.count - length + 1]
        let allowed: ClosedRange<UInt8> =
          switch lead {
          case 0xE0: 0xA0...0xBF
          case 0xED: 0x80...0x9F
          case 0xF0: 0x90...0xBF
          case 0xF4: 0x80...0x8F
          default: 0x80...0xBF
          }
        if !allowed.contains(second) { return 0 }
      }
      return length
    }
    return 0
  }
}
