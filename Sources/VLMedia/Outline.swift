/// A closed line through points of a picture, to show where something is.
public struct Outline: Sendable, Hashable {
  /// A corner, in pixels from the left and the top.
  public struct Point: Sendable, Hashable {
    /// From the left.
    public var x: Double
    /// From the top.
    public var y: Double

    /// A corner.
    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// The corners in order; the last is joined to the first.
  public var corners: [Point]
  /// Red, green and blue.
  public var colour: [UInt8]

  /// Colours that are easy to tell apart, with their names.
  public static let colours: [(name: String, rgb: [UInt8])] = [
    ("red", [230, 40, 40]), ("green", [30, 170, 60]), ("blue", [40, 90, 240]), ("orange", [245, 140, 20]),
    ("purple", [150, 60, 200]), ("cyan", [20, 180, 200]), ("magenta", [230, 50, 180]),
    ("yellow", [240, 210, 30]),
  ]

  /// A line through `corners` in a colour of three values.
  public init(_ corners: [Point], colour: [UInt8]) {
    precondition(colour.count == 3, "Outline: a colour of \(colour.count) values")
    self.corners = corners
    self.colour = colour
  }
}

extension RGBImage {
  /// The picture with lines drawn on it, each between two thin lines in white, so that it shows on any ground.
  public func drawing(_ outlines: [Outline]) -> RGBImage {
    var pixels = pixels
    let thickness = max(1, min(width, height) / 200)
    for outline in outlines {
      for (brush, colour) in [(thickness + 1, [255, 255, 255]), (thickness, outline.colour)] {
        for (index, corner) in outline.corners.enumerated() {
          let next = outline.corners[(index + 1) % outline.corners.count]
          stroke(&pixels, from: corner, to: next, brush: brush, colour)
        }
      }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
  }

  /// Sets squares of 2 · brush - 1 pixels along a line.
  private func stroke(
    _ pixels: inout [UInt8], from: Outline.Point, to: Outline.Point, brush: Int, _ colour: [UInt8]
  ) {
    func clip(_ place: Int, _ side: Int) -> Int { min(side, max(0, place)) }
    let steps = max(1, Int(max(abs(to.x - from.x), abs(to.y - from.y)).rounded(.up)))
    for step in 0...steps {
      let share = Double(step) / Double(steps)
      let x = Int(from.x + (to.x - from.x) * share)
      let y = Int(from.y + (to.y - from.y) * share)
      for row in clip(y - brush + 1, height)..<clip(y + brush, height) {
        for column in clip(x - brush + 1, width)..<clip(x + brush, width) {
          let place = (row * width + column) * 3
          for channel in 0..<3 { pixels[place + channel] = colour[channel] }
        }
      }
    }
  }
}
