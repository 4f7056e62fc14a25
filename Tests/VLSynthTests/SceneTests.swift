import Testing
import VLJSON
import VLMedia
import VLSynth

/// Answers about scenes, found again from the words of the question and the list of what was drawn.
struct SceneTests {
  @Test(arguments: ["colour", "shape"]) func attributes(skill: String) throws {
    for sample in try SynthSample.drawn("scenes/\(skill)", 300) {
      let said = Vocabulary(sample.question)
      let things = FactThing.all(sample.facts).filter(said.fits)
      #expect(things.count == 1, "\(sample.question)")
      #expect(
        things.first.map { skill == "colour" ? $0.colour : $0.shape } == sample.answer, "\(sample.question)")
    }
  }

  @Test func counts() throws {
    let samples = try SynthSample.drawn("scenes/count", 600)
    for sample in samples {
      let things = FactThing.all(sample.facts).filter(Vocabulary(sample.question).fits)
      #expect(sample.answer == String(things.count), "\(sample.question)")
    }
    // Zero and many are asked for, too.
    let answers = Set(samples.map(\.answer))
    #expect((0...9).allSatisfy { answers.contains(String($0)) })
  }

  @Test func existence() throws {
    let samples = try SynthSample.drawn("scenes/exists", 400)
    for sample in samples {
      let isThere = FactThing.all(sample.facts).contains(where: Vocabulary(sample.question).fits)
      #expect(sample.answer == (isThere ? "yes" : "no"), "\(sample.question)")
    }
    let share = Double(samples.filter { $0.answer == "yes" }.count) / 400
    #expect(abs(share - 0.5) < 0.2)
  }

  /// Whether the centre of one thing lies on a side of another.
  private func lies(_ a: FactThing, _ side: String, _ b: FactThing) -> Bool {
    switch side {
    case "left": a.x < b.x
    case "right": a.x > b.x
    case "above": a.y < b.y
    default: a.y > b.y
    }
  }

  @Test func relations() throws {
    for sample in try SynthSample.drawn("scenes/relation", 400) {
      try checkRelation(sample.question, sample.answer, FactThing.all(sample.facts))
    }
  }

  /// Whether a thing is named after the last side: "left of the star", not "in the left half".
  private func isRelation(_ question: String) -> Bool {
    let words = question.lowercased().split { !$0.isLetter }.map(String.init)
    guard let last = words.lastIndex(where: { ["left", "right", "above", "below", "under"].contains($0) })
    else { return false }
    let said = Vocabulary(words[last...].joined(separator: " "))
    return !said.shapes.isEmpty || !said.colours.isEmpty
  }

  private func checkRelation(_ question: String, _ answer: String, _ things: [FactThing]) throws {
    let words = question.lowercased().split { !$0.isLetter }.map(String.init)
    let sides = words.indices.filter { ["left", "right", "above", "below", "under"].contains(words[$0]) }
    let first = try #require(sides.first)
    let last = try #require(sides.last)
    let a = things.filter(Vocabulary(words[..<first].joined(separator: " ")).fits)
    let b = things.filter(Vocabulary(words[(last + 1)...].joined(separator: " ")).fits)
    guard a.count == 1, b.count == 1 else {
      Issue.record("\(question)")
      return
    }
    let name = words[first] == "under" ? "below" : words[first]
    let holds = lies(a[0], name, b[0])
    #expect(
      answer == (sides.count == 1 ? (holds ? "yes" : "no") : holds ? name : words[last]), "\(question)")
  }

  /// Many questions of one kind about one scene, none twice, each answered truly.
  @Test(arguments: ["sides", "presence", "claims", "counts"]) func manyOfAKind(skill: String) throws {
    let samples = try SynthSample.drawn("dialogue/\(skill)", 200, sides: 84...140)
    var answers: [String: Int] = [:]
    for sample in samples {
      let things = FactThing.all(sample.facts)
      let questions = sample.messages.filter { $0.role == .user }.map(\.text)
      let replies = sample.messages.filter { $0.role == .assistant }.map(\.text)
      #expect((2...21).contains(questions.count) && Set(questions).count == questions.count)
      for (question, answer) in zip(questions, replies) {
        answers[answer, default: 0] += 1
        if skill == "counts" {
          #expect(answer == String(things.filter(Vocabulary(question).fits).count), "\(question)")
        } else if skill == "presence" {
          let isThere = things.contains(where: Vocabulary(question).fits)
          #expect(answer == (isThere ? "yes" : "no"), "\(question)")
        } else if isRelation(question) {
          try checkRelation(question, answer, things)
        }
      }
    }
    for pair in [["yes", "no"], ["left", "right"], ["above", "below"]] where answers[pair[0]] != nil {
      let (one, other) = (Double(answers[pair[0]] ?? 0), Double(answers[pair[1]] ?? 0))
      #expect(abs(one - other) < 0.15 * (one + other), "\(answers)")
    }
    switch skill {
    case "sides": #expect(answers.count > 8)
    case "claims": #expect(Set(answers.keys) == ["yes", "no", "left", "right", "above", "below"])
    case "counts": #expect((0...4).allSatisfy { (answers[String($0)] ?? 0) > 40 }, "\(answers)")
    default: #expect(Set(answers.keys) == ["yes", "no"])
    }
  }

  @Test func whatLiesBeside() throws {
    for sample in try SynthSample.drawn("scenes/beside", 300) {
      let things = FactThing.all(sample.facts)
      let words = sample.question.lowercased().split { !$0.isLetter }.map(String.init)
      let at = try #require(words.lastIndex { ["left", "right", "above", "below", "under"].contains($0) })
      let other = things.filter(Vocabulary(words[(at + 1)...].joined(separator: " ")).fits)
      #expect(other.count == 1)
      let there = things.filter {
        $0 != other[0] && lies($0, words[at] == "under" ? "below" : words[at], other[0])
      }
      #expect(there.map { "\($0.colour) \($0.shape)" } == [sample.answer], "\(sample.question)")
    }
  }

  @Test func sizes() throws {
    for sample in try SynthSample.drawn("scenes/size", 300) {
      let things = FactThing.all(sample.facts)
      func span(_ thing: FactThing) -> Double { max(thing.right - thing.left, thing.bottom - thing.top) }
      let large = things.filter { $0.size == "large" }.map(span).min() ?? 0
      let small = things.filter { $0.size == "small" }.map(span).max() ?? 0
      #expect(large >= 1.9 * small)
      if ["large", "small"].contains(sample.answer) {
        let meant = things.filter { thing in
          var said = Vocabulary(sample.question)
          said.sizes = []
          return said.fits(thing)
        }
        #expect(meant.map(\.size) == [sample.answer])
      } else {
        let wanted = sample.query["ask"]?.stringValue == "larger" ? "large" : "small"
        #expect(things.filter(Vocabulary(sample.answer).fits).map(\.size) == [wanted])
      }
    }
  }

  @Test func positions() throws {
    for sample in try SynthSample.drawn("scenes/position", 300) {
      let width = try #require(sample.facts["width"]?.doubleValue)
      let height = try #require(sample.facts["height"]?.doubleValue)
      let things = FactThing.all(sample.facts).filter(Vocabulary(sample.question).fits)
      #expect(things.count == 1)
      let (x, y) = (things[0].x / width, things[0].y / height)
      if sample.query["ask"]?.stringValue == "half" {
        let right =
          sample.question.contains("left") ? (x < 0.5 ? "left" : "right") : (y < 0.5 ? "top" : "bottom")
        #expect(sample.answer == right, "\(sample.question)")
        continue
      }
      #expect(
        sample.answer.contains("left") == (x < 1.0 / 3) && sample.answer.contains("right") == (x > 2.0 / 3))
      #expect(
        sample.answer.contains("top") == (y < 1.0 / 3) && sample.answer.contains("bottom") == (y > 2.0 / 3))
    }
  }

  /// Also in the plainest pictures a position is not known before looking.
  @Test func positionsAreMany() throws {
    let samples = try SynthSample.drawn("scenes/position", 900, difficulty: 0)
    let ninths = samples.filter { $0.query["ask"]?.stringValue == "position" }
    let answers = Dictionary(grouping: ninths, by: \.answer).mapValues(\.count)
    #expect(answers.count == 9)
    #expect(answers.values.allSatisfy { $0 * 4 < ninths.count }, "\(answers)")
  }

  /// Seen from the outside: each cell's word is the name of the colour that its middle pixel has.
  @Test func maps() throws {
    for sample in try SynthSample.drawn("scenes/map", 300, difficulty: 0, sides: 84...168) {
      let image = sample.images[0]
      let cells = sample.answer.split(separator: ";").map { $0.split(separator: " ").map(String.init) }
      let (rows, columns) = (
        sample.query["rows"]?.integerValue ?? 0, sample.query["columns"]?.integerValue ?? 0
      )
      #expect(cells.count == rows && cells.allSatisfy { $0.count == columns })
      #expect(sample.question.contains("\(rows)") && sample.question.contains("\(columns)"))
      let things = FactThing.all(sample.facts)
      let ofColours = sample.query["of"]?.stringValue == "colours"
      for (row, words) in cells.enumerated() {
        for (column, word) in words.enumerated() where word != "-" {
          let x = (Double(column) + 0.5) * Double(image.width) / Double(columns)
          let y = (Double(row) + 0.5) * Double(image.height) / Double(rows)
          let there = things.filter { $0.left <= x && x <= $0.right && $0.top <= y && y <= $0.bottom }
          #expect(there.count == 1 && (ofColours ? there[0].colour : there[0].shape) == word)
        }
      }
      // A convex thing as large as two cells covers the middle of one.
      let large = things.filter {
        ["circle", "square"].contains($0.shape)
          && ($0.right - $0.left) * Double(columns) > 1.6 * Double(image.width)
          && ($0.bottom - $0.top) * Double(rows) > 1.6 * Double(image.height)
      }
      for thing in large { #expect(cells.joined().contains(ofColours ? thing.colour : thing.shape)) }
    }
  }

  /// In order of the words asked by, every thing once, with what it has.
  @Test func lists() throws {
    for sample in try SynthSample.drawn("scenes/list", 300, sides: 84...168) {
      let byColour = sample.query["by"]?.stringValue == "colour"
      let of = try #require(sample.query["of"]?.stringValue)
      let asked = sample.question.lowercased().split { !$0.isLetter }
      #expect(asked.contains("each") && asked.contains(byColour ? "color" : "shape"))
      let things = FactThing.all(sample.facts)
      let width = try #require(sample.facts["width"]?.doubleValue)
      let height = try #require(sample.facts["height"]?.doubleValue)
      let items = sample.answer.split(separator: ", ").map { $0.split(separator: " ").map(String.init) }
      #expect(items.map { $0[0] } == things.map { byColour ? $0.colour : $0.shape }.sorted())
      for item in items {
        let thing = try #require(things.first { (byColour ? $0.colour : $0.shape) == item[0] })
        switch of {
        case "place":
          let (x, y) = (thing.x / width, thing.y / height)
          #expect(item.contains("left") == (x < 1.0 / 3) && item.contains("right") == (x > 2.0 / 3))
          #expect(item.contains("top") == (y < 1.0 / 3) && item.contains("bottom") == (y > 2.0 / 3))
        default: #expect(item.dropFirst() == [of == "shape" ? thing.shape : thing.colour])
        }
      }
    }
  }

  /// Every thing of the answer lies where it says.
  @Test func placesOfAll() throws {
    for sample in try SynthSample.drawn("scenes/places", 300, sides: 84...168) {
      let things = FactThing.all(sample.facts)
      let width = try #require(sample.facts["width"]?.doubleValue)
      let height = try #require(sample.facts["height"]?.doubleValue)
      let words = sample.question.lowercased().split { !$0.isLetter }.map(String.init)
      let items = sample.answer.split(separator: ", ").map { $0.split(separator: " ").map(String.init) }
      #expect(things.count >= 2 && items.count == things.count)
      // Named in the question, in its order, or in the answer, in that of their names.
      let named =
        sample.question.contains("each shape")
        ? items.map { $0.prefix(2).joined(separator: " ") }
        : sample.question.split(separator: "the ").map(String.init).filter {
          !Vocabulary($0).shapes.isEmpty || !Vocabulary($0).colours.isEmpty
        }
      let halves = words.contains("left") || words.contains("top")
      for (name, item) in zip(named, items) {
        let meant = things.filter(Vocabulary(name).fits)
        #expect(meant.count == 1, "\(sample.question) \(sample.answer)")
        guard let thing = meant.first else { continue }
        let (x, y) = (thing.x / width, thing.y / height)
        if halves {
          #expect(
            item.last == (words.contains("left") ? (x < 0.5 ? "left" : "right") : y < 0.5 ? "top" : "bottom"))
        } else {
          #expect(item.contains("left") == (x < 1.0 / 3) && item.contains("right") == (x > 2.0 / 3))
          #expect(item.contains("top") == (y < 1.0 / 3) && item.contains("bottom") == (y > 2.0 / 3))
        }
      }
    }
  }

  @Test func captions() throws {
    for sample in try SynthSample.drawn("scenes/caption", 200) {
      let things = FactThing.all(sample.facts).sorted { $0.x < $1.x }
      #expect(sample.keys == [.list(things.map { "\($0.colour) \($0.shape)" })])
    }
  }

  @Test func boxes() throws {
    for sample in try SynthSample.drawn("grounding/phrase-to-box,grounding/box-to-phrase,grounding/all", 400)
    {
      let width = try #require(sample.facts["width"]?.doubleValue)
      let height = try #require(sample.facts["height"]?.doubleValue)
      func box(_ thing: FactThing) -> SynthBox {
        SynthBox(
          left: Int(thing.left / width * 1000), top: Int(thing.top / height * 1000),
          right: Int(thing.right / width * 1000), bottom: Int(thing.bottom / height * 1000))
      }
      // Facts are rounded to hundredths of a pixel.
      func near(_ a: SynthBox, _ b: SynthBox) -> Bool {
        abs(a.left - b.left) <= 1 && abs(a.top - b.top) <= 1 && abs(a.right - b.right) <= 1
          && abs(a.bottom - b.bottom) <= 1
      }
      let things = FactThing.all(sample.facts)
      switch sample.keys[0] {
      case .box(let key):
        let meant = things.filter(Vocabulary(sample.question).fits)
        #expect(meant.count == 1 && near(box(meant[0]), key), "\(sample.question)")
      case .boxes(let keys):
        let meant = things.filter(Vocabulary(sample.question).fits).sorted { $0.x < $1.x }
        #expect(meant.count == keys.count && zip(meant, keys).allSatisfy { near(box($0), $1) })
      default:
        let asked = sample.messages[0].parts.compactMap { if case .box(let box) = $0 { box } else { nil } }
        #expect(
          things.filter { near(box($0), asked[0]) }.map { "\($0.colour) \($0.shape)" } == [sample.answer])
      }
    }
  }

  /// A quiz asks several things of one scene, none twice, and counts right.
  @Test func quizzes() throws {
    for sample in try SynthSample.drawn("dialogue/quiz", 200, sides: 84...140) {
      let things = FactThing.all(sample.facts)
      let questions = sample.messages.filter { $0.role == .user }.map { $0.text.lowercased() }
      #expect((3...10).contains(questions.count) && Set(questions).count == questions.count)
      #expect(sample.keys.count == questions.count)
      for (question, key) in zip(questions, sample.keys) {
        if case .number(let count, _) = key {
          #expect(things.filter(Vocabulary(question).fits).count == Int(count), "\(sample.id): \(question)")
        }
      }
    }
  }

  /// The picture has the named colours where the facts say.
  @Test func pixelsAreAsTold() throws {
    for sample in try SynthSample.drawn("scenes,grounding", 300, difficulty: 0) {
      let image = sample.images[0]
      for thing in FactThing.all(sample.facts) {
        let at = (Int(thing.y) * image.width + Int(thing.x)) * 3
        let seen = image.pixels[at..<at + 3].map(Int.init)
        let nearest = Vocabulary.colours.min { a, b in
          func far(_ c: (Int, Int, Int)) -> Int {
            (c.0 - seen[0]) * (c.0 - seen[0]) + (c.1 - seen[1]) * (c.1 - seen[1]) + (c.2 - seen[2])
              * (c.2 - seen[2])
          }
          return far(a.value) < far(b.value)
        }
        #expect(nearest?.key == thing.colour, "\(sample.id): \(thing)")
      }
    }
  }

  @Test func thingsLieApartAndInside() throws {
    for sample in try SynthSample.drawn("scenes,grounding,dialogue,chinese-questions", 400, sides: 56...224) {
      let things = FactThing.all(sample.facts)
      for (index, thing) in things.enumerated() {
        #expect(thing.left >= 1 && thing.top >= 1)
        #expect(
          thing.right <= Double(sample.images[0].width) - 1
            && thing.bottom <= Double(sample.images[0].height) - 1)
        for other in things[..<index] {
          let apart =
            thing.left >= other.right + 2 || other.left >= thing.right + 2 || thing.top >= other.bottom + 2
            || other.top >= thing.bottom + 2
          #expect(apart)
        }
      }
    }
  }
}
