public import VLMedia

/// Many samples in one picture, for looking at: each with its boxes drawn, its questions and its answers.
public enum ContactSheet {
  /// The bytes of a PNG file.
  ///
  /// - Parameters:
  ///   - samples: what to show, in order.
  ///   - fonts: what captions are written in.
  ///   - columns: how many samples stand side by side, at least 1.
  ///   - cell: the width of each, in pixels.
  /// - Throws: ``MediaError`` for a sheet too large for PNG.
  /// - Returns: the file.
  public static func png(_ samples: [SynthSample], fonts: SynthFonts, columns: Int = 6, cell: Int = 236)
    throws(MediaError) -> [UInt8]
  {
    precondition(columns >= 1 && cell >= 40, "ContactSheet: \(columns) columns of \(cell) pixels")
    let studio = Studio(fonts: fonts)
    let cells = samples.map { Cell($0, width: Double(cell) - 12, studio: studio) }
    let rows = stride(from: 0, to: cells.count, by: columns).map {
      Array(cells[$0..<min($0 + columns, cells.count)])
    }
    let heights = rows.map { ($0.map(\.height).max() ?? 0) + 14 }
    let size = PixelSize(
      width: max(1, min(columns, cells.count)) * cell, height: max(1, Int(heights.reduce(0, +).rounded(.up))))
    let canvas = Canvas(size, paper: .grey(0.96))
    var y = 0.0
    for (row, height) in zip(rows, heights) {
      for (column, cell) in row.enumerated() {
        cell.draw(
          on: canvas, x: Double(column * (size.width / max(1, min(columns, cells.count)))) + 6, y: y + 6)
      }
      y += height
    }
    return try PNGEncoder.encode(canvas.image, name: "sheet")
  }

  /// A picture with the places that a sample's messages name drawn over it.
  public static func marked(_ sample: SynthSample, image index: Int) -> RGBImage {
    let canvas = Canvas(sample.images[index])
    mark(canvas, sample)
    return canvas.image
  }

  fileprivate static func mark(_ canvas: Canvas, _ sample: SynthSample) {
    let red = Colour(hex: 0xFF2D55)
    let (w, h) = (Double(canvas.size.width) / 1000, Double(canvas.size.height) / 1000)
    for part in sample.messages.flatMap(\.parts) {
      switch part {
      case .box(let box):
        canvas.outline(
          Frame(
            left: Double(box.left) * w, top: Double(box.top) * h, right: Double(box.right) * w,
            bottom: Double(box.bottom) * h), red, width: 1)
      case .quad(let quad):
        canvas.outline([quad.corners.map { Point(x: Double($0.x) * w, y: Double($0.y) * h) }], red, width: 1)
      default: break
      }
    }
  }

  /// One sample of the sheet.
  private struct Cell {
    let pictures: [(canvas: Canvas, frame: Frame)]
    let texts: [(line: TextLine, y: Double, colour: Colour)]
    let height: Double

    init(_ sample: SynthSample, width: Double, studio: Studio) {
      var pictures: [(canvas: Canvas, frame: Frame)] = []
      // Several pictures share the width; one is shown no larger than it is.
      let share = width / Double(max(1, min(3, sample.images.count)))
      var (x, y, rowHeight) = (0.0, 0.0, 0.0)
      for image in sample.images {
        let canvas = Canvas(image)
        if sample.images.count == 1 { ContactSheet.mark(canvas, sample) }
        let scale = min(1, (share - 2) / Double(image.width))
        let (w, h) = (Double(image.width) * scale, Double(image.height) * scale)
        if x + w > width + 0.5 {
          x = 0
          y += rowHeight + 2
          rowHeight = 0
        }
        pictures.append((canvas, Frame(x: x, y: y, width: w, height: h)))
        x += w + 2
        rowHeight = max(rowHeight, h)
      }
      y += rowHeight + 4
      var texts: [(line: TextLine, y: Double, colour: Colour)] = []
      let family = studio.fonts.chinese.first ?? studio.fonts.latin[0]
      for message in sample.messages {
        let isAnswer = message.role == .assistant
        let text = message.text.replacingAll("<|object_ref_start|>", with: "‹")
          .replacingAll("<|object_ref_end|>", with: "›").replacingAll("<|box_start|>", with: "")
          .replacingAll("<|box_end|>", with: "").replacingAll("<|quad_start|>", with: "")
          .replacingAll("<|quad_end|>", with: "")
        let font = Font(family: family, size: 11, isBold: isAnswer)
        for line in text.split(separator: "\n").flatMap({ studio.paragraph(String($0), font, width: width) })
        {
          texts.append((line, y, isAnswer ? Colour(hex: 0x0B5D1E) : .grey(0.1)))
          y += line.height + 1
        }
      }
      self.pictures = pictures
      self.texts = texts
      height = y
    }

    func draw(on canvas: Canvas, x: Double, y: Double) {
      for picture in pictures {
        let frame = picture.frame.moved(x, y)
        canvas.draw(picture.canvas, in: frame)
        canvas.outline(frame, .grey(0.75), width: 0.5)
      }
      for text in texts { text.line.draw(on: canvas, x: x, y: y + text.y, text.colour) }
    }
  }
}
