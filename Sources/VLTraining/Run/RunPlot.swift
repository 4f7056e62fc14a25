internal import CPango
internal import Glibc
internal import VLJSON
internal import VLModels

/// The curves of a run, drawn from its `metrics.jsonl`: loss, learning rates, gradient norm, over the steps.
public struct RunPlot {
  /// A picture's form.
  public enum Form: String, Sendable, CaseIterable {
    /// Pixels.
    case png
    /// Lines that can be scaled.
    case svg
  }

  private var loss = Curve(.ink)
  private var heldOut = Curve(.second)
  private var rates: [ModelPart: Curve] = [:]
  private var norm = Curve(.ink)
  private let title: String

  /// Reads a run's metrics.
  /// - Throws: ``TrainingError`` if there are none, or a line is not one of them.
  public init(run: String) throws {
    let path = run + "/metrics.jsonl"
    guard let bytes = DurableFiles.read(path) else {
      throw TrainingError(path, "cannot be read; give the directory of a run of `vlm train`")
    }
    title = run.split(separator: "/").last.map(String.init) ?? run
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    for (number, line) in lines.enumerated() {
      guard let json = try? JSONValue(parsing: Array(line)), let step = json["step"]?.integerValue else {
        // The last line may be being written.
        if number == lines.count - 1 && bytes.last != UInt8(ascii: "\n") { break }
        throw TrainingError("\(path):\(number + 1)", "is not a line of metrics")
      }
      let x = Double(step)
      if let value = json["loss"]?.doubleValue { loss.add(x, value) }
      if let value = json["gradient_norm"]?.doubleValue { norm.add(x, value) }
      if let value = json["evaluation"]?["loss"]?.doubleValue { heldOut.add(x, value) }
      for part in ModelPart.allCases {
        if let value = json["learning_rate"]?[part.rawValue]?.doubleValue {
          rates[part, default: Curve(Ink(part))].add(x, value)
        }
      }
    }
    guard !loss.points.isEmpty else {
      throw TrainingError(path, "has no steps yet; there is nothing to draw")
    }
  }

  /// Draws all curves into a file.
  /// - Throws: ``TrainingError`` if it cannot be written.
  public func write(to path: String, form: Form) throws {
    let (width, height) = (960.0, 900.0)
    let temporary = path + ".part"
    // Pixels are drawn twice as fine, for screens that show them so.
    let scale = form == .png ? 2.0 : 1.0
    let surface =
      form == .png
      ? cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width * scale), Int32(height * scale))
      : cairo_svg_surface_create(temporary, width, height)
    let context = cairo_create(surface)
    defer {
      cairo_destroy(context)
      cairo_surface_destroy(surface)
    }
    cairo_scale(context, scale, scale)
    cairo_set_source_rgb(context, 1, 1, 1)
    cairo_paint(context)
    draw(Pen(context), width: width)
    var status = cairo_status(context)
    if form == .png { status = cairo_surface_write_to_png(surface, temporary) }
    cairo_surface_finish(surface)
    if status == CAIRO_STATUS_SUCCESS { status = cairo_surface_status(surface) }
    guard status == CAIRO_STATUS_SUCCESS, rename(temporary, path) == 0 else {
      unlink(temporary)
      throw TrainingError(path, "cannot be written: \(String(cString: cairo_status_to_string(status)))")
    }
  }

  /// The learning rates, parts that have the same one together.
  private var rateCurves: [(curve: Curve, name: String)] {
    var result: [(curve: Curve, name: String)] = []
    for part in ModelPart.allCases {
      guard let curve = rates[part] else { continue }
      if let same = result.firstIndex(where: { $0.curve.hasSamePoints(as: curve) }) {
        result[same].name += ", " + part.rawValue
      } else {
        result.append((curve, part.rawValue))
      }
    }
    return result
  }

  private func draw(_ pen: Pen, width: Double) {
    pen.text(title, x: 70, y: 34, size: 17, .ink, bold: true)
    let last = Int(loss.points.last?.x ?? 0)
    pen.text("\(last) steps", x: width - 30, y: 34, size: 13, .grey, anchor: 1)
    let steps = Axis(
      from: loss.points.first?.x ?? 0, to: max((loss.points.last?.x ?? 1), (loss.points.first?.x ?? 0) + 1))
    let frame = { (top: Double, height: Double) in
      Panel(left: 70, top: top, width: width - 100, height: height)
    }
    var lossPanel = frame(70, 380)
    lossPanel.title = "loss (cross-entropy per supervised token)"
    lossPanel.draw(
      pen, steps,
      [
        (loss, "each step", .faint), (loss.smoothed, "mean of neighbours", .line),
        (heldOut, "held out", .dots),
      ].filter { !$0.0.points.isEmpty })
    var ratePanel = frame(510, 130)
    ratePanel.title = "learning rate"
    ratePanel.startsAtZero = true
    ratePanel.draw(
      pen, steps,
      rateCurves.map { ($0.curve, $0.name, .line) })
    var normPanel = frame(700, 140)
    normPanel.title = "gradient norm before clipping"
    normPanel.isLogarithmic = true
    normPanel.showsSteps = true
    normPanel.draw(pen, steps, [(norm, "", .faint), (norm.smoothed, "", .line)])
  }
}

/// The colours of curves and text.
struct Ink: Equatable {
  var red, green, blue: Double
  static let ink = Ink(red: 0.13, green: 0.29, blue: 0.53)
  static let second = Ink(red: 0.80, green: 0.36, blue: 0.0)
  static let third = Ink(red: 0.0, green: 0.55, blue: 0.42)
  static let grey = Ink(red: 0.42, green: 0.42, blue: 0.42)
  static let rule = Ink(red: 0.88, green: 0.88, blue: 0.88)

  init(red: Double, green: Double, blue: Double) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  init(_ part: ModelPart) {
    self =
      switch part {
      case .encoder: .ink
      case .merger: .second
      case .text: .third
      }
  }
}

/// Points to be joined.
struct Curve {
  private(set) var points: [(x: Double, y: Double)] = []
  let colour: Ink

  init(_ colour: Ink) { self.colour = colour }

  mutating func add(_ x: Double, _ y: Double) { if y.isFinite { points.append((x, y)) } }

  func hasSamePoints(as other: Curve) -> Bool {
    points.elementsEqual(other.points) { $0.x == $1.x && $0.y == $1.y }
  }

  /// Each point as the mean of its neighbours: a hundredth of the curve on either side.
  var smoothed: Curve {
    let reach = max(2, points.count / 100)
    var sums = [0.0]
    for point in points { sums.append(sums[sums.count - 1] + point.y) }
    var result = Curve(colour)
    for index in points.indices {
      let (from, to) = (max(0, index - reach), min(points.count, index + reach + 1))
      result.add(points[index].x, (sums[to] - sums[from]) / Double(to - from))
    }
    return result
  }
}

/// A stretch of numbers, and round ones in it to write beside the axis.
struct Axis {
  let from, to: Double

  var ticks: [Double] {
    let span = to - from
    guard span > 0 else { return [from] }
    let rough = span / 7
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * 0.999 } ?? 10 * power
    var result: [Double] = []
    var tick = ceil(from / step - 1e-9) * step
    while tick <= to + step * 1e-9 {
      result.append(abs(tick) < step * 1e-9 ? 0 : tick)
      tick += step
    }
    return result
  }
}

/// What draws lines and words.
struct Pen {
  let context: OpaquePointer?

  init(_ context: OpaquePointer?) { self.context = context }

  func set(_ ink: Ink, alpha: Double = 1) {
    cairo_set_source_rgba(context, ink.red, ink.green, ink.blue, alpha)
  }

  /// - Parameters:
  ///   - text: one line.
  ///   - x: pixels from the left.
  ///   - y: pixels from the top, of the baseline.
  ///   - size: pixels.
  ///   - ink: its colour.
  ///   - anchor: where x lies in the text: 0 at its start, 1 at its end.
  ///   - bold: whether in bold.
  func text(
    _ text: String, x: Double, y: Double, size: Double, _ ink: Ink, anchor: Double = 0, bold: Bool = false
  ) {
    cairo_select_font_face(
      context, "DejaVu Sans", CAIRO_FONT_SLANT_NORMAL,
      bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL)
    cairo_set_font_size(context, size)
    set(ink)
    cairo_move_to(context, x - anchor * width(of: text, size: size), y)
    cairo_show_text(context, text)
  }

  func width(of text: String, size: Double) -> Double {
    cairo_set_font_size(context, size)
    var extents = cairo_text_extents_t()
    cairo_text_extents(context, text, &extents)
    return extents.x_advance
  }

  func line(_ points: [(x: Double, y: Double)], _ ink: Ink, width: Double, alpha: Double = 1) {
    guard let first = points.first else { return }
    set(ink, alpha: alpha)
    cairo_set_line_width(context, width)
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND)
    cairo_move_to(context, first.x, first.y)
    for point in points.dropFirst() { cairo_line_to(context, point.x, point.y) }
    cairo_stroke(context)
  }

  func dot(_ x: Double, _ y: Double, _ ink: Ink, radius: Double) {
    set(ink)
    cairo_arc(context, x, y, radius, 0, 2 * .pi)
    cairo_fill(context)
  }
}
