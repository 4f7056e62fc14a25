/// How samples are drawn.
public struct SynthSettings: Sendable, Hashable {
  /// Where the sides of pictures lie, in pixels. Lines of text may be less high, down to 28.
  public let sides: ClosedRange<Int>
  /// From 0 (few large things, plain papers and fonts, short texts) to 1 (everything).
  public let difficulty: Double
  /// How many frames a clip has, even numbers of them; nil for what the difficulty says (4 at 0, 4 to 8 at 1).
  public let frames: ClosedRange<Int>?

  /// Settings, checked.
  ///
  /// - Throws: ``SynthError`` for sides outside 56...4096, a difficulty outside 0...1, or frames outside 4...64 or
  ///   without an even number among them.
  public init(
    sides: ClosedRange<Int> = 112...224, difficulty: Double = 1, frames: ClosedRange<Int>? = nil
  ) throws(SynthError) {
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
    if let frames {
      guard frames.lowerBound >= 4, frames.upperBound <= 64,
        frames.count > 1 || frames.lowerBound.isMultiple(of: 2)
      else {
        throw SynthError(
          name: "frames \(frames.lowerBound)..\(frames.upperBound)",
          problem: "a clip has 4 to 64 frames, an even number of them", remedy: "choose others")
      }
    }
    self.sides = sides
    self.difficulty = difficulty
    self.frames = frames
  }

  private init(unchecked sides: ClosedRange<Int>, difficulty: Double, frames: ClosedRange<Int>?) {
    self.sides = sides
    self.difficulty = difficulty
    self.frames = frames
  }

  /// The same with another difficulty, brought into 0...1.
  public func with(difficulty: Double) -> SynthSettings {
    SynthSettings(unchecked: sides, difficulty: min(1, max(0, difficulty)), frames: frames)
  }
}
