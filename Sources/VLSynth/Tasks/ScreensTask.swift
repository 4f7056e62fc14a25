internal import VLJSON
internal import VLMedia

/// Windows with buttons, fields and check boxes.
struct ScreensTask: SynthTask {
  let name = "screens"
  let summary =
    "windows with buttons, fields and check boxes: where to click, what a button says, what is filled in"
  let skills = [
    SynthSkill("click", 5), SynthSkill("point", 1), SynthSkill("label", 2), SynthSkill("field", 1.5),
    SynthSkill("checked", 1), SynthSkill("find", 0),
  ]

  let leastSide = 84

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    for attempt in 0..<100 {
      let screen = Screen(skill, &random, desk)
      if skill == "find" {
        // Narrow pictures may have room for one button only.
        guard screen.widgets.count > 1 || (attempt >= 50 && !screen.widgets.isEmpty) else { continue }
        return Draft(screen.picture(&random, desk), found(screen, &random), facts: screen.json)
      }
      guard let turn = turn(skill, screen, &random) else { continue }
      return Draft(screen.picture(&random, desk), [turn], facts: screen.json)
    }
    preconditionFailure("ScreensTask: no screen for \(skill)")
  }

  /// Names with their places, and clicks on two of them, in any order.
  ///
  /// A click among several is one place of a dozen tokens; a name said just before its place asks for nothing else.
  private func found(_ screen: Screen, _ random: inout SynthRandom) -> [Turn] {
    let indices = random.shuffled(Array(screen.widgets.indices.prefix(Words.ordinals.count)))
    let clicked = random.shuffled(Array(screen.widgets.indices)).prefix(2)
    let question = Phrasing.say(
      ["Give each of {0} with its place in reading order.", "Find {0}, in reading order."],
      [Phrasing.list(indices.map { screen.widgets[$0].label })], &random)
    let answer = indices.map { "\(screen.widgets[$0].label) \(Words.ordinals[$0])" }
    var turns = [
      Turn(
        question, answer.joined(separator: ", "),
        query: JSONObject(["ask": "places", "order": .array(indices.map { .integer($0) })]))
    ]
    for index in clicked {
      let turn = click(screen.widgets[index], asPoint: random.chance(0.3), screen, &random)
      turns.insert(turn, at: random.int(0...turns.count))
    }
    return turns
  }

  private func click(
    _ widget: Widget, asPoint: Bool, _ screen: Screen, _ random: inout SynthRandom
  ) -> Turn {
    let question =
      switch widget.kind {
      case .button:
        Phrasing.say(
          [
            "Click {0}.", "Press {0}.", "Click the {0} button.", "Press the {0} button.",
            "Where should I click for {0}?", "Tap {0}.", "Push the button {0}.",
          ], [widget.label], &random)
      case .field:
        Phrasing.say(
          [
            "Click the {0} field.", "Click into the field {0}.", "Where do I type the {0}?",
            "Select the {0} field.",
          ], [widget.label], &random)
      case .check:
        Phrasing.say(
          [
            "Click the check box {0}.", "Toggle {0}.", "Click the {0} check box.",
            "Where is the check box {0}?",
          ],
          [widget.label], &random)
      }
    let box = SynthBox(widget.target, in: screen.size)
    let query = JSONObject([
      "ask": "click", "kind": .string(widget.kind.rawValue), "label": .string(widget.label),
    ])
    if !asPoint { return Turn([.text(question)], [.box(box)], .point(box), query: query) }
    let centre = box.centre
    return Turn(
      [.text(question + " Answer with a point.")], [.text("(\(centre.x),\(centre.y))")], .point(box),
      query: query)
  }

  private func turn(_ skill: String, _ screen: Screen, _ random: inout SynthRandom) -> Turn? {
    switch skill {
    case "click", "point":
      guard let widget = screen.widgets.isEmpty ? nil : random.pick(screen.widgets) else { return nil }
      return click(widget, asPoint: skill == "point", screen, &random)
    case "label":
      let buttons = screen.widgets.filter { $0.kind == .button }
      guard !buttons.isEmpty else { return nil }
      let button = random.pick(buttons)
      let query = JSONObject(["ask": "label", "box": button.target.json])
      if buttons.count == 1 && random.chance(0.5) {
        let question = Phrasing.say(
          ["What does the button say?", "What is written on the button?", "Read the button."], &random)
        return Turn(question, button.label, query: query)
      }
      let (before, after) = random.pick([
        ("What does the button at ", " say?"), ("What is the button in ", "?"), ("Read the button in ", "."),
        ("Which button is at ", "?"),
      ])
      return Turn(
        [.text(before), .box(SynthBox(button.target, in: screen.size)), .text(after)], [.text(button.label)],
        .exact([button.label]), query: query)
    case "field":
      let fields = screen.widgets.filter { $0.kind == .field }
      guard !fields.isEmpty else { return nil }
      let field = random.pick(fields)
      let question = Phrasing.say(
        [
          "What is in the {0} field?", "What is the {0}?", "Read the {0}.", "What does the {0} field say?",
          "Which {0} is filled in?",
        ], [field.label], &random)
      return Turn(
        [.text(question)], [.text(field.value)], .exact([field.value]),
        query: JSONObject(["ask": "value", "label": .string(field.label)]))
    default:
      let checks = screen.widgets.filter { $0.kind == .check }
      guard !checks.isEmpty else { return nil }
      let check = random.pick(checks)
      let question = Phrasing.say(
        ["Is {0} checked?", "Is {0} ticked?", "Is the box {0} checked?", "Is {0} turned on?"], [check.label],
        &random)
      return Turn(
        question, check.isOn ? "yes" : "no",
        query: JSONObject(["ask": "checked", "label": .string(check.label)]))
    }
  }
}

/// Something on a screen that can be clicked.
struct Widget: Sendable {
  enum Kind: String, Sendable { case button, field, check }
  var kind: Kind
  var label: String
  /// What a field holds.
  var value = ""
  /// Whether a check box is ticked.
  var isOn = false
  /// Where a click counts.
  var target: Frame
  /// Where a field's or a check box's label stands.
  var labelAt = Point(x: 0, y: 0)
}

/// A window with a title and rows of widgets, each label once.
struct Screen {
  let size: PixelSize
  private(set) var widgets: [Widget] = []
  private let title: String?
  private let text: Font
  private let rowHeight: Double
  private let panel: Frame

  static let buttons = [
    "OK", "Cancel", "Save", "Open", "Close", "Send", "Delete", "Yes", "No", "Next", "Back", "Print", "Help",
    "Edit",
    "Search", "Login", "Copy", "Paste", "Undo", "Apply", "Start", "Stop", "Play", "Pause", "Add", "Remove",
    "Buy",
    "Share", "Submit", "Reset", "Quit", "More", "Update", "Upload", "View", "Sort", "Filter", "Done", "Retry",
    "Skip",
  ]
  static let checks = [
    "Sound", "Wifi", "Alarm", "Dark mode", "Backup", "News", "Email", "Updates", "Grid", "Music", "Bluetooth",
    "Lock",
    "Sync", "Maps", "Camera", "Subtitles",
  ]
  static let titles = [
    "Settings", "Login", "Editor", "Mail", "Shop", "Player", "Files", "Account", "Order", "Search",
  ]

  /// A screen that has what the skill asks about.
  init(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) {
    let difficulty = desk.difficulty
    size = desk.pictureSize(&random, aspect: 0.65...1.6)
    let (w, h) = (Double(size.width), Double(size.height))
    let fontSize = random.real(11.5...13.5 + 3 * (1 - difficulty)) * max(1, size.shorter / 260)
    text = desk.studio.latinFont(&random, size: fontSize, difficulty: difficulty * 0.5)
    rowHeight = fontSize * random.real(1.7...2.1)
    let margin = random.real(0...0.06 * difficulty) * min(w, h)
    panel = Frame(x: 0, y: 0, width: w, height: h).inset(margin)
    title = random.chance(0.5 * difficulty) ? random.pick(Self.titles) : nil

    let pad = max(5, fontSize * 0.6)
    let (left, right) = (panel.left + pad, panel.right - pad)
    var y = panel.top + pad + (title == nil ? 0 : rowHeight)
    var labels = random.shuffled(Self.buttons)
    var checks = random.shuffled(Self.checks)
    var fields = random.shuffled(Forms.fields)
    let needed: Widget.Kind =
      switch skill {
      case "label": .button
      case "field": .field
      case "checked": .check
      default: random.pick(difficulty < 0.3 ? [.button] : [.button, .button, .field, .check])
      }
    var kinds: [Widget.Kind] = [needed]
    while kinds.count < 8 {
      kinds.append(difficulty < 0.3 ? .button : random.pick([.button, .field, .check]))
    }
    let room = Int((panel.bottom - pad - y) / (rowHeight + pad * 0.6))
    let rows = max(1, min(room, random.int(1...2 + Int(4 * difficulty))))
    kinds = random.shuffled(Array(kinds.prefix(rows)))
    // Rows lie anywhere: what is left of the height is spread above them.
    let slack = max(0, panel.bottom - pad - y - Double(rows) * (rowHeight + pad * 0.6))
    for kind in kinds {
      y += random.real(0...slack / Double(rows))
      switch kind {
      case .button:
        var x = left + random.real(0...(right - left) * 0.3)
        for _ in 0..<random.int(1...3) {
          guard let label = labels.popLast() else { break }
          let set = desk.studio.line(label, text)
          let width = set.width + 2 * pad + random.real(0...16)
          guard x + width <= right else { break }
          widgets.append(
            Widget(kind: .button, label: label, target: Frame(x: x, y: y, width: width, height: rowHeight)))
          x += width + pad + random.real(0...14)
        }
      case .check:
        guard let label = checks.popLast() else { break }
        let side = rowHeight * 0.62
        let x = left + random.real(0...0.15) * (right - left)
        guard x + side + 6 + desk.studio.line(label, text).width <= right else { break }
        widgets.append(
          Widget(
            kind: .check, label: label, isOn: random.chance(0.5),
            target: Frame(x: x, y: y + (rowHeight - side) / 2, width: side, height: side),
            labelAt: Point(x: x + side + 6, y: y)))
      case .field:
        guard let field = fields.popLast() else { break }
        let label = desk.studio.line(field.label, text)
        let x = left + label.width + 8
        let value = field.value(&random)
        let needed = desk.studio.line(value, text).width + 10
        guard x + needed <= right else { break }
        let width = random.real(needed...right - x)
        widgets.append(
          Widget(
            kind: .field, label: field.label, value: value,
            target: Frame(x: x, y: y, width: width, height: rowHeight), labelAt: Point(x: left, y: y)))
      }
      y += rowHeight + pad * 0.6
    }
  }

  var json: JSONObject {
    JSONObject([
      "width": .integer(size.width), "height": .integer(size.height),
      "widgets": .array(
        widgets.map {
          [
            "kind": .string($0.kind.rawValue), "label": .string($0.label), "value": .string($0.value),
            "on": .bool($0.isOn), "box": $0.target.json,
          ]
        }),
    ])
  }

  func picture(_ random: inout SynthRandom, _ desk: Desk) -> RGBImage {
    let isDark = random.chance(0.25 * desk.difficulty)
    let paper = isDark ? Colour.grey(random.real(0.1...0.2)) : Colour.grey(random.real(0.9...1))
    let ink = isDark ? Colour.grey(0.95) : Colour.grey(0.08)
    let accents = [0x1E66D0, 0x1D7F46, 0x7B2CBF, 0xB02A37, 0x0B7285, 0x444C56, 0xD8DEE6, 0xE9E2D0]
    let accent = Colour(hex: random.pick(accents)).jittered(0.04, &random)
    let onAccent: Colour = accent.luma > 0.6 ? .grey(0.08) : .white
    let radius = random.pick([0, 3, rowHeight / 2])
    let canvas = Canvas(size, paper: Colour(hex: random.pick([0x5B7FA6, 0x3C5A4A, 0x777777, 0xA48C6B])))
    canvas.fill(panel, paper.jittered(0.02, &random))
    let edge = paper.mixed(with: ink, 0.45)
    if let title {
      let bar = Frame(x: panel.left, y: panel.top, width: panel.width, height: rowHeight)
      canvas.fill(bar, paper.mixed(with: ink, 0.14))
      let line = desk.studio.line(title, text)
      line.draw(on: canvas, x: bar.left + 6, y: bar.centre.y - line.height / 2, ink)
      for index in 0..<3 {
        canvas.fillDisc(
          centre: Point(x: bar.right - 10 - Double(index) * rowHeight * 0.5, y: bar.centre.y),
          radius: rowHeight * 0.15, edge)
      }
    }
    for widget in widgets {
      let box = widget.target
      func label(_ text: String, x: Double, _ colour: Colour) {
        let line = desk.studio.line(text, self.text)
        line.draw(on: canvas, x: x, y: widget.target.centre.y - line.height / 2, colour)
      }
      switch widget.kind {
      case .button:
        canvas.fill(box, accent, radius: radius)
        canvas.outline(box.inset(0.5), accent.mixed(with: .black, 0.3), radius: radius)
        desk.studio.line(widget.label, text).draw(on: canvas, centre: box.centre, onAccent)
      case .field:
        label(widget.label, x: widget.labelAt.x, ink)
        canvas.fill(box, isDark ? .grey(0.05) : .white)
        canvas.outline(box.inset(0.5), edge)
        label(widget.value, x: box.left + 5, ink)
      case .check:
        canvas.fill(box, isDark ? .grey(0.05) : .white)
        canvas.outline(box.inset(0.5), edge, width: 1.2)
        if widget.isOn {
          func at(_ x: Double, _ y: Double) -> Point {
            Point(x: box.left + x * box.width, y: box.top + y * box.height)
          }
          canvas.line(
            [at(0.2, 0.55), at(0.42, 0.78), at(0.82, 0.22)], ink, width: max(1.8, box.width * 0.16))
        }
        label(widget.label, x: widget.labelAt.x, ink)
      }
    }
    return desk.finish(canvas, &random, strength: 0.4)
  }
}

/// Fields of forms and what may stand in them.
enum Forms {
  struct Field: Sendable {
    let label: String
    let value: @Sendable (inout SynthRandom) -> String
  }

  static let fields: [Field] = [
    Field(label: "Name") { $0.pick(Words.names) },
    Field(label: "Surname") { $0.pick(Words.surnames) },
    Field(label: "City") { $0.pick(Words.cities) },
    Field(label: "Age") { String($0.int(18...90)) },
    Field(label: "Date") { "\($0.int(1...28)) \($0.pick(Words.months))" },
    Field(label: "Phone") { "555-\($0.int(1000...9999))" },
    Field(label: "Code") { Words.mixed(5, &$0) },
    Field(label: "Amount") { "\($0.int(1...99)).\($0.int(10...99))" },
    Field(label: "Room") { String($0.int(100...499)) },
    Field(label: "Colour") { $0.pick(NamedColour.all).name },
    Field(label: "Day") { $0.pick(Words.days) },
    Field(label: "User") { $0.pick(Words.names).lowercased() + String($0.int(10...99)) },
    Field(label: "Weight") { "\($0.int(40...99)) kg" },
    Field(label: "Team") { Phrasing.capitalised($0.pick(Words.english)) },
  ]
}
