internal import Glibc
internal import VLJSON

/// Words scattered over a picture, and where they are.
struct QuadsTask: SynthTask {
  let name = "quads"
  let summary = "scattered words: read all with their quads, find one, read what is in a box"
  let skills = [SynthSkill("all", 2), SynthSkill("find", 3), SynthSkill("read", 2)]

  private struct Placed {
    let text: String
    /// In pixels.
    let corners: [Point]
    var frame: Frame { Frame(around: corners) }
  }

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random)
    let (paper, _) = Ink.document(&random, difficulty: desk.difficulty)
    let canvas = Canvas(size, paper: paper)
    Background.paint(canvas, for: [.grey(0.1)], difficulty: desk.difficulty, &random)
    let wanted = random.int(1...2 + Int((3 * desk.difficulty).rounded()))
    var placed: [Placed] = []
    var words = random.shuffled(Words.english).filter { $0.count >= 2 && $0.count <= 8 }
    for attempt in 0..<wanted * 12 where placed.count < wanted {
      let word =
        random.chance(0.25)
        ? Words.number(random.int(2...4), &random) : Words.cased(words.popLast() ?? "word", &random)
      if placed.contains(where: { $0.text == word }) { continue }
      let shrink = attempt > wanted * 4 ? 0.75 : 1
      let font = desk.studio.latinFont(
        &random, size: max(12, LinesTask.fontSize(&random, desk) * 0.75 * shrink), difficulty: desk.difficulty
      )
      let line = desk.studio.fitting(word, font, width: Double(size.width) * 0.8)
      let angle = random.chance(0.5 * desk.difficulty) ? random.real(-0.4...0.4) * desk.difficulty : 0
      let area = line.ink.turned(angle)
      let (roomX, roomY) = (Double(size.width) - area.width - 6, Double(size.height) - area.height - 6)
      guard roomX > 0, roomY > 0 else { continue }
      let centre = Point(
        x: 3 + area.width / 2 + random.real(0...roomX), y: 3 + area.height / 2 + random.real(0...roomY))
      let ink = line.ink
      func move(_ x: Double, _ y: Double) -> Point {
        let (dx, dy) = (x - ink.centre.x, y - ink.centre.y)
        return Point(
          x: centre.x + dx * cos(angle) - dy * sin(angle), y: centre.y + dx * sin(angle) + dy * cos(angle))
      }
      let corners = [
        move(ink.left, ink.top), move(ink.right, ink.top), move(ink.right, ink.bottom),
        move(ink.left, ink.bottom),
      ]
      let item = Placed(text: word, corners: corners)
      if placed.contains(where: { $0.frame.touches(item.frame, gap: 5) }) { continue }
      // Dark on what Background chose to be far from dark.
      let colour = Colour.grey(random.real(0...0.2)).jittered(0.12 * desk.difficulty, &random)
      if angle == 0 {
        line.draw(on: canvas, centre: centre, colour)
      } else {
        line.draw(on: canvas, colour) { move($0.x, $0.y) }
      }
      placed.append(item)
    }
    // Reading order: by lines from the top, then from the left.
    placed.sort { ($0.frame.centre.y, $0.frame.centre.x) < ($1.frame.centre.y, $1.frame.centre.x) }
    let image = desk.finish(canvas, &random, strength: 0.7)
    let facts = JSONObject([
      "width": .integer(size.width), "height": .integer(size.height),
      "texts": .array(placed.map { ["text": .string($0.text), "box": $0.frame.json] }),
    ])
    return Draft(image, [turn(skill, placed, size, &random)], facts: facts)
  }

  private func quad(_ item: Placed, _ size: PixelSize) -> SynthQuad {
    SynthQuad(
      item.corners.map {
        SynthPoint(
          x: SynthPoint.thousandths($0.x, of: size.width), y: SynthPoint.thousandths($0.y, of: size.height))
      })
  }

  private func turn(_ skill: String, _ placed: [Placed], _ size: PixelSize, _ random: inout SynthRandom)
    -> Turn
  {
    let item = random.pick(placed)
    let box = SynthBox(item.frame, in: size)
    switch skill {
    case "find":
      let question = Phrasing.say(
        [
          "Where is the word {0}?", "Where does it say {0}?", "Find the text \"{0}\".",
          "Locate the word {0}.",
          "Give the box of {0}.",
        ], [item.text], &random)
      return Turn(
        [.text(question)], [.ref(item.text), .box(box)], .box(box),
        query: JSONObject(["ask": "find", "text": .string(item.text)]))
    case "read":
      let (before, after) = random.pick([
        ("Read the text in ", "."), ("What does it say in ", "?"), ("What is written at ", "?"),
        ("Which word is in ", "?"),
      ])
      return Turn(
        [.text(before), .box(box), .text(after)], [.text(item.text)], .transcription(item.text),
        query: JSONObject(["ask": "read", "box": item.frame.json]))
    default:
      let question = Phrasing.say(
        [
          "Read all text with its place.", "Read the text with quads.", "OCR with grounding:",
          "Find and read every word.", "What is written where?",
        ], &random)
      let readings = placed.map { SynthReading(text: $0.text, quad: quad($0, size)) }
      return Turn(
        [.text(question)], readings.flatMap { [.ref($0.text), .quad($0.quad)] as [SynthPart] },
        .readings(readings),
        query: JSONObject(["ask": "all"]))
    }
  }
}
