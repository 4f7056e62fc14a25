/// How samples are drawn.
public struct SynthSettings: Sendable, Hashable {
  /// Where the sides of pictures lie, in pixels. Lines of text may be less high, down to 28.
  public let sides: ClosedRange<Int>
  /// From 0 (few large things, plain papers and fonts, short texts) to 1 (everything).
  public let difficulty: Double

  /// Settings, checked.
  ///
  /// - Throws: ``SynthError`` for sides outside 56...4096 or a difficulty outside 0...1.
  public init(sides: ClosedRange<Int> = 112...224, difficulty: Double = 1) throws(SynthError) {
    guard sides.lowerBound >= 56, sides.upperBound <= 4096 else {
      throw SynthError(
        name: "size \(sides.lowerBound)..\(sides.upperBound)",
        problem: "sides must lie within 56..4096 pixels",
        remedy: "choose others")
    }
    guard (0...1).contains(difficulty) else {
      throw SynthError(
        name: "difficulty \(difficulty)", problem: "it must lie within 0...1", remedy: "choose another")
    }
    self.sides = sides
    self.difficulty = difficulty
  }

  private init(unchecked sides: ClosedRange<Int>, difficulty: Double) {
    self.sides = sides
    self.difficulty = difficulty
  }

  /// The same with another difficulty, brought into 0...1.
  public func with(difficulty: Double) -> SynthSettings {
    SynthSettings(unchecked: sides, difficulty: min(1, max(0, difficulty)))
  }
}
