/// A token that is looked for in the text itself, before any cutting.
public struct AddedToken: Hashable, Sendable {
  /// What it looks like in text.
  public var content: String
  /// Its number.
  public var id: Int
  /// Whether it is control rather than text: left out of decoded text on request, and never found in text that is not
  /// trusted.
  public var isSpecial: Bool
  /// Whether it is found only where no word character touches it.
  public var isSingleWord: Bool
  /// Whether white space before it belongs to it.
  public var stripsLeft: Bool
  /// Whether white space behind it belongs to it.
  public var stripsRight: Bool
  /// Whether it is looked for in normalized text, and itself normalized.
  public var isNormalized: Bool

  /// A token with everything that files say about it.
  public init(
    content: String, id: Int, isSpecial: Bool, isSingleWord: Bool = false, stripsLeft: Bool = false,
    stripsRight: Bool = false, isNormalized: Bool = false
  ) {
    self.content = content
    self.id = id
    self.isSpecial = isSpecial
    self.isSingleWord = isSingleWord
    self.stripsLeft = stripsLeft
    self.stripsRight = stripsRight
    self.isNormalized = isNormalized
  }
}

/// Finds added tokens in text: at each place the longest, from left to right.
struct AddedTokenFinder: Sendable {
  private struct Node {
    var children: [UInt8: Int] = [:]
    var token: Int?
  }

  /// What a text consists of.
  enum Segment {
    /// Text between added tokens.
    case text(UnsafeBufferPointer<UInt8>)
    /// An added token.
    case token(Int)
  }

  private var tokens: [AddedToken] = []
  private var nodes = [Node()]
  private var isFirstByte = [Bool](repeating: false, count: 256)

  /// Adds a token that looks like `bytes`; a later token that looks the same is another name for nothing.
  mutating func insert(_ token: AddedToken, as bytes: [UInt8]) {
    guard let first = bytes.first else { return }
    isFirstByte[Int(first)] = true
    var node = 0
    for byte in bytes {
      if let child = nodes[node].children[byte] {
        node = child
      } else {
        nodes[node].children[byte] = nodes.count
        node = nodes.count
        nodes.append(Node())
      }
    }
    if nodes[node].token == nil {
      nodes[node].token = tokens.count
      tokens.append(token)
    }
  }

  /// Calls `body` with the segments of `text` in order. Unless `parsingSpecial`, special tokens are plain text.
  func segments(
    of text: UnsafeBufferPointer<UInt8>, parsingSpecial: Bool,
    _ body: (Segment) throws(EncodingError) -> Void
  ) throws(EncodingError) {
    var emitted = 0
    var index = 0
    while index < text.count {
      guard isFirstByte[Int(text[index])], let (number, matchEnd) = longestMatch(text, at: index) else {
        index += 1
        continue
      }
      let token = tokens[number]
      var start = index
      var end = matchEnd
      // What is found is passed over even where it does not count, as in the reference.
      index = matchEnd
      if token.isSpecial && !parsingSpecial { continue }
      if token.isSingleWord && (Self.isWord(before: start, in: text) || Self.isWord(at: end, in: text)) {
        continue
      }
      if token.stripsLeft { start = max(Self.spaceStart(before: start, in: text), min(emitted, start)) }
      if token.stripsRight { end = Self.spaceEnd(from: end, in: text) }
      if emitted < start { try body(.text(UnsafeBufferPointer(rebasing: text[emitted..<start]))) }
      try body(.token(token.id))
      emitted = end
    }
    if emitted < text.count { try body(.text(UnsafeBufferPointer(rebasing: text[emitted...]))) }
  }

  private func longestMatch(_ text: UnsafeBufferPointer<UInt8>, at start: Int) -> (Int, Int)? {
    var node = 0
    var index = start
    var longest: (Int, Int)?
    while index < text.count, let child = nodes[node].children[text[index]] {
      node = child
      index += 1
      if let token = nodes[node].token { longest = (token, index) }
    }
    return longest
  }

  // MARK: Surroundings

  private static func scalar(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Unicode.Scalar? {
    var start = end
    while start > 0 {
      start -= 1
      if text[start] & 0xC0 != 0x80 { return scalar(at: start, in: text) }
    }
    return nil
  }

  private static func scalar(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Unicode.Scalar? {
    guard start < text.count else { return nil }
    var iterator = text[start..<min(start + 4, text.count)].makeIterator()
    var decoder = UTF8()
    guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return nil }
    return scalar
  }

  private static func isWord(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    scalar(before: end, in: text).map(isWord) ?? false
  }

  private static func isWord(at start: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
    scalar(at: start, in: text).map(isWord) ?? false
  }

  /// Unicode's word characters (UTS 18, annex C).
  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    if properties.isAlphabetic || properties.isJoinControl { return true }
    switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: return true
    default: return false
    }
  }

  private static func spaceStart(before end: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var start = end
    while let scalar = scalar(before: start, in: text), scalar.properties.isWhitespace {
      start -= UTF8.width(scalar)
    }
    return start
  }

  private static func spaceEnd(from start: Int, in text: UnsafeBufferPointer<UInt8>) -> Int {
    var end = start
    while let scalar = scalar(at: end, in: text), scalar.properties.isWhitespace { end += UTF8.width(scalar) }
    return end
  }
}
