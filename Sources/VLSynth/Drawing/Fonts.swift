internal import CPango

/// The fonts that text is drawn with: those of a fixed list that this machine has.
///
/// Only families on the list are used, so that two machines with the same packages draw the same.
public struct SynthFonts: Sendable, Hashable {
  /// Families with Latin letters that were found, in the list's order.
  public let latin: [String]
  /// Families with simplified Chinese that were found, in the list's order.
  public let chinese: [String]
  /// Families on the list that this machine lacks.
  public let missing: [String]
  /// Every face of the families found (`family|style|version`), and the versions of Pango, Cairo and FreeType's
  /// caller: equal lists draw equal pixels.
  public let faces: [String]

  /// The easiest to read first.
  static let latinList = [
    "DejaVu Sans", "Liberation Sans", "Carlito", "Liberation Serif", "DejaVu Sans Mono", "Go", "DejaVu Serif",
    "Liberation Mono", "Caladea", "Comic Neue", "Go Mono", "Inconsolata",
  ]
  static let chineseList = ["WenQuanYi Micro Hei", "AR PL SungtiL GB", "AR PL KaitiM GB"]

  /// The fonts of this machine, looked up once.
  ///
  /// - Throws: ``SynthError`` if no family with Latin letters is there.
  public static func installed() throws(SynthError) -> SynthFonts {
    guard !found.latin.isEmpty else {
      throw SynthError(
        name: "fonts", problem: "none of \(latinList.joined(separator: ", ")) is installed",
        remedy: "install the fonts- packages of Tools/debian-packages.txt")
    }
    return found
  }

  private static let found: SynthFonts = {
    var faces: [String] = []
    func have(_ families: [String]) -> [String] {
      families.filter { family in
        let list = Self.faces(of: family)
        faces += list
        return !list.isEmpty
      }
    }
    let (latin, chinese) = (have(latinList), have(chineseList))
    let versions = [
      "pango " + String(cString: pango_version_string()), "cairo " + String(cString: cairo_version_string()),
    ]
    return SynthFonts(
      latin: latin, chinese: chinese,
      missing: (latinList + chineseList).filter { !latin.contains($0) && !chinese.contains($0) },
      faces: versions + faces)
  }()

  /// `family|style|version` of every face that Fontconfig lists for the family, sorted.
  private static func faces(of family: String) -> [String] {
    guard let pattern = FcPatternCreate() else { return [] }
    defer { FcPatternDestroy(pattern) }
    FcPatternAddString(pattern, "family", family)
    guard let wanted = FcObjectSetCreate() else { return [] }
    defer { FcObjectSetDestroy(wanted) }
    for name in ["style", "fontversion"] { FcObjectSetAdd(wanted, name) }
    guard let set = FcFontList(nil, pattern, wanted) else { return [] }
    defer { FcFontSetDestroy(set) }
    return (0..<Int(set.pointee.nfont)).map { index in
      var style: UnsafeMutablePointer<FcChar8>?
      var version: Int32 = 0
      FcPatternGetString(set.pointee.fonts[index], "style", 0, &style)
      FcPatternGetInteger(set.pointee.fonts[index], "fontversion", 0, &version)
      return "\(family)|\(style.map { String(cString: $0) } ?? "")|\(version)"
    }.sorted()
  }

  /// One number for the whole list, as 16 hexadecimal digits (FNV-1a).
  public var fingerprint: String {
    let hash = faces.joined(separator: "\n").utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

/// Why samples cannot be drawn or written. Always about something from outside.
public struct SynthError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The setting, file or font that caused it.
  public let name: String
  /// What is wrong, without the name.
  public let problem: String
  /// What to do about it.
  public let remedy: String

  /// An error about `name`.
  public init(name: String, problem: String, remedy: String) {
    self.name = name
    self.problem = problem
    self.remedy = remedy
  }

  /// One line: `--tasks kards: there is no such task; vlm synth --list names them`.
  public var description: String { "\(name): \(problem); \(remedy)" }
}
