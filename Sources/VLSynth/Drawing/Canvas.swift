internal import CPango
internal import Glibc
internal import VLMedia

/// A picture being drawn with Cairo: pixels, origin at the left top.
final class Canvas {
  let size: PixelSize
  private let surface: OpaquePointer?
  let context: OpaquePointer?

  /// A picture of one colour.
  init(_ size: PixelSize, paper: Colour = .white) {
    self.size = size
    surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(size.width), Int32(size.height))
    context = cairo_create(surface)
    set(paper)
    cairo_paint(context)
  }

  /// A picture to draw on.
  convenience init(_ image: RGBImage) {
    self.init(PixelSize(width: image.width, height: image.height))
    cairo_surface_flush(surface)
    let stride = Int(cairo_image_surface_get_stride(surface))
    guard let data = cairo_image_surface_get_data(surface) else { return }
    image.pixels.withUnsafeBufferPointer { pixels in
      for y in 0..<image.height {
        let row = UnsafeMutableRawPointer(data + y * stride)
        for x in 0..<image.width {
          let i = (y * image.width + x) * 3
          let value = UInt32(pixels[i]) << 16 | UInt32(pixels[i + 1]) << 8 | UInt32(pixels[i + 2])
          row.storeBytes(of: value, toByteOffset: 4 * x, as: UInt32.self)
        }
      }
    }
    cairo_surface_mark_dirty(surface)
  }

  deinit {
    cairo_destroy(context)
    cairo_surface_destroy(surface)
  }

  var frame: Frame { Frame(x: 0, y: 0, width: Double(size.width), height: Double(size.height)) }

  func set(_ colour: Colour, alpha: Double = 1) {
    cairo_set_source_rgba(context, colour.red, colour.green, colour.blue, alpha)
  }

  // MARK: Lines and areas

  /// Fills closed contours; where an even number overlap, nothing is filled.
  func fill(_ contours: [[Point]], _ colour: Colour, alpha: Double = 1) {
    trace(contours, closed: true)
    set(colour, alpha: alpha)
    cairo_set_fill_rule(context, CAIRO_FILL_RULE_EVEN_ODD)
    cairo_fill(context)
  }

  /// Draws the edges of closed contours.
  func outline(_ contours: [[Point]], _ colour: Colour, width: Double) {
    trace(contours, closed: true)
    stroke(colour, width)
  }

  /// Draws a line through the points.
  func line(_ points: [Point], _ colour: Colour, width: Double, dash: Double? = nil) {
    trace([points], closed: false)
    if let dash {
      var pattern = [dash, dash]
      cairo_set_dash(context, &pattern, 2, 0)
    }
    stroke(colour, width)
    if dash != nil { cairo_set_dash(context, nil, 0, 0) }
  }

  func fill(_ frame: Frame, _ colour: Colour, radius: Double = 0, alpha: Double = 1) {
    trace(frame, radius: radius)
    set(colour, alpha: alpha)
    cairo_fill(context)
  }

  func outline(_ frame: Frame, _ colour: Colour, width: Double = 1, radius: Double = 0) {
    trace(frame, radius: radius)
    stroke(colour, width)
  }

  /// A slice of a disc from `start` to `end`, in radians clockwise from the right.
  func fillSlice(centre: Point, radius: Double, from start: Double, to end: Double, _ colour: Colour) {
    cairo_new_path(context)
    cairo_move_to(context, centre.x, centre.y)
    cairo_arc(context, centre.x, centre.y, radius, start, end)
    cairo_close_path(context)
    set(colour)
    cairo_fill(context)
  }

  func fillDisc(centre: Point, radius: Double, _ colour: Colour) {
    cairo_new_path(context)
    cairo_arc(context, centre.x, centre.y, radius, 0, 2 * Double.pi)
    set(colour)
    cairo_fill(context)
  }

  private func stroke(_ colour: Colour, _ width: Double) {
    set(colour)
    cairo_set_line_width(context, width)
    cairo_stroke(context)
  }

  private func trace(_ contours: [[Point]], closed: Bool) {
    cairo_new_path(context)
    for contour in contours {
      for (index, point) in contour.enumerated() {
        if index == 0 {
          cairo_move_to(context, point.x, point.y)
        } else {
          cairo_line_to(context, point.x, point.y)
        }
      }
      if closed { cairo_close_path(context) }
    }
  }

  private func trace(_ frame: Frame, radius: Double) {
    cairo_new_path(context)
    guard radius > 0 else {
      cairo_rectangle(context, frame.left, frame.top, frame.width, frame.height)
      return
    }
    let r = min(radius, frame.width / 2, frame.height / 2)
    let quarter = Double.pi / 2
    cairo_arc(context, frame.right - r, frame.top + r, r, -quarter, 0)
    cairo_arc(context, frame.right - r, frame.bottom - r, r, 0, quarter)
    cairo_arc(context, frame.left + r, frame.bottom - r, r, quarter, 2 * quarter)
    cairo_arc(context, frame.left + r, frame.top + r, r, 2 * quarter, 3 * quarter)
    cairo_close_path(context)
  }

  /// Fills everything with a linear change from one colour to the other, in a direction of `angle` radians.
  func gradient(_ from: Colour, _ to: Colour, angle: Double) {
    let (w, h) = (Double(size.width), Double(size.height))
    let (x, y) = (cos(angle) * w / 2, sin(angle) * h / 2)
    let pattern = cairo_pattern_create_linear(w / 2 - x, h / 2 - y, w / 2 + x, h / 2 + y)
    cairo_pattern_add_color_stop_rgb(pattern, 0, from.red, from.green, from.blue)
    cairo_pattern_add_color_stop_rgb(pattern, 1, to.red, to.green, to.blue)
    cairo_set_source(context, pattern)
    cairo_paint(context)
    cairo_pattern_destroy(pattern)
  }

  /// Draws another picture, stretched to the frame.
  func draw(_ other: Canvas, in frame: Frame) {
    cairo_save(context)
    cairo_translate(context, frame.left, frame.top)
    cairo_scale(context, frame.width / Double(other.size.width), frame.height / Double(other.size.height))
    cairo_set_source_surface(context, other.surface, 0, 0)
    cairo_paint(context)
    cairo_restore(context)
  }

  // MARK: The coordinate system

  /// Draws turned by `angle` radians (clockwise) about a point.
  func turned(_ angle: Double, about centre: Point, _ body: () -> Void) {
    cairo_save(context)
    cairo_translate(context, centre.x, centre.y)
    cairo_rotate(context, angle)
    cairo_translate(context, -centre.x, -centre.y)
    body()
    cairo_restore(context)
  }

  /// Draws only what falls into the frame.
  func clipped(to frame: Frame, _ body: () -> Void) {
    cairo_save(context)
    cairo_rectangle(context, frame.left, frame.top, frame.width, frame.height)
    cairo_clip(context)
    body()
    cairo_restore(context)
  }

  // MARK: Pixels

  /// What was drawn, as it is.
  var image: RGBImage { image(degrade: { _ in }) }

  /// What was drawn, with a last change to its bytes: `height * width * 3` of them.
  func image(degrade: (inout [UInt8]) -> Void) -> RGBImage {
    cairo_surface_flush(surface)
    guard let data = cairo_image_surface_get_data(surface) else {
      preconditionFailure("Canvas: no memory for \(size.width)×\(size.height) pixels")
    }
    let stride = Int(cairo_image_surface_get_stride(surface))
    let (width, height) = (size.width, size.height)
    var pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      count = width * height * 3
      guard let out = buffer.baseAddress else { return }
      for y in 0..<height {
        let row = data + y * stride
        let target = out + y * width * 3
        for x in 0..<width {  // stored as 0xXXRRGGBB, little-endian
          target[3 * x] = row[4 * x + 2]
          target[3 * x + 1] = row[4 * x + 1]
          target[3 * x + 2] = row[4 * x]
        }
      }
    }
    degrade(&pixels)
    return RGBImage(width: width, height: height, pixels: pixels)
  }
}
