internal import VLMedia
public import VLModels
internal import VLNN
internal import VLText

/// A sample as a model reads it.
public struct EncodedSample: Sendable {
  /// Where it comes from.
  public var name: String
  /// `[T]`: token ids, placeholders of pictures and clips included.
  public var tokens: [Int]
  /// `[T]`: what each place is to predict, or `TrainingBatch.ignored`.
  public var targets: [Int]
  /// `[3][T]`: temporal, height and width ids from 0.
  public var positions: [[Int]]
  /// Where pictures and clips lie, in order.
  public var visuals: [VisualSpan]
  /// The pictures and clips, resized.
  public var images: [EncoderImage]

  /// Patches of all pictures and clips.
  public var patches: Int { visuals.reduce(0) { $0 + $1.grid.patches } }
  /// Supervised places.
  public var supervisedCount: Int { targets.count { $0 != TrainingBatch.ignored } }
}

/// Why a sample that is in order is left out of training.
public struct SampleRejection: Error, Sendable, Equatable, CustomStringConvertible {
  /// The reasons.
  public enum Reason: Sendable, Equatable {
    /// It takes more places than allowed, and may not be cut.
    case tooLong(tokens: Int, limit: Int)
    /// Cutting it at the limit would cut into or lose a picture or clip.
    case wouldCutVisual(tokens: Int, limit: Int)
    /// Its pictures have more patches than allowed.
    case tooManyPatches(Int, limit: Int)
    /// Nothing in it is supervised, or nothing of that is left after cutting.
    case nothingSupervised
  }

  /// The sample.
  public let name: String
  /// Why.
  public let reason: Reason

  /// A sample and why it is left out.
  public init(name: String, reason: Reason) {
    self.name = name
    self.reason = reason
  }

  /// The reason as a key for counting: `too long`.
  public var category: String {
    switch reason {
    case .tooLong: "too long"
    case .wouldCutVisual: "would cut an image"
    case .tooManyPatches: "too many patches"
    case .nothingSupervised: "nothing supervised"
    }
  }

  /// One line: place, problem, remedy.
  public var description: String {
    switch reason {
    case .tooLong(let tokens, let limit):
      "\(name): it has \(tokens) tokens and \(limit) are allowed; raise the limit, lower the images' max pixels, or let "
        + "long text be cut"
    case .wouldCutVisual(let tokens, let limit):
      "\(name): cutting its \(tokens) tokens to \(limit) would cut an image; raise the limit or lower max pixels"
    case .tooManyPatches(let patches, let limit):
      "\(name): its images have \(patches) patches and \(limit) are allowed; raise the limit or lower max pixels"
    case .nothingSupervised:
      "\(name): nothing in it is supervised; it needs a message of the assistant with words"
    }
  }
}

/// Turns samples into what a model reads: tokens, targets, positions, resized pictures.
///
/// Supervised are the words of supervised turns and the `<|im_end|>` behind them, nothing of the template and no place of
/// a picture. The tokens equal those of inference, so what is learnt is what will be asked.
public struct SampleEncoder: Sendable {
  /// What to do with a sample over the limit.
  public enum Truncation: String, Sendable, CaseIterable {
    /// Leave it out.
    case drop
    /// Keep its beginning, if that does not cut a picture and something supervised is left.
    case end
  }

  /// Limits and choices.
  public struct Options: Sendable, Equatable {
    /// Places of a sample at most.
    public var maxTokens: Int
    /// Patches of a sample's pictures and clips at most; nil for no limit.
    public var maxPatches: Int?
    /// What to do with longer samples.
    public var truncation: Truncation
    /// Whether `Picture N: ` comes before each picture.
    public var visionIDs: Bool

    /// Choices; by default longer samples are left out.
    public init(
      maxTokens: Int, maxPatches: Int? = nil, truncation: Truncation = .drop, visionIDs: Bool = false
    ) {
      self.maxTokens = maxTokens
      self.maxPatches = maxPatches
      self.truncation = truncation
      self.visionIDs = visionIDs
    }
  }

  /// What encodes and resizes.
  public let processor: any VisionLanguageProcessor
  /// Limits and choices.
  public let options: Options

  /// An encoder.
  public init(_ processor: any VisionLanguageProcessor, options: Options) {
    self.processor = processor
    self.options = options
  }

  /// Encodes a sample.
  /// - Throws: ``SampleRejection`` for one that is in order but left out, ``DataError`` for one that is not in order.
  public func encode(_ sample: TrainingSample) throws -> EncodedSample {
    switch sample.content {
    case .tokens(let tokens): try encode(tokens, name: sample.name)
    case .conversation(let turns): try encode(turns, sample)
    }
  }

  /// Plain text: every token but the first is a target.
  private func encode(_ tokens: [Int], name: String) throws -> EncodedSample {
    var tokens = tokens
    if tokens.count > options.maxTokens {
      guard options.truncation == .end else {
        throw SampleRejection(name: name, reason: .tooLong(tokens: tokens.count, limit: options.maxTokens))
      }
      tokens = Array(tokens.prefix(options.maxTokens))
    }
    guard tokens.count > 1 else { throw SampleRejection(name: name, reason: .nothingSupervised) }
    let vocabulary = processor.tokenizer.vocabularySize
    if let id = tokens.first(where: { !(0..<vocabulary).contains($0) }) {
      throw DataError(
        .invalid, name, "the token \(id) is not one of the model's \(vocabulary)",
        remedy: "make the shard with the model's own tokenizer (vlm data tokenize)")
    }
    return EncodedSample(
      name: name, tokens: tokens, targets: tokens.dropFirst() + [TrainingBatch.ignored],
      positions: processor.positions(count: tokens.count, visuals: []).ids,
      visuals: [], images: [])
  }

  private func encode(_ turns: [TrainingSample.Turn], _ sample: TrainingSample) throws -> EncodedSample {
    let visuals = sample.visuals
    let files = try load(sample)
    // Sizes alone decide whether it fits; pictures that do not are never decoded.
    let reports = try plan(sample, files)
    var encoded = try lay(out: turns, reports, sample)
    let images = try attempt(sample.name) {
      try zip(visuals, files).map { try processor.prepare($0, files: $1) }
    }
    let actual = images.map(\.report)
    // An orientation that is stored behind the pixels shows only now.
    if actual.map(\.grid) != reports.map(\.grid) { encoded = try lay(out: turns, actual, sample) }
    encoded.images = images
    return encoded
  }

  /// What ``encode(_:)`` returns, without the pictures: they are looked at, not decoded.
  /// - Throws: as ``encode(_:)`` does.
  public func layout(of sample: TrainingSample) throws -> EncodedSample {
    guard case .conversation(let turns) = sample.content else { return try encode(sample) }
    return try lay(out: turns, plan(sample, load(sample)), sample)
  }

  private func load(_ sample: TrainingSample) throws -> [[[UInt8]]] {
    try attempt(sample.name) { try sample.visuals.map { try $0.load() } }
  }

  private func plan(_ sample: TrainingSample, _ files: [[[UInt8]]]) throws -> [ImageReport] {
    try attempt(sample.name) { try zip(sample.visuals, files).map { try processor.plan($0, files: $1) } }
  }

  /// Everything but the pictures.
  private func lay(
    out turns: [TrainingSample.Turn], _ reports: [ImageReport], _ sample: TrainingSample
  ) throws -> EncodedSample {
    let name = sample.name
    let patches = reports.reduce(0) { $0 + $1.grid.patches }
    if let limit = options.maxPatches, patches > limit {
      throw SampleRejection(name: name, reason: .tooManyPatches(patches, limit: limit))
    }
    let prompt = try attempt(name) {
      try processor.prompt(
        turns.map(\.message), visuals: reports, visionIDs: sample.visionIDs ?? options.visionIDs,
        opensAnswer: false)
    }
    var count = prompt.tokens.count
    if count > options.maxTokens {
      guard options.truncation == .end else {
        throw SampleRejection(name: name, reason: .tooLong(tokens: count, limit: options.maxTokens))
      }
      // The token that ends the last picture belongs to it.
      if let last = prompt.visuals.last, last.range.upperBound >= options.maxTokens {
        throw SampleRejection(name: name, reason: .wouldCutVisual(tokens: count, limit: options.maxTokens))
      }
      count = options.maxTokens
    }
    var targets = [Int](repeating: TrainingBatch.ignored, count: count)
    for (turn, range) in zip(turns, prompt.turns) where turn.isSupervised {
      for place in range where place > 0 && place < count { targets[place - 1] = prompt.tokens[place] }
    }
    for visual in prompt.visuals {
      // The pads and the tokens around them are given, never said.
      for place in visual.range.lowerBound - 1...visual.range.upperBound where (1..<count).contains(place) {
        targets[place - 1] = TrainingBatch.ignored
      }
    }
    guard targets.contains(where: { $0 != TrainingBatch.ignored }) else {
      throw SampleRejection(name: name, reason: .nothingSupervised)
    }
    return EncodedSample(
      name: name, tokens: Array(prompt.tokens[..<count]), targets: targets,
      positions: prompt.positions[0..<count],
      visuals: prompt.visuals, images: [])
  }

  /// Puts the sample's place in front of errors about what is in it.
  private func attempt<Result>(_ name: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as MediaError {
      let kind: DataError.Kind = error.kind == .tooLarge ? .tooLarge : .media
      throw DataError(kind, name, "\(error.name): \(error.problem)", remedy: error.remedy)
    } catch let error as ChatError {
      throw DataError(.invalid, name, "\(error)", remedy: "mend this sample")
    }
  }
}
