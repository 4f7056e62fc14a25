internal import VLJSON
internal import VLMedia

/// Short clips of moving shapes.
struct ClipsTask: SynthTask {
  let name = "clips"
  let summary =
    "clips of moving shapes: direction, which moves, which appears first, how many appear, which is faster"
  let skills = [
    SynthSkill("direction", 4), SynthSkill("mover", 1.5), SynthSkill("order", 2), SynthSkill("count", 1.5),
    SynthSkill("faster", 1),
  ]

  /// A thing and where it is in each frame (its centre, in shares of the picture); nil where it is not seen.
  private struct Actor {
    var plan: ThingPlan
    var side: Double
    var places: [Point?]
  }

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    // Clips cost as much as their frames together, so each frame is small.
    let least = desk.settings.sides.lowerBound
    let aspect = random.chance(0.7 - 0.3 * desk.difficulty) ? 1...1 : 0.75...1.35
    var size = desk.pictureSize(&random, aspect: aspect)
    let most = max(least, min(desk.settings.sides.upperBound, least * 5 / 4))
    size = PixelSize(width: min(size.width, most), height: min(size.height, most))
    let pairs = desk.settings.frames.map { ($0.lowerBound + 1) / 2...$0.upperBound / 2 }
    let frames = 2 * random.int(pairs ?? 2...2 + Int((2 * desk.difficulty).rounded()))
    for _ in 0..<300 {
      guard let (actors, turn) = script(skill, frames, desk.difficulty, &random) else { continue }
      let images = film(actors, frames, size, &random, desk)
      let facts = JSONObject([
        "width": .integer(size.width), "height": .integer(size.height), "frames": .integer(frames),
        "actors": .array(
          actors.map { actor in
            [
              "shape": .string(actor.plan.shape.name), "colour": .string(actor.plan.paint.name),
              "places": .array(
                actor.places.map { place in
                  place.map { .array([.number($0.x), .number($0.y)]) } ?? .null
                }),
            ]
          }),
      ])
      return Draft(
        images: images, media: [.video(Array(0..<frames), framesPerSecond: 2)], turns: [turn], facts: facts)
    }
    preconditionFailure("ClipsTask: no clip for \(skill)")
  }

  private func film(
    _ actors: [Actor], _ frames: Int, _ size: PixelSize, _ random: inout SynthRandom, _ desk: Desk
  ) -> [RGBImage] {
    let ground = random
    let images = (0..<frames).map { frame in
      let canvas = Canvas(size)
      var same = ground  // the same background in every frame
      Background.paint(canvas, for: actors.map(\.plan.paint.colour), difficulty: desk.difficulty, &same)
      for actor in actors {
        guard let place = actor.places[frame] else { continue }
        let centre = Point(x: place.x * Double(size.width), y: place.y * Double(size.height))
        canvas.fill(
          actor.plan.shape.outline(centre: centre, side: actor.side * size.shorter, angle: 0),
          actor.plan.paint.colour)
      }
      return desk.finish(canvas, &random, strength: 0.3)
    }
    return images
  }

  private static let directions: [(name: String, dx: Double, dy: Double, others: [String])] = [
    ("left", -1, 0, ["to the left", "leftwards"]), ("right", 1, 0, ["to the right", "rightwards"]),
    ("up", 0, -1, ["upwards"]), ("down", 0, 1, ["downwards"]),
  ]

  /// A straight way of `distance` in a direction, evenly walked; it begins and ends inside the picture.
  private func way(
    _ direction: (dx: Double, dy: Double), distance: Double, side: Double, frames: Int,
    _ random: inout SynthRandom
  ) -> [Point?] {
    let margin = side / 2 + 0.02
    func start(_ step: Double) -> Double {
      switch step {
      case ..<0: random.real(margin + distance...1 - margin)
      case 0: random.real(margin...1 - margin)
      default: random.real(margin...1 - margin - distance)
      }
    }
    let (x, y) = (start(direction.dx), start(direction.dy))
    return (0..<frames).map {
      let share = distance * Double($0) / Double(frames - 1)
      return Point(x: x + direction.dx * share, y: y + direction.dy * share)
    }
  }

  /// Whether two actors ever come close while both are seen.
  private func meet(_ a: Actor, _ b: Actor) -> Bool {
    zip(a.places, b.places).contains { first, second in
      guard let first, let second else { return false }
      let gap = (a.side + b.side) / 2 + 0.03
      return abs(first.x - second.x) < gap && abs(first.y - second.y) < gap
    }
  }

  private func script(
    _ skill: String, _ frames: Int, _ difficulty: Double, _ random: inout SynthRandom
  ) -> ([Actor], Turn)? {
    let extras =
      skill == "direction" || skill == "mover"
      ? random.int((skill == "mover" ? 1 : 0)...(difficulty > 0.3 ? 2 : 1)) : 0
    let wanted =
      skill == "count"
      ? random.int(1...2 + Int((3 * difficulty).rounded()))
      : (skill == "direction" || skill == "mover" ? 1 : 2) + extras
    let plans = Scene.plans(wanted, distinct: true, difficulty: difficulty, &random)
    let query = JSONObject(["ask": .string(skill)])
    func standing(_ plan: ThingPlan, _ side: Double) -> Actor {
      let margin = side / 2 + 0.02
      let place = Point(x: random.real(margin...1 - margin), y: random.real(margin...1 - margin))
      return Actor(plan: plan, side: side, places: Array(repeating: place, count: frames))
    }
    func apart(_ actors: [Actor]) -> Bool {
      for (index, actor) in actors.enumerated() {
        if actors[..<index].contains(where: { meet($0, actor) }) { return false }
      }
      return true
    }
    switch skill {
    case "direction", "mover":
      let direction = random.pick(Self.directions)
      let side = random.real(0.18...0.3)
      let mover = Actor(
        plan: plans[0], side: side,
        places: way(
          (direction.dx, direction.dy), distance: random.real(0.32...0.6), side: side, frames: frames, &random
        ))
      let actors = [mover] + plans.dropFirst().map { standing($0, random.real(0.16...0.26)) }
      guard apart(actors) else { return nil }
      if skill == "mover" {
        let question = Phrasing.say(
          ["What moves?", "Which shape moves?", "What is moving?", "Which thing does not stay where it is?"],
          &random)
        return (actors, Turn(question, "\(mover.plan.paint.name) \(mover.plan.shape.name)", query: query))
      }
      let noun =
        actors.count == 1 && random.chance(0.4)
        ? random.pick(["shape", "thing"]) : "\(mover.plan.shape.name)"
      guard
        noun != mover.plan.shape.name
          || !actors.dropFirst().contains(where: { $0.plan.shape == mover.plan.shape })
      else {
        return nil
      }
      let question = Phrasing.say(
        [
          "In which direction does the {0} move?", "Which way does the {0} move?", "Where does the {0} go?",
          "Which way is the {0} going?", "In which direction is the {0} moving?",
        ], [noun], &random)
      return (actors, Turn(question, direction.name, or: direction.others, query: query))
    case "faster":
      let side = 0.18
      let slow = random.real(0.12...0.2)
      var distances = [slow, slow * random.real(2.2...3)]
      if random.chance(0.5) { distances.swapAt(0, 1) }
      let actors = zip(plans, distances).map { plan, distance in
        let direction = random.pick(Self.directions)
        return Actor(
          plan: plan, side: side,
          places: way((direction.dx, direction.dy), distance: distance, side: side, frames: frames, &random))
      }
      guard apart(actors), plans[0].shape != plans[1].shape else { return nil }
      let isFaster = random.chance(0.6)
      let question = Phrasing.say(
        ["Which is {0}, the {1} or the {2}?", "Which moves {0}: the {1} or the {2}?"],
        [isFaster ? "faster" : "slower", plans[0].shape.name, plans[1].shape.name], &random)
      let right = (distances[0] > distances[1]) == isFaster ? 0 : 1
      return (
        actors,
        Turn(question, plans[right].shape.name, query: query.adding("faster", .bool(isFaster)))
      )
    case "order":
      // One is there at first, and the other comes a good while later and stays.
      var actors = plans.map { standing($0, random.real(0.2...0.3)) }
      guard apart(actors), plans[0].shape != plans[1].shape else { return nil }
      let start = random.int(0...1)
      let delay = random.int(2...max(2, frames / 2))
      let first = random.int(0...1)
      for index in 0..<2 {
        let from = index == first ? start : start + delay
        guard from < frames else { return nil }
        for frame in 0..<from { actors[index].places[frame] = nil }
      }
      let asksFirst = random.chance(0.6)
      let question = Phrasing.say(
        ["Which shape appears {0}?", "What appears {0}?", "Which comes {0}, the {1} or the {2}?"],
        [asksFirst ? "first" : "last", plans[0].shape.name, plans[1].shape.name], &random)
      let right = plans[asksFirst ? first : 1 - first]
      return (
        actors,
        Turn(
          question, right.shape.name, or: ["\(right.paint.name) \(right.shape.name)"],
          query: query.adding("first", .bool(asksFirst)))
      )
    default:
      // Each is seen for a while of its own, some of them at the same time.
      let actors = plans.map { plan in
        var actor = standing(plan, random.real(0.18...0.28))
        let from = random.int(0...frames - 2)
        let until = random.int(from + 1...frames - 1)
        for frame in 0..<frames where frame < from || frame > until { actor.places[frame] = nil }
        return actor
      }
      guard apart(actors), Set(actors.map(\.plan.shape)).count == actors.count else { return nil }
      let question = Phrasing.say(
        [
          "How many different shapes appear?", "How many shapes appear in the clip?",
          "Count the shapes that appear.",
          "How many different things do you see in the clip?",
        ], &random)
      return (
        actors,
        Turn(
          [.text(question)], [.text(String(actors.count))], .number(Double(actors.count), tolerance: 0),
          query: query)
      )
    }
  }
}
