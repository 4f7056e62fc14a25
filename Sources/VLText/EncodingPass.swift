/// One call of encode: its buffers, its match state and the tokens so far.
final class EncodingPass {
  private let model: BytePairModel
  private let preTokenizer: PreTokenizer
  private let matchers: [PatternMatcher]
  private let byteLevelMatcher: PatternMatcher?
  private var workspace = BytePairModel.Workspace()
  private var prefixed: [UInt8] = []
  /// The tokens so far.
  var output: [Int] = []

  init(_ model: BytePairModel, _ preTokenizer: PreTokenizer) {
    self.model = model
    self.preTokenizer = preTokenizer
    matchers = preTokenizer.splits.map { PatternMatcher($0.pattern) }
    byteLevelMatcher = preTokenizer.byteLevelPattern.map { PatternMatcher($0) }
  }

  /// Appends the tokens of normalized text that holds no added tokens.
  func encode(_ text: UnsafeBufferPointer<UInt8>) throws(EncodingError) {
    if !text.isEmpty { try cut(text, by: 0) }
  }

  private func cut(_ text: UnsafeBufferPointer<UInt8>, by step: Int) throws(EncodingError) {
    guard step < matchers.count else { return try encodeByteLevel(text) }
    let split = preTokenizer.splits[step]
    try matchers[step].split(text) { (stretch, isMatch) throws(EncodingError) in
      if split.behavior == .removed && isMatch != split.isInverted { return }
      try cut(stretch, by: step + 1)
    }
  }

  private func encodeByteLevel(_ piece: UnsafeBufferPointer<UInt8>) throws(EncodingError) {
    guard preTokenizer.addsPrefixSpace, piece.first != UInt8(ascii: " ") else {
      return try cutByteLevel(piece)
    }
    prefixed.removeAll(keepingCapacity: true)
    prefixed.append(UInt8(ascii: " "))
    prefixed.append(contentsOf: piece)
    try prefixed.withUnsafeBufferPointer { (bytes) throws(EncodingError) in try cutByteLevel(bytes) }
  }

  private func cutByteLevel(_ piece: UnsafeBufferPointer<UInt8>) throws(EncodingError) {
    guard let byteLevelMatcher else { return try encodePiece(piece) }
    try byteLevelMatcher.split(piece) { (stretch, _) throws(EncodingError) in try encodePiece(stretch) }
  }

  private func encodePiece(_ piece: UnsafeBufferPointer<UInt8>) throws(EncodingError) {
    try model.encode(piece, into: &output, &workspace)
  }
}
