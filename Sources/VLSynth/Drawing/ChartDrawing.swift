internal import Glibc
internal import VLMedia

/// Draws a chart with its axes, labels and values.
struct ChartDrawing {
  private let chart: Chart
  private let canvas: Canvas
  private let desk: Desk
  private let font: Font
  private let ink: Colour
  private let paper: Colour
  private let palette: [Colour]
  private let title: String?
  private let plot: Frame

  init(_ chart: Chart, _ size: PixelSize, _ random: inout SynthRandom, _ desk: Desk) {
    self.chart = chart
    self.desk = desk
    (paper, ink) = Ink.document(&random, difficulty: desk.difficulty)
    canvas = Canvas(size, paper: paper)
    let scale = max(1, size.shorter / 300)
    var font = desk.studio.latinFont(
      &random, size: random.real(11.5...14) * scale, difficulty: desk.difficulty * 0.5)
    font.isItalic = false
    font.isBold = false
    self.font = font
    let colours = [0x1F77B4, 0xFF7F0E, 0x2CA02C, 0xD62728, 0x9467BD, 0x8C564B, 0x17BECF, 0xE0C020].map {
      Colour(hex: $0)
    }
    palette = random.chance(0.4) && chart.kind != .pie ? [random.pick(colours)] : random.shuffled(colours)
    title =
      random.chance(0.3 * desk.difficulty)
      ? random.pick(["Sales", "Visitors", "Results", "Votes", "Rain", "Income", "Tickets"]) : nil
    let line = font.size * 1.35
    let axis = desk.studio.line(String(chart.top), font).width + 8
    plot = Frame(
      left: chart.kind == .pie ? 6 : axis,
      top: 6 + (title == nil ? 0 : line) + (chart.kind == .pie ? 0 : line * 0.8),
      right: Double(size.width) - 8, bottom: Double(size.height) - (chart.kind == .pie ? 6 : line + 3))
  }

  func draw(_ random: inout SynthRandom) -> RGBImage {
    if let title {
      var bold = font
      bold.isBold = true
      let line = desk.studio.fitting(title, bold, width: canvas.frame.width - 8)
      line.draw(on: canvas, x: (canvas.frame.width - line.width) / 2, y: 3, ink)
    }
    if chart.kind == .pie {
      pie(&random)
    } else {
      axes(&random)
      if chart.kind == .bars { bars(&random) } else { line(&random) }
    }
    return desk.finish(canvas, &random, strength: 0.6)
  }

  /// Where the value lies in the plot.
  private func y(_ value: Int) -> Double {
    plot.bottom - plot.height * Double(value) / Double(chart.top)
  }

  private func x(_ index: Int) -> Double {
    plot.left + plot.width * (Double(index) + 0.5) / Double(chart.values.count)
  }

  private func axes(_ random: inout SynthRandom) {
    let pale = paper.mixed(with: ink, 0.18)
    let hasAxis = !chart.hasValues || random.chance(0.5)
    if hasAxis {
      let room = plot.height / Double(chart.top / chart.step)
      for mark in stride(from: 0, through: chart.top, by: chart.step) {
        canvas.line([Point(x: plot.left, y: y(mark)), Point(x: plot.right, y: y(mark))], pale, width: 1)
        // Where marks are close, every other one has its number.
        if room < font.size * 1.1 && mark / chart.step % 2 == 1 { continue }
        let label = desk.studio.line(String(mark), font)
        label.draw(on: canvas, x: plot.left - label.width - 4, y: y(mark) - label.height / 2, ink)
      }
    }
    canvas.line([Point(x: plot.left, y: plot.bottom), Point(x: plot.right, y: plot.bottom)], ink, width: 1)
    if hasAxis || random.chance(0.5) {
      canvas.line([Point(x: plot.left, y: plot.top), Point(x: plot.left, y: plot.bottom)], ink, width: 1)
    }
    let column = plot.width / Double(chart.values.count)
    // All labels are as small as the widest needs.
    let widest = chart.labels.map { desk.studio.line($0, font).width }.max() ?? 0
    var small = font
    if widest > column - 4 { small.size = max(4, (font.size * (column - 4) / widest * 2).rounded(.down) / 2) }
    for (index, text) in chart.labels.enumerated() {
      let label = desk.studio.line(text, small)
      label.draw(on: canvas, x: x(index) - label.width / 2, y: plot.bottom + 2, ink)
    }
  }

  private func value(_ index: Int, above y: Double) {
    guard chart.hasValues else { return }
    let line = desk.studio.line(String(chart.values[index]), font)
    line.draw(on: canvas, x: x(index) - line.width / 2, y: y - line.height - 1, ink)
  }

  private func bars(_ random: inout SynthRandom) {
    let width = plot.width / Double(chart.values.count) * random.real(0.45...0.8)
    for (index, value) in chart.values.enumerated() {
      let bar = Frame(
        left: x(index) - width / 2, top: y(value), right: x(index) + width / 2, bottom: plot.bottom)
      canvas.fill(bar, palette[index % palette.count])
      self.value(index, above: bar.top)
    }
  }

  private func line(_ random: inout SynthRandom) {
    let points = chart.values.enumerated().map { Point(x: x($0), y: y($1)) }
    canvas.line(points, palette[0], width: random.real(1.5...3))
    for (index, point) in points.enumerated() {
      canvas.fillDisc(centre: point, radius: 3, palette[0])
      value(index, above: point.y - 3)
    }
  }

  private func pie(_ random: inout SynthRandom) {
    // A legend to the right, in the slices' order.
    let line = font.size * 1.45
    let texts = zip(chart.labels, chart.values).map { desk.studio.line("\($0) \($1)%", font) }
    let legend = min((texts.map(\.width).max() ?? 0) + line, plot.width * 0.6)
    let radius = min((plot.width - legend - 6) / 2, plot.height / 2)
    let centre = Point(x: plot.left + radius, y: (plot.top + plot.bottom) / 2)
    var angle = random.real(0...2 * .pi)
    let top = centre.y - line * Double(texts.count) / 2
    for (index, text) in texts.enumerated() {
      let end = angle + 2 * .pi * Double(chart.values[index]) / 100
      canvas.fillSlice(centre: centre, radius: radius, from: angle, to: end, palette[index % palette.count])
      angle = end
      let y = top + line * Double(index)
      let x = plot.right - legend
      canvas.fill(
        Frame(x: x, y: y + line * 0.2, width: line * 0.6, height: line * 0.6), palette[index % palette.count])
      text.draw(on: canvas, x: x + line * 0.75, y: y + (line - text.height) / 2, ink)
    }
  }
}
