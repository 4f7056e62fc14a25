/// Reads a JSON text from front to back, one token at a time, without building a tree.
///
/// Made for large files of which most is an array of short strings or a table of numbers (a tokenizer's vocabulary,
/// a checkpoint's header); ``JSONValue/init(parsing:maximumDepth:)`` builds a tree on top of it for small ones.
/// Strict: RFC 8259 and nothing more; UTF-8 is validated, a key that appears twice in one object is refused, nesting
/// is limited, and every error carries the byte at which it was noticed.
///
/// ```swift
/// let vocabulary = try JSONReader.read(bytes) { reader in
///   var ids: [String: Int] = [:]
///   try reader.beginObject()
///   while let key = try reader.nextKey() { ids[key] = try reader.readInteger() }
///   return ids
/// }
/// ```
public struct JSONReader: ~Copyable {
  /// What kind of value comes next.
  public enum Kind: Sendable {
    /// `null`
    case null
    /// `true` or `false`
    case bool
    /// A number, integer or not.
    case number
    /// A string.
    case string
    /// An array.
    case array
    /// An object.
    case object
  }

  /// A number as exactly as the text gives it.
  public enum Number: Equatable, Sendable {
    /// Written without fraction and exponent, within `Int`.
    case integer(Int)
    /// Written without fraction and exponent, above `Int.max` and within `UInt64`.
    case unsigned(UInt64)
    /// Anything else, as the nearest double.
    case double(Double)
  }

  private struct Frame {
    var isObject: Bool
    var isFirst = true
    var keys: Int  // where this object's keys start in `keys`
  }

  private let input: UnsafeBufferPointer<UInt8>
  private var position = 0
  private let maximumDepth: Int
  private var frames: [Frame] = []
  private var keys: KeyLedger
  private var scratch: [UInt8] = []

  private init(_ input: UnsafeBufferPointer<UInt8>, maximumDepth: Int) {
    self.input = input
    self.maximumDepth = maximumDepth
    self.keys = KeyLedger()
  }

  /// Runs `body` on a reader of `bytes` and then checks that nothing but white space is left.
  ///
  /// - Throws: ``JSONError``, or whatever `body` throws.
  public static func read<Result>(
    _ bytes: UnsafeBufferPointer<UInt8>, maximumDepth: Int = 128,
    _ body: (inout JSONReader) throws -> Result
  ) throws -> Result {
    var reader = JSONReader(bytes, maximumDepth: maximumDepth)
    let result = try body(&reader)
    precondition(reader.frames.isEmpty, "JSONReader.read: the body left an array or object unfinished")
    reader.skipSpace()
    if reader.position < bytes.count { throw reader.error(.trailingText) }
    return result
  }

  /// Runs `body` on a reader of `bytes` and then checks that nothing but white space is left.
  ///
  /// - Throws: ``JSONError``, or whatever `body` throws.
  public static func read<Result>(
    _ bytes: [UInt8], maximumDepth: Int = 128, _ body: (inout JSONReader) throws -> Result
  ) throws -> Result {
    try bytes.withUnsafeBufferPointer { try read($0, maximumDepth: maximumDepth, body) }
  }

  /// The byte the reader has come to, for a caller's own errors.
  public var offset: Int { position }

  /// An error at the reader's present place.
  public func error(_ problem: JSONError.Problem) -> JSONError { error(problem, at: position) }

  private func error(_ problem: JSONError.Problem, at offset: Int) -> JSONError {
    var line = 1
    for byte in input[..<min(offset, input.count)] where byte == 0x0A { line += 1 }
    return JSONError(problem, offset: offset, line: line)
  }

  // MARK: Values

  /// The kind of the value that comes next; nothing is consumed but white space.
  public mutating func peek() throws(JSONError) -> Kind {
    switch try nextByte() {
    case UInt8(ascii: "{"): return .object
    case UInt8(ascii: "["): return .array
    case UInt8(ascii: "\""): return .string
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
    case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
    case UInt8(ascii: "n"): return .null
    case let byte: throw error(.unexpected(byte: byte, expected: "a JSON value"))
    }
  }

  private mutating func require(_ kind: Kind) throws(JSONError) {
    let found = try peek()
    if found != kind { throw error(.mismatch(expected: kind.description, found: found.description)) }
  }

  /// Reads `null`, or reads nothing and returns false.
  public mutating func readNull() throws(JSONError) -> Bool {
    guard try peek() == .null else { return false }
    try readWord("null")
    return true
  }

  /// Reads `true` or `false`.
  public mutating func readBool() throws(JSONError) -> Bool {
    try require(.bool)
    let value = input[position] == UInt8(ascii: "t")
    try readWord(value ? "true" : "false")
    return value
  }

  /// Reads a number.
  public mutating func readNumber() throws(JSONError) -> Number {
    try require(.number)
    return try scanNumber()
  }

  /// Reads a number that must be a whole one within `Int`.
  public mutating func readInteger() throws(JSONError) -> Int {
    try require(.number)
    let start = position
    guard case .integer(let value) = try scanNumber() else {
      throw error(.mismatch(expected: "an integer", found: "another number"), at: start)
    }
    return value
  }

  /// Reads a string.
  public mutating func readString() throws(JSONError) -> String {
    try require(.string)
    try scanStringIntoScratch()
    return String(decoding: scratch, as: UTF8.self)
  }

  /// Reads a string and appends its UTF-8 to `bytes`: no `String` is made.
  public mutating func readString(appendingTo bytes: inout [UInt8]) throws(JSONError) {
    try require(.string)
    try scanString(into: &bytes)
  }

  /// Goes past a value of any kind, checking it as strictly as if it were read.
  public mutating func skipValue() throws(JSONError) {
    switch try peek() {
    case .null: try readWord("null")
    case .bool: _ = try readBool()
    case .number: _ = try scanNumber()
    case .string: try scanStringIntoScratch()
    case .array:
      try beginArray()
      while try nextElement() { try skipValue() }
    case .object:
      try beginObject()
      while try advanceToKey() {
        _ = try scanKey()
        try skipValue()
      }
    }
  }

  // MARK: Containers

  /// Enters an array; then call ``nextElement()`` before each element.
  public mutating func beginArray() throws(JSONError) {
    try require(.array)
    try enter(isObject: false)
  }

  /// Whether the innermost array has another element; false leaves the array.
  public mutating func nextElement() throws(JSONError) -> Bool {
    precondition(frames.last?.isObject == false, "JSONReader.nextElement: not in an array")
    return try advance(closing: UInt8(ascii: "]"))
  }

  /// Enters an object; then call ``nextKey()`` before each value.
  public mutating func beginObject() throws(JSONError) {
    try require(.object)
    try enter(isObject: true)
  }

  /// The next key of the innermost object; nil leaves the object.
  public mutating func nextKey() throws(JSONError) -> String? {
    guard try advanceToKey() else { return nil }
    return String(decoding: try scanKey(), as: UTF8.self)
  }

  /// Appends the next key's UTF-8 to `bytes`; false leaves the object.
  public mutating func nextKey(appendingTo bytes: inout [UInt8]) throws(JSONError) -> Bool {
    guard try advanceToKey() else { return false }
    bytes.append(contentsOf: try scanKey())
    return true
  }

  private mutating func enter(isObject: Bool) throws(JSONError) {
    if frames.count >= maximumDepth { throw error(.tooDeep(limit: maximumDepth)) }
    frames.append(Frame(isObject: isObject, keys: keys.count))
    if isObject { keys.open() }
    position += 1
  }

  private mutating func advanceToKey() throws(JSONError) -> Bool {
    precondition(frames.last?.isObject == true, "JSONReader.nextKey: not in an object")
    return try advance(closing: UInt8(ascii: "}"))
  }

  private mutating func advance(closing: UInt8) throws(JSONError) -> Bool {
    let byte = try nextByte()
    let top = frames.count - 1
    if byte == closing {
      position += 1
      if frames[top].isObject { keys.close(to: frames[top].keys) }
      frames.removeLast()
      return false
    }
    if frames[top].isFirst {
      frames[top].isFirst = false
    } else {
      guard byte == UInt8(ascii: ",") else {
        let end = closing == UInt8(ascii: "]") ? "',' or ']'" : "',' or '}'"
        throw error(.unexpected(byte: byte, expected: end))
      }
      position += 1
    }
    return true
  }

  /// Reads a key and its colon, refuses it if this object has it already, and returns its bytes (valid until the
  /// next call).
  private mutating func scanKey() throws(JSONError) -> UnsafeBufferPointer<UInt8> {
    let byte = try nextByte()
    let start = position
    guard byte == UInt8(ascii: "\"") else {
      throw error(.unexpected(byte: byte, expected: "a key in quotes"))
    }
    let plain = try scanPlainString()
    if plain == nil { try scanStringIntoScratch() }
    let isNew: Bool
    let bytes: UnsafeBufferPointer<UInt8>
    if let plain {
      bytes = UnsafeBufferPointer(rebasing: input[plain])
      isNew = keys.insert(bytes)
    } else {
      (bytes, isNew) = keys.insertCopy(of: scratch)
    }
    if !isNew {
      throw error(.duplicateKey(String(decoding: bytes, as: UTF8.self)), at: start)
    }
    let colon = try nextByte()
    guard colon == UInt8(ascii: ":") else { throw error(.unexpected(byte: colon, expected: "':'")) }
    position += 1
    return bytes
  }

  // MARK: Bytes

  private mutating func skipSpace() {
    while position < input.count {
      switch input[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func nextByte() throws(JSONError) -> UInt8 {
    skipSpace()
    guard position < input.count else { throw error(.unexpectedEnd) }
    return input[position]
  }

  private mutating func readWord(_ word: StaticString) throws(JSONError) {
    let length = word.utf8CodeUnitCount
    for index in 0..<length {
      guard position + index < input.count else { throw error(.unexpectedEnd, at: input.count) }
      let byte = input[position + index]
      if byte != word.utf8Start[index] {
        throw error(.unexpected(byte: byte, expected: "\(word)"), at: position + index)
      }
    }
    position += length
  }

  private mutating func scanNumber() throws(JSONError) -> Number {
    let scanned = NumberScanner.scan(input, from: position)
    guard let number = scanned.number else {
      if scanned.end >= input.count { throw error(.unexpectedEnd, at: input.count) }
      throw error(.invalidNumber, at: scanned.end)
    }
    // Inside an array or object something must follow; a number that the end of the text touches may be half of one.
    if scanned.end >= input.count && !frames.isEmpty { throw error(.unexpectedEnd, at: input.count) }
    position = scanned.end
    return number
  }

  /// Goes past a string without escapes and returns where its content lies; at an escape it consumes nothing and
  /// returns nil.
  private mutating func scanPlainString() throws(JSONError) -> Range<Int>? {
    let start = position + 1
    guard let end = try StringScanner.plainRun(input, from: start, error: { error($0, at: $1) }) else {
      throw error(.unexpectedEnd, at: input.count)
    }
    if input[end] == UInt8(ascii: "\\") { return nil }
    position = end + 1
    return start..<end
  }

  private mutating func scanStringIntoScratch() throws(JSONError) {
    var bytes: [UInt8] = []
    swap(&bytes, &scratch)  // keeps the capacity without aliasing self
    bytes.removeAll(keepingCapacity: true)
    try scanString(into: &bytes)
    swap(&bytes, &scratch)
  }

  private mutating func scanString(into bytes: inout [UInt8]) throws(JSONError) {
    var start = position + 1
    while true {
      guard let end = try StringScanner.plainRun(input, from: start, error: { error($0, at: $1) }) else {
        throw error(.unexpectedEnd, at: input.count)
      }
      bytes.append(contentsOf: UnsafeBufferPointer(rebasing: input[start..<end]))
      if input[end] == UInt8(ascii: "\"") {
        position = end + 1
        return
      }
      guard let (scalar, next) = StringScanner.escape(input, at: end) else {
        // An escape that the end of the text cuts off is reported as such.
        let cut = end + 12 > input.count && !input[end...].contains(UInt8(ascii: "\""))
        throw error(cut ? .unexpectedEnd : .invalidEscape, at: cut ? input.count : end)
      }
      bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      start = next
    }
  }
}

extension JSONReader.Kind: CustomStringConvertible {
  /// The kind in words, with its article.
  public var description: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}
