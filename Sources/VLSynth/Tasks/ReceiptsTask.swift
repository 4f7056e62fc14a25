internal import VLJSON

/// Receipts of shops.
struct ReceiptsTask: SynthTask {
  let name = "receipts"
  let summary =
    "receipts: total, date, shop, the price of an item, how many items, which costs most; all prices"
  let skills = [
    SynthSkill("total", 4), SynthSkill("date", 1.5), SynthSkill("price", 2), SynthSkill("shop", 1),
    SynthSkill("items", 0.7), SynthSkill("dearest", 0.8),
    SynthSkill("read", 0),
  ]

  let leastSide = 84

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random, aspect: 0.7...1.05, large: true)
    let mono = desk.studio.fonts.latin.filter { $0.contains("Mono") || $0 == "Inconsolata" }
    let family = random.chance(0.5) && !mono.isEmpty ? random.pick(mono) : nil
    var page = Page(size, &random, desk, family: family)
    let receipt = Receipt(&random, lines: page.linesLeft, width: page.width / page.font.size, desk.difficulty)

    page.put(receipt.shop, at: 0.5, bold: true)
    page.newLine()
    if receipt.dateFirst {
      page.put(receipt.date, at: random.pick([0, 0.5]))
      page.newLine()
    }
    page.rule(dashed: random.chance(0.5))
    func row(_ label: String, _ cents: Int, bold: Bool? = nil) {
      let price = receipt.currency + Receipt.text(cents)
      let split = page.right - page.width(of: price, bold: bold ?? false) - 2
      page.put(price, at: 1, bold: bold, within: split...page.right)
      page.put(label, bold: bold, within: page.left...split - 4)
    }
    for item in receipt.items {
      row(item.name, item.cents)
      page.newLine()
    }
    page.rule(dashed: random.chance(0.5))
    if let tax = receipt.tax {
      row("Tax", tax)
      page.newLine()
    }
    row(receipt.totalLabel, receipt.total, bold: random.chance(0.6) ? true : nil)
    page.newLine()
    if !receipt.dateFirst {
      page.put(receipt.date, at: random.pick([0, 0.5]))
      page.newLine()
    }
    if page.linesLeft > 0 && random.chance(0.5) {
      page.put(random.pick(["Thank you!", "Come again", "Card", "Cash"]), at: 0.5)
    }
    let image = page.finish(&random, desk)
    return Draft(image, [turn(skill, receipt, &random)], facts: receipt.json)
  }

  private func turn(_ skill: String, _ receipt: Receipt, _ random: inout SynthRandom) -> Turn {
    let ask: JSONValue = .string(skill)
    func price(_ question: String, _ cents: Int, _ query: JSONObject) -> Turn {
      Turn(
        [.text(question)], [.text(Receipt.text(cents))], .number(Double(cents) / 100, tolerance: 0),
        query: query)
    }
    switch skill {
    case "date":
      let question = Phrasing.say(
        [
          "What is the date?", "What is the date on the receipt?", "When was this bought?",
          "Which date is on it?",
        ],
        &random)
      return Turn(question, receipt.date, query: JSONObject(["ask": ask]))
    case "price":
      let item = random.pick(receipt.items)
      let question = Phrasing.say(
        [
          "How much is the {0}?", "What does {0} cost?", "What is the price of {0}?", "Price of {0}?",
          "How much was paid for {0}?",
        ], [item.name], &random)
      return price(question, item.cents, JSONObject(["ask": ask, "item": .string(item.name)]))
    case "shop":
      let question = Phrasing.say(
        ["What is the shop called?", "Which shop is this from?", "What is the name of the shop?"], &random)
      return Turn(question, receipt.shop, query: JSONObject(["ask": ask]))
    case "items":
      let question = Phrasing.say(
        ["How many items were bought?", "How many items are on the receipt?", "Count the items."], &random)
      return Turn(
        [.text(question)], [.text(String(receipt.items.count))],
        .number(Double(receipt.items.count), tolerance: 0), query: JSONObject(["ask": ask]))
    case "dearest":
      let dearest = receipt.items.max { $0.cents < $1.cents }?.name ?? ""
      let question = Phrasing.say(
        ["Which item costs the most?", "What is the most expensive item?", "Which item is the dearest?"],
        &random)
      return Turn(question, dearest, query: JSONObject(["ask": ask]))
    case "read":
      let question = Phrasing.say(
        ["Read all prices.", "List what was bought, and the total.", "Read the receipt line by line."],
        &random)
      let text = receipt.lines.joined(separator: "\n")
      return Turn([.text(question)], [.text(text)], .transcription(text), query: JSONObject(["ask": ask]))
    default:
      let question = Phrasing.say(
        [
          "What is the total?", "How much is the total?", "What is the total amount?",
          "How much was paid in all?",
          "What does it come to?", "Total?",
        ], &random)
      return price(question, receipt.total, JSONObject(["ask": ask]))
    }
  }
}

/// What a receipt says. Prices differ, and the total is the sum of the prices and the tax.
struct Receipt: Sendable {
  var shop: String
  var date: String
  var dateFirst: Bool
  var items: [(name: String, cents: Int)]
  var tax: Int?
  var totalLabel: String
  var currency: String

  /// A receipt that fits into this many lines of this many letters' widths.
  init(_ random: inout SynthRandom, lines: Int, width: Double, _ difficulty: Double) {
    shop = random.pick(Words.shops) + (random.chance(0.4) && width > 9 ? " \(random.int(2...99))" : "")
    let (day, month, year) = (random.int(1...28), random.int(1...12), random.int(2001...2035))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : String(value) }
    switch random.int(0...3) {
    case 0: date = "\(year)-\(two(month))-\(two(day))"
    case 1: date = "\(two(day)).\(two(month)).\(year)"
    case 2: date = "\(day) \(Words.months[month - 1]) \(year)"
    default: date = "\(two(day))/\(two(month))/\(year)"
    }
    dateFirst = random.chance(0.6)
    currency = random.pick(["", "", "$", "€", "£"])
    tax = random.chance(0.3 * difficulty) && lines >= 7 ? random.int(10...250) : nil
    // Besides the items: shop, date, total, two rules of less than half a line, maybe tax.
    let room = max(1, lines - 4 - (tax == nil ? 0 : 1))
    let count = random.int(1...max(1, min(room, 2 + Int((4 * difficulty).rounded()))))
    let most = difficulty < 0.4 ? 999 : 2999
    var prices = Set<Int>()
    items = random.some(count, of: Words.goods).map { name in
      var cents = random.int(20...most)
      while prices.contains(cents) { cents = random.int(20...most) }
      prices.insert(cents)
      return (name, cents)
    }
    totalLabel = random.pick(["TOTAL", "Total", "SUM", "Amount", "To pay", "TOTAL"])
  }

  var total: Int { items.reduce(0) { $0 + $1.cents } + (tax ?? 0) }

  /// Every line with a price, from the top: names and prices without the currency.
  var lines: [String] {
    let rows = items.map { ($0.name, $0.cents) } + (tax.map { [("Tax", $0)] } ?? []) + [(totalLabel, total)]
    return rows.map { "\($0.0) \(Self.text($0.1))" }
  }

  /// "12.05"
  static func text(_ cents: Int) -> String {
    let rest = cents % 100
    return "\(cents / 100)." + (rest < 10 ? "0\(rest)" : String(rest))
  }

  var json: JSONObject {
    JSONObject([
      "shop": .string(shop), "date": .string(date), "tax": tax.map { .integer($0) } ?? .null,
      "items": .array(items.map { ["name": .string($0.name), "cents": .integer($0.cents)] }),
    ])
  }
}
