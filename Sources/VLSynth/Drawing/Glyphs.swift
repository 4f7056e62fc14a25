internal import CPango
internal import Synchronization

/// A family in one weight and slant.
struct Face: Sendable, Hashable {
  var family: String
  var isBold: Bool
  var isItalic: Bool
}

/// The outline of a character, in ems; the origin is where it stands on the base line.
struct Glyph: Sendable {
  enum Step: Sendable {
    case move(Point)
    case line(Point)
    case curve(Point, Point, Point)
    case close
  }
  var steps: [Step] = []
  /// From this character's origin to the next one's.
  var advance = 0.0
  /// The smallest frame around the outline; nil where nothing is inked.
  var ink: Frame?
}

/// How far a face's lines reach above and below the base line, in ems.
struct FaceMetrics: Sendable {
  var ascent, descent: Double
}

/// The outlines of all characters that were ever drawn, asked of Pango once each.
///
/// Text is drawn as plain areas from these. Cairo 1.16's caches of glyphs, which Pango's own drawing shares among all
/// threads, lose glyphs that another thread is drawing; so everything that touches a font happens here, under one
/// lock, and drawing needs no font.
final class GlyphBook: Sendable {
  static let shared = GlyphBook()

  private struct Pages {
    var glyphs: [Face: [Character: Glyph]] = [:]
    var metrics: [Face: FaceMetrics] = [:]
  }
  private let pages = Mutex(Pages())

  func glyph(_ character: Character, _ face: Face) -> Glyph {
    pages.withLock { pages in
      if let known = pages.glyphs[face]?[character] { return known }
      let glyph = Self.outline(String(character), face)
      pages.glyphs[face, default: [:]][character] = glyph
      return glyph
    }
  }

  func metrics(_ face: Face) -> FaceMetrics {
    pages.withLock { pages in
      if let known = pages.metrics[face] { return known }
      let metrics = Self.measured(face)
      pages.metrics[face] = metrics
      return metrics
    }
  }

  /// Pixels per em at which outlines are taken: Cairo's coordinates have 8 bits after the point.
  private static let size = 256.0

  /// Sets a text at ``size`` without hinting, and calls `body` with the layout.
  private static func withLayout<Result>(_ text: String, _ face: Face, _ body: (OpaquePointer?) -> Result)
    -> Result
  {
    let map = pango_cairo_font_map_get_default()
    let context = pango_font_map_create_context(map)
    let options = cairo_font_options_create()
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE)
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF)
    pango_cairo_context_set_font_options(context, options)
    let description = pango_font_description_new()
    pango_font_description_set_family(description, face.family)
    pango_font_description_set_absolute_size(description, size * Double(PANGO_SCALE))
    pango_font_description_set_weight(description, face.isBold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL)
    pango_font_description_set_style(description, face.isItalic ? PANGO_STYLE_ITALIC : PANGO_STYLE_NORMAL)
    let layout = pango_layout_new(context)
    pango_layout_set_font_description(layout, description)
    pango_layout_set_text(layout, text, -1)
    defer {
      if let layout { g_object_unref(UnsafeMutableRawPointer(layout)) }
      pango_font_description_free(description)
      cairo_font_options_destroy(options)
      if let context { g_object_unref(UnsafeMutableRawPointer(context)) }
    }
    return body(layout)
  }

  private static func measured(_ face: Face) -> FaceMetrics {
    withLayout("x", face) { layout in
      var logical = PangoRectangle()
      pango_layout_get_extents(layout, nil, &logical)
      let baseline = Double(pango_layout_get_baseline(layout))
      let unit = 1 / Double(PANGO_SCALE) / size
      return FaceMetrics(ascent: baseline * unit, descent: (Double(logical.height) - baseline) * unit)
    }
  }

  private static func outline(_ text: String, _ face: Face) -> Glyph {
    withLayout(text, face) { layout in
      var logical = PangoRectangle()
      pango_layout_get_extents(layout, nil, &logical)
      var glyph = Glyph()
      glyph.advance = Double(logical.width) / Double(PANGO_SCALE) / size
      let baseline = Double(pango_layout_get_baseline(layout)) / Double(PANGO_SCALE)
      let surface = cairo_image_surface_create(CAIRO_FORMAT_A8, 1, 1)
      let context = cairo_create(surface)
      defer {
        cairo_destroy(context)
        cairo_surface_destroy(surface)
      }
      cairo_move_to(context, 0, 0)
      pango_cairo_layout_path(context, layout)
      guard let path = cairo_copy_path(context) else { return glyph }
      defer { cairo_path_destroy(path) }
      guard path.pointee.status == CAIRO_STATUS_SUCCESS, let data = path.pointee.data else { return glyph }
      func point(_ index: Int) -> Point {
        Point(x: data[index].point.x / size, y: (data[index].point.y - baseline) / size)
      }
      var index = 0
      var points: [Point] = []
      while index < Int(path.pointee.num_data) {
        let length = max(1, Int(data[index].header.length))
        switch data[index].header.type {
        case CAIRO_PATH_MOVE_TO: glyph.steps.append(.move(point(index + 1)))
        case CAIRO_PATH_LINE_TO:
          glyph.steps.append(.line(point(index + 1)))
          points.append(point(index + 1))
        case CAIRO_PATH_CURVE_TO:
          let (a, b, c) = (point(index + 1), point(index + 2), point(index + 3))
          glyph.steps.append(.curve(a, b, c))
          // Fonts have their curves' extremes at ends, so the control points bound them closely enough.
          points += [a, b, c]
        default: glyph.steps.append(.close)
        }
        index += length
      }
      if !points.isEmpty { glyph.ink = Frame(around: points) }
      return glyph
    }
  }
}
