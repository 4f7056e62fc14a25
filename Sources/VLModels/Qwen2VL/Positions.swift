public import VLMedia

/// Where one image or video lies in a sequence.
public struct VisualSpan: Sendable, Equatable {
  /// The placeholders' places in the sequence.
  public var range: Range<Int>
  /// The grid in patches, before merging.
  public var grid: GridTHW

  /// A span; `range` holds t·h·w / merge² places.
  public init(range: Range<Int>, grid: GridTHW) {
    self.range = range
    self.grid = grid
  }
}

/// M-RoPE position ids of a sequence (Qwen2-VL paper, section 2.1, and `get_rope_index` of the reference).
public struct MRoPEPositions: Sendable, Equatable {
  /// Temporal, height and width ids: `[3][T]`.
  public private(set) var ids: [[Int]] = [[], [], []]
  /// The id that comes next: the largest id of any axis plus one.
  public private(set) var next: Int

  /// How the places of images and videos are counted.
  public enum Style: String, Sendable, CaseIterable {
    /// By time, row and column: M-RoPE.
    case multimodal
    /// Like text, one id after the other: what M-RoPE is compared with.
    case sequential
  }

  /// How visual places are counted.
  public let style: Style

  /// No positions yet; the first will be `next`.
  public init(startingAt next: Int = 0, style: Style = .multimodal) {
    self.next = next
    self.style = style
  }

  /// The positions of a whole sequence.
  /// - Parameters:
  ///   - count: the sequence's length.
  ///   - visuals: in order, not overlapping.
  ///   - mergeSize: how many patches per side one token stands for.
  ///   - style: how visual places are counted.
  public init(count: Int, visuals: [VisualSpan], mergeSize: Int, style: Style = .multimodal) {
    self.init(style: style)
    var place = 0
    for visual in visuals {
      precondition(
        visual.range.lowerBound >= place && visual.range.upperBound <= count,
        "MRoPEPositions: \(visual.range)")
      appendText(visual.range.lowerBound - place)
      appendVisual(visual.grid, mergeSize: mergeSize)
      place = visual.range.upperBound
    }
    appendText(count - place)
  }

  /// Text: one id, the same on all axes, per token.
  public mutating func appendText(_ count: Int) {
    let new = next..<next + count
    for axis in 0..<3 { ids[axis] += new }
    next += count
  }

  /// A vision block: (s + t, s + row, s + column) over the merged grid, row by row; one temporal step per two frames.
  public mutating func appendVisual(_ grid: GridTHW, mergeSize: Int) {
    let h = grid.h / mergeSize
    let w = grid.w / mergeSize
    if style == .sequential { return appendText(grid.t * h * w) }
    for t in 0..<grid.t {
      for row in 0..<h {
        for column in 0..<w {
          ids[0].append(next + t)
          ids[1].append(next + row)
          ids[2].append(next + column)
        }
      }
    }
    next += max(grid.t, h, w)
  }

  /// The ids of some places of the sequence, `[3][range]`.
  public subscript(range: Range<Int>) -> [[Int]] { ids.map { Array($0[range]) } }

  /// How many places there are.
  public var count: Int { ids[0].count }
}
