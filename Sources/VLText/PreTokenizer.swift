/// How text is cut into the pieces that byte-pair encoding never merges across.
struct PreTokenizer: Sendable {
  /// What becomes of the stretches that a pattern finds.
  enum Behavior: Sendable {
    /// Matches and what lies between them are pieces.
    case isolated
    /// Only what lies between matches is.
    case removed
  }

  /// One cut.
  struct Split: Sendable {
    /// What to look for.
    var pattern: Pattern
    /// What to keep.
    var behavior: Behavior
    /// Whether matches and the rest change places.
    var isInverted: Bool
  }

  /// Cuts, one within the pieces of the other.
  var splits: [Split]
  /// Whether each piece that does not start with a space gets one.
  var addsPrefixSpace: Bool
  /// The byte-level step's own cut, after the space is added.
  var byteLevelPattern: Pattern?

  /// GPT-2's pattern, which the byte-level step uses when it is asked to cut by itself; a fact of the format.
  static let byteLevelSource =
    #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// Qwen2's pattern, for vocabularies that come without one; a fact of the format.
  static let qwen2Source =
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
}
