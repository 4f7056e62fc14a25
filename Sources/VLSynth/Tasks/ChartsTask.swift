internal import VLJSON

/// Bar, line and pie charts.
struct ChartsTask: SynthTask {
  let name = "charts"
  let summary =
    "bar, line and pie charts: largest, smallest, a value, a difference, how many, rising or falling; all values, many questions, places, orders, found by name"
  let skills = [
    SynthSkill("largest", 2), SynthSkill("smallest", 1.5), SynthSkill("value", 2.5),
    SynthSkill("difference", 1),
    SynthSkill("count", 0.7), SynthSkill("kind", 0.4), SynthSkill("trend", 0.6),
    SynthSkill("read", 0), SynthSkill("quiz", 0), SynthSkill("places", 0), SynthSkill("order", 0),
    SynthSkill("find", 0),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let kind: Chart.Kind =
      switch skill {
      case "trend": .line
      case "kind": random.pick([.bars, .line, .pie])
      default:
        [Chart.Kind.bars, .line, .pie][random.weighted([3, 0.5 + desk.difficulty, 0.5 + desk.difficulty])]
      }
    let size = desk.pictureSize(&random, aspect: kind == .pie ? 1...1.6 : 0.9...1.6, large: true)
    let chart = Chart(kind, trend: skill == "trend", &random, desk)
    let image = ChartDrawing(chart, size, &random, desk).draw(&random)
    if skill == "places" { return Draft(image, places(chart, &random), facts: chart.json) }
    if skill == "order" { return Draft(image, orders(chart, &random), facts: chart.json) }
    if skill == "find" { return Draft(image, found(chart, &random), facts: chart.json) }
    // Questions about what was just read beside questions about what was not: half of the quizzes begin with all values.
    let skills =
      skill == "quiz"
      ? (random.chance(0.5) ? ["read"] : [])
        + random.shuffled(["largest", "smallest", "value", "value", "difference", "count"])
      : [skill]
    return Draft(image, skills.map { turn($0, chart, &random) }, facts: chart.json)
  }

  /// Names, values and places from the left.
  ///
  /// The value of a name is two steps: where the name stands, and what stands there. Each is asked by itself, and for
  /// half of the names the place is asked just before the value, so that the second step can be learnt without the first.
  private func places(_ chart: Chart, _ random: inout SynthRandom) -> [Turn] {
    var turns: [Turn] = []
    let named = random.shuffled(Array(chart.values.indices))
    for group in random.shuffled(["value", "other value", "extreme", "label at", "value at"]).prefix(3) {
      switch group {
      case "value", "other value":
        let index = named[group == "value" ? 0 : 1]
        if random.chance(0.5) { turns.append(place(of: chart.labels[index], index, chart, &random)) }
        turns.append(turn("value", chart, of: index, &random))
      case "extreme":
        let skill = random.pick(["largest", "smallest"])
        let index = extreme(skill == "largest", chart)
        if random.chance(0.5) { turns.append(place(of: "the \(skill)", index, chart, &random)) }
        turns.append(turn(skill, chart, &random))
      default:
        turns.append(at(random.pick(named), group == "label at", chart, &random))
      }
    }
    return turns
  }

  /// Everything in the chart in another order than it stands: the places of all names, and what is largest, next, and so on
  /// by name or by place. Each word of an answer is found by what it says, not by where it stands.
  private func orders(_ chart: Chart, _ random: inout SynthRandom) -> [Turn] {
    random.shuffled(["places", "names by value", "places by value"]).prefix(2).map { kind in
      var indices = random.shuffled(Array(chart.values.indices))
      let falls = random.chance(0.5)
      if kind != "places" {
        indices.sort { falls ? chart.values[$0] > chart.values[$1] : chart.values[$0] < chart.values[$1] }
      }
      let names = indices.map { chart.labels[$0] }
      let order = falls ? "from the largest to the smallest" : "from the smallest to the largest"
      let question =
        switch kind {
        case "places":
          Phrasing.say(
            ["Which {0}s {1} are {2}?", "Where {1} are {2}?"],
            [part(chart), direction(chart), Phrasing.list(names)],
            &random)
        case "names by value":
          Phrasing.say(
            ["Name the {0}s {1}.", "List the {0}s {1}.", "Sort the names {1}."], [part(chart), order], &random
          )
        default:
          Phrasing.say(
            ["Which places {2} do the {0}s have, {1}?", "Give the places {2} of the {0}s, {1}."],
            [part(chart), order, direction(chart)], &random)
        }
      let words = kind == "names by value" ? names : indices.map { Words.ordinals[$0] }
      return Turn(
        question, words.joined(separator: ", "),
        query: JSONObject(["ask": .string(kind), "order": .array(indices.map { .integer($0) })]))
    }
  }

  /// The places and the values of all names, in another order than they stand. In the answer each follows its name, so that
  /// it is found by that name in one step.
  private func found(_ chart: Chart, _ random: inout SynthRandom) -> [Turn] {
    random.shuffled(["name places", "name values"]).map { kind in
      let indices = random.shuffled(Array(chart.values.indices))
      let names = Phrasing.list(indices.map { chart.labels[$0] })
      let areValues = kind == "name values"
      let question =
        areValues
        ? Phrasing.say(["Give each of {0} with its value.", "Find the values of {0}."], [names], &random)
        : Phrasing.say(
          ["Give each of {0} with its place {1}.", "Find {0}, {1}."],
          [names, direction(chart)], &random)
      let words = indices.map {
        "\(chart.labels[$0]) \(areValues ? String(chart.values[$0]) : Words.ordinals[$0])"
      }
      return Turn(
        question, words.joined(separator: ", "),
        query: JSONObject(["ask": .string(kind), "order": .array(indices.map { .integer($0) })]))
    }
  }

  /// A pie's slices are counted as its legend has them.
  private func place(of what: String, _ index: Int, _ chart: Chart, _ random: inout SynthRandom) -> Turn {
    let question = Phrasing.say(
      ["Which {0} {2} is {1}?", "{3}, which {0} is {1}?"],
      [part(chart), what]
        + (chart.kind == .pie
          ? ["of the legend", "In the legend"] : ["from the left", "Counted from the left"]),
      &random)
    return Turn(
      question, Words.ordinals[index], query: JSONObject(["ask": .string("place"), "what": .string(what)]))
  }

  private func at(_ index: Int, _ asksLabel: Bool, _ chart: Chart, _ random: inout SynthRandom) -> Turn {
    let question = Phrasing.say(
      asksLabel
        ? ["What is the {0} {1} called?", "What is the name of the {0} {1}?", "Whose is the {0} {1}?"]
        : [
          "How much is the {0} {1}?", "What is the value of the {0} {1}?", "Read the value of the {0} {1}.",
        ],
      [Words.ordinals[index], chart.kind == .pie ? "slice of the legend" : part(chart)], &random)
    let query = JSONObject(["ask": .string(asksLabel ? "label at" : "value at"), "index": .integer(index)])
    guard !asksLabel else { return Turn(question, chart.labels[index], query: query) }
    return number(question, chart.values[index], chart, query)
  }

  /// Where the largest or the smallest value stands.
  private func extreme(_ isLargest: Bool, _ chart: Chart) -> Int {
    let wanted = isLargest ? chart.values.max() : chart.values.min()
    return chart.values.firstIndex { $0 == wanted } ?? 0
  }

  /// How places are counted.
  private func direction(_ chart: Chart) -> String { chart.kind == .pie ? "in the legend" : "from the left" }

  private func part(_ chart: Chart) -> String {
    switch chart.kind {
    case .bars: "bar"
    case .line: "point"
    case .pie: "slice"
    }
  }

  private func number(_ question: String, _ value: Int, _ chart: Chart, _ query: JSONObject) -> Turn {
    // What cannot be read from a label is read from an axis, near enough.
    let key = SynthKey.number(Double(value), tolerance: chart.hasValues ? 0 : 0.08)
    return Turn([.text(question)], [.text(String(value))], key, query: query)
  }

  /// A question of one skill; a value's is of the label at an index, or of any.
  private func turn(
    _ skill: String, _ chart: Chart, of index: Int? = nil, _ random: inout SynthRandom
  ) -> Turn {
    let query = JSONObject(["ask": .string(skill)])
    let part = part(chart)
    switch skill {
    case "largest", "smallest":
      let isLargest = skill == "largest"
      let index = extreme(isLargest, chart)
      let words =
        chart.kind == .pie
        ? (isLargest ? ["largest", "biggest"] : ["smallest"])
        : (isLargest ? ["largest", "highest", "tallest"] : ["smallest", "lowest"])
      let question = Phrasing.say(
        [
          "Which {1} is the {0}?", "What is the {0} {1}?", "Which has the {0} value?", "Name the {0} {1}.",
          "Which label has the {0} {1}?",
        ], [random.pick(words), part], &random)
      return Turn(question, chart.labels[index], query: query)
    case "difference":
      let pair = random.some(2, of: Array(chart.values.indices))
      let question = Phrasing.say(
        [
          "What is the difference between {0} and {1}?", "How far apart are {0} and {1}?",
          "By how much do {0} and {1} differ?",
        ], [chart.labels[pair[0]], chart.labels[pair[1]]], &random)
      let difference = abs(chart.values[pair[0]] - chart.values[pair[1]])
      return number(
        question, difference, chart, query.adding("of", .array(pair.map { .string(chart.labels[$0]) })))
    case "count":
      let question = Phrasing.say(
        ["How many {0}s are there?", "Count the {0}s.", "How many {0}s does the chart have?"], [part], &random
      )
      return Turn(
        [.text(question)], [.text(String(chart.values.count))],
        .number(Double(chart.values.count), tolerance: 0),
        query: query)
    case "kind":
      let question = Phrasing.say(
        ["What kind of chart is this?", "Which type of chart is it?", "Is it a bar, line or pie chart?"],
        &random)
      let name =
        switch chart.kind {
        case .bars: "bar"
        case .line: "line"
        case .pie: "pie"
        }
      return Turn(
        question, name + " chart", or: [name, name == "line" ? "line graph" : name + " graph"], query: query)
    case "trend":
      let question = Phrasing.say(
        ["Does the line rise or fall?", "Is the line rising or falling?", "Do the values rise or fall?"],
        &random)
      let rises = (chart.values.last ?? 0) > (chart.values.first ?? 0)
      return Turn(
        question, rises ? "rise" : "fall", or: rises ? ["rises", "rising"] : ["falls", "falling"],
        query: query)
    case "read":
      let question = Phrasing.say(
        ["Read all values.", "List every {0} and its value.", "Turn the chart into a table."], [part], &random
      )
      let text = zip(chart.labels, chart.values).map { "\($0) \($1)" }.joined(separator: "\n")
      return Turn([.text(question)], [.text(text)], .transcription(text), query: query)
    default:
      let index = index ?? random.int(0...chart.values.count - 1)
      let question = Phrasing.say(
        [
          "What is the value of {0}?", "How much is {0}?", "What value does {0} have?",
          "Read the value of {0}.",
          "{0}?",
        ], [chart.labels[index]], &random)
      return number(question, chart.values[index], chart, query.adding("of", .string(chart.labels[index])))
    }
  }
}

/// What a chart shows.
struct Chart: Sendable {
  enum Kind: String, Sendable { case bars, line, pie }
  let kind: Kind
  let labels: [String]
  /// Whole numbers, clearly different from each other; percentages, in a pie.
  let values: [Int]
  /// Whether the values are written beside the bars, points or slices.
  let hasValues: Bool
  /// Distance of the axis's marks, and the last mark.
  let step, top: Int

  init(_ kind: Kind, trend: Bool, _ random: inout SynthRandom, _ desk: Desk) {
    self.kind = kind
    let difficulty = desk.difficulty
    let most = 3 + Int((3 * difficulty).rounded())
    var count = random.int((trend ? 3 : 2)...most)
    hasValues = kind == .pie || random.chance(0.75 - 0.35 * difficulty)
    switch kind {
    case .pie:
      count = min(count, 5)
      // Shares of 100 that differ by 4 at least.
      var shares: [Int] = []
      repeat {
        let cuts = random.some(count - 1, of: Array(2...31)).sorted().map { $0 * 3 }
        shares = zip([0] + cuts, cuts + [100]).map { $1 - $0 }
        let sorted = shares.sorted()
        if zip(sorted, sorted.dropFirst()).allSatisfy({ $1 - $0 >= 4 }) && sorted[0] >= 6 { break }
      } while true
      values = random.shuffled(shares)
      (step, top) = (0, 100)
    case .bars, .line:
      step = random.pick(difficulty < 0.4 ? [1, 2] : [1, 2, 5, 10, 20])
      top = step * random.int(max(4, count / 2 + 2)...6)
      // Where only the axis tells them, values are at marks or, between even ones, halfway.
      let grain = hasValues ? max(1, step / 2) : step % 2 == 0 ? step / 2 : step
      let choices = stride(from: max(grain, step), through: top, by: grain).map { $0 }
      var drawn = random.some(min(count, choices.count), of: choices)
      if trend { drawn.sort(by: random.chance(0.5) ? { $0 < $1 } : { $0 > $1 }) }
      values = drawn
    }
    let count2 = values.count
    if kind == .line {
      let start = random.int(0...11)
      labels =
        random.chance(0.6)
        ? (0..<count2).map { Words.months[(start + $0) % 12] }
        : (0..<count2).map { Words.days[(start + $0) % 7] }
    } else {
      let letters = Array("ABCDEFGHJKLMN").map(String.init)
      let sources = [
        Words.names.filter { $0.count <= 5 }, Words.goods.filter { $0.count <= 6 }, letters,
        Words.cities.filter { $0.count <= 6 },
      ]
      labels = random.some(count2, of: random.pick(difficulty < 0.4 ? [letters, sources[0]] : sources))
    }
  }

  var json: JSONObject {
    JSONObject([
      "kind": .string(kind.rawValue), "labels": .array(labels.map { .string($0) }),
      "values": .array(values.map { .integer($0) }), "values_written": .bool(hasValues),
    ])
  }
}
