/// Reads boxes, points, numbers, lists and words out of an answer. Anything may stand around them.
enum AnswerText {
  /// The answer without special tokens, whose names stand between `<|` and `|>`.
  static func withoutSpecialTokens(_ text: String) -> String {
    var out = ""
    var rest = text[...]
    while let open = rest.firstRange(of: "<|"), let close = rest[open.upperBound...].firstRange(of: "|>") {
      let name = rest[open.upperBound..<close.lowerBound]
      guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0 == "_") }) else {
        out += rest[..<open.upperBound]
        rest = rest[open.upperBound...]
        continue
      }
      out += rest[..<open.lowerBound]
      rest = rest[close.upperBound...]
    }
    return out + rest
  }

  /// Without spaces and line ends at both ends.
  static func trimmed(_ text: String) -> String {
    guard let first = text.firstIndex(where: { !$0.isWhitespace }),
      let last = text.lastIndex(where: { !$0.isWhitespace })
    else { return "" }
    return String(text[first...last])
  }

  /// In small letters, with single spaces, without a final full stop, quotes around it, or an article before it.
  static func normalised(_ text: String) -> String {
    var words = withoutSpecialTokens(text).lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
    if words.count > 1, ["a", "an", "the"].contains(words[0]) { words.removeFirst() }
    var joined = words.joined(separator: " ")
    while let last = joined.last, last == "." || last == "。" { joined.removeLast() }
    if joined.count >= 2, let first = joined.first, let last = joined.last, "\"'".contains(first),
      first == last
    {
      joined = String(joined.dropFirst().dropLast())
    }
    return joined
  }

  /// The items of an enumeration: between commas, semicolons, line ends and "and".
  static func items(_ text: String) -> [String] {
    withoutSpecialTokens(text).replacingAll(" and ", with: ",").split { ",;\n，、和".contains($0) }
      .map { normalised(String($0)) }.filter { !$0.isEmpty }
  }

  private static let numberWords = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
  ]

  /// The only number in the text, in digits or (up to twelve) in words; nil if there is none or several.
  static func number(_ text: String) -> Double? {
    let scalars = Array(withoutSpecialTokens(text).unicodeScalars)
    var found: [Double] = []
    var index = 0
    func isDigit(_ i: Int) -> Bool { i < scalars.count && ("0"..."9").contains(scalars[i]) }
    while index < scalars.count {
      guard isDigit(index) else {
        index += 1
        continue
      }
      // A minus counts unless it joins the number to something, as in "7-3".
      let isNegative =
        index > 0 && (scalars[index - 1] == "-" || scalars[index - 1] == "−")
        && (index == 1 || !isDigit(index - 2))
      var digits = ""
      while index < scalars.count {
        if isDigit(index) {
          digits.unicodeScalars.append(scalars[index])
        } else if scalars[index] == ",", isDigit(index + 1), isDigit(index + 2), isDigit(index + 3),
          !isDigit(index + 4)
        {
          // Groups of three.
        } else if scalars[index] == ".", isDigit(index + 1), !digits.contains(".") {
          digits += "."
        } else {
          break
        }
        index += 1
      }
      if let value = Double(digits) { found.append(isNegative ? -value : value) }
    }
    if found.isEmpty {
      let words = normalised(text).split { !$0.isLetter }.map(String.init)
      found = words.compactMap { numberWords.firstIndex(of: $0).map(Double.init) }
    }
    return found.count == 1 ? found[0] : nil
  }

  /// Every `(x,y)` in the text, whole numbers in 0...1000.
  static func points(_ text: String) -> [SynthPoint] { located(text).map(\.point) }

  /// Every `(x1,y1),(x2,y2)` in the text whose corners come in that order.
  static func boxes(_ text: String) -> [SynthBox] {
    let points = located(text)
    var boxes: [SynthBox] = []
    var index = 0
    while index + 1 < points.count {
      let (a, b) = (points[index], points[index + 1])
      if b.follows, a.point.x <= b.point.x, a.point.y <= b.point.y {
        boxes.append(SynthBox(left: a.point.x, top: a.point.y, right: b.point.x, bottom: b.point.y))
        index += 2
      } else {
        index += 1
      }
    }
    return boxes
  }

  /// Points, and whether each comes right after the one before it, with a comma between them.
  private static func located(_ text: String) -> [(point: SynthPoint, follows: Bool)] {
    let bytes = Array(text.utf8)
    var found: [(SynthPoint, Bool)] = []
    var lastEnd = -1
    var index = 0
    func space(_ i: inout Int) { while i < bytes.count, bytes[i] == UInt8(ascii: " ") { i += 1 } }
    func number(_ i: inout Int) -> Int? {
      space(&i)
      var value = 0
      let start = i
      while i < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[i]), i - start < 5 {
        value = value * 10 + Int(bytes[i] - UInt8(ascii: "0"))
        i += 1
      }
      space(&i)
      return i > start && value <= 1000 ? value : nil
    }
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "(") else {
        index += 1
        continue
      }
      var i = index + 1
      if let x = number(&i), i < bytes.count, bytes[i] == UInt8(ascii: ",") {
        i += 1
        if let y = number(&i), i < bytes.count, bytes[i] == UInt8(ascii: ")") {
          let between = lastEnd < 0 ? [] : bytes[lastEnd..<index].filter { $0 != UInt8(ascii: " ") }
          found.append((SynthPoint(x: x, y: y), lastEnd >= 0 && between == [UInt8(ascii: ",")]))
          lastEnd = i + 1
          index = i + 1
          continue
        }
      }
      index += 1
    }
    return found
  }

  /// Every `<|object_ref_start|>text<|object_ref_end|>` that four points follow.
  static func readings(_ text: String) -> [SynthReading] {
    let parts = text.split(separator: "<|object_ref_start|>", omittingEmptySubsequences: false).dropFirst()
    return parts.compactMap { part in
      guard let end = part.firstRange(of: "<|object_ref_end|>") else { return nil }
      let corners = points(String(part[end.upperBound...])).prefix(4)
      guard corners.count == 4 else { return nil }
      return SynthReading(text: String(part[..<end.lowerBound]), quad: SynthQuad(Array(corners)))
    }
  }

  /// How many characters must be put in, taken out or changed to make one text the other (Levenshtein).
  static func distance(_ a: [Character], _ b: [Character]) -> Int {
    var row = Array(0...b.count)
    for (i, character) in a.enumerated() {
      var diagonal = row[0]
      row[0] = i + 1
      for (j, other) in b.enumerated() {
        let next = min(row[j + 1] + 1, row[j] + 1, diagonal + (character == other ? 0 : 1))
        diagonal = row[j + 1]
        row[j + 1] = next
      }
    }
    return row[b.count]
  }
}

extension String {
  /// With every occurrence of a text replaced.
  func replacingAll(_ text: String, with other: String) -> String {
    split(separator: text, omittingEmptySubsequences: false).joined(separator: other)
  }
}
