import Testing
import VLJSON
import VLMedia
import VLSynth

/// Answers about documents, charts, cards, screens, clips and text, worked out again from what was drawn.
struct DocumentTests {
  private func strings(_ json: JSONValue?) -> [String] { json?.arrayValue?.compactMap(\.stringValue) ?? [] }
  private func integers(_ json: JSONValue?) -> [Int] { json?.arrayValue?.compactMap(\.integerValue) ?? [] }

  @Test func receipts() throws {
    for sample in try SynthSample.drawn("receipts", 300) {
      let items = (sample.facts["items"]?.arrayValue ?? []).map {
        ($0["name"]?.stringValue ?? "", $0["cents"]?.integerValue ?? 0)
      }
      let cents: Int
      switch sample.skill {
      case "total": cents = items.reduce(0) { $0 + $1.1 } + (sample.facts["tax"]?.integerValue ?? 0)
      case "price":
        let named = items.filter { sample.question.contains($0.0) }
        // "Tea" also stands in no other name; the longest match is meant.
        cents = named.max { $0.0.count < $1.0.count }?.1 ?? -1
      case "items":
        #expect(sample.answer == String(items.count))
        continue
      case "dearest":
        #expect(
          items.allSatisfy { $0.0 == sample.answer || $0.1 < (items.first { $0.0 == sample.answer }?.1 ?? 0) }
        )
        continue
      default:
        #expect(sample.answer == sample.facts[sample.skill]?.stringValue)
        continue
      }
      let digits = String(cents % 100)
      #expect(
        sample.answer == "\(cents / 100)." + (digits.count == 1 ? "0" : "") + digits, "\(sample.question)")
    }
  }

  /// Every priced line in order, the last of them the total.
  @Test func receiptsRead() throws {
    for sample in try SynthSample.drawn("receipts/read", 100) {
      let lines = sample.answer.split(separator: "\n").map(String.init)
      func cents(_ line: String) throws -> Int {
        try #require(Int(line.split(separator: " ").last?.filter { $0 != "." } ?? ""), "\(line)")
      }
      var priced = (sample.facts["items"]?.arrayValue ?? []).map {
        ($0["name"]?.stringValue ?? "", $0["cents"]?.integerValue ?? 0)
      }
      if let tax = sample.facts["tax"]?.integerValue { priced.append(("Tax", tax)) }
      try #require(lines.count == priced.count + 1)
      for (line, (name, price)) in zip(lines, priced) {
        #expect(try line.hasPrefix(name + " ") && cents(line) == price)
      }
      #expect(try cents(lines[lines.count - 1]) == priced.reduce(0) { $0 + $1.1 })
    }
  }

  @Test func forms() throws {
    for sample in try SynthSample.drawn("forms", 200) {
      let fields = (sample.facts["fields"]?.arrayValue ?? []).map {
        ($0["label"]?.stringValue ?? "", $0["value"]?.stringValue ?? "")
      }
      #expect(Set(fields.map(\.0)).count == fields.count && Set(fields.map(\.1)).count == fields.count)
      let asked = fields.first { $0.0 == sample.query["label"]?.stringValue }
      switch sample.skill {
      case "field": #expect(sample.answer == asked?.0 && sample.question.contains(asked?.1 ?? "-"))
      case "empty": #expect(sample.answer == (asked?.1 == "" ? "yes" : "no"))
      default: #expect(sample.answer == asked?.1)
      }
    }
  }

  @Test func tables() throws {
    for sample in try SynthSample.drawn("tables", 300) {
      let (rows, columns) = (strings(sample.facts["rows"]), strings(sample.facts["columns"]))
      let cells = (sample.facts["cells"]?.arrayValue ?? []).map { integers($0) }
      let question = sample.question.lowercased()
      switch sample.skill {
      case "cell":
        let row = rows.indices.filter { question.contains(rows[$0].lowercased()) }.max {
          rows[$0].count < rows[$1].count
        }
        let column = try #require(sample.query["column"]?.integerValue)
        #expect(question.contains(columns[column].lowercased()))
        #expect(sample.answer == String(cells[try #require(row)][column]), "\(sample.question)")
      case "row":
        let column = try #require(sample.query["column"]?.integerValue)
        let found = rows.indices.filter {
          question.split { !$0.isLetter && !$0.isNumber }.contains(Substring(String(cells[$0][column])))
        }
        #expect(found.map { rows[$0] } == [sample.answer], "\(sample.question)")
      case "most":
        let column = try #require(sample.query["column"]?.integerValue)
        let values = cells.map { $0[column] }
        let best = question.contains("largest") ? values.max() : values.min()
        #expect(values.filter { $0 == best }.count == 1)
        #expect(sample.answer == rows[try #require(values.firstIndex { $0 == best })])
      default:
        #expect(
          sample.answer == String(sample.query["rows"]?.boolValue == true ? rows.count : columns.count + 1))
      }
    }
  }

  @Test(arguments: ["charts", "charts/read", "charts/quiz", "charts/places", "charts/order", "charts/find"])
  func charts(tasks: String) throws {
    let ordinals = ["first", "second", "third", "fourth", "fifth", "sixth"]
    for sample in try SynthSample.drawn(tasks, tasks == "charts" ? 400 : 100) {
      let (labels, values) = (strings(sample.facts["labels"]), integers(sample.facts["values"]))
      #expect(Set(labels).count == labels.count && labels.count == values.count)
      if sample.facts["kind"]?.stringValue == "pie" { #expect(values.reduce(0, +) == 100) }
      func value(_ label: String) -> Int { labels.firstIndex(of: label).map { values[$0] } ?? -1 }
      let questions = sample.messages.filter { $0.role == .user }.map(\.text)
      let answers = sample.messages.filter { $0.role == .assistant }.map(\.text)
      let queries = try #require(sample.facts["queries"]?.arrayValue)
      let turns =
        switch sample.skill {
        case "quiz": 6...7
        case "places": 3...6
        case "order", "find": 2...2
        default: 1...1
        }
      #expect(turns.contains(queries.count))
      try #require(queries.count == questions.count && queries.count == answers.count)
      for (query, (question, answer)) in zip(queries, zip(questions, answers)) {
        let of = strings(query["of"])
        for label in of { #expect(question.lowercased().contains(label.lowercased())) }
        switch query["ask"]?.stringValue {
        case "largest": #expect(values.filter { $0 >= value(answer) }.count == 1)
        case "smallest": #expect(values.filter { $0 <= value(answer) }.count == 1)
        case "difference": #expect(answer == String(abs(value(of[0]) - value(of[1]))))
        case "count": #expect(answer == String(values.count))
        case "kind":
          #expect(answer.hasPrefix(sample.facts["kind"]?.stringValue?.replacing("bars", with: "bar") ?? "-"))
        case "trend": #expect(values == (answer == "rise" ? values.sorted() : values.sorted(by: >)))
        case "read":
          #expect(answer == zip(labels, values).map { "\($0) \($1)" }.joined(separator: "\n"))
        case "place":
          let what = try #require(query["what"]?.stringValue)
          let index =
            switch what {
            case "the largest": values.firstIndex(of: try #require(values.max()))
            case "the smallest": values.firstIndex(of: try #require(values.min()))
            default: labels.firstIndex(of: what)
            }
          #expect(answer == ordinals[try #require(index)])
          #expect(question.lowercased().contains(what.lowercased()))
        case "places":
          let order = integers(query["order"])
          #expect(order.sorted() == Array(labels.indices))
          #expect(answer == order.map { ordinals[$0] }.joined(separator: ", "))
          #expect(question.lowercased().contains(Self.list(order.map { labels[$0] }).lowercased()))
        case "names by value", "places by value":
          let all = query["ask"] == "names by value" ? labels : ordinals
          let found = answer.split(separator: ", ").compactMap { all.firstIndex(of: String($0)) }
          let rises = found.map { values[$0] } == values.sorted()
          #expect(rises || found.map { values[$0] } == values.sorted(by: >))
          #expect(question.lowercased().contains(rises ? "from the smallest" : "from the largest"))
        case "name places", "name values":
          let order = integers(query["order"])
          let found = query["ask"] == "name places" ? ordinals : values.map(String.init)
          #expect(order.sorted() == Array(labels.indices))
          #expect(answer == order.map { "\(labels[$0]) \(found[$0])" }.joined(separator: ", "))
          #expect(question.lowercased().contains(Self.list(order.map { labels[$0] }).lowercased()))
        case "label at", "value at":
          let index = try #require(query["index"]?.integerValue)
          #expect(answer == (query["ask"] == "label at" ? labels[index] : String(values[index])))
          #expect(question.contains(ordinals[index]))
        default:
          let label = try #require(query["of"]?.stringValue)
          #expect(answer == String(value(label)))
        }
      }
    }
  }

  private static func list(_ names: [String]) -> String {
    names.dropLast().joined(separator: ", ") + " and \(names[names.count - 1])"
  }

  @Test func cards() throws {
    let names = [1: "ace", 11: "jack", 12: "queen", 13: "king"]
    for sample in try SynthSample.drawn("cards", 300) {
      let cards = (sample.facts["cards"]?.arrayValue ?? []).map { json in
        let rank = json["rank"]?.integerValue ?? 0
        return (
          rank: rank, suit: json["suit"]?.stringValue ?? "", name: names[rank] ?? String(rank),
          left: json["box"]?.arrayValue?.first?.doubleValue ?? 0
        )
      }
      #expect(cards.map(\.left) == cards.map(\.left).sorted())
      let full = cards.map { "\($0.name) of \($0.suit)" }
      #expect(Set(full).count == full.count)
      switch sample.skill {
      case "card": #expect(full == [sample.answer])
      case "rank": #expect(cards.map(\.name) == [sample.answer])
      case "suit": #expect(cards.map(\.suit) == [sample.answer])
      case "list": #expect(sample.answer == full.joined(separator: ", "))
      case "sum": #expect(sample.answer == String(cards.reduce(0) { $0 + $1.rank }))
      case "count":
        let suit = ["hearts", "diamonds", "clubs", "spades"].first { sample.question.contains($0) }
        #expect(sample.answer == String(cards.filter { suit == nil || $0.suit == suit }.count))
      default: #expect(full.filter { sample.question.contains($0) }.count == 1)
      }
    }
  }

  @Test func screens() throws {
    for sample in try SynthSample.drawn("screens", 300) {
      let widgets = sample.facts["widgets"]?.arrayValue ?? []
      #expect(
        Set(widgets.map { "\($0["kind"]?.stringValue ?? "") \($0["label"]?.stringValue ?? "")" }).count
          == widgets.count)
      let width = try #require(sample.facts["width"]?.doubleValue)
      let height = try #require(sample.facts["height"]?.doubleValue)
      func named(_ kind: String) -> JSONValue? {
        widgets.filter { $0["kind"]?.stringValue == kind }
          .first { $0["label"]?.stringValue == sample.query["label"]?.stringValue }
      }
      switch sample.keys[0] {
      case .point(let box):
        let found = named(sample.query["kind"]?.stringValue ?? "")
        let widget = try #require(found)
        #expect(sample.question.contains(widget["label"]?.stringValue ?? "-"))
        let sides = (widget["box"]?.arrayValue ?? []).compactMap(\.doubleValue)
        #expect(sides.count == 4)
        #expect(abs(Double(box.left) / 1000 * width - sides[0]) < 0.001 * width + 0.01)
        #expect(abs(Double(box.bottom) / 1000 * height - sides[3]) < 0.001 * height + 0.01)
      default:
        switch sample.skill {
        case "label":
          #expect(
            widgets.contains {
              $0["kind"]?.stringValue == "button" && $0["label"]?.stringValue == sample.answer
            })
        case "field": #expect(named("field")?["value"]?.stringValue == sample.answer)
        default: #expect(named("check")?["on"]?.boolValue == (sample.answer == "yes"))
        }
      }
    }
  }

  /// Every name with its place among all, and two clicks, each on the widget whose name is asked.
  @Test(arguments: [0, 1.0]) func screensFind(difficulty: Double) throws {
    var several = 0
    for sample in try SynthSample.drawn("screens/find", 100, difficulty: difficulty) {
      let widgets = sample.facts["widgets"]?.arrayValue ?? []
      let queries = sample.facts["queries"]?.arrayValue ?? []
      if widgets.count > 1 { several += 1 }
      #expect(queries.count == 1 + min(2, widgets.count))
      let width = try #require(sample.facts["width"]?.doubleValue)
      let height = try #require(sample.facts["height"]?.doubleValue)
      try #require(sample.keys.count == queries.count)
      var clicked: [Int] = []
      for (query, key) in zip(queries, sample.keys) {
        switch key {
        case .exact(let accepted):
          let order = (query["order"]?.arrayValue ?? []).compactMap(\.integerValue)
          #expect(Set(order) == Set(0..<min(6, widgets.count)))
          let words = ["first", "second", "third", "fourth", "fifth", "sixth"]
          #expect(
            accepted == [
              order.map { "\(widgets[$0]["label"]?.stringValue ?? "-") \(words[$0])" }.joined(separator: ", ")
            ])
        case .point(let box):
          let index = try #require(
            widgets.firstIndex {
              $0["label"]?.stringValue == query["label"]?.stringValue
                && $0["kind"]?.stringValue == query["kind"]?.stringValue
            })
          clicked.append(index)
          let sides = (widgets[index]["box"]?.arrayValue ?? []).compactMap(\.doubleValue)
          #expect(
            abs(Double(box.left) / 1000 * width - sides[0]) < 0.001 * width + 0.01)
          #expect(
            abs(Double(box.top) / 1000 * height - sides[1]) < 0.001 * height + 0.01)
        default: Issue.record("neither places nor a click")
        }
      }
      #expect(Set(clicked).count == clicked.count)
      // Rows from the top, in a row from the left.
      let tops = widgets.compactMap { ($0["box"]?.arrayValue ?? []).compactMap(\.doubleValue)[1] }
      if widgets.allSatisfy({ $0["kind"]?.stringValue == "button" }) { #expect(tops == tops.sorted()) }
    }
    #expect(several > 90)
  }

  @Test func clips() throws {
    for sample in try SynthSample.drawn("clips", 300) {
      let actors = (sample.facts["actors"]?.arrayValue ?? []).map { json in
        (
          shape: json["shape"]?.stringValue ?? "", colour: json["colour"]?.stringValue ?? "",
          places: (json["places"]?.arrayValue ?? []).map { $0.arrayValue?.compactMap(\.doubleValue) }
        )
      }
      func way(_ places: [[Double]?]) -> (x: Double, y: Double) {
        let seen = places.compactMap { $0 }
        return (seen[seen.count - 1][0] - seen[0][0], seen[seen.count - 1][1] - seen[0][1])
      }
      func length(_ places: [[Double]?]) -> Double { max(abs(way(places).x), abs(way(places).y)) }
      let moving = actors.filter { length($0.places) > 0 }
      switch sample.skill {
      case "direction":
        let (x, y) = way(moving[0].places)
        #expect(
          moving.count == 1
            && sample.answer == (abs(x) > abs(y) ? (x < 0 ? "left" : "right") : (y < 0 ? "up" : "down")))
      case "mover": #expect(moving.map { "\($0.colour) \($0.shape)" } == [sample.answer])
      case "faster":
        let sorted = actors.sorted { length($0.places) < length($1.places) }
        #expect(length(sorted[1].places) > 2 * length(sorted[0].places))
        #expect(sample.answer == sorted[sample.question.contains("faster") ? 1 : 0].shape)
      case "order":
        let sorted = actors.sorted { a, b in
          (a.places.firstIndex { $0 != nil } ?? 0) < (b.places.firstIndex { $0 != nil } ?? 0)
        }
        #expect(sample.answer == sorted[sample.question.contains("first") ? 0 : 1].shape)
      default:
        #expect(
          sample.answer == String(actors.count) && actors.allSatisfy { $0.places.contains { $0 != nil } })
      }
    }
  }

  @Test func comparisons() throws {
    for sample in try SynthSample.drawn("comparisons", 300) {
      let scenes = (sample.facts["scenes"]?.arrayValue ?? []).map {
        FactThing.all($0.objectValue ?? JSONObject())
      }
      func names(_ scene: [FactThing]) -> Set<String> { Set(scene.map { "\($0.colour) \($0.shape)" }) }
      let (first, second) = (names(scenes[0]), names(scenes[1]))
      switch sample.skill {
      case "which":
        let question = sample.question.split(separator: ":").last ?? ""
        let said = Vocabulary(question)
        let found = scenes.indices.filter { scenes[$0].contains(where: said.fits) }
        #expect(found.map { String($0 + 1) } == [sample.answer], "\(sample.question)")
      case "more":
        let isFirst = (scenes[0].count > scenes[1].count) == sample.question.contains("more")
        #expect(sample.answer == (isFirst ? "1" : "2"))
      case "same": #expect((first == second) == (sample.answer == "yes"))
      case "added": #expect(first.symmetricDifference(second) == [sample.answer])
      default:
        #expect(first.subtracting(second).count == 1 && second.subtracting(first).count == 1)
        #expect(
          sample.answer
            == "\(first.subtracting(second).first ?? "") to \(second.subtracting(first).first ?? "")")
      }
    }
  }

  @Test func plainText() throws {
    for sample in try SynthSample.drawn("text", 400) {
      let query = sample.query
      switch query["ask"]?.stringValue {
      case "arithmetic":
        let (a, b) = (try #require(query["a"]?.integerValue), try #require(query["b"]?.integerValue))
        let sign = query["sign"]?.stringValue
        #expect(
          sample.answer == String(sign == "+" ? a + b : sign == "-" ? a - b : a * b), "\(sample.question)")
        #expect(sample.question.contains(String(a)) && sample.question.contains(String(b)))
      case "sort":
        let items = strings(query["items"])
        let numbers = items.compactMap { Int($0) }
        let sorted = numbers.isEmpty ? items.sorted() : numbers.sorted().map(String.init)
        let wanted = query["order"]?.stringValue == "up" ? sorted : sorted.reversed()
        #expect(sample.answer == wanted.joined(separator: ", "))
      case "largest": #expect(sample.answer == integers(query["of"]).max().map(String.init))
      case "smallest": #expect(sample.answer == integers(query["of"]).min().map(String.init))
      case "next":
        let shown = integers(query["of"])
        #expect(sample.answer == String(2 * shown[3] - shown[2]))
      case "copy":
        #expect(sample.question.contains(sample.answer) || sample.question.contains(sample.answer.dropLast()))
      default: break
      }
    }
  }

  @Test func lines() throws {
    for sample in try SynthSample.drawn("lines", 200) where sample.skill != "grid" {
      #expect(sample.answer == sample.facts["text"]?.stringValue)
      #expect((1...16).contains(sample.answer.count))
    }
  }

  /// Up to twelve characters at every difficulty, some of them as many.
  @Test func linesOfTwelve() throws {
    let samples = try SynthSample.drawn("lines/line", 300, difficulty: 0)
    #expect(samples.allSatisfy { $0.answer == $0.facts["text"]?.stringValue })
    #expect(Set(samples.map(\.answer.count)) == Set(1...12))
  }

  /// Every line is what was drawn there, none less high than a merged patch, some of twelve characters.
  @Test func columns() throws {
    let samples = try SynthSample.drawn("lines/column", 200, difficulty: 0, sides: 112...224)
    for sample in samples {
      let lines = sample.answer.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      #expect(lines == strings(sample.facts["lines"]))
      #expect(lines.allSatisfy { (1...12).contains($0.count) })
      #expect(sample.images[0].height >= 28 * lines.count)
    }
    #expect(Set(samples.flatMap { strings($0.facts["lines"]).map(\.count) }) == Set(1...12))
    #expect(Set(samples.map { strings($0.facts["lines"]).count }).isSuperset(of: 1...6))
  }

  /// One character in every cell, in as many rows and columns as the question says, none smaller than a merged patch.
  @Test func grids() throws {
    for sample in try SynthSample.drawn("lines/grid", 200, sides: 56...224) {
      #expect(sample.answer == sample.facts["text"]?.stringValue)
      let rows = sample.answer.split(separator: "\n").map(Array.init)
      let said = sample.question.split { !$0.isNumber }.compactMap { Int($0) }
      #expect(said == [rows.count, rows[0].count], "\(sample.question)")
      #expect(rows.allSatisfy { $0.count == rows[0].count && $0.allSatisfy { $0.isLetter || $0.isNumber } })
      #expect(sample.images[0].width >= 28 * rows[0].count && sample.images[0].height >= 28 * rows.count)
    }
  }

  /// Different texts, up to six of them to be found: each is followed by its place, counted in one direction or in two.
  @Test func findings() throws {
    let ordinals = ["first", "second", "third", "fourth"]
    var shapes: Set<[Int]> = []
    for sample in try SynthSample.drawn("lines/find", 300, sides: 84...168) {
      let words = strings(sample.facts["words"])
      let rows = try #require(sample.query["rows"]?.integerValue)
      let columns = try #require(sample.query["columns"]?.integerValue)
      shapes.insert([rows, columns])
      try #require(words.count == rows * columns && words.count > 1)
      #expect(Set(words).count == words.count)
      let found = sample.answer.split(separator: ", ").map { $0.split(separator: " ").map(String.init) }
      #expect(found.count == min(6, words.count))
      #expect(sample.question.contains(Self.list(found.map { $0[0] })))
      for item in found {
        let index = try #require(words.firstIndex(of: item[0]))
        let (row, column) = (ordinals[index / columns], ordinals[index % columns])
        #expect(item.dropFirst() == (rows == 1 ? [column] : columns == 1 ? [row] : [row, column]))
      }
      let way = rows == 1 ? "from the left" : columns == 1 ? "from the top" : "by row and column"
      #expect(sample.question.contains(way))
    }
    #expect(shapes.isSuperset(of: [[1, 2], [2, 1], [4, 4]]))
  }

  /// Different names with different numbers above them: all in a drawn order, and one by itself, in either order.
  @Test func pairs() throws {
    var firsts: Set<String> = []
    for sample in try SynthSample.drawn("lines/pairs", 300, sides: 56...168) {
      let (names, numbers) = (strings(sample.facts["names"]), integers(sample.facts["numbers"]))
      try #require(names.count == numbers.count && (2...4).contains(names.count))
      #expect(Set(names).count == names.count && Set(numbers).count == numbers.count)
      #expect(numbers.allSatisfy { (1...99).contains($0) })
      let questions = sample.messages.filter { $0.role == .user }.map(\.text)
      let answers = sample.messages.filter { $0.role == .assistant }.map(\.text)
      let queries = try #require(sample.facts["queries"]?.arrayValue)
      try #require(queries.count == 2 && questions.count == 2 && answers.count == 2)
      firsts.insert(try #require(queries[0]["ask"]?.stringValue))
      for (query, (question, answer)) in zip(queries, zip(questions, answers)) {
        if query["ask"] == "pairs" {
          let order = integers(query["order"])
          #expect(order.sorted() == Array(names.indices))
          #expect(answer == order.map { "\(names[$0]) \(numbers[$0])" }.joined(separator: ", "))
          #expect(question.lowercased().contains(Self.list(order.map { names[$0] }).lowercased()))
        } else {
          let of = try #require(query["of"]?.stringValue)
          #expect(names.firstIndex(of: of).map { String(numbers[$0]) } == answer)
          #expect(question.lowercased().contains(of.lowercased()))
        }
      }
    }
    #expect(firsts == ["pairs", "number"])
  }

  @Test func paragraphs() throws {
    for sample in try SynthSample.drawn("paragraphs", 150) {
      let lines = strings(sample.facts["lines"])
      switch sample.skill {
      case "read": #expect(sample.answer == lines.joined(separator: " "))
      case "line":
        let place = ["first", "second", "third", "fourth", "fifth", "sixth"].firstIndex {
          sample.question.contains($0)
        }
        #expect(sample.answer == (place.map { lines[$0] } ?? lines.last))
      default:
        let word = try #require(sample.query["word"]?.stringValue)
        let words = lines.joined(separator: " ").lowercased().split { !$0.isLetter }
        #expect(sample.answer == (words.contains(Substring(word)) ? "yes" : "no"), "\(sample.question)")
      }
    }
  }
}
