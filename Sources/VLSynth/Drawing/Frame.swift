internal import Glibc

/// A picture's sides in pixels.
struct PixelSize: Sendable, Hashable {
  var width, height: Int
  var shorter: Double { Double(min(width, height)) }
}

/// A rectangle in pixels, from the picture's left top corner.
struct Frame: Sendable, Hashable {
  var left, top, right, bottom: Double

  init(left: Double, top: Double, right: Double, bottom: Double) {
    self.left = left
    self.top = top
    self.right = right
    self.bottom = bottom
  }

  init(x: Double, y: Double, width: Double, height: Double) {
    self.init(left: x, top: y, right: x + width, bottom: y + height)
  }

  /// The smallest frame around the points.
  init(around points: [Point]) {
    self.init(
      left: points.map(\.x).min() ?? 0, top: points.map(\.y).min() ?? 0,
      right: points.map(\.x).max() ?? 0, bottom: points.map(\.y).max() ?? 0)
  }

  var width: Double { right - left }
  var height: Double { bottom - top }
  var centre: Point { Point(x: (left + right) / 2, y: (top + bottom) / 2) }

  func inset(_ by: Double) -> Frame { inset(by, by) }
  func inset(_ x: Double, _ y: Double) -> Frame {
    Frame(left: left + x, top: top + y, right: right - x, bottom: bottom - y)
  }
  func moved(_ x: Double, _ y: Double) -> Frame {
    Frame(left: left + x, top: top + y, right: right + x, bottom: bottom + y)
  }
  func union(_ other: Frame) -> Frame {
    Frame(
      left: min(left, other.left), top: min(top, other.top), right: max(right, other.right),
      bottom: max(bottom, other.bottom))
  }

  /// The smallest upright frame around this one turned about its centre by `angle` radians.
  func turned(_ angle: Double) -> Frame {
    let (c, s) = (abs(cos(angle)), abs(sin(angle)))
    let (w, h) = (width * c + height * s, width * s + height * c)
    return Frame(x: centre.x - w / 2, y: centre.y - h / 2, width: w, height: h)
  }

  /// Whether the two come closer than `gap`.
  func touches(_ other: Frame, gap: Double) -> Bool {
    left < other.right + gap && other.left < right + gap && top < other.bottom + gap
      && other.top < bottom + gap
  }
}

/// A place in pixels.
struct Point: Sendable, Hashable {
  var x, y: Double
}
