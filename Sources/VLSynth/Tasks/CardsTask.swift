internal import VLJSON
internal import VLMedia

/// Playing cards on a table.
struct CardsTask: SynthTask {
  let name = "cards"
  let summary = "playing cards: which card, its rank and suit, all in order, counts, sums, where one lies"
  let skills = [
    SynthSkill("card", 4), SynthSkill("rank", 2), SynthSkill("suit", 2), SynthSkill("list", 2),
    SynthSkill("count", 1), SynthSkill("sum", 1), SynthSkill("where", 1),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let several = ["list", "count", "sum", "where"].contains(skill)
    let deck = skill == "sum" ? Card.deck.filter { (2...10).contains($0.rank) } : Card.deck
    let most = 2 + Int((3 * desk.difficulty).rounded())
    let cards = random.some(several ? random.int(2...most) : 1, of: deck)
    let table = CardTable(cards, &random, desk)
    let image = table.picture(&random, desk)
    return Draft(image, [turn(skill, table, &random)], facts: table.json)
  }

  private func turn(_ skill: String, _ table: CardTable, _ random: inout SynthRandom) -> Turn {
    let cards = table.cards
    let card = random.pick(cards)
    let ask: JSONValue = .string(skill)
    switch skill {
    case "rank":
      let question = Phrasing.say(
        [
          "What is the rank of the card?", "Which rank is this card?", "What rank does the card have?",
          "What is the card's rank?",
        ], &random)
      return Turn(question, card.rankName, or: [card.rankSign], query: JSONObject(["ask": ask]))
    case "suit":
      let question = Phrasing.say(
        [
          "What is the suit of the card?", "Which suit is this card?", "What suit does the card have?",
          "What is the card's suit?",
        ], &random)
      return Turn(question, card.suit.rawValue, query: JSONObject(["ask": ask]))
    case "list":
      let question = Phrasing.say(
        [
          "Which cards are these, from left to right?", "Name the cards from left to right.",
          "List all cards from left to right.", "Which cards do you see?", "What are the cards?",
        ], &random)
      let names = cards.map(\.name)
      return Turn(
        [.text(question)], [.text(names.joined(separator: ", "))], .list(names),
        query: JSONObject(["ask": ask]))
    case "count":
      let suit = random.chance(0.5) ? card.suit : random.pick(Suit.allCases)
      let all = random.chance(0.4)
      let count = all ? cards.count : cards.filter { $0.suit == suit }.count
      let question = Phrasing.say(
        ["How many {0} are there?", "How many {0} do you see?", "Count the {0}."],
        [all ? "cards" : suit.rawValue], &random)
      return Turn(
        [.text(question)], [.text(String(count))], .number(Double(count), tolerance: 0),
        query: JSONObject(["ask": ask, "suit": all ? .null : .string(suit.rawValue)]))
    case "sum":
      let sum = cards.reduce(0) { $0 + $1.rank }
      let question = Phrasing.say(
        [
          "What is the sum of the cards?", "What do the cards add up to?", "Add up the cards.",
          "How many points are the cards together?",
        ], &random)
      return Turn(
        [.text(question)], [.text(String(sum))], .number(Double(sum), tolerance: 0),
        query: JSONObject(["ask": ask]))
    case "where":
      let index = cards.firstIndex(of: card) ?? 0
      let box = SynthBox(table.frames[index], in: table.size)
      let question = Phrasing.say(
        ["Where is the {0}?", "Find the {0}.", "Locate the {0}.", "Give the bounding box of the {0}."],
        [card.name], &random)
      return Turn(
        [.text(question)], [.ref(card.name), .box(box)], .box(box),
        query: JSONObject(["ask": ask, "card": .string(card.name)]))
    default:
      let question = Phrasing.say(
        [
          "Which card is this?", "What card is it?", "Which card do you see?", "Name the card.",
          "What is the card?", "Which playing card is shown?",
        ], &random)
      return Turn(
        question, card.name, or: ["\(card.rankSign) of \(card.suit.rawValue)"],
        query: JSONObject(["ask": ask]))
    }
  }
}

/// The four suits.
enum Suit: String, Sendable, CaseIterable {
  case hearts, diamonds, clubs, spades
  var isRed: Bool { self == .hearts || self == .diamonds }

  /// Draws the sign with its middle at a point, `size` high; upside down if `turned`.
  func draw(on canvas: Canvas, centre: Point, size: Double, _ colour: Colour, turned: Bool = false) {
    let flip = turned ? -1.0 : 1.0
    func at(_ x: Double, _ y: Double) -> Point {
      Point(x: centre.x + flip * x * size, y: centre.y + flip * y * size)
    }
    let heart = Shape.all[4].outline(centre: Point(x: 0, y: 0), side: 1, angle: 0)[0]
    switch self {
    case .hearts: canvas.fill([heart.map { at($0.x, $0.y) }], colour)
    case .diamonds: canvas.fill([[at(0, -0.52), at(0.36, 0), at(0, 0.52), at(-0.36, 0)]], colour)
    case .spades:
      canvas.fill([heart.map { at($0.x * 0.92, -$0.y * 0.82 - 0.09) }], colour)
      canvas.fill([[at(0, 0.05), at(0.17, 0.5), at(-0.17, 0.5)]], colour)
    case .clubs:
      for (x, y) in [(0, -0.26), (-0.25, 0.08), (0.25, 0.08)] {
        canvas.fillDisc(centre: at(x, y), radius: 0.235 * size, colour)
      }
      canvas.fill([[at(0, -0.1), at(0.17, 0.5), at(-0.17, 0.5)]], colour)
    }
  }
}

/// A card of the French deck; rank 1 is the ace, 11...13 are jack, queen and king.
struct Card: Sendable, Hashable {
  let rank: Int
  let suit: Suit

  static let deck = Suit.allCases.flatMap { suit in (1...13).map { Card(rank: $0, suit: suit) } }

  /// What stands in its corner.
  var rankSign: String { [1: "A", 11: "J", 12: "Q", 13: "K"][rank] ?? String(rank) }
  var rankName: String { [1: "ace", 11: "jack", 12: "queen", 13: "king"][rank] ?? String(rank) }
  /// "7 of hearts"
  var name: String { "\(rankName) of \(suit.rawValue)" }

  /// Draws it, upright, into the frame.
  func draw(on canvas: Canvas, _ frame: Frame, studio: Studio, family: String, pips: Bool) {
    let (w, h) = (frame.width, frame.height)
    canvas.fill(frame, .white, radius: w * 0.08)
    canvas.outline(frame, .grey(0.45), width: max(0.8, w * 0.012), radius: w * 0.08)
    let colour = suit.isRed ? Colour(hex: 0xC8102E) : Colour(hex: 0x101010)
    // A card with pips has smaller corners.
    let k = pips ? 0.74 : 1.0
    let sign = studio.fitting(
      rankSign, Font(family: family, size: h * 0.25 * k, isBold: true), width: w * 0.34 * k)
    let (cornerX, cornerY) = (w * 0.19 * k, h * 0.14 * k)
    let corner = Point(x: frame.left + cornerX, y: frame.top + cornerY)
    let opposite = Point(x: frame.right - cornerX, y: frame.bottom - cornerY)
    sign.draw(on: canvas, centre: corner, colour)
    suit.draw(on: canvas, centre: Point(x: corner.x, y: corner.y + h * 0.18 * k), size: h * 0.13 * k, colour)
    canvas.turned(.pi, about: frame.centre) {
      sign.draw(on: canvas, centre: corner, colour)
    }
    suit.draw(
      on: canvas, centre: Point(x: opposite.x, y: opposite.y - h * 0.18 * k), size: h * 0.13 * k, colour,
      turned: true)
    guard pips, (2...10).contains(rank) else {
      if rank > 10 && pips {
        let portrait = frame.inset(w * 0.34, h * 0.16)
        canvas.outline(portrait, colour, width: max(0.8, w * 0.015))
        let letter = studio.fitting(
          rankSign, Font(family: family, size: h * 0.3), width: portrait.width * 0.9)
        letter.draw(on: canvas, centre: Point(x: frame.centre.x, y: frame.centre.y - h * 0.13), colour)
        suit.draw(
          on: canvas, centre: Point(x: frame.centre.x, y: frame.centre.y + h * 0.16), size: h * 0.2, colour)
      } else {
        suit.draw(on: canvas, centre: frame.centre, size: h * 0.4, colour)
      }
      return
    }
    for (x, y) in Self.places[rank - 2] {
      let centre = Point(x: frame.centre.x + x * w * 0.155, y: frame.centre.y + y * h * 0.36)
      suit.draw(on: canvas, centre: centre, size: h * 0.13, colour, turned: y > 0)
    }
  }

  /// Where the pips of 2...10 stand: -1...1 of the inner area.
  private static let places: [[(Double, Double)]] = {
    let ends: [(Double, Double)] = [(-1, -1), (1, -1), (-1, 1), (1, 1)]
    let sides: [(Double, Double)] = [(-1, 0), (1, 0)]
    let thirds: [(Double, Double)] = [(-1, -0.33), (1, -0.33), (-1, 0.33), (1, 0.33)]
    return [
      [(0, -1), (0, 1)], [(0, -1), (0, 0), (0, 1)], ends, ends + [(0, 0)], ends + sides,
      ends + sides + [(0, -0.5)], ends + sides + [(0, -0.5), (0, 0.5)], ends + thirds + [(0, 0)],
      ends + thirds + [(0, -0.66), (0, 0.66)],
    ]
  }()
}

/// Cards side by side, from left to right.
struct CardTable: Sendable {
  let cards: [Card]
  let size: PixelSize
  /// The cards' bounding boxes.
  private(set) var frames: [Frame] = []
  private var upright: [Frame] = []
  private var angles: [Double] = []

  init(_ cards: [Card], _ random: inout SynthRandom, _ desk: Desk) {
    self.cards = cards
    let count = Double(cards.count)
    let aspect = cards.count == 1 ? 0.7...1.2 : min(2.6, 0.62 * count)...min(3, 0.8 * count)
    size = desk.pictureSize(&random, aspect: aspect, large: cards.count > 2)
    let (w, h) = (Double(size.width), Double(size.height))
    let turn = random.chance(0.6 * desk.difficulty) ? 0.2 * desk.difficulty / count.squareRoot() : 0
    // A column each, and in it the largest card that fits when turned.
    let column = w / count
    let width = min(column * (0.92 - 0.9 * turn), h * 0.9 / 1.4) * random.real(0.85...1)
    for index in cards.indices {
      let height = width * 1.4
      let angle = turn > 0 ? random.real(-turn...turn) : 0
      let tilt = abs(angle)
      let (spanX, spanY) = (width + height * tilt, height + width * tilt)
      let (roomX, roomY) = (max(0, column - spanX - 2) / 2, max(0, h - spanY - 2) / 2)
      let centre = Point(
        x: column * (Double(index) + 0.5) + random.real(-roomX...roomX),
        y: h / 2 + random.real(-roomY...roomY))
      let frame = Frame(x: centre.x - width / 2, y: centre.y - height / 2, width: width, height: height)
      upright.append(frame)
      angles.append(angle)
      frames.append(frame.turned(angle))
    }
  }

  var json: JSONObject {
    JSONObject([
      "width": .integer(size.width), "height": .integer(size.height),
      "cards": .array(
        zip(cards, frames).map { card, frame in
          [
            "rank": .integer(card.rank), "suit": .string(card.suit.rawValue), "name": .string(card.name),
            "box": frame.json,
          ]
        }),
    ])
  }

  func picture(_ random: inout SynthRandom, _ desk: Desk) -> RGBImage {
    let table = random.pick([0x1F6B3A, 0x28507A, 0x7A2E2E, 0x4A4A4A, 0x8A6A45, 0xC9D6C3])
    let canvas = Canvas(size, paper: Colour(hex: table).jittered(0.04, &random))
    let family = random.pick(desk.studio.fonts.latin, atMost: desk.difficulty, least: 3)
    let pips = random.chance(0.6 * desk.difficulty)
    for (index, card) in cards.enumerated() {
      canvas.turned(angles[index], about: upright[index].centre) {
        card.draw(on: canvas, upright[index], studio: desk.studio, family: family, pips: pips)
      }
    }
    return desk.finish(canvas, &random, strength: 0.8)
  }
}
