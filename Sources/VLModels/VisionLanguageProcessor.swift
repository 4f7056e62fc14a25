public import VLTensor
public import VLText

/// What turns conversations into a model's input: vocabulary, chat format, resizing. It holds no weights, so data can
/// be read and checked without any, and threads can have one each.
public protocol VisionLanguageProcessor: Sendable {
  /// The vocabulary.
  var tokenizer: Tokenizer { get }
  /// The longest sequence the checkpoint was made for.
  var contextLength: Int { get }
  /// Patches per side that one token stands for.
  var mergeSize: Int { get }
  /// Ids that stand for pieces of images and of videos.
  var visualTokens: Set<Int> { get }
  /// Where it works.
  var compute: Compute { get }

  /// The same, working elsewhere.
  func on(_ compute: Compute) -> Self
  /// Decodes, turns upright and resizes a picture or the frames of a clip, as the family does.
  /// - Parameters:
  ///   - visual: what is shown, and how it is to be resized.
  ///   - files: the bytes of its sources, in order.
  /// - Throws: `MediaError`.
  /// - Returns: what the encoder takes, with a report of what was done.
  func prepare(_ visual: VisualInput, files: [[UInt8]]) throws -> EncoderImage
  /// What ``prepare(_:files:)`` would do, from the pictures' headers alone.
  /// - Throws: `MediaError`.
  func plan(_ visual: VisualInput, files: [[UInt8]]) throws -> ImageReport
  /// Makes the token sequence of a conversation.
  /// - Parameters:
  ///   - messages: in order; their pictures and clips must match `visuals` in number and order.
  ///   - visuals: the reports of all pictures and clips.
  ///   - visionIDs: writes `Picture N: ` or `Video N: ` before each.
  ///   - opensAnswer: whether the assistant's turn is opened at the end.
  /// - Throws: `ChatError` for a role or a token that the family has not, or a picture without tokens.
  /// - Returns: token ids, and where pictures and clips lie in them.
  func prompt(_ messages: [Message], visuals: [ImageReport], visionIDs: Bool, opensAnswer: Bool) throws
    -> Prompt
  /// The position ids of a sequence.
  func positions(count: Int, visuals: [VisualSpan]) -> MRoPEPositions
  /// The normalised patches of all pictures and clips in order, `[N, patch values]`.
  func pixelValues(_ images: [EncoderImage]) -> Tensor
}

/// What a model does through its processor.
extension VisionLanguageModel {
  /// Its vocabulary.
  public var tokenizer: Tokenizer { processor.tokenizer }
  /// The longest sequence the checkpoint was made for.
  public var contextLength: Int { processor.contextLength }
  /// Patches per side that one token stands for.
  public var mergeSize: Int { processor.mergeSize }
  /// Ids that stand for pieces of images and of videos.
  public var visualTokens: Set<Int> { processor.visualTokens }

  /// Decodes, turns upright and resizes a picture or the frames of a clip, as the family does.
  public func prepare(_ visual: VisualInput, files: [[UInt8]]) throws -> EncoderImage {
    try processor.prepare(visual, files: files)
  }
  /// What ``prepare(_:files:)`` would do, from the pictures' headers alone.
  public func plan(_ visual: VisualInput, files: [[UInt8]]) throws -> ImageReport {
    try processor.plan(visual, files: files)
  }
  /// Makes the token sequence of a conversation, the assistant's turn opened at its end.
  /// - Parameters:
  ///   - messages: in order; their pictures and clips must match `images` in number and order.
  ///   - images: the reports of all pictures and clips.
  ///   - visionIDs: writes `Picture N: ` or `Video N: ` before each.
  /// - Throws: `ChatError` for a role or a token that the family has not, or a picture without tokens.
  /// - Returns: token ids, and where pictures and clips lie in them.
  public func prompt(_ messages: [Message], images: [ImageReport], visionIDs: Bool) throws -> Prompt {
    try processor.prompt(messages, visuals: images, visionIDs: visionIDs, opensAnswer: true)
  }
  /// The position ids of a sequence.
  public func positions(count: Int, visuals: [VisualSpan]) -> MRoPEPositions {
    processor.positions(count: count, visuals: visuals)
  }
  /// The normalised patches of all pictures and clips in order, `[N, patch values]`.
  public func pixelValues(_ images: [EncoderImage]) -> Tensor { processor.pixelValues(images) }
}
