internal import Glibc
internal import VLJSON
internal import VLMedia

/// One line of text to read.
struct LinesTask: SynthTask {
  let name = "lines"
  let summary =
    "a line of text in many fonts, sizes, colours, turned and bent: words, numbers, mixed, phrases; characters in a grid, read or found; numbers above names; up to 12 characters of any kind; several lines"
  let skills = [
    SynthSkill("word", 3), SynthSkill("number", 2), SynthSkill("mixed", 2), SynthSkill("phrase", 2),
    SynthSkill("grid", 0), SynthSkill("line", 0), SynthSkill("column", 0),
    SynthSkill("find", 0), SynthSkill("pairs", 0),
  ]

  static let questions = [
    "What does it say?", "Read the text.", "What is written here?", "What does the text say?",
    "Transcribe the text.", "Read this.", "Which text do you see?", "What is the text in the picture?",
    "OCR:",
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    if skill == "grid" { return Self.grid(&random, desk) }
    if skill == "find" { return Self.find(&random, desk) }
    if skill == "pairs" { return Self.pairs(&random, desk) }
    if skill == "column" { return Self.column(&random, desk) }
    let text = Self.text(skill, desk.difficulty, &random)
    let font = desk.studio.latinFont(&random, size: Self.fontSize(&random, desk), difficulty: desk.difficulty)
    let image = Self.picture(text, font, &random, desk)
    let question = Phrasing.say(Self.questions, &random)
    let turn = Turn(
      [.text(question)], [.text(text)], .transcription(text), query: JSONObject(["ask": "read"]))
    return Draft(
      image, [turn],
      facts: JSONObject(["text": .string(text), "font": .string(font.family), "size": .number(font.size)]))
  }

  /// Single characters, one in each cell of a grid: many to be known from one picture, each by itself and where it is
  /// known to be.
  private static func grid(_ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random)
    // A cell is never smaller than a merged patch: 28 pixels.
    let rows = random.int(1...min(6, max(1, size.height / 28)))
    let columns = random.int(1...min(6, max(1, size.width / 28)))
    let (width, height) = (Double(size.width) / Double(columns), Double(size.height) / Double(rows))
    let font = desk.studio.latinFont(
      &random, size: min(width, height) * random.real(0.7...1), difficulty: desk.difficulty)
    let kind = random.int(0...2)
    let (canvas, cells) = grid(of: rows, columns, size, font, &random, desk) { random, _ in
      kind == 0 ? Words.number(1, &random) : Words.mixed(1, &random)
    }
    let text = cells.map { $0.joined() }.joined(separator: "\n")
    let question = Phrasing.say(
      [
        "Read the characters in {0} of {1}.", "Which characters are these? Answer in {0} of {1}.",
        "The characters in {0} of {1}?",
      ], [rows == 1 ? "1 row" : "\(rows) rows", String(columns)], &random)
    let turn = Turn(
      [.text(question)], [.text(text)], .transcription(text),
      query: JSONObject(["ask": "grid", "rows": .integer(rows), "columns": .integer(columns)]))
    return Draft(
      desk.finish(canvas, &random), [turn],
      facts: JSONObject(["text": .string(text), "font": .string(font.family), "size": .number(font.size)]))
  }

  /// Different characters or names in the cells of a grid, and where some of them are: what reading asks the other way
  /// round. In the answer each place follows its name, so that every one is a question of its own.
  private static func find(_ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random)
    let areNames = random.chance(0.5)
    let rows = random.int(1...min(4, max(1, size.height / 28)))
    // A name has up to five characters, and one cell alone asks nothing.
    let columns = random.int((rows == 1 ? 2 : 1)...min(4, max(2, size.width / (areNames ? 42 : 28))))
    let (width, height) = (Double(size.width) / Double(columns), Double(size.height) / Double(rows))
    let font = desk.studio.latinFont(
      &random, size: min(areNames ? width / 2 : width, height, 40) * random.real(0.6...1),
      difficulty: desk.difficulty)
    let all =
      areNames
      ? Words.names.filter { $0.count <= 5 } + Words.months + Words.days
      : "ABCDEFGHJKLMNPRSTUVWXYZ23456789".map(String.init)
    let words = random.some(rows * columns, of: all)
    let (canvas, _) = grid(of: rows, columns, size, font, &random, desk) { _, index in words[index] }
    let asked = random.some(6, of: Array(words.indices))
    let places = asked.map { index in
      let (row, column) = (Words.ordinals[index / columns], Words.ordinals[index % columns])
      return rows == 1 ? column : columns == 1 ? row : row + " " + column
    }
    let way =
      rows == 1 ? "from the left" : columns == 1 ? "from the top" : "by row and column"
    let question = Phrasing.say(
      ["Where {0} are {1}?", "Find {1}, {0}."], [way, Phrasing.list(asked.map { words[$0] })], &random)
    let answer = zip(asked, places).map { "\(words[$0]) \($1)" }.joined(separator: ", ")
    let turn = Turn(
      question, answer,
      query: JSONObject(["ask": "find", "rows": .integer(rows), "columns": .integer(columns)]))
    return Draft(
      desk.finish(canvas, &random), [turn],
      facts: JSONObject([
        "words": .array(words.map { .string($0) }), "font": .string(font.family), "size": .number(font.size),
      ]))
  }

  /// Names side by side, and above each a number, often just above it: a chart without its bars. In the answer each number
  /// follows its name.
  private static func pairs(_ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random)
    let areNames = random.chance(0.5)
    let columns = random.int(2...min(4, max(2, size.width / (areNames ? 42 : 28))))
    let names = random.some(
      columns,
      of: areNames
        ? Words.names.filter { $0.count <= 5 } + Words.months + Words.days : "ABCDEFGHJKLMN".map(String.init))
    let numbers = random.some(columns, of: Array(1...(random.chance(0.5) ? 12 : 99)))
    let (width, height) = (Double(size.width) / Double(columns), Double(size.height))
    let font = desk.studio.latinFont(
      &random, size: min(areNames ? width / 2 : width, height / 2.5, 28) * random.real(0.6...1),
      difficulty: desk.difficulty)
    let (paper, ink) = Ink.pair(&random, difficulty: desk.difficulty)
    let canvas = Canvas(size, paper: paper)
    let base = random.real(1.75 * font.size...height - 0.6 * font.size)
    for (column, (name, number)) in zip(names, numbers).enumerated() {
      // Near to far, so that what belongs together can first be learnt where both are seen at once.
      let distance = random.chance(0.4) ? 0 : random.real(0...1) * random.real(0...1)
      let above = base - 1.1 * font.size
      let y = above - distance * (above - 0.6 * font.size)
      let room = width * 0.05
      let x = (Double(column) + 0.5) * width + random.real(-room...room)
      for (text, y) in [(name, base), (String(number), y)] {
        let line = desk.studio.fitting(text, font, width: width * 0.9)
        line.draw(on: canvas, centre: Point(x: x, y: y), ink)
      }
    }
    let order = random.shuffled(Array(names.indices))
    let all = Phrasing.say(
      ["Give each of {0} with its number.", "Find the numbers of {0}."],
      [Phrasing.list(order.map { names[$0] })], &random)
    let pairs = order.map { "\(names[$0]) \(numbers[$0])" }.joined(separator: ", ")
    let index = random.int(0...columns - 1)
    let one = Phrasing.say(
      ["Which number is above {0}?", "What is the number of {0}?", "How much is {0}?", "{0}?"],
      [names[index]],
      &random)
    let turns = [
      Turn(
        all, pairs,
        query: JSONObject(["ask": "pairs", "order": .array(order.map { .integer($0) })])),
      Turn(one, String(numbers[index]), query: JSONObject(["ask": "number", "of": .string(names[index])])),
    ]
    return Draft(
      desk.finish(canvas, &random), random.shuffled(turns),
      facts: JSONObject([
        "names": .array(names.map { .string($0) }), "numbers": .array(numbers.map { .integer($0) }),
        "font": .string(font.family), "size": .number(font.size),
      ]))
  }

  /// A grid with a text in every cell, row by row, and the texts.
  private static func grid(
    of rows: Int, _ columns: Int, _ size: PixelSize, _ font: Font, _ random: inout SynthRandom, _ desk: Desk,
    text: (inout SynthRandom, _ cell: Int) -> String
  ) -> (Canvas, [[String]]) {
    let (width, height) = (Double(size.width) / Double(columns), Double(size.height) / Double(rows))
    let (paper, ink) = Ink.pair(&random, difficulty: desk.difficulty)
    let canvas = Canvas(size, paper: paper)
    let cells = (0..<rows).map { row in
      (0..<columns).map { column in
        let text = text(&random, row * columns + column)
        let line = desk.studio.fitting(text, font, width: width * 0.9)
        let room = (x: max(0, width - line.ink.width - 2) / 2, y: max(0, height - line.ink.height - 2) / 2)
        let centre = Point(
          x: (Double(column) + 0.5) * width + random.real(-room.x...room.x) * 0.6,
          y: (Double(row) + 0.5) * height + random.real(-room.y...room.y) * 0.6)
        line.draw(on: canvas, centre: centre, ink)
        return text
      }
    }
    return (canvas, cells)
  }

  /// Lines one under another, each like a `line`: many characters to be read from one picture, in order.
  private static func column(_ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random)
    // As high as a merged patch at least, like the picture of a single line.
    let rows = random.int(1...min(6, max(1, size.height / 28)))
    let (width, height) = (Double(size.width) * 0.94, Double(size.height) / Double(rows))
    let font = desk.studio.latinFont(
      &random, size: min(height * 0.8, Self.fontSize(&random, desk)), difficulty: desk.difficulty)
    let (paper, ink) = Ink.pair(&random, difficulty: desk.difficulty)
    let canvas = Canvas(size, paper: paper)
    let isAligned = random.chance(0.5)
    var left: Double?
    let texts = (0..<rows).map { row in
      var text = ""
      // What fits without being set smaller by more than a third.
      for _ in 0..<50 {
        text = Self.text("line", desk.difficulty, &random)
        if desk.studio.line(text, font).width * 2 / 3 <= width { break }
      }
      let line = desk.studio.fitting(text, font, width: width)
      let room = (
        x: max(0, Double(size.width) - line.ink.width - 4), y: max(0, height - line.ink.height - 2) / 2
      )
      let start = min(room.x, isAligned ? left ?? random.real(0...room.x) : random.real(0...room.x))
      if left == nil { left = start }
      let centre = Point(
        x: 2 + start + line.ink.width / 2,
        y: (Double(row) + 0.5) * height + random.real(-room.y...room.y) * 0.4)
      line.draw(on: canvas, centre: centre, ink)
      return text
    }
    let text = texts.joined(separator: "\n")
    let question = Phrasing.say(
      [
        "Read all lines.", "Read every line.", "What do the lines say?", "Transcribe all lines.",
        "OCR, line by line:",
      ],
      &random)
    let turn = Turn(
      [.text(question)], [.text(text)], .transcription(text),
      query: JSONObject(["ask": "column", "rows": .integer(rows)]))
    return Draft(
      desk.finish(canvas, &random), [turn],
      facts: JSONObject([
        "lines": .array(texts.map { .string($0) }), "font": .string(font.family), "size": .number(font.size),
      ]))
  }

  static func fontSize(_ random: inout SynthRandom, _ desk: Desk) -> Double {
    let base = random.real(20 - 6 * desk.difficulty...30 + 8 * desk.difficulty)
    // Larger pictures may hold larger letters.
    return base * max(1, Double(desk.settings.sides.upperBound) / 448)
  }

  /// 1 to about 14 characters; of a `line`, 1 to 12 at any difficulty.
  private static func text(_ skill: String, _ difficulty: Double, _ random: inout SynthRandom) -> String {
    let most = 4 + Int((8 * difficulty).rounded())
    switch skill {
    case "line":
      let kind = random.pick(["word", "number", "mixed", "phrase"])
      // A phrase may have two characters more than this difficulty's `most`.
      return Self.text(kind, kind == "phrase" ? 0.75 : 1, &random)
    case "number": return Words.number(random.int(1...most), &random)
    case "mixed": return Words.mixed(random.int(1...most), &random)
    case "phrase":
      for _ in 0..<50 {
        let words = (0..<random.int(2...3)).map { _ in random.pick(Words.english) }.joined(separator: " ")
        if words.count <= most + 2 { return words.contains("I") ? words : Words.cased(words, &random) }
      }
      return "go on"
    default:
      for _ in 0..<50 {
        let word = random.pick(Words.english)
        if word.count <= most { return Words.cased(word, &random) }
      }
      return "yes"
    }
  }

  /// The text alone, in a picture that is about as large as it.
  static func picture(_ text: String, _ font: Font, _ random: inout SynthRandom, _ desk: Desk) -> RGBImage {
    let sides = desk.settings.sides
    let difficulty = desk.difficulty
    let line = desk.studio.fitting(text, font, width: Double(sides.upperBound) * 0.9)
    let bend = Bend(line.ink, difficulty: difficulty, &random)
    let bounds = bend.bounds
    let spare = random.real(4...10 + 14 * difficulty)
    func side(_ need: Double, least: Int) -> Int {
      var pixels = Int((need + 2 * spare).rounded(.up))
      if random.chance(0.7) { pixels = (pixels + 27) / 28 * 28 }
      return min(sides.upperBound, max(least, pixels))
    }
    let size = PixelSize(
      width: side(bounds.width, least: sides.lowerBound), height: side(bounds.height, least: 28))
    let (paper, ink) = Ink.pair(&random, difficulty: difficulty)
    let canvas = Canvas(size, paper: paper)
    if random.chance(0.3 * difficulty) {
      canvas.gradient(
        paper, paper.mixed(with: paper.luma > ink.luma ? .white : .black, 0.5), angle: random.real(0...6.28))
    }
    if random.chance(0.12 * difficulty) {
      let y = Double(size.height) * random.real(0.85...0.97)
      canvas.line(
        [Point(x: 0, y: y), Point(x: Double(size.width), y: y)], ink.mixed(with: paper, 0.5), width: 1)
    }
    let room = (
      x: max(0, (Double(size.width) - bounds.width) / 2 - 2),
      y: max(0, (Double(size.height) - bounds.height) / 2 - 2)
    )
    let centre = Point(
      x: Double(size.width) / 2 + random.real(-room.x...room.x) - bounds.centre.x,
      y: Double(size.height) / 2 + random.real(-room.y...room.y) - bounds.centre.y)
    if bend.isStraight {
      line.draw(on: canvas, centre: centre, ink)
    } else {
      line.draw(on: canvas, ink) {
        let moved = bend.move($0)
        return Point(x: moved.x + centre.x, y: moved.y + centre.y)
      }
    }
    return desk.finish(canvas, &random)
  }
}

/// A change of a line's form: turned, sheared, waved, higher at one end than at the other.
struct Bend {
  private var angle = 0.0
  private var shear = 0.0
  private var wave = 0.0
  private var phase = 0.0
  private var taper = 0.0
  private let ink: Frame

  var isStraight: Bool { angle == 0 && shear == 0 && wave == 0 && taper == 0 }

  /// A bend of a line whose inked area is `ink`; none at difficulty 0.
  init(_ ink: Frame, difficulty: Double, _ random: inout SynthRandom) {
    self.ink = ink
    // Long lines must fit, so they turn less.
    let slack = min(1, 3 * ink.height / max(1, ink.width))
    if random.chance(0.45 * difficulty) { angle = random.real(-0.35...0.35) * slack * difficulty }
    if random.chance(0.2 * difficulty) { shear = random.real(-0.3...0.3) * difficulty }
    if random.chance(0.2 * difficulty) {
      wave = random.real(0.05...0.2) * ink.height * difficulty
      phase = random.real(0...2 * .pi)
    }
    if random.chance(0.2 * difficulty) { taper = random.real(-0.3...0.3) * difficulty }
  }

  /// Where a point of the line goes; the centre of the inked area goes to the origin, waves aside.
  func move(_ point: Point) -> Point {
    let (x, y) = (point.x - ink.centre.x, point.y - ink.centre.y)
    let along = 2 * x / max(1, ink.width)
    let tapered = y * (1 + taper * along)
    let bent = Point(x: x + shear * tapered, y: tapered + wave * sin(along * 2.2 + phase))
    return Point(x: bent.x * cos(angle) - bent.y * sin(angle), y: bent.x * sin(angle) + bent.y * cos(angle))
  }

  /// The area that the bent line covers, about the origin.
  var bounds: Frame {
    let points = (0...16).flatMap { step in
      let x = ink.left + ink.width * Double(step) / 16
      return [move(Point(x: x, y: ink.top)), move(Point(x: x, y: ink.bottom))]
    }
    return Frame(around: points)
  }

  /// The corners of the bent line, clockwise from the start of its upper edge, about the origin.
  var corners: [Point] {
    [(ink.left, ink.top), (ink.right, ink.top), (ink.right, ink.bottom), (ink.left, ink.bottom)].map {
      move(Point(x: $0.0, y: $0.1))
    }
  }
}
