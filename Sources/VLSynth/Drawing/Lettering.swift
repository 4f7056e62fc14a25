internal import CPango

/// How text looks.
struct Font: Sendable, Hashable {
  var family: String
  /// Pixels per em.
  var size: Double
  var isBold = false
  var isItalic = false

  var face: Face { Face(family: family, isBold: isBold, isItalic: isItalic) }
}

/// Sets text, with outlines at hand that were looked up before.
///
/// `@unchecked Sendable`: ``StudioPool`` hands a studio to one caller at a time.
final class Studio: @unchecked Sendable {
  let fonts: SynthFonts
  private var glyphs: [Face: [Character: Glyph]] = [:]
  private var metrics: [Face: FaceMetrics] = [:]

  init(fonts: SynthFonts) { self.fonts = fonts }

  fileprivate func glyph(_ character: Character, _ face: Face) -> Glyph {
    if let known = glyphs[face]?[character] { return known }
    let glyph = GlyphBook.shared.glyph(character, face)
    glyphs[face, default: [:]][character] = glyph
    return glyph
  }

  fileprivate func metrics(_ face: Face) -> FaceMetrics {
    if let known = metrics[face] { return known }
    let found = GlyphBook.shared.metrics(face)
    metrics[face] = found
    return found
  }

  /// Sets a line of text.
  func line(_ text: String, _ font: Font) -> TextLine { TextLine(text, font, self) }

  /// Sets text in as many lines as it needs to be at most `width` wide; a word that is wider is broken.
  func paragraph(_ text: String, _ font: Font, width: Double) -> [TextLine] {
    var lines: [String] = []
    var current = ""
    func close() {
      lines.append(current)
      current = ""
    }
    for word in text.split(separator: " ", omittingEmptySubsequences: false).map(String.init) {
      let longer = current.isEmpty ? word : current + " " + word
      if line(longer, font).width <= width {
        current = longer
        continue
      }
      if !current.isEmpty { close() }
      for character in word {
        if !current.isEmpty, line(current + String(character), font).width > width { close() }
        current.append(character)
      }
    }
    close()
    return lines.map { line($0, font) }
  }

  /// A font with Latin letters: the plainest ones only, at difficulty 0.
  func latinFont(_ random: inout SynthRandom, size: Double, difficulty: Double) -> Font {
    Font(
      family: random.pick(fonts.latin, atMost: difficulty, least: 3), size: size, isBold: random.chance(0.25),
      isItalic: random.chance(0.2 * difficulty))
  }

  /// A font with Chinese characters; only where there is one.
  func chineseFont(_ random: inout SynthRandom, size: Double) -> Font {
    Font(family: random.pick(fonts.chinese), size: size)
  }

  /// Sets a line of text, smaller than the font says if it would be wider than `width`.
  func fitting(_ text: String, _ font: Font, width: Double) -> TextLine {
    let set = line(text, font)
    guard set.width > width, set.width > 0 else { return set }
    var smaller = font
    smaller.size = font.size * max(0, width) / set.width
    return line(text, smaller)
  }
}

/// A line of text that was set and can be drawn any number of times.
struct TextLine {
  let text: String
  /// Advance width and line height in pixels.
  let width, height: Double
  /// The inked area, relative to the line's left top corner.
  let ink: Frame
  private let size, baseline: Double
  private let glyphs: [(x: Double, glyph: Glyph)]

  fileprivate init(_ text: String, _ font: Font, _ studio: Studio) {
    self.text = text
    size = font.size
    let metrics = studio.metrics(font.face)
    baseline = metrics.ascent * font.size
    height = (metrics.ascent + metrics.descent) * font.size
    var x = 0.0
    var ink: Frame?
    var glyphs: [(x: Double, glyph: Glyph)] = []
    for character in text {
      let glyph = studio.glyph(character, font.face)
      if let area = glyph.ink {
        let frame = Frame(
          left: x + area.left * size, top: baseline + area.top * size, right: x + area.right * size,
          bottom: baseline + area.bottom * size)
        ink = ink?.union(frame) ?? frame
        glyphs.append((x, glyph))
      }
      x += glyph.advance * size
    }
    width = x
    self.ink = ink ?? Frame(x: 0, y: 0, width: x, height: height)
    self.glyphs = glyphs
  }

  /// Draws it with its left top corner at (x, y); returns the inked area.
  @discardableResult
  func draw(on canvas: Canvas, x: Double, y: Double, _ colour: Colour) -> Frame {
    draw(on: canvas, colour) { Point(x: $0.x + x, y: $0.y + y) }
    return ink.moved(x, y)
  }

  /// Draws it with its inked area's centre at a point; returns that area.
  @discardableResult
  func draw(on canvas: Canvas, centre: Point, _ colour: Colour) -> Frame {
    draw(on: canvas, x: centre.x - ink.centre.x, y: centre.y - ink.centre.y, colour)
  }

  /// Draws its outlines after moving every point of them; the line's left top corner is the origin.
  func draw(on canvas: Canvas, _ colour: Colour, warp: (Point) -> Point) {
    let context = canvas.context
    cairo_new_path(context)
    for (x, glyph) in glyphs {
      func at(_ point: Point) -> Point { warp(Point(x: x + point.x * size, y: baseline + point.y * size)) }
      for step in glyph.steps {
        switch step {
        case .move(let point):
          let to = at(point)
          cairo_move_to(context, to.x, to.y)
        case .line(let point):
          let to = at(point)
          cairo_line_to(context, to.x, to.y)
        case .curve(let first, let second, let end):
          let (a, b, to) = (at(first), at(second), at(end))
          cairo_curve_to(context, a.x, a.y, b.x, b.y, to.x, to.y)
        case .close: cairo_close_path(context)
        }
      }
    }
    canvas.set(colour)
    cairo_set_fill_rule(context, CAIRO_FILL_RULE_WINDING)
    cairo_fill(context)
  }
}
