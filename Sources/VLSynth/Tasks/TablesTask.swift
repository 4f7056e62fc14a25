internal import VLJSON

/// Tables of words and numbers.
struct TablesTask: SynthTask {
  let name = "tables"
  let summary = "tables: look up a cell, who has the most, count rows and columns"
  let skills = [
    SynthSkill("cell", 4), SynthSkill("most", 1), SynthSkill("count", 0.7), SynthSkill("row", 0.7),
  ]

  private static let columns: [(name: String, range: ClosedRange<Int>)] = [
    ("Age", 10...99), ("Score", 1...100), ("Points", 1...50), ("Price", 1...99), ("Weight", 10...99),
    ("Room", 100...399),
    ("Size", 1...48), ("Wins", 0...30), ("Goals", 0...40), ("Year", 1950...2030),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random, aspect: 0.9...1.8, large: true)
    var page = Page(size, &random, desk)
    let heading = random.pick(["Name", "City", "Item"])
    let source = heading == "Name" ? Words.names : heading == "City" ? Words.cities : Words.goods
    let rowStep = 1.15
    let most = max(
      2, min(Int(Double(page.linesLeft) / rowStep) - 1, 2 + Int((4 * desk.difficulty).rounded())))
    let rows = random.some(random.int(2...most), of: source)
    // Columns that are wide enough for their longest number.
    let first = ([heading] + rows).map { page.width(of: $0) }.max().map { $0 + 12 } ?? 60
    let room = max(1, Int((page.width - first) / (page.width(of: "Weight") + 10)))
    let count = random.int(1...max(1, min(room, 1 + Int((3 * desk.difficulty).rounded()))))
    let columns = random.some(count, of: Self.columns)
    var cells: [[Int]] = rows.map { _ in [] }
    for column in columns {
      // All values of a column differ, so that it has one largest.
      var used = Set<Int>()
      for row in rows.indices {
        var value = random.int(column.range)
        while used.contains(value) { value = random.int(column.range) }
        used.insert(value)
        cells[row].append(value)
      }
    }
    let table = Table(heading: heading, rows: rows, columns: columns.map(\.name), cells: cells)
    draw(table, first: min(first, page.width * 0.6), step: rowStep, on: &page, &random)
    return Draft(page.finish(&random, desk), [turn(skill, table, &random)], facts: table.json)
  }

  private struct Table {
    let heading: String
    let rows: [String]
    let columns: [String]
    let cells: [[Int]]

    var json: JSONObject {
      JSONObject([
        "heading": .string(heading), "rows": .array(rows.map { .string($0) }),
        "columns": .array(columns.map { .string($0) }),
        "cells": .array(cells.map { .array($0.map { .integer($0) }) }),
      ])
    }
  }

  private func draw(
    _ table: Table, first: Double, step: Double, on page: inout Page, _ random: inout SynthRandom
  ) {
    let height = page.lineHeight * step
    let width = (page.width - first) / Double(table.columns.count)
    let (top, bottom) = (page.y, page.y + height * Double(table.rows.count + 1))
    let style = random.int(0...2)  // all rules, rules between rows, shaded rows
    let pale = page.paper.mixed(with: page.ink, 0.12)
    if random.chance(0.5) {
      page.canvas.fill(Frame(left: page.left, top: top, right: page.right, bottom: top + height), pale)
    }
    let lineColour = page.paper.mixed(with: page.ink, 0.5)
    for row in 0...table.rows.count + 1 {
      let y = top + height * Double(row)
      if style == 2 && row % 2 == 1 && row <= table.rows.count {
        page.canvas.fill(Frame(left: page.left, top: y, right: page.right, bottom: y + height), pale)
      } else if style < 2 {
        page.canvas.line([Point(x: page.left, y: y), Point(x: page.right, y: y)], lineColour, width: 1)
      }
    }
    if style == 0 {
      let edges = [page.left] + (0...table.columns.count).map { page.left + first + width * Double($0) }
      for x in edges {
        page.canvas.line([Point(x: x, y: top), Point(x: x, y: bottom)], lineColour, width: 1)
      }
    }
    let position = random.pick([0.5, 1, 0.5])
    for row in 0...table.rows.count {
      page.y = top + height * Double(row) + (height - page.lineHeight) / 2
      let name = row == 0 ? table.heading : table.rows[row - 1]
      page.put(name, bold: row == 0, within: page.left + 4...page.left + first - 2)
      for (column, title) in table.columns.enumerated() {
        let x = page.left + first + width * Double(column)
        page.put(
          row == 0 ? title : String(table.cells[row - 1][column]), at: position, bold: row == 0,
          within: x + 3...x + width - 3)
      }
    }
  }

  private func turn(_ skill: String, _ table: Table, _ random: inout SynthRandom) -> Turn {
    let (row, column) = (random.int(0...table.rows.count - 1), random.int(0...table.columns.count - 1))
    let query = JSONObject([
      "ask": .string(skill), "row": .integer(row), "column": .integer(column),
    ])
    switch skill {
    case "most":
      let isMost = random.chance(0.6)
      let values = table.cells.map { $0[column] }
      let wanted = isMost ? values.max() : values.min()
      let best = values.firstIndex { $0 == wanted } ?? 0
      let question = Phrasing.say(
        ["Which {0} has the {1} {2}?", "Whose {2} is the {1}?", "Find the {0} with the {1} {2}."],
        [table.heading.lowercased(), isMost ? "largest" : "smallest", table.columns[column].lowercased()],
        &random)
      return Turn(question, table.rows[best], query: query.adding("largest", .bool(isMost)))
    case "count":
      let isRows = random.chance(0.6)
      let count = isRows ? table.rows.count : table.columns.count + 1
      let question =
        isRows
        ? Phrasing.say(
          [
            "How many rows are there without the header?", "How many {0} are in the table?",
            "Count the {0} in the table.",
          ], [table.heading == "City" ? "cities" : table.heading.lowercased() + "s"], &random)
        : Phrasing.say(
          ["How many columns are there?", "Count the columns.", "How many columns has the table?"], &random)
      return Turn(
        [.text(question)], [.text(String(count))], .number(Double(count), tolerance: 0),
        query: query.adding("rows", .bool(isRows)))
    case "row":
      let value = String(table.cells[row][column])
      let question = Phrasing.say(
        ["Which {0} has {2} {1}?", "Whose {2} is {1}?", "Find the {0} with {2} {1}."],
        [table.heading.lowercased(), value, table.columns[column].lowercased()], &random)
      return Turn(question, table.rows[row], query: query)
    default:
      let value = table.cells[row][column]
      let question = Phrasing.say(
        [
          "What is the {1} of {0}?", "Which {1} does {0} have?", "{1} of {0}?", "Look up the {1} of {0}.",
          "What is the value for {0} in the column {2}?", "What {1} has {0}?",
        ], [table.rows[row], table.columns[column].lowercased(), table.columns[column]], &random)
      return Turn(
        [.text(question)], [.text(String(value))], .number(Double(value), tolerance: 0), query: query)
    }
  }
}
