internal import CUTF8Proc
internal import Glibc

/// What happens to text before it is cut into pieces.
enum Normalizer: Sendable, Equatable {
  /// Nothing.
  case none
  /// Unicode's canonical composition.
  case nfc

  /// Runs `body` on the normalized text: the given bytes themselves where they are normalized already.
  func withNormalized<Result>(
    _ text: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws(EncodingError) -> Result
  ) throws(EncodingError) -> Result {
    if self == .none || CanonicalComposition.isSurelyComposed(text) { return try body(text) }
    var composed: [UInt8] = []
    try CanonicalComposition.compose(text, appendingTo: &composed)
    return try composed.withUnsafeBufferPointer { (bytes) throws(EncodingError) in try body(bytes) }
  }
}

/// NFC as the reference tokenizer computes it.
///
/// The reference composes by the tables of Unicode 9. Newer tables differ only for characters that Unicode 9 did not
/// have, which for it are unrelated to their neighbours. So the text is composed run by run between such characters,
/// and the result is the same whichever newer tables the system's library has.
enum CanonicalComposition {
  /// Whether a look at the leading bytes is enough to tell that `text` is composed: Latin without combining marks,
  /// Cyrillic, Greek, kana, ideographs, Hangul syllables, common punctuation and emoji.
  static func isSurelyComposed(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var index = 0
    let count = text.count
    while index < count {
      let lead = text[index]
      if lead < 0x80 {
        index += 1
      } else if lead < 0xCC {
        index += 2  // up to U+02FF
      } else if lead < 0xE0 {
        guard index + 1 < count else { return false }
        switch lead {
        case 0xCE: if text[index + 1] == 0x87 { return false }  // U+0387 is a singleton
        case 0xCF, 0xD0, 0xD1: break  // U+03C0 to U+047F
        default: return false
        }
        index += 2
      } else if lead < 0xF0 {
        guard index + 2 < count else { return false }
        let second = text[index + 1]
        switch lead {
        case 0xE2: if second != 0x80 || text[index + 2] < 0x82 { return false }  // U+2002 to U+203F
        case 0xE3:
          // U+3000 to U+3FFF without the marks U+302A…302F and U+3099, U+309A
          if second == 0x80 && text[index + 2] >= 0xAA && text[index + 2] <= 0xAF { return false }
          if second == 0x82 && (text[index + 2] == 0x99 || text[index + 2] == 0x9A) { return false }
        case 0xE4...0xE9, 0xEB, 0xEC: break  // U+4000 to U+9FFF, U+B000 to U+CFFF
        case 0xEF: if second != 0xBC && second != 0xBD { return false }  // U+FF00 to U+FF7F
        default: return false
        }
        index += 3
      } else {
        // U+1F000 to U+1FFFF
        guard index + 3 < count, lead == 0xF0, text[index + 1] == 0x9F else { return false }
        index += 4
      }
    }
    return true
  }

  /// Appends the composition of `text`, which is valid UTF-8.
  static func compose(
    _ text: UnsafeBufferPointer<UInt8>, appendingTo out: inout [UInt8]
  ) throws(EncodingError) {
    var runStart = 0
    var index = 0
    while index < text.count {
      let (scalar, length) = scalar(in: text, at: index)
      if isUnknownToReference(scalar) {
        try composeRun(UnsafeBufferPointer(rebasing: text[runStart..<index]), appendingTo: &out)
        out.append(contentsOf: UnsafeBufferPointer(rebasing: text[index..<index + length]))
        runStart = index + length
      }
      index += length
    }
    try composeRun(UnsafeBufferPointer(rebasing: text[runStart...]), appendingTo: &out)
  }

  private static func composeRun(
    _ run: UnsafeBufferPointer<UInt8>, appendingTo out: inout [UInt8]
  ) throws(EncodingError) {
    if run.isEmpty { return }
    var composed: UnsafeMutablePointer<UInt8>?
    let options = utf8proc_option_t(rawValue: UTF8PROC_STABLE.rawValue | UTF8PROC_COMPOSE.rawValue)
    let count = utf8proc_map(run.baseAddress, run.count, &composed, options)
    defer { free(composed) }
    guard count >= 0, let composed else {
      throw .normalizationFailed(utf8proc_errmsg(count).map { String(cString: $0) } ?? "unknown error")
    }
    out.append(contentsOf: UnsafeBufferPointer(start: composed, count: count))
  }

  private static func scalar(in text: UnsafeBufferPointer<UInt8>, at index: Int) -> (UInt32, Int) {
    let lead = UInt32(text[index])
    func tail(_ offset: Int) -> UInt32 { UInt32(text[index + offset] & 0x3F) }
    if lead < 0x80 { return (lead, 1) }
    if lead < 0xE0 { return ((lead & 0x1F) << 6 | tail(1), 2) }
    if lead < 0xF0 { return ((lead & 0x0F) << 12 | tail(1) << 6 | tail(2), 3) }
    return ((lead & 0x07) << 18 | tail(1) << 12 | tail(2) << 6 | tail(3), 4)
  }

  private static func isUnknownToReference(_ scalar: UInt32) -> Bool {
    guard scalar >= 0x7FD else { return false }
    var low = 0
    var high = laterThanReference.count
    while low < high {
      let middle = (low + high) / 2
      if scalar > laterThanReference[middle].upperBound { low = middle + 1 } else { high = middle }
    }
    return low < laterThanReference.count && laterThanReference[low].contains(scalar)
  }

  /// Characters of Unicode 10 to 16 that have a combining class or take part in a composition, found by comparing
  /// the reference's results with newer tables.
  private static let laterThanReference: [ClosedRange<UInt32>] = [
    0x7FD...0x7FD, 0x897...0x89F, 0x8CA...0x8D3, 0x9FE...0x9FE, 0xC3C...0xC3C, 0xD3B...0xD3C, 0xEBA...0xEBA,
    0x1715...0x1715, 0x1ABF...0x1ACE, 0x1DF6...0x1DFA, 0xA82C...0xA82C, 0x105C0...0x105FF, 0x10D24...0x10D27,
    0x10D69...0x10D6D, 0x10EAB...0x10EAC, 0x10EFD...0x10EFF, 0x10F46...0x10F50, 0x10F82...0x10F85,
    0x11070...0x11070, 0x1133B...0x1133B, 0x11380...0x113FF, 0x1145E...0x1145E, 0x11839...0x1183A,
    0x11930...0x11930, 0x1193D...0x1193E, 0x11943...0x11943, 0x119E0...0x119E0, 0x11A34...0x11A34,
    0x11A47...0x11A47, 0x11A99...0x11A99, 0x11D42...0x11D45, 0x11D97...0x11D97, 0x11F41...0x11F42,
    0x16100...0x1613F, 0x16D40...0x16D7F, 0x16FF0...0x16FF1, 0x1E08F...0x1E08F, 0x1E130...0x1E136,
    0x1E2AE...0x1E2AE, 0x1E2EC...0x1E2EF, 0x1E4EC...0x1E4EF, 0x1E5EE...0x1E5EF,
  ]
}
