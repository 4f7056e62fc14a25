/// Ways of saying things.
enum Phrasing {
  /// One of the templates with `{0}`, `{1}`… replaced by the words, sometimes carelessly typed.
  ///
  /// `{colour}` becomes either spelling.
  static func say(_ templates: [String], _ words: [String], _ random: inout SynthRandom) -> String {
    var text = fill(random.pick(templates), words, &random)
    let style = random.int(0...15)
    if style < 2, let last = text.last, last == "?" || last == "." { text.removeLast() }
    // "OCR" stays as it is.
    if style == 0 || style == 2, let first = text.first, text.dropFirst().first?.isUppercase != true {
      text = first.lowercased() + text.dropFirst()
    }
    return text
  }

  /// One of the templates, which have no places, sometimes carelessly typed.
  static func say(_ templates: [String], _ random: inout SynthRandom) -> String {
    say(templates, [], &random)
  }

  /// The template with its places filled.
  static func fill(_ template: String, _ words: [String], _ random: inout SynthRandom) -> String {
    guard template.utf8.contains(UInt8(ascii: "{")) else { return template }
    var text = ""
    var rest = template[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      text += rest[..<open]
      let name = rest[rest.index(after: open)..<close]
      if name == "colour" {
        text += random.chance(0.5) ? "colour" : "color"
      } else if let place = Int(name), words.indices.contains(place) {
        text += words[place]
      }
      rest = rest[rest.index(after: close)...]
    }
    return text + rest
  }

  /// "a", "a and b", "a, b and c".
  static func list(_ items: [String]) -> String {
    guard let last = items.last else { return "" }
    return items.count == 1 ? last : items.dropLast().joined(separator: ", ") + " and " + last
  }

  /// With a capital first letter.
  static func capitalised(_ text: String) -> String {
    guard let first = text.first else { return text }
    return first.uppercased() + text.dropFirst()
  }
}
