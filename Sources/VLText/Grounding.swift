/// A point of a picture: whole thousandths of its width and height, as Qwen-VL and Qwen2-VL write them.
public struct GroundingPoint: Hashable, Sendable, CustomStringConvertible {
  /// What coordinates can be.
  public static let range = 0..<1000

  /// From the left, 0..<1000.
  public let x: Int
  /// From the top, 0..<1000.
  public let y: Int

  /// A point; nil for coordinates out of range.
  public init?(x: Int, y: Int) {
    guard Self.range.contains(x), Self.range.contains(y) else { return nil }
    self.x = x
    self.y = y
  }

  /// `(x,y)`
  public var description: String { "(\(x),\(y))" }
}

/// An upright box in a picture, by two opposite corners.
public struct GroundingBox: Hashable, Sendable, CustomStringConvertible {
  /// Left and top.
  public let start: GroundingPoint
  /// Right and bottom.
  public let end: GroundingPoint

  /// A box; nil unless it has its left and top first.
  public init?(_ start: GroundingPoint, _ end: GroundingPoint) {
    guard start.x <= end.x, start.y <= end.y else { return nil }
    self.start = start
    self.end = end
  }

  /// A box of left, top, right and bottom; nil for other counts, for values out of range or out of order.
  public init?(_ sides: [Int]) {
    guard sides.count == 4, let start = GroundingPoint(x: sides[0], y: sides[1]),
      let end = GroundingPoint(x: sides[2], y: sides[3])
    else { return nil }
    self.init(start, end)
  }

  /// `(x1,y1),(x2,y2)`
  public var description: String { "\(start),\(end)" }
}

/// Four corners in a picture, such as those of a turned line of text, in the order that they are written.
public struct GroundingQuad: Hashable, Sendable, CustomStringConvertible {
  /// The four corners.
  public let corners: [GroundingPoint]

  /// A quad; nil unless there are four corners.
  public init?(_ corners: [GroundingPoint]) {
    guard corners.count == 4 else { return nil }
    self.corners = corners
  }

  /// A quad of eight numbers, x before y; nil for other counts or for values out of range.
  public init?(_ numbers: [Int]) {
    guard numbers.count == 8 else { return nil }
    let corners = (0..<4).compactMap { GroundingPoint(x: numbers[2 * $0], y: numbers[2 * $0 + 1]) }
    self.init(corners)
  }

  /// `(x,y),(x,y),(x,y),(x,y)`
  public var description: String { corners.map(\.description).joined(separator: ",") }
}
