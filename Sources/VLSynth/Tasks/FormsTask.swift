internal import VLJSON

/// Filled-in forms.
struct FormsTask: SynthTask {
  let name = "forms"
  let summary = "filled-in forms: the value of a field, the field of a value, is one empty"
  let skills = [SynthSkill("value", 4), SynthSkill("field", 1), SynthSkill("empty", 1)]

  private struct Line {
    var label: String
    var value: String
  }

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random, aspect: 0.75...1.5, large: true)
    var page = Page(size, &random, desk)
    let stacked = random.chance(0.3 * desk.difficulty)  // the value below its label
    let hasTitle = random.chance(0.5) && page.linesLeft > 4
    if hasTitle {
      page.put(
        random.pick(["FORM", "Application", "Registration", "Order", "Visitor", "Member card"]), at: 0.5,
        bold: true)
      page.newLine(1.2)
    }
    let step = stacked ? 2.1 : 1.3
    let room = max(1, Int(Double(page.linesLeft) / step))
    let count = random.int(1...max(1, min(room, 2 + Int((4 * desk.difficulty).rounded()))))
    var lines = random.some(max(count, skill == "empty" ? min(2, room) : 1), of: Forms.fields).map { field in
      Line(label: field.label, value: field.value(&random))
    }
    // Values tell the fields apart.
    for index in lines.indices.reversed()
    where lines[..<index].contains(where: { $0.value == lines[index].value }) {
      lines.remove(at: index)
    }
    let isEmpty = skill == "empty" && random.chance(0.5)
    let asked = random.int(0...lines.count - 1)
    if isEmpty { lines[asked].value = "" }
    draw(lines, stacked: stacked, step: step, on: &page, &random)
    let turn = turn(skill, lines, asked, &random)
    return Draft(
      page.finish(&random, desk), [turn],
      facts: JSONObject([
        "fields": .array(lines.map { ["label": .string($0.label), "value": .string($0.value)] })
      ]))
  }

  private func draw(
    _ lines: [Line], stacked: Bool, step: Double, on page: inout Page, _ random: inout SynthRandom
  ) {
    let colon = random.pick([":", ":", ""])
    let ruled = random.int(0...2)  // nothing, a line or a box for the value
    // In columns, or each value right after its label.
    let column = random.chance(0.6) ? lines.map { page.width(of: $0.label + colon) }.max() ?? 0 : nil
    for line in lines {
      page.put(line.label + colon, within: page.left...page.right)
      var start = page.left
      if stacked {
        page.newLine()
      } else {
        start += min(column ?? page.width(of: line.label + colon), page.width * 0.55) + 8
      }
      let top = page.y
      if ruled == 1 || (ruled == 0 && line.value.isEmpty) {
        let y = top + page.lineHeight * 0.95
        page.canvas.line(
          [Point(x: start, y: y), Point(x: page.right, y: y)], page.ink.mixed(with: page.paper, 0.5), width: 1
        )
      } else if ruled == 2 {
        page.canvas.outline(
          Frame(left: start - 3, top: top + 0.5, right: page.right, bottom: top + page.lineHeight),
          page.ink.mixed(with: page.paper, 0.5))
      }
      if !line.value.isEmpty { page.put(line.value, bold: false, within: start...page.right - 3) }
      page.newLine(stacked ? step - 1 : step)
    }
  }

  private func turn(_ skill: String, _ lines: [Line], _ asked: Int, _ random: inout SynthRandom) -> Turn {
    let line = lines[asked]
    let query = JSONObject(["ask": .string(skill), "label": .string(line.label)])
    switch skill {
    case "field":
      let question = Phrasing.say(
        ["Which field says {0}?", "In which field is {0}?", "What is {0} the value of?"], [line.value],
        &random)
      return Turn(question, line.label, query: query)
    case "empty":
      let question = Phrasing.say(
        ["Is the field {0} empty?", "Is {0} empty?", "Was {0} left empty?"], [line.label], &random)
      return Turn(question, line.value.isEmpty ? "yes" : "no", query: query)
    default:
      let question = Phrasing.say(
        [
          "What is the {0}?", "What is the value of {0}?", "What is written for {0}?", "Read the field {0}.",
          "What does the field {0} say?", "{0}?",
        ], [line.label], &random)
      return Turn(question, line.value, query: query)
    }
  }
}
