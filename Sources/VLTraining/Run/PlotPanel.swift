internal import CPango
internal import Glibc

/// One diagram: a frame, its axes and curves.
struct Panel {
  /// How a curve is drawn.
  enum Style {
    case line
    case faint
    case dots
  }

  let left, top, width, height: Double
  var title = ""
  var isLogarithmic = false
  var startsAtZero = false
  var showsSteps = false

  init(left: Double, top: Double, width: Double, height: Double) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }

  func draw(_ pen: Pen, _ steps: Axis, _ curves: [(curve: Curve, name: String, style: Style)]) {
    let values = valueAxis(curves.map(\.curve))
    let place = { (x: Double, y: Double) -> (x: Double, y: Double) in
      let across = (x - steps.from) / (steps.to - steps.from)
      let up = (scaled(y) - values.from) / (values.to - values.from)
      return (left + across * width, top + height - min(1, max(0, up)) * height)
    }
    pen.text(title, x: left, y: top - 10, size: 13, .grey)
    for tick in steps.ticks {
      let x = place(tick, 1).x
      pen.line([(x, top), (x, top + height)], .rule, width: 1)
      if showsSteps { pen.text(label(tick), x: x, y: top + height + 18, size: 12, .grey, anchor: 0.5) }
    }
    for value in isLogarithmic ? logarithmicTicks(values) : values.ticks {
      let y = place(steps.from, value).y
      pen.line([(left, y), (left + width, y)], .rule, width: 1)
      pen.text(label(value), x: left - 8, y: y + 4, size: 12, .grey, anchor: 1)
    }
    var x = left + width
    for (curve, name, style) in curves.reversed() {
      if !name.isEmpty {
        x -= pen.width(of: name, size: 12)
        pen.text(name, x: x, y: top - 10, size: 12, curve.colour)
        x -= 26
        key(pen, x, top - 14, curve.colour, style)
        x -= 14
      }
    }
    cairo_save(pen.context)
    cairo_rectangle(pen.context, left - 4, top - 4, width + 8, height + 8)
    cairo_clip(pen.context)
    for (curve, _, style) in curves {
      let points = curve.points.map { place($0.x, $0.y) }
      switch style {
      case .line: pen.line(points, curve.colour, width: 1.6)
      case .faint: pen.line(points, curve.colour, width: 0.8, alpha: 0.25)
      case .dots:
        pen.line(points, curve.colour, width: 1.2)
        for point in points { pen.dot(point.x, point.y, curve.colour, radius: 2.6) }
      }
    }
    cairo_restore(pen.context)
  }

  private func key(_ pen: Pen, _ x: Double, _ y: Double, _ ink: Ink, _ style: Style) {
    pen.line([(x, y), (x + 20, y)], ink, width: style == .line ? 1.6 : 1, alpha: style == .faint ? 0.4 : 1)
    if style == .dots { pen.dot(x + 10, y, ink, radius: 2.6) }
  }

  /// 1, 2 and 5 of every power of ten; powers alone where those would be too many.
  private func logarithmicTicks(_ axis: Axis) -> [Double] {
    let powers = Int(floor(axis.from))...Int(ceil(axis.to))
    let digits: [Double] = powers.count > 3 ? [1] : [1, 2, 5]
    return powers.flatMap { power in digits.map { $0 * pow(10, Double(power)) } }
      .filter { (axis.from...axis.to).contains(log10($0)) }
  }

  private func scaled(_ value: Double) -> Double { isLogarithmic ? log10(max(value, 1e-12)) : value }

  /// From the smallest value to the largest, with a little room; a few wild ones at the top are cut off.
  private func valueAxis(_ curves: [Curve]) -> Axis {
    let all = curves.flatMap { $0.points.map { scaled($0.y) } }.sorted()
    guard var low = all.first, let most = all.last else { return Axis(from: 0, to: 1) }
    let usual = all[min(all.count - 1, Int(Double(all.count) * 0.995))]
    var high = most > usual + 2 * (usual - low) ? usual + 0.2 * (usual - low) : most
    if startsAtZero { low = 0 }
    if high - low < 1e-12 { (low, high) = (low - max(0.5, abs(low)) * 0.1, high + max(0.5, abs(high)) * 0.1) }
    let room = (high - low) * 0.05
    return Axis(from: startsAtZero ? 0 : low - room, to: high + room)
  }

  /// A number as people write it: 12000, 0.05, 3e-4.
  private func label(_ value: Double) -> String {
    let size = abs(value)
    if value == 0 { return "0" }
    if size >= 1e-2 && size < 1e6 {
      var text = String((value * 1e4).rounded() / 1e4)
      if text.hasSuffix(".0") { text.removeLast(2) }
      return text
    }
    let exponent = floor(log10(size) + 1e-9)
    var digits = String((value / pow(10, exponent) * 10).rounded() / 10)
    if digits.hasSuffix(".0") { digits.removeLast(2) }
    return "\(digits)e\(Int(exponent))"
  }
}
