internal import VLJSON

/// Questions about a scene, in English. Each returns nil where the scene leaves the answer open to argument.
enum SceneQuestions {
  static func colour(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    let thing = random.pick(scene.things)
    let query = JSONObject(["ask": "colour", "of": thing.json])
    if scene.things.count == 1 && random.chance(0.4) {
      let question = Phrasing.say(
        [
          "What {colour} is it?", "What {colour} is the shape?", "Which {colour} do you see?",
          "What {colour}?",
        ],
        &random)
      return Turn(question, thing.paint.name, query: query)
    }
    guard let reference = Reference.to(thing, among: scene.things, paint: false, &random) else { return nil }
    let question = Phrasing.say(
      [
        "What {colour} is the {0}?", "What is the {colour} of the {0}?", "Which {colour} does the {0} have?",
        "Tell me the {colour} of the {0}.", "The {0} is what {colour}?", "Name the {colour} of the {0}.",
        "What {colour} does the {0} have?",
      ], [reference.text], &random)
    return Turn(question, thing.paint.name, query: query)
  }

  static func shape(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    let thing = random.pick(scene.things)
    let query = JSONObject(["ask": "shape", "of": thing.json])
    if scene.things.count == 1 && random.chance(0.4) {
      let question = Phrasing.say(
        [
          "What shape is it?", "What shape is this?", "Which shape do you see?",
          "What shape is in the picture?",
        ],
        &random)
      return Turn(question, thing.shape.name, query: query)
    }
    guard let reference = Reference.to(thing, among: scene.things, shape: false, &random) else { return nil }
    let words = [reference.paint, nil].compactMap { $0?.name }
    let adjective = ([reference.size?.rawValue].compactMap { $0 } + words).joined(separator: " ")
    let question = Phrasing.say(
      [
        "What shape is the {0} one?", "What is the shape of the {0} object?", "Which shape is {0}?",
        "What shape is {0}?", "What shape does the {0} thing have?", "Name the {0} shape.",
      ], [adjective], &random)
    return Turn(question, thing.shape.name, query: query)
  }

  /// Counts what a reference with any attributes (or none) means.
  static func count(
    _ scene: Scene, _ reference: Reference, _ random: inout SynthRandom
  ) -> Turn {
    let count = scene.things.filter(reference.matches).count
    var noun = reference.plural
    if reference.shape == nil && random.chance(0.5) {
      noun = noun.replacingLast("shapes", with: random.pick(["objects", "things"]))
    }
    let question = Phrasing.say(
      [
        "How many {0} are there?", "How many {0} do you see?", "Count the {0}.",
        "How many {0} are in the picture?", "What is the number of {0}?", "How many {0}?",
      ], [noun], &random)
    return Turn(
      [.text(question)], [.text(String(count))], .number(Double(count), tolerance: 0),
      query: JSONObject(["ask": "count", "where": reference.json]))
  }

  /// Asks whether there is such a thing; as often no as yes, and then one that nearly is there.
  static func exists(_ scene: Scene, _ difficulty: Double, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    let thing = random.pick(scene.things)
    var reference = Reference(shape: thing.shape, paint: thing.paint)
    switch random.weighted([2, 1, 1]) {
    case 1: reference.paint = nil
    case 2: reference.shape = nil
    default: break
    }
    if random.chance(0.5) {
      if reference.paint == nil || (reference.shape != nil && random.chance(0.5)) {
        reference.shape = random.pick(Scene.shapes(difficulty))
      } else {
        reference.paint = random.pick(Scene.paints(difficulty))
      }
      if scene.things.contains(where: reference.matches) { return nil }
    }
    let question = Phrasing.say(
      [
        "Is there {0}?", "Is there {0} in the picture?", "Do you see {0}?", "Does the picture show {0}?",
        "Can you see {0}?",
      ], [withArticle(reference.text)], &random)
    return Turn(
      question, scene.things.contains(where: reference.matches) ? "yes" : "no",
      query: JSONObject(["ask": "exists", "where": reference.json]))
  }

  /// Asks whether one thing lies on a side of another, where that is clear.
  static func relation(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard let (a, b, side) = clearPair(scene, &random) else { return nil }
    return relation(a, b, side, among: scene.things, &random)
  }

  /// Asks about `a` and `b` which of two sides it is, or claims one.
  static func relation(
    _ a: Thing, _ b: Thing, _ side: Side, among things: [Thing], _ random: inout SynthRandom
  ) -> Turn? {
    guard let first = Reference.to(a, among: things, &random),
      let second = Reference.to(b, among: things, &random)
    else { return nil }
    let pair = Pair(a: a, b: b, side: side, names: [first.text, second.text])
    return random.chance(0.5) ? sideOf(pair, &random) : claim(pair, &random)
  }

  /// `a` lies on this side of `b`; how the two are called.
  struct Pair {
    let a: Thing
    let b: Thing
    let side: Side
    let names: [String]

    fileprivate var query: JSONObject { JSONObject(["ask": "relation", "of": a.json, "from": b.json]) }
  }

  /// Asks on which side the first lies, of the true one and its opposite.
  static func sideOf(_ pair: Pair, _ random: inout SynthRandom) -> Turn {
    let side = pair.side
    let sides = [side, side.opposite].sorted { $0.rawValue < $1.rawValue }
    let (one, other) = random.chance(0.5) ? (sides[0], sides[1]) : (sides[1], sides[0])
    let of = side == .left || side == .right ? " of" : ""
    let question = Phrasing.say(
      [
        "Is the {0} {1} or {2}{3} the {4}?", "Where is the {0}, {1} or {2}{3} the {4}?",
        "Is the {0} {1}{3} or {2}{3} the {4}?",
      ], [pair.names[0], one.rawValue, other.rawValue, of, pair.names[1]], &random)
    return Turn(question, side.rawValue, query: pair.query.adding("side", .string(side.rawValue)))
  }

  /// Asks whether the first lies on its side, or on the opposite one.
  static func claim(_ pair: Pair, _ random: inout SynthRandom) -> Turn {
    let asked = random.chance(0.5) ? pair.side : pair.side.opposite
    let question = Phrasing.say(
      [
        "Is the {0} {1} the {2}?", "Is the {0} {1} the {2}?", "Does the {0} lie {1} the {2}?",
        "Can you see the {0} {1} the {2}?",
      ], [pair.names[0], random.pick(asked.words), pair.names[1]], &random)
    return Turn(
      question, asked == pair.side ? "yes" : "no",
      query: pair.query.adding("asked", .string(asked.rawValue)))
  }

  /// Asks what lies on a side of a thing, where exactly one does.
  static func beside(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard let (a, b, side) = clearPair(scene, &random) else { return nil }
    // Nothing else may even partly lie on that side.
    let others = scene.things.filter { $0.frame != a.frame && $0.frame != b.frame }
    if others.contains(where: { side.leans($0.frame, b.frame) }) { return nil }
    guard let reference = Reference.to(b, among: scene.things, &random) else { return nil }
    let question = Phrasing.say(
      [
        "What is {0} the {1}?", "What is {0} the {1}?", "Which shape is {0} the {1}?",
        "What do you see {0} the {1}?", "What lies {0} the {1}?", "Name the thing {0} the {1}.",
      ], [random.pick(side.words), reference.text], &random)
    return Turn(
      [.text(question)], [.text(a.name)], .exact([a.name]),
      query: JSONObject(["ask": "beside", "side": .string(side.rawValue), "from": b.json]))
  }

  /// Two things, the first clearly on this side of the second: apart in that direction, and further than sideways.
  static func clearPair(_ scene: Scene, _ random: inout SynthRandom) -> (Thing, Thing, Side)? {
    guard scene.things.count >= 2 else { return nil }
    let gap = scene.size.shorter * 0.04
    for _ in 0..<8 {
      let pair = random.some(2, of: scene.things)
      let side = random.pick(Side.allCases)
      let (a, b) = (pair[0].frame, pair[1].frame)
      let distance = side.distance(a, from: b)
      let (dx, dy) = (abs(a.centre.x - b.centre.x), abs(a.centre.y - b.centre.y))
      let along = side == .left || side == .right ? dx : dy
      if distance >= gap && along > (dx + dy - along) { return (pair[0], pair[1], side) }
    }
    return nil
  }

  static func size(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    let large = scene.things.filter { $0.plan.size == .large }
    let small = scene.things.filter { $0.plan.size == .small }
    guard !large.isEmpty, !small.isEmpty else { return nil }
    let (big, little) = (random.pick(large), random.pick(small))
    if random.chance(0.4) {
      let thing = random.chance(0.5) ? big : little
      guard
        let reference = Reference.to(thing, among: scene.things, &random), reference.size == nil
      else { return nil }
      let question = Phrasing.say(
        [
          "Is the {0} large or small?", "Is the {0} small or large?", "What size is the {0}?",
          "How large is the {0}, small or large?",
        ], [reference.text], &random)
      return Turn(
        question, thing.plan.size?.rawValue ?? "", query: JSONObject(["ask": "size", "of": thing.json]))
    }
    var pair = [big, little]
    if random.chance(0.5) { pair.swapAt(0, 1) }
    let references = pair.compactMap { Reference.to($0, among: scene.things, &random) }
    guard references.count == 2, references.allSatisfy({ $0.size == nil }) else { return nil }
    let larger = random.chance(0.5)
    let question = Phrasing.say(
      [
        "Which is {2}, the {0} or the {1}?", "What is {2}: the {0} or the {1}?", "Is the {0} or the {1} {2}?",
      ],
      [references[0].text, references[1].text]
        + [larger ? random.pick(["larger", "bigger"]) : random.pick(["smaller", "less large"])], &random)
    let right = larger ? big : little
    let index = pair[0].frame == right.frame ? 0 : 1
    return Turn(
      [.text(question)], [.text(references[index].text)], .exact([references[index].text, right.name]),
      query: JSONObject(["ask": larger ? "larger" : "smaller", "of": .array(pair.map(\.json))]))
  }

  /// Lists the things from left to right, where that order is clear.
  static func caption(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard let sorted = leftToRight(scene) else { return nil }
    let question = Phrasing.say(
      [
        "Describe the picture.", "What is in the picture?", "What do you see?", "What does the picture show?",
        "Caption the picture.", "What is this?", "Describe what you see.",
        "List the shapes from left to right.",
      ], &random)
    let text = Phrasing.list(sorted.map { withArticle($0.name) })
    return Turn(
      [.text(question)], [.text(Phrasing.capitalised(text) + ".")], .list(sorted.map(\.name)),
      query: JSONObject(["ask": "caption"]))
  }

  /// The things from left to right; nil if two are nearly in one column.
  static func leftToRight(_ scene: Scene) -> [Thing]? {
    guard !scene.things.isEmpty else { return nil }
    let sorted = scene.things.sorted { $0.frame.centre.x < $1.frame.centre.x }
    let gap = Double(scene.size.width) * 0.08
    for (a, b) in zip(sorted, sorted.dropFirst()) where b.frame.centre.x - a.frame.centre.x < gap {
      return nil
    }
    return sorted
  }
}

extension Side {
  /// Whether `a` lies on this side of `b` however slightly: an edge reaches further, or its centre does.
  fileprivate func leans(_ a: Frame, _ b: Frame) -> Bool {
    switch self {
    case .left: a.left < b.left || a.centre.x < b.centre.x
    case .right: a.right > b.right || a.centre.x > b.centre.x
    case .above: a.top < b.top || a.centre.y < b.centre.y
    case .below: a.bottom > b.bottom || a.centre.y > b.centre.y
    }
  }
}

extension Reference {
  var json: JSONValue {
    var object = JSONObject()
    if let shape { object["shape"] = .string(shape.name) }
    if let paint { object["colour"] = .string(paint.name) }
    if let size { object["size"] = .string(size.rawValue) }
    return .object(object)
  }
}

extension JSONObject {
  /// The same with another member.
  func adding(_ key: String, _ value: JSONValue) -> JSONObject {
    var object = self
    object[key] = value
    return object
  }
}

extension String {
  /// The same with a word at its end replaced.
  func replacingLast(_ word: String, with other: String) -> String {
    hasSuffix(word) ? dropLast(word.count) + other : self
  }
}
