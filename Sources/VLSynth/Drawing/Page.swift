internal import VLMedia

/// A sheet of paper that text is put on from top to bottom, and then photographed a little askew.
struct Page {
  let canvas: Canvas
  let studio: Studio
  let ink: Colour
  let paper: Colour
  let margin: Double
  let font: Font
  /// From one base line to the next.
  let lineHeight: Double
  /// Where the next line's top lies.
  var y: Double

  var size: PixelSize { canvas.size }
  var left: Double { margin }
  var right: Double { Double(size.width) - margin }
  var width: Double { right - left }
  /// How many more lines there is room for.
  var linesLeft: Int { max(0, Int((Double(size.height) - margin - y) / lineHeight)) }

  /// A sheet of this size with letters that can be read at it.
  init(_ size: PixelSize, _ random: inout SynthRandom, _ desk: Desk, family: String? = nil) {
    let difficulty = desk.difficulty
    (paper, ink) = Ink.document(&random, difficulty: difficulty)
    studio = desk.studio
    // At 224 pixels 12 to 16 per em; larger sheets hold somewhat larger letters.
    let scale = max(1, size.shorter / 320)
    var font = desk.studio.latinFont(
      &random, size: random.real(12...14.5 + 2 * (1 - difficulty)) * scale, difficulty: difficulty * 0.7)
    font.isItalic = false
    if let family { font.family = family }
    self.font = font
    lineHeight = font.size * random.real(1.25...1.5)
    margin = random.real(5...10) * scale
    y = margin
    canvas = Canvas(size, paper: paper)
    if random.chance(0.25 * difficulty) {
      canvas.gradient(
        paper, paper.mixed(with: .black, random.real(0.03...0.12)), angle: random.real(0...6.28))
    }
  }

  /// Puts text at the left (0), in the middle (0.5) or at the right (1) of the line, smaller if it must be.
  @discardableResult
  func put(_ text: String, at position: Double = 0, bold: Bool? = nil, within: ClosedRange<Double>? = nil)
    -> Frame
  {
    var font = font
    if let bold { font.isBold = bold }
    let span = within ?? left...right
    let line = studio.fitting(text, font, width: span.upperBound - span.lowerBound)
    let x = span.lowerBound + (span.upperBound - span.lowerBound - line.width) * position
    return line.draw(on: canvas, x: x, y: y + (lineHeight - line.height) / 2, ink)
  }

  /// The width of a text in the page's font.
  func width(of text: String, bold: Bool = false) -> Double {
    var font = font
    font.isBold = font.isBold || bold
    return studio.line(text, font).width
  }

  mutating func newLine(_ share: Double = 1) { y += lineHeight * share }

  /// A rule across the page, at half height of a line that it takes up in part.
  mutating func rule(dashed: Bool = false) {
    let at = y + lineHeight * 0.2
    canvas.line(
      [Point(x: left, y: at), Point(x: right, y: at)], ink.mixed(with: paper, 0.4), width: 1,
      dash: dashed ? 3 : nil)
    newLine(0.4)
  }

  func finish(_ random: inout SynthRandom, _ desk: Desk) -> RGBImage {
    desk.finish(canvas, &random, strength: 0.7)
  }
}
