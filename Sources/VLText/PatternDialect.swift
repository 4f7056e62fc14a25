/// Patterns are written for Oniguruma, which the reference uses, and run by PCRE2. The two agree on most syntax; this
/// rewrites what they read differently, and refuses by name what cannot be rewritten.
///
/// The differences that matter in tokenizers are character classes: the reference's `\p{L}`, `\p{N}` and `\p{M}` are
/// those of Unicode 16, the system's library may be as old as Unicode 14; and PCRE2's `\s` holds U+180E, which
/// Unicode no longer counts as white space.
enum PatternDialect {
  /// What the reference supports and this does not.
  struct Unsupported: Error {
    /// The construct, as written.
    var construct: String
  }

  /// White space by Unicode.
  private static let space =
    #"\x{9}-\x{D}\x{20}\x{85}\x{A0}\x{1680}\x{2000}-\x{200A}\x{2028}\x{2029}\x{202F}\x{205F}\x{3000}"#

  /// What Unicode 15, 15.1 and 16 added to a category.
  private static let additions: [String: String] = [
    "L": #"\x{1C89}-\x{1C8A}\x{A7CB}-\x{A7CD}\x{A7DA}-\x{A7DC}\x{105C0}-\x{105F3}\x{10D4A}-\x{10D65}"#
      + #"\x{10D6F}-\x{10D85}\x{10EC2}-\x{10EC4}\x{1123F}-\x{11240}\x{11380}-\x{11389}\x{1138B}\x{1138E}"#
      + #"\x{11390}-\x{113B5}\x{113B7}\x{113D1}\x{113D3}\x{11BC0}-\x{11BE0}\x{11F02}\x{11F04}-\x{11F10}"#
      + #"\x{11F12}-\x{11F33}\x{1342F}\x{13441}-\x{13446}\x{13460}-\x{143FA}\x{16100}-\x{1611D}"#
      + #"\x{16D40}-\x{16D6C}\x{18CFF}\x{1B132}\x{1B155}\x{1DF25}-\x{1DF2A}\x{1E030}-\x{1E06D}"#
      + #"\x{1E4D0}-\x{1E4EB}\x{1E5D0}-\x{1E5ED}\x{1E5F0}\x{2B739}\x{2EBF0}-\x{2EE5D}\x{31350}-\x{323AF}"#,
    "N": decimalAdditions + #"\x{1D2C0}-\x{1D2D3}"#,
    "Nd": decimalAdditions,
    "M": #"\x{897}\x{CF3}\x{ECE}\x{10D69}-\x{10D6D}\x{10EFC}-\x{10EFF}\x{11241}\x{113B8}-\x{113C0}\x{113C2}"#
      + #"\x{113C5}\x{113C7}-\x{113CA}\x{113CC}-\x{113D0}\x{113D2}\x{113E1}-\x{113E2}\x{11F00}-\x{11F01}"#
      + #"\x{11F03}\x{11F34}-\x{11F3A}\x{11F3E}-\x{11F42}\x{11F5A}\x{13440}\x{13447}-\x{13455}"#
      + #"\x{1611E}-\x{1612F}\x{1E08F}\x{1E4EC}-\x{1E4EF}\x{1E5EE}-\x{1E5EF}"#,
  ]

  private static let decimalAdditions =
    #"\x{10D40}-\x{10D49}\x{116D0}-\x{116E3}\x{11BF0}-\x{11BF9}\x{11F50}-\x{11F59}\x{16130}-\x{16139}"#
    + #"\x{16D70}-\x{16D79}\x{1CCF0}-\x{1CCF9}\x{1E4F0}-\x{1E4F9}\x{1E5F1}-\x{1E5FA}"#

  /// Groups that both libraries read alike.
  private static let groups = ["(?:", "(?i:", "(?-i:", "(?=", "(?!", "(?<=", "(?<!", "(?>"]

  /// The pattern for PCRE2 that matches what Oniguruma's `pattern` matches.
  static func translate(_ pattern: String) throws(Unsupported) -> String {
    let source = Array(pattern.unicodeScalars)
    var out = ""
    var index = 0
    var isInClass = false
    func rest(_ start: Int, _ count: Int) -> String {
      var text = ""
      text.unicodeScalars.append(contentsOf: source[start..<min(start + count, source.count)])
      return text
    }
    while index < source.count {
      let scalar = source[index]
      switch scalar {
      case "\\":
        let (text, length) = try escape(source, at: index, isInClass: isInClass)
        out += text
        index += length
        continue
      case "[":
        if isInClass { throw Unsupported(construct: "'[' inside a class of the pattern") }
        isInClass = true
        out += "["
        // A closing bracket right behind the opening one is a character of the class.
        if rest(index + 1, 1) == "^" {
          out += "^"
          index += 1
        }
        if rest(index + 1, 1) == "]" {
          out += "\\]"
          index += 1
        }
        index += 1
        continue
      case "]" where isInClass: isInClass = false
      case "&" where isInClass && rest(index, 2) == "&&":
        throw Unsupported(construct: "'&&' inside a class of the pattern")
      case "(" where !isInClass && rest(index, 2) == "(*":
        throw Unsupported(construct: "'(*' in the pattern")
      case "(" where !isInClass && rest(index, 2) == "(?":
        let isLeading = index == 0 && rest(0, 4) == "(?i)"
        if !isLeading && !groups.contains(where: { rest(index, $0.unicodeScalars.count) == $0 }) {
          throw Unsupported(construct: "the group '\(rest(index, 4))' in the pattern")
        }
      case "{" where !isInClass && rest(index, 2) == "{,":
        throw Unsupported(construct: "'{,' in the pattern")
      case "}" where !isInClass && rest(index, 2) == "}+":
        throw Unsupported(construct: "'}+' in the pattern")
      default: break
      }
      out.unicodeScalars.append(scalar)
      index += 1
    }
    return out
  }

  /// What the escape at `index` becomes, and how long it is.
  private static func escape(
    _ source: [Unicode.Scalar], at index: Int, isInClass: Bool
  ) throws(Unsupported) -> (String, Int) {
    guard index + 1 < source.count else { return ("\\", 1) }
    func bracketed(_ set: String) -> String { isInClass ? set : "[\(set)]" }
    let letter = source[index + 1]
    switch letter {
    case "s": return (bracketed(space), 2)
    case "S": return (isInClass ? #"\S\x{180E}"# : "[^\(space)]", 2)
    case "d": return (bracketed(#"\p{Nd}"# + decimalAdditions), 2)
    case "p", "P":
      guard let (name, length) = propertyName(source, at: index + 2) else {
        throw Unsupported(construct: "'\\\(letter)' without a property in the pattern")
      }
      let isNegated = (letter == "P") != name.hasPrefix("^")
      let property = name.hasPrefix("^") ? String(name.dropFirst()) : name
      guard let added = additions[property] else {
        return ((isNegated ? #"\P{"# : #"\p{"#) + property + "}", 2 + length)
      }
      if !isNegated { return (bracketed(#"\p{"# + property + "}" + added), 2 + length) }
      if isInClass { throw Unsupported(construct: "'\\P{\(property)}' inside a class of the pattern") }
      return (#"[^\p{"# + property + "}" + added + "]", 2 + length)
    case "u":
      let digits = source[min(index + 2, source.count)..<min(index + 6, source.count)]
      guard digits.count == 4, digits.allSatisfy({ $0.properties.isASCIIHexDigit }) else {
        throw Unsupported(construct: "'\\u' without four digits in the pattern")
      }
      var text = ""
      text.unicodeScalars.append(contentsOf: digits)
      return ("\\x{\(text)}", 6)
    case "A", "z", "t", "n", "r", "f", "v", "a", "e", "x":
      // \v is the vertical tab to the one, all vertical space to the other.
      return (letter == "v" ? #"\x{B}"# : "\\\(letter)", 2)
    case "a"..."z", "A"..."Z", "0"..."9":
      throw Unsupported(construct: "'\\\(letter)' in the pattern")
    default:
      var text = "\\"
      text.unicodeScalars.append(letter)
      return (text, 2)
    }
  }

  /// The name behind `\p`, in braces or of one letter, and how long it is with its braces.
  private static func propertyName(_ source: [Unicode.Scalar], at start: Int) -> (String, Int)? {
    guard start < source.count else { return nil }
    var name = ""
    guard source[start] == "{" else {
      name.unicodeScalars.append(source[start])
      return (name, 1)
    }
    guard let end = source[start...].firstIndex(of: "}") else { return nil }
    name.unicodeScalars.append(contentsOf: source[(start + 1)..<end])
    return (name, end + 1 - start)
  }
}
