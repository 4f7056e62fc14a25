internal import CPango

/// How text looks.
struct Font: Sendable, Hashable {
  var family: String
  /// Pixels per em.
  var size: Double
  var isBold = false
  var isItalic = false
}

/// What one thread draws text with: a font map and a context of its own, since Pango's must not be shared.
///
/// `@unchecked Sendable`: ``StudioPool`` hands a studio to one caller at a time.
final class Studio: @unchecked Sendable {
  let fonts: SynthFonts
  private let map: UnsafeMutablePointer<PangoFontMap>?
  fileprivate let context: OpaquePointer?
  private var descriptions: [Font: OpaquePointer] = [:]

  init(fonts: SynthFonts) {
    self.fonts = fonts
    map = pango_cairo_font_map_new()
    context = pango_font_map_create_context(map)
    // Shapes and advances without hinting: the same at any size and turn, whatever the desktop's settings say.
    let options = cairo_font_options_create()
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY)
    pango_cairo_context_set_font_options(context, options)
    cairo_font_options_destroy(options)
  }

  deinit {
    for description in descriptions.values { pango_font_description_free(description) }
    if let context { g_object_unref(UnsafeMutableRawPointer(context)) }
    g_object_unref(map)
  }

  /// The description of a font, kept for the next time.
  fileprivate func description(_ font: Font) -> OpaquePointer? {
    if let known = descriptions[font] { return known }
    if descriptions.count > 4096 {
      for description in descriptions.values { pango_font_description_free(description) }
      descriptions.removeAll()
    }
    let description = pango_font_description_new()
    pango_font_description_set_family(description, font.family)
    pango_font_description_set_absolute_size(description, font.size * Double(PANGO_SCALE))
    pango_font_description_set_weight(description, font.isBold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL)
    pango_font_description_set_style(description, font.isItalic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL)
    descriptions[font] = description
    return description
  }

  /// Sets a line of text.
  func line(_ text: String, _ font: Font) -> TextLine { TextLine(text, font, self, wrap: nil) }

  /// Sets text in as many lines as it needs to be at most `width` wide.
  func paragraph(_ text: String, _ font: Font, width: Double) -> TextLine {
    TextLine(text, font, self, wrap: width)
  }

  /// A font with Latin letters: the plainest ones only, at difficulty 0.
  func latinFont(_ random: inout SynthRandom, size: Double, difficulty: Double) -> Font {
    Font(
      family: random.pick(fonts.latin, atMost: difficulty, least: 3), size: rounded(size),
      isBold: random.chance(0.25), isItalic: random.chance(0.2 * difficulty))
  }

  /// A font with Chinese characters; only where there is one.
  func chineseFont(_ random: inout SynthRandom, size: Double) -> Font {
    Font(family: random.pick(fonts.chinese), size: rounded(size))
  }

  /// Half pixels, so that fonts are met again and Pango's caches serve.
  private func rounded(_ size: Double) -> Double { max(4, (size * 2).rounded() / 2) }

  /// The largest size up to `font.size` at which the text is at most `width` wide.
  func fitting(_ text: String, _ font: Font, width: Double) -> TextLine {
    let set = line(text, font)
    guard set.width > width, set.width > 0 else { return set }
    var smaller = font
    smaller.size = max(4, (font.size * width / set.width * 2).rounded(.down) / 2)
    return line(text, smaller)
  }
}

/// A line of text, or several, that was set and can be drawn any number of times.
final class TextLine {
  let text: String
  private let layout: OpaquePointer?
  /// Advance width and line height in pixels.
  let width, height: Double
  /// The inked area, relative to the line's left top corner.
  let ink: Frame

  fileprivate init(_ text: String, _ font: Font, _ studio: Studio, wrap: Double?) {
    self.text = text
    layout = pango_layout_new(studio.context)
    if let wrap {
      pango_layout_set_width(layout, Int32(wrap * Double(PANGO_SCALE)))
      pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR)
    } else {
      pango_layout_set_single_paragraph_mode(layout, 1)
    }
    pango_layout_set_text(layout, text, -1)
    pango_layout_set_font_description(layout, studio.description(font))
    var (inked, logical) = (PangoRectangle(), PangoRectangle())
    pango_layout_get_extents(layout, &inked, &logical)
    let scale = 1 / Double(PANGO_SCALE)
    width = Double(logical.width) * scale
    height = Double(logical.height) * scale
    ink = Frame(
      x: Double(inked.x) * scale, y: Double(inked.y) * scale, width: Double(inked.width) * scale,
      height: Double(inked.height) * scale)
  }

  deinit { if let layout { g_object_unref(UnsafeMutableRawPointer(layout)) } }

  /// Whether a font of the line lacks a character.
  var hasUnknownGlyphs: Bool { pango_layout_get_unknown_glyphs_count(layout) > 0 }

  /// Draws it with its left top corner at (x, y); returns the inked area.
  @discardableResult
  func draw(on canvas: Canvas, x: Double, y: Double, _ colour: Colour) -> Frame {
    canvas.set(colour)
    cairo_move_to(canvas.context, x, y)
    pango_cairo_show_layout(canvas.context, layout)
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
    pango_cairo_layout_path(context, layout)
    guard let path = cairo_copy_path(context) else { return }
    defer { cairo_path_destroy(path) }
    guard path.pointee.status == CAIRO_STATUS_SUCCESS, let data = path.pointee.data else { return }
    var index = 0
    while index < Int(path.pointee.num_data) {
      let length = Int(data[index].header.length)
      for step in 1..<max(1, length) {
        let moved = warp(Point(x: data[index + step].point.x, y: data[index + step].point.y))
        data[index + step].point.x = moved.x
        data[index + step].point.y = moved.y
      }
      index += max(1, length)
    }
    cairo_new_path(context)
    cairo_append_path(context, path)
    canvas.set(colour)
    cairo_set_fill_rule(context, CAIRO_FILL_RULE_WINDING)
    cairo_fill(context)
  }
}
