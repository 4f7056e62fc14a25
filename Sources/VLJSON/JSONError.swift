/// Why a JSON text was refused, and where.
///
/// The description is one sentence without the file's name: whoever knows the file puts it in front.
public struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was wrong.
  public enum Problem: Equatable, Sendable {
    /// The text ends inside a value.
    case unexpectedEnd
    /// A byte that cannot stand here; `expected` says what could.
    case unexpected(byte: UInt8, expected: String)
    /// The text goes on after its one value.
    case trailingText
    /// Bytes inside a string that are not UTF-8.
    case invalidUTF8
    /// A control character (below U+0020) inside a string, which must be written as an escape.
    case controlCharacter(UInt8)
    /// A backslash followed by something that is no escape, or half a surrogate pair.
    case invalidEscape
    /// Something like a number that is none, or one too large for a double.
    case invalidNumber
    /// Arrays and objects nested deeper than the limit.
    case tooDeep(limit: Int)
    /// An object with the same key twice.
    case duplicateKey(String)
    /// A value of another type than its reader needs.
    case mismatch(expected: String, found: String)
    /// A key that its reader needs is absent.
    case missingKey(String)
  }

  /// What was wrong.
  public let problem: Problem
  /// The byte at which it was noticed, from 0; nil for a value that was found wrong after parsing.
  public let offset: Int?
  /// The line of that byte, from 1.
  public let line: Int?
  /// The keys that lead to a wrong value, such as `vision_config.depth`; empty while parsing.
  public let path: String

  /// An error at a byte of a text.
  public init(_ problem: Problem, offset: Int, line: Int) {
    self.problem = problem
    self.offset = offset
    self.line = line
    self.path = ""
  }

  /// An error about a value that was parsed well.
  public init(_ problem: Problem, path: String) {
    self.problem = problem
    self.offset = nil
    self.line = nil
    self.path = path
  }

  /// One line for a person.
  public var description: String {
    var text = ""
    if !path.isEmpty { text += "\"\(path)\": " }
    text += problem.description
    if let offset, let line { text += " at byte \(offset) (line \(line))" }
    return text
  }
}

extension JSONError.Problem: CustomStringConvertible {
  /// The problem without its place.
  public var description: String {
    switch self {
    case .unexpectedEnd: "the JSON text is cut off"
    case .unexpected(let byte, let expected): "expected \(expected), found \(Self.show(byte))"
    case .trailingText: "text goes on after the JSON value"
    case .invalidUTF8: "a string is not valid UTF-8"
    case .controlCharacter(let byte): "a string holds the unescaped control character \(Self.show(byte))"
    case .invalidEscape: "a string holds an invalid escape"
    case .invalidNumber: "invalid number"
    case .tooDeep(let limit): "nested deeper than \(limit) levels"
    case .duplicateKey(let key): "the key \"\(Self.clip(key))\" appears twice in one object"
    case .mismatch(let expected, let found): "expected \(expected), found \(found)"
    case .missingKey(let key): "the key \"\(Self.clip(key))\" is missing"
    }
  }

  private static func show(_ byte: UInt8) -> String {
    if byte > 0x20 && byte < 0x7F { return "'\(Character(UnicodeScalar(byte)))'" }
    let digits = String(byte, radix: 16, uppercase: true)
    return "byte 0x" + (digits.count < 2 ? "0" : "") + digits
  }

  /// Keeps a hostile key from filling the terminal: control characters are dropped, long keys cut.
  private static func clip(_ key: String) -> String {
    var out = ""
    for scalar in key.unicodeScalars.prefix(80) where scalar.properties.generalCategory != .control {
      out.unicodeScalars.append(scalar)
    }
    return out.unicodeScalars.count < key.unicodeScalars.count ? out + "…" : out
  }
}
