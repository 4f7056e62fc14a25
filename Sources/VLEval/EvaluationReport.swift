public import VLJSON

/// What an evaluation found.
public struct EvaluationReport: Sendable {
  /// One task, or one skill of it.
  public struct Line: Sendable {
    /// The task, or the skill.
    public var name: String
    /// Its answers, counted.
    public var tally: Tally
    /// The parts of a task; empty for a skill.
    public var skills: [Line]
  }

  /// The tasks in their order, each with its skills in the order of their names.
  public let lines: [Line]
  /// All answers, by task and sample.
  public let answers: [EvaluatedAnswer]

  /// Counts answers; later ones replace earlier ones to the same question.
  ///
  /// - Parameters:
  ///   - tasks: the names in the order in which they are reported.
  ///   - answers: in any order.
  public init(tasks: [String], answers: [EvaluatedAnswer]) {
    let place = Dictionary(tasks.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var latest: [String: EvaluatedAnswer] = [:]
    for answer in answers where place[answer.task] != nil {
      latest["\(answer.task)/\(answer.index)/\(answer.turn)"] = answer
    }
    self.answers = latest.values.sorted {
      (place[$0.task] ?? 0, $0.index, $0.turn) < (place[$1.task] ?? 0, $1.index, $1.turn)
    }
    var totals = tasks.map { Line(name: $0, tally: Tally(), skills: []) }
    for answer in self.answers {
      guard let task = place[answer.task] else { continue }
      totals[task].tally.add(answer)
      let skill = totals[task].skills.firstIndex { $0.name == answer.skill }
      if skill == nil { totals[task].skills.append(Line(name: answer.skill, tally: Tally(), skills: [])) }
      totals[task].skills[skill ?? totals[task].skills.count - 1].tally.add(answer)
    }
    for task in totals.indices { totals[task].skills.sort { $0.name < $1.name } }
    lines = totals
  }

  /// All answers counted together.
  public var total: Tally {
    var total = Tally()
    for answer in answers { total.add(answer) }
    return total
  }

  /// The table: a line for each task and, where there are several, each skill.
  public var table: String {
    var rows = [
      ["", "questions", "right", "%", "95 % interval", "mean value", "no form", "cut off", "failed"]
    ]
    for line in lines {
      rows.append(Self.row(line.name, line.tally))
      if line.skills.count > 1 { rows += line.skills.map { Self.row("  " + $0.name, $0.tally) } }
    }
    if lines.count > 1 { rows.append(Self.row("all", total)) }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var table = ""
    for row in rows {
      var line = ""
      for (column, cell) in row.enumerated() {
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        line += column == 0 ? cell + blanks : "  " + blanks + cell
      }
      while line.last == " " { line.removeLast() }
      table += line + "\n"
    }
    return table
  }

  /// Everything: the counts of each task and skill, and each answer that was not right.
  public var json: JSONObject {
    var object = JSONObject()
    object["all"] = .object(Self.json(total))
    object["tasks"] = .array(
      lines.map { line in
        var task = Self.json(line.tally)
        task["skills"] = .object(Self.members(line.skills))
        return .object(Self.named(line.name, task))
      })
    object["wrong"] = .array(answers.filter { !$0.score.isRight }.map(\.json))
    return object
  }

  private static func row(_ name: String, _ tally: Tally) -> [String] {
    func count(_ number: Int) -> String { number == 0 ? "" : "\(number)" }
    let interval = "\(percent(tally.interval.lowerBound))–\(percent(tally.interval.upperBound))"
    return [
      name, "\(tally.questions)", "\(tally.right)", percent(tally.accuracy), interval,
      percent(tally.meanValue),
      count(tally.unparsed), count(tally.cutOff), count(tally.failed),
    ]
  }

  /// A share in percent, to a tenth.
  private static func percent(_ share: Double) -> String {
    let tenths = Int((share * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }

  private static func json(_ tally: Tally) -> JSONObject {
    var object = JSONObject()
    object["questions"] = .integer(tally.questions)
    object["right"] = .integer(tally.right)
    object["accuracy"] = .number(tally.accuracy)
    object["interval_95"] = [.number(tally.interval.lowerBound), .number(tally.interval.upperBound)]
    object["mean_value"] = .number(tally.meanValue)
    object["unparsed"] = .integer(tally.unparsed)
    object["cut_off"] = .integer(tally.cutOff)
    object["failed"] = .integer(tally.failed)
    return object
  }

  private static func members(_ lines: [Line]) -> JSONObject {
    var object = JSONObject()
    for line in lines { object[line.name] = .object(json(line.tally)) }
    return object
  }

  private static func named(_ name: String, _ rest: JSONObject) -> JSONObject {
    var object = JSONObject()
    object["task"] = .string(name)
    for (key, value) in rest.members { object[key] = value }
    return object
  }
}
