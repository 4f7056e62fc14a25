/// How many patches a picture or video has along time, height and width, before neighbouring ones are merged.
public struct GridTHW: Sendable, Hashable, CustomStringConvertible {
  /// Temporal steps: 1 for a still picture, one per two frames for a video.
  public let t: Int
  /// Rows of patches, a multiple of the merge size.
  public let h: Int
  /// Columns of patches, a multiple of the merge size.
  public let w: Int

  /// A grid of `t × h × w` patches.
  public init(t: Int, h: Int, w: Int) {
    precondition(t >= 1 && h >= 1 && w >= 1, "GridTHW: \(t)×\(h)×\(w) has no patches")
    self.t = t
    self.h = h
    self.w = w
  }

  /// Patches in all: the rows of `pixel_values`.
  public var patches: Int { t * h * w }

  /// Tokens that the text model sees: patches after `mergeSize × mergeSize` neighbours became one.
  public func tokens(mergeSize: Int) -> Int { patches / (mergeSize * mergeSize) }

  /// `1×16×16`
  public var description: String { "\(t)×\(h)×\(w)" }
}
