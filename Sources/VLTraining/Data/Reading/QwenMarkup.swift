internal import VLMedia
internal import VLModels
internal import VLText

/// Qwen-VL's (2023) way to write pictures and places into text: `<img>path</img>`, `<ref>label</ref>`,
/// `<box>(x1,y1),(x2,y2)</box>`, `<quad>(x,y),(x,y),(x,y),(x,y)</quad>`.
///
/// They become parts of a message; any other text, whatever it looks like, stays text.
enum QwenMarkup {
  private static let tags = ["img", "ref", "box", "quad"]

  /// The parts of a text.
  /// - Parameters:
  ///   - text: with the markup in it.
  ///   - source: the picture that a path names.
  /// - Throws: ``PartForm/Problem`` for markup that is not closed, or a path that `source` refuses.
  /// - Returns: text and pictures, in order.
  static func parts(
    of text: String, source: (String) throws(PartForm.Problem) -> MediaSource
  ) throws(PartForm.Problem) -> [Message.Part] {
    var parts: [Message.Part] = []
    let bytes = Array(text.utf8)
    var plain = 0
    var index = 0
    func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    while index < bytes.count {
      guard bytes[index] == UInt8(ascii: "<"),
        let tag = tags.first(where: { bytes[index...].starts(with: "<\($0)>".utf8) })
      else {
        if bytes[index] == UInt8(ascii: "<"),
          let tag = tags.first(where: { bytes[index...].starts(with: "</\($0)>".utf8) })
        {
          throw PartForm.Problem("</\(tag)> has no <\(tag)> before it", remedy: "write both or none")
        }
        index += 1
        continue
      }
      if plain < index { parts.append(.text(string(plain..<index))) }
      let start = index + tag.utf8.count + 2
      let close = Array("</\(tag)>".utf8)
      guard let end = find(close, in: bytes, from: start) else {
        throw PartForm.Problem("<\(tag)> has no </\(tag)>", remedy: "write both or none")
      }
      let content = string(start..<end)
      switch tag {
      case "img": parts.append(.image(ImageInput(try source(content))))
      case "ref": parts.append(.reference(content))
      case "box":
        guard let points = points(content), points.count == 2, let box = GroundingBox(points[0], points[1])
        else {
          throw PartForm.Problem(
            "<box>\(content.prefix(60))</box> is not two corners in thousandths",
            remedy: "write (x1,y1),(x2,y2) with whole numbers in 0...999, left and top first")
        }
        parts.append(.box(box))
      default:
        guard let points = points(content), let quad = GroundingQuad(points) else {
          throw PartForm.Problem(
            "<quad>\(content.prefix(80))</quad> is not four corners in thousandths",
            remedy: "write (x,y),(x,y),(x,y),(x,y) with whole numbers in 0...999")
        }
        parts.append(.quad(quad))
      }
      index = end + close.count
      plain = index
    }
    if plain < bytes.count { parts.append(.text(string(plain..<bytes.count))) }
    return parts
  }

  private static func find(_ needle: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    var index = start
    while index + needle.count <= bytes.count {
      if bytes[index] == needle[0], bytes[index..<index + needle.count].elementsEqual(needle) { return index }
      index += 1
    }
    return nil
  }

  /// `(x,y),(x,y)…`, with or without spaces between; nil for anything else.
  private static func points(_ text: String) -> [GroundingPoint]? {
    var points: [GroundingPoint] = []
    var rest = Substring(text.filter { $0 != " " })
    while !rest.isEmpty {
      if !points.isEmpty {
        guard rest.first == "," else { return nil }
        rest = rest.dropFirst()
      }
      guard rest.first == "(", let end = rest.firstIndex(of: ")") else { return nil }
      let numbers = rest[rest.index(after: rest.startIndex)..<end].split(
        separator: ",", omittingEmptySubsequences: false
      ).map { number in
        number.allSatisfy { ("0"..."9").contains($0) } ? Int(number) ?? -1 : -1
      }
      guard numbers.count == 2, let point = GroundingPoint(x: numbers[0], y: numbers[1]) else { return nil }
      points.append(point)
      rest = rest[rest.index(after: end)...]
    }
    return points
  }

  // MARK: The forms of pretraining

  /// What asks in the forms that ask in words.
  private static let requests = [
    "Generate the caption in English with grounding:", "Generate the caption in Chinese with grounding:",
    "Generate the caption in English:", "Generate the caption in Chinese:", "OCR with grounding:",
  ]

  /// Question and answer of one of the paper's seven forms (Qwen-VL, appendix B): caption, question about a picture,
  /// question about a text, caption with grounding, phrase to place, place to caption, text with its quads.
  ///
  /// The answer is what the paper supervises: what follows the request, `Answer:`, a phrase, or a phrase with its place.
  static func form(_ parts: [Message.Part]) throws(PartForm.Problem) -> (
    question: [Message.Part], answer: [Message.Part]
  ) {
    var parts = parts[...]
    if case .text(let last)? = parts.last, last.hasSuffix("<eos>") {
      parts = parts.dropLast() + (last == "<eos>" ? [] : [.text(String(last.dropLast(5)))])
    }
    var question: [Message.Part] = []
    while case .image? = parts.first { question.append(parts.removeFirst()) }
    guard !question.isEmpty else {
      throw PartForm.Problem(
        "its text does not begin with <img>", remedy: "for plain text make shards (vlm data tokenize)")
    }
    switch parts.first {
    case .text(let text)?:
      let rest = parts.dropFirst()
      let words = text.drop { $0 == " " || $0 == "\n" }
      if let request = requests.first(where: { words.hasPrefix($0) }) {
        question.append(.text(request))
        return (question, answer(words.dropFirst(request.count), rest))
      }
      if let range = words.firstRange(of: " Answer:") {
        question.append(.text(String(words[..<range.lowerBound])))
        return (question, answer(words[range.upperBound...], rest))
      }
    case .reference?:
      question.append(parts.removeFirst())
      var places: [Message.Part] = []
      while true {
        switch parts.first {
        case .box?, .quad?:
          places.append(parts.removeFirst())
          continue
        case .text(let blank)? where blank.allSatisfy(\.isWhitespace) && parts.count == 1: parts.removeFirst()
        default: break
        }
        break
      }
      if parts.isEmpty && !places.isEmpty { return (question, places) }
      if case .text(let text)? = parts.first, !places.isEmpty {
        return (question + places, answer(Substring(text), parts.dropFirst()))
      }
    default: break
    }
    throw PartForm.Problem(
      "its text has none of the seven forms", remedy: "give it as conversations of user and assistant")
  }

  private static func answer(_ text: Substring, _ rest: ArraySlice<Message.Part>) -> [Message.Part] {
    let words = text.drop { $0 == " " }
    return (words.isEmpty ? [] : [.text(String(words))]) + rest
  }
}
