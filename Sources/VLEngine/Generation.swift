public import VLModels

/// What to generate.
public struct GenerationRequest: Sendable {
  /// The conversation; its last message is usually the user's.
  public var messages: [Message]
  /// How tokens are chosen.
  public var sampling: SamplingSettings
  /// How many tokens at most; nil generates as long as the context has room.
  public var maxTokens: Int?
  /// Texts that end the answer; they are not part of it.
  public var stop: [String]
  /// Writes `Picture N: ` before each image.
  public var visionIDs: Bool
  /// Goes on past the end token. For benchmarks.
  public var ignoresEndToken: Bool

  /// A request.
  public init(
    messages: [Message], sampling: SamplingSettings = SamplingSettings(), maxTokens: Int? = nil,
    stop: [String] = [], visionIDs: Bool = false, ignoresEndToken: Bool = false
  ) {
    self.messages = messages
    self.sampling = sampling
    self.maxTokens = maxTokens
    self.stop = stop
    self.visionIDs = visionIDs
    self.ignoresEndToken = ignoresEndToken
  }

  /// The first setting that is out of its range, as a sentence; nil when all are possible.
  public var problem: String? {
    if let maxTokens, maxTokens < 0 { return "max tokens \(maxTokens) is negative" }
    if stop.contains("") { return "a stop text is empty; it would end every answer at once" }
    return sampling.problem
  }
}

/// Why an answer ended.
public enum FinishReason: String, Sendable {
  /// The end token or a stop text.
  case stop
  /// The limit of tokens or the context's end.
  case length
}

/// How many tokens were read and written.
public struct Usage: Sendable, Equatable {
  /// The whole prompt, image tokens included.
  public var promptTokens = 0
  /// The prompt's image tokens.
  public var imageTokens = 0
  /// Prompt tokens that an earlier request had left in the cache.
  public var cachedTokens = 0
  /// Generated tokens, the end token included.
  public var completionTokens = 0
}

/// Where the time went, in seconds.
public struct Timings: Sendable, Equatable {
  /// Decoding, resizing, tokenizing.
  public var prepare = 0.0
  /// The vision encoder; 0 when every image was cached.
  public var encode = 0.0
  /// The text model over the prompt.
  public var prefill = 0.0
  /// The text model over generated tokens, and choosing them.
  public var decode = 0.0
}

/// A whole answer.
public struct GenerationResult: Sendable {
  /// The answer.
  public var text: String
  /// The generated ids, the end token included.
  public var tokens: [Int]
  /// Why it ended.
  public var finishReason: FinishReason
  /// How many tokens.
  public var usage: Usage
  /// The images as they were seen, in order.
  public var images: [ImageReport]
  /// Sampling, as applied.
  public var sampling: SamplingSettings
  /// Where the time went.
  public var timings: Timings
}

/// What happens while a request is served, in this order: `prepared`, `encoding`…, `prefilling`…, then `token` and
/// `text` until `finished`.
public enum GenerationEvent: Sendable {
  /// The prompt is made.
  case prepared(Usage, [ImageReport])
  /// The vision encoder's progress over the images that were not cached.
  case encoding(share: Double, tokens: Int)
  /// Prompt tokens done and in all, cached ones not counted.
  case prefilling(done: Int, total: Int)
  /// A token was chosen.
  case token(Int)
  /// Text that is certain to belong to the answer: whole characters, no piece of a stop text.
  case text(String)
  /// The answer is complete.
  case finished(GenerationResult)
}

/// Why a request cannot be served.
public struct EngineError: Error, CustomStringConvertible, Sendable {
  /// One line: what is wrong and what to do.
  public let description: String

  /// An error with its line.
  public init(_ description: String) { self.description = description }
}
