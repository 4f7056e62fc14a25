internal import VLJSON

/// Where things are in the picture, one of them or all.
extension SceneQuestions {
  /// Asks for the part of the picture that a thing lies in, where it clearly lies in one of nine or in one half.
  static func position(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    let thing = random.pick(scene.things)
    guard let reference = Reference.to(thing, among: scene.things, &random) else { return nil }
    return random.chance(0.4)
      ? half(thing, reference, scene, &random) : ninth(thing, reference, scene, &random)
  }

  private static func half(
    _ thing: Thing, _ reference: Reference, _ scene: Scene, _ random: inout SynthRandom
  ) -> Turn? {
    let centre = thing.frame.centre
    let (share, sides) =
      random.chance(0.5)
      ? (centre.x / Double(scene.size.width), ["left", "right"])
      : (centre.y / Double(scene.size.height), ["top", "bottom"])
    guard abs(share - 0.5) > 0.06 else { return nil }
    let shown = random.shuffled(sides)
    let question = Phrasing.say(
      [
        "Is the {0} in the {1} or the {2} half?", "Which half holds the {0}, {1} or {2}?",
        "Is the {0} at the {1} or at the {2}?",
      ], [reference.text] + shown, &random)
    return Turn(
      question, sides[share < 0.5 ? 0 : 1],
      query: JSONObject(["ask": "half", "of": thing.json, "sides": .array(sides.map { .string($0) })]))
  }

  private static func ninth(
    _ thing: Thing, _ reference: Reference, _ scene: Scene, _ random: inout SynthRandom
  ) -> Turn? {
    guard let answer = part(of: scene, holding: thing) else { return nil }
    let question = Phrasing.say(
      [
        "In which part of the picture is the {0}?", "Which part of the picture holds the {0}?",
        "In which corner or part is the {0}?", "What is the position of the {0}?",
      ], [reference.text], &random)
    return Turn(
      question, answer, or: answer == "middle" ? ["centre", "center"] : [],
      query: JSONObject(["ask": "position", "of": thing.json]))
  }

  /// "top left", "middle"; nil if the thing lies between two of the nine parts.
  private static func part(of scene: Scene, holding thing: Thing) -> String? {
    func third(_ share: Double) -> Int? {
      if share < 0.29 { return 0 }
      if share > 0.71 { return 2 }
      return (0.4...0.6).contains(share) ? 1 : nil
    }
    let centre = thing.frame.centre
    guard let column = third(centre.x / Double(scene.size.width)),
      let row = third(centre.y / Double(scene.size.height))
    else { return nil }
    let words = [["top"], ["middle"], ["bottom"]][row] + [["left"], ["middle"], ["right"]][column]
    return words == ["middle", "middle"] ? "middle" : words.filter { $0 != "middle" }.joined(separator: " ")
  }

  /// Lists the things in the order of their colours or of their shapes, each with its other attribute or its place.
  ///
  /// What comes second hangs on what was said just before it, and on nothing else: the shortest way to learn to find
  /// a thing by its name.
  static func list(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    let byColour = random.chance(0.5)
    func first(_ thing: Thing) -> String { byColour ? thing.paint.name : thing.shape.name }
    let sorted = scene.things.sorted { first($0) < first($1) }
    // Two of one name have no order.
    for (a, b) in zip(sorted, sorted.dropFirst()) where first(a) == first(b) { return nil }
    let order = byColour ? "color" : "shape"
    let query = JSONObject([
      "ask": "list", "by": .string(order == "color" ? "colour" : "shape"),
    ])
    if random.chance(0.5) {
      let places = sorted.compactMap { part(of: scene, holding: $0) }
      guard places.count == sorted.count else { return nil }
      let question = Phrasing.say(
        [
          "Where is each {0}?", "Give the place of each {0}.", "Each {0} and its place?",
          "List each {0} with its place.",
        ], [order], &random)
      let answer = zip(sorted, places).map { first($0) + " " + $1 }
      return Turn(
        [.text(question)], [.text(answer.joined(separator: ", "))], .list(answer),
        query: query.adding("of", "place"))
    }
    let other = byColour ? "shape" : "color"
    let question = Phrasing.say(
      [
        "Which {1} has each {0}?", "Give the {1} of each {0}.", "Each {0} and its {1}?",
        "List each {0} with its {1}.",
      ], [order, other], &random)
    let answer = sorted.map { first($0) + " " + (byColour ? $0.shape.name : $0.paint.name) }
    return Turn(
      [.text(question)], [.text(answer.joined(separator: ", "))], .list(answer),
      query: query.adding("of", .string(byColour ? "shape" : "colour")))
  }

  /// Asks for the colour or the shape at the middle of each cell of a grid, row by row: what is where, all of it.
  ///
  /// A cell has the size of a merged patch where the picture is small: 28 pixels.
  static func map(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    func cells(_ length: Int) -> Int { min(6, max(2, (length + 14) / 28)) }
    let (rows, columns) = (cells(scene.size.height), cells(scene.size.width))
    let colours = random.chance(0.5)
    let text = (0..<rows).map { row in
      (0..<columns).map { column in
        let middle = Point(
          x: (Double(column) + 0.5) * Double(scene.size.width) / Double(columns),
          y: (Double(row) + 0.5) * Double(scene.size.height) / Double(rows))
        guard let thing = scene.things.first(where: { $0.covers(middle) }) else { return "-" }
        return colours ? thing.paint.name : thing.shape.name
      }.joined(separator: " ")
    }.joined(separator: "; ")
    let question = Phrasing.say(
      [
        "Map the {0} in {1} rows of {2}.", "Which {0} are where? Answer in {1} rows of {2}.",
        "The {0} in a grid of {1} rows and {2} columns?",
      ], [colours ? "colors" : "shapes", String(rows), String(columns)], &random)
    return Turn(
      question, text,
      query: JSONObject([
        "ask": "map", "of": .string(colours ? "colours" : "shapes"), "rows": .integer(rows),
        "columns": .integer(columns),
      ]))
  }

  /// Asks of every thing in which half or part of the picture it lies, where that is clear of all: by their names, or
  /// for a list of names with places.
  static func places(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard !scene.things.isEmpty else { return nil }
    let kind = random.weighted([2, 2, 1])
    let sides = [["left", "right"], ["top", "bottom"], []][kind]
    func place(_ thing: Thing) -> String? {
      if kind == 2 { return part(of: scene, holding: thing) }
      let (centre, size) = (thing.frame.centre, scene.size)
      let share = kind == 0 ? centre.x / Double(size.width) : centre.y / Double(size.height)
      return abs(share - 0.5) > 0.06 ? sides[share < 0.5 ? 0 : 1] : nil
    }
    let named = random.chance(0.5)
    let things = named ? random.shuffled(scene.things) : scene.things.sorted { $0.name < $1.name }
    let places = things.compactMap(place)
    let references = things.compactMap { Reference.to($0, among: scene.things, &random) }
    guard places.count == things.count, references.count == things.count else { return nil }
    let shown = kind == 2 ? "in which part of the picture" : random.shuffled(sides).joined(separator: " or ")
    let query = JSONObject([
      "ask": "places", "sides": .array(sides.map { .string($0) }), "of": .array(things.map(\.json)),
    ])
    guard named else {
      let question = Phrasing.say(
        ["{0}: each shape?", "Where is each shape, {1}?", "List each shape and its place, {1}."],
        [Phrasing.capitalised(shown), shown], &random)
      let answer = zip(things, places).map { $0.name + " " + $1 }.joined(separator: ", ")
      return Turn(question, answer, query: query)
    }
    let names = Phrasing.list(references.map { "the " + $0.text })
    let question = Phrasing.say(
      ["{0}: {2}?", "Where is each, {1}: {2}?", "Where, {1}, are {2}?"],
      [Phrasing.capitalised(shown), shown, names], &random)
    return Turn(question, places.joined(separator: ", "), query: query)
  }
}
