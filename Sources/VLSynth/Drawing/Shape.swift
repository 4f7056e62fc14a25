internal import Glibc

/// A flat shape with names: contours around the origin, within a radius of 1.
struct Shape: Sendable, Hashable {
  let name: String
  let plural: String
  let chinese: String
  /// How far it may be turned and keep its name, in radians either way.
  let turn: Double
  private let contours: [[Point]]

  static func == (a: Shape, b: Shape) -> Bool { a.name == b.name }
  func hash(into hasher: inout Hasher) { hasher.combine(name) }

  /// The contours with a bounding box whose longer side is `side`, turned by `angle`, about `centre`.
  func outline(centre: Point, side: Double, angle: Double) -> [[Point]] {
    let (c, s) = (cos(angle), sin(angle))
    let turned = contours.map { $0.map { Point(x: $0.x * c - $0.y * s, y: $0.x * s + $0.y * c) } }
    let frame = Frame(around: turned.flatMap { $0 })
    let scale = side / max(frame.width, frame.height)
    let middle = frame.centre
    return turned.map {
      $0.map { Point(x: centre.x + ($0.x - middle.x) * scale, y: centre.y + ($0.y - middle.y) * scale) }
    }
  }

  /// The easiest to tell apart first; a low difficulty uses only the beginning.
  static let all = [
    Shape("circle", "圆形", turn: 0, [ellipse(1, 1)]),
    Shape("square", "正方形", turn: 0.26, [rectangle(1, 1)]),
    Shape("triangle", "三角形", turn: .pi, [polygon(3)]),
    Shape("star", "星形", turn: 0.5, [star]),
    Shape("heart", "心形", turn: 0.35, [heart]),
    Shape("cross", plural: "crosses", "十字形", turn: 0.25, [cross]),
    Shape("ring", "圆环", turn: 0, [ellipse(1, 1), ellipse(0.56, 0.56)]),
    Shape("moon", "月牙形", turn: 0.5, [moon]),
    Shape("diamond", "菱形", turn: 0.1, [[Point(0, -1), Point(0.62, 0), Point(0, 1), Point(-0.62, 0)]]),
    Shape("arrow", "箭头", turn: .pi, [arrow]),
    Shape("rectangle", "长方形", turn: 0.2, [rectangle(1, 0.45)]),
    Shape("oval", "椭圆形", turn: 0.4, [ellipse(1, 0.52)]),
    Shape("hexagon", "六边形", turn: 0.5, [polygon(6)]),
  ]

  private init(
    _ name: String, plural: String? = nil, _ chinese: String, turn: Double, _ contours: [[Point]]
  ) {
    self.name = name
    self.plural = plural ?? name + "s"
    self.chinese = chinese
    self.turn = turn
    self.contours = contours
  }

  private static func around(_ count: Int, _ point: (Double) -> Point) -> [Point] {
    (0..<count).map { point(2 * .pi * Double($0) / Double(count)) }
  }
  private static func ellipse(_ a: Double, _ b: Double) -> [Point] {
    around(48) { Point(a * cos($0), b * sin($0)) }
  }
  private static func polygon(_ corners: Int) -> [Point] { around(corners) { Point(sin($0), -cos($0)) } }
  private static func rectangle(_ a: Double, _ b: Double) -> [Point] {
    [Point(-a, -b), Point(a, -b), Point(a, b), Point(-a, b)]
  }
  private static let star: [Point] = (0..<10).map {
    let (angle, radius) = (Double($0) * .pi / 5, $0 % 2 == 0 ? 1 : 0.42)
    return Point(radius * sin(angle), -radius * cos(angle))
  }
  private static let heart = around(48) {
    let s = sin($0)
    return Point(s * s * s, -(13 * cos($0) - 5 * cos(2 * $0) - 2 * cos(3 * $0) - cos(4 * $0)) / 16)
  }
  private static let cross: [Point] = {
    let a = 0.33
    return [
      Point(-a, -1), Point(a, -1), Point(a, -a), Point(1, -a), Point(1, a), Point(a, a), Point(a, 1),
      Point(-a, 1), Point(-a, a), Point(-1, a), Point(-1, -a), Point(-a, -a),
    ]
  }()
  /// A disc without another disc, whose middle lies to the right.
  private static let moon: [Point] = {
    let (start, shift) = (0.75, 0.4)
    let bite = hypot(cos(start) - shift, sin(start))
    let outer = (0...32).map {
      let angle = start + (2 * .pi - 2 * start) * Double($0) / 32
      return Point(cos(angle), sin(angle))
    }
    let tip = atan2(sin(start), cos(start) - shift)
    let inner = (1..<24).map {
      let angle = -tip - (2 * .pi - 2 * tip) * Double($0) / 24
      return Point(shift + bite * cos(angle), bite * sin(angle))
    }
    return outer + inner
  }()
  private static let arrow: [Point] = [
    Point(-1, -0.25), Point(0.15, -0.25), Point(0.15, -0.7), Point(1, 0), Point(0.15, 0.7),
    Point(0.15, 0.25), Point(-1, 0.25),
  ]
}

extension Point {
  fileprivate init(_ x: Double, _ y: Double) { self.init(x: x, y: y) }
}

/// "a" or "an" before `noun`.
func withArticle(_ noun: String) -> String { ("aeiou".contains(noun.first ?? " ") ? "an " : "a ") + noun }
