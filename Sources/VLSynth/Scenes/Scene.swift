internal import VLJSON
internal import VLMedia

/// What a scene is to hold.
struct ThingPlan: Sendable, Hashable {
  var shape: Shape
  var paint: NamedColour
  var size: ThingSize?
}

/// Sizes with names: a large thing is at least twice as long as a small one.
enum ThingSize: String, Sendable, Hashable {
  case small, large
  var chinese: String { self == .small ? "小" : "大" }
}

/// A coloured shape in a picture.
struct Thing: Sendable {
  var plan: ThingPlan
  /// The colour as painted, near the named one.
  var colour: Colour
  var contours: [[Point]]
  var frame: Frame

  var shape: Shape { plan.shape }
  var paint: NamedColour { plan.paint }
  /// "red circle"
  var name: String { paint.name + " " + shape.name }

  /// Whether the point is painted in its colour: inside an odd number of its contours.
  func covers(_ point: Point) -> Bool {
    var inside = false
    for contour in contours {
      for (index, a) in contour.enumerated() {
        let b = contour[(index + 1) % contour.count]
        if (a.y > point.y) != (b.y > point.y),
          point.x < a.x + (point.y - a.y) / (b.y - a.y) * (b.x - a.x)
        {
          inside.toggle()
        }
      }
    }
    return inside
  }

  var json: JSONValue {
    var object = JSONObject([
      "shape": .string(shape.name), "colour": .string(paint.name), "box": frame.json,
    ])
    if let size = plan.size { object["size"] = .string(size.rawValue) }
    return .object(object)
  }
}

/// Things that lie apart in a picture.
struct Scene: Sendable {
  var size: PixelSize
  var things: [Thing]

  var json: JSONObject {
    JSONObject([
      "width": .integer(size.width), "height": .integer(size.height),
      "things": .array(things.map(\.json)),
    ])
  }

  /// Shapes and colours that a scene of this difficulty draws from.
  static func shapes(_ difficulty: Double) -> [Shape] {
    Array(Shape.all.prefix(5 + Int((difficulty * 8).rounded())))
  }
  static func paints(_ difficulty: Double) -> [NamedColour] {
    Array(NamedColour.all.prefix(5 + Int((difficulty * 7).rounded())))
  }

  /// `count` plans at random; no two alike if `distinct`.
  static func plans(
    _ count: Int, distinct: Bool, difficulty: Double, _ random: inout SynthRandom
  ) -> [ThingPlan] {
    let (shapes, paints) = (shapes(difficulty), paints(difficulty))
    var plans: [ThingPlan] = []
    while plans.count < count {
      let plan = ThingPlan(shape: random.pick(shapes), paint: random.pick(paints))
      if !distinct || !plans.contains(plan) { plans.append(plan) }
    }
    return plans
  }

  /// Puts the planned things where they fit; what fits nowhere even when small is left out, which the scene then
  /// does not list.
  static func lay(
    _ plans: [ThingPlan], in size: PixelSize, difficulty: Double, _ random: inout SynthRandom
  ) -> Scene {
    let shorter = size.shorter
    let gap = max(3, shorter * 0.03)
    let most = min(0.7, 0.66 / Double(max(1, plans.count)).squareRoot())
    let least = most * (0.85 - 0.3 * difficulty)
    var shrink = 1.0
    for _ in 0..<10 {
      var things: [Thing] = []
      for plan in plans {
        let share =
          switch plan.size {
          case .large: random.real(most * 0.92...most)
          case .small: random.real(most * 0.4...most * 0.46)
          case nil: random.real(least...most)
          }
        let side = max(9, shorter * share * shrink)
        guard let thing = place(plan, side, things, size, gap, difficulty, &random) else { break }
        things.append(thing)
      }
      if things.count == plans.count || shrink < 0.5 { return Scene(size: size, things: things) }
      shrink *= 0.9
    }
    return Scene(size: size, things: [])
  }

  private static func place(
    _ plan: ThingPlan, _ side: Double, _ others: [Thing], _ size: PixelSize, _ gap: Double,
    _ difficulty: Double, _ random: inout SynthRandom
  ) -> Thing? {
    let turn = plan.shape.turn * min(1, difficulty * 1.5)
    let angle = turn > 0 && random.chance(0.7) ? random.real(-turn...turn) : 0
    let contours = plan.shape.outline(centre: Point(x: 0, y: 0), side: side, angle: angle)
    let frame = Frame(around: contours.flatMap { $0 })
    let margin = 2.0
    let (x, y) = (
      frame.width / 2 + margin...Double(size.width) - frame.width / 2 - margin,
      frame.height / 2 + margin...Double(size.height) - frame.height / 2 - margin
    )
    for _ in 0..<40 {
      let (dx, dy) = (random.real(x), random.real(y))
      let moved = frame.moved(dx, dy)
      if others.contains(where: { $0.frame.touches(moved, gap: gap) }) { continue }
      return Thing(
        plan: plan, colour: plan.paint.colour.jittered(0.05 * difficulty, &random),
        contours: contours.map { $0.map { Point(x: $0.x + dx, y: $0.y + dy) } }, frame: moved)
    }
    return nil
  }

  /// Draws it, degraded as the difficulty says; the background would suit things of the other colours too.
  func picture(_ desk: Desk, besides others: [Colour] = [], _ random: inout SynthRandom) -> RGBImage {
    let canvas = Canvas(size)
    Background.paint(canvas, for: things.map(\.colour) + others, difficulty: desk.difficulty, &random)
    let outlined = random.chance(0.25 * desk.difficulty)
    for thing in things {
      canvas.fill(thing.contours, thing.colour)
      if outlined {
        canvas.outline(thing.contours, thing.colour.mixed(with: .black, 0.5), width: 1)
      }
    }
    return desk.finish(canvas, &random)
  }
}
