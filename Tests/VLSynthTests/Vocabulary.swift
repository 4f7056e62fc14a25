import VLJSON
import VLSynth

/// What words of a question say about things, read independently of how the question was made.
struct Vocabulary {
  static let colours: [String: (Int, Int, Int)] = [
    "red": (220, 30, 35), "blue": (34, 68, 221), "green": (30, 158, 58), "yellow": (245, 217, 10),
    "black": (17, 17, 17), "purple": (122, 31, 168), "orange": (245, 127, 16), "white": (250, 250, 250),
    "pink": (247, 143, 192), "brown": (112, 64, 26), "grey": (136, 136, 136), "cyan": (42, 203, 216),
  ]
  static let shapes: Set<String> = [
    "circle", "square", "triangle", "star", "heart", "cross", "ring", "moon", "diamond", "arrow", "rectangle",
    "oval", "hexagon",
  ]

  var shapes: Set<String> = []
  var colours: Set<String> = []
  var sizes: Set<String> = []

  init(_ text: some StringProtocol) {
    for word in text.lowercased().split(whereSeparator: { !$0.isLetter }).map(String.init) {
      let singular =
        word.hasSuffix("es") && word.hasPrefix("cross")
        ? "cross" : word.hasSuffix("s") ? String(word.dropLast()) : word
      if Self.shapes.contains(word) {
        shapes.insert(word)
      } else if Self.shapes.contains(singular) {
        shapes.insert(singular)
      }
      if Self.colours[word] != nil { colours.insert(word) }
      if word == "large" || word == "small" { sizes.insert(word) }
    }
  }

  /// Whether nothing that was said speaks against the thing.
  func fits(_ thing: FactThing) -> Bool {
    (shapes.isEmpty || shapes.contains(thing.shape)) && (colours.isEmpty || colours.contains(thing.colour))
      && (sizes.count != 1 || thing.size == sizes.first)
  }
}

/// A thing of a scene, as the facts tell it.
struct FactThing: Hashable {
  var shape, colour: String
  var size: String?
  var left, top, right, bottom: Double
  var x: Double { (left + right) / 2 }
  var y: Double { (top + bottom) / 2 }

  init?(_ json: JSONValue) {
    guard let shape = json["shape"]?.stringValue, let colour = json["colour"]?.stringValue,
      let box = json["box"]?.arrayValue?.compactMap(\.doubleValue), box.count == 4
    else { return nil }
    (self.shape, self.colour, size) = (shape, colour, json["size"]?.stringValue)
    (left, top, right, bottom) = (box[0], box[1], box[2], box[3])
  }

  static func all(_ facts: JSONObject) -> [FactThing] {
    (facts["things"]?.arrayValue ?? []).compactMap(FactThing.init)
  }
}

extension SynthSample {
  /// The first question's text without its pictures.
  var question: String { messages[0].text }
  /// The first answer's text.
  var answer: String { messages[1].text }
  /// What the first question asks for.
  var query: JSONValue { facts["queries"]?.arrayValue?.first ?? .null }

  /// Samples of a task, at rising difficulty.
  static func drawn(
    _ tasks: String, _ count: Int, seed: UInt64 = 7, difficulty: Double? = nil,
    sides: ClosedRange<Int> = 112...224
  ) throws -> [SynthSample] {
    let stream = try SynthStream(
      tasks: tasks, seed: seed, split: .train, settings: SynthSettings(sides: sides, difficulty: 1))
    return (0..<count).map {
      stream.sample(at: UInt64($0), difficulty: difficulty ?? Double($0) / Double(max(1, count - 1)))
    }
  }
}
