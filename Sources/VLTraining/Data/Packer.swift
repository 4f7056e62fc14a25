public import VLModels
internal import VLNN

/// Puts samples together into sequences of up to so many places: the oldest first, and beside it whatever of the
/// samples read ahead fits, in their order (first fit). What comes out depends on the samples' order and sizes alone.
public struct Packer: Sendable {
  /// How much goes into one sequence.
  public struct Limits: Sendable, Equatable {
    /// Places at most.
    public var tokens: Int
    /// Patches of pictures and clips at most, which bounds the encoder's memory; nil for no limit.
    public var patches: Int?
    /// Samples at most; 1 to pack nothing. nil for no limit.
    public var samples: Int?

    /// Limits.
    public init(tokens: Int, patches: Int? = nil, samples: Int? = nil) {
      self.tokens = tokens
      self.patches = patches
      self.samples = samples
    }
  }

  /// How much goes into one sequence.
  public let limits: Limits
  /// Samples that wait, in order.
  private(set) var waiting: [(draw: Draw, sample: EncodedSample)] = []
  private var waitingTokens = 0

  /// A packer with nothing in it.
  public init(_ limits: Limits) { self.limits = limits }

  /// Samples that wait at most.
  static let window = 256

  /// Whether more samples are to be added before the next sequence is taken.
  ///
  /// A packer that starts again with the samples that waited asks for all of them before it asks for others: but for
  /// the last one they never reach the limit.
  public var wantsMore: Bool { waitingTokens < 2 * limits.tokens && waiting.count < Self.window }

  /// Adds a sample that fits by itself.
  public mutating func add(_ sample: EncodedSample) { add(sample, draw: Draw(source: 0, ordinal: 0)) }

  mutating func add(_ sample: EncodedSample, draw: Draw) {
    waiting.append((draw, sample))
    waitingTokens += sample.tokens.count
  }

  /// The samples of the next sequence, nil if none wait. A sample over the limits comes alone.
  public mutating func take() -> [EncodedSample]? {
    guard let first = waiting.first else { return nil }
    var chosen = [0]
    var (tokens, patches) = (first.sample.tokens.count, first.sample.patches)
    for index in waiting.indices.dropFirst() where chosen.count < limits.samples ?? .max {
      let sample = waiting[index].sample
      guard tokens + sample.tokens.count <= limits.tokens,
        patches + sample.patches <= limits.patches ?? .max
      else { continue }
      chosen.append(index)
      tokens += sample.tokens.count
      patches += sample.patches
    }
    waitingTokens -= tokens
    let samples = chosen.map { waiting[$0].sample }
    for index in chosen.reversed() { waiting.remove(at: index) }
    return samples
  }
}

extension TrainingBatch {
  /// Samples one behind the other, with the patches of all their pictures.
  public init(packing samples: [EncodedSample], processor: any VisionLanguageProcessor) {
    self.init(tokens: [], positions: [[], [], []], samples: [], targets: [], visuals: [], patches: nil)
    var images: [EncoderImage] = []
    for sample in samples {
      let start = tokens.count
      tokens += sample.tokens
      targets += sample.targets
      for axis in 0..<3 { positions[axis] += sample.positions[axis] }
      self.samples.append(start..<tokens.count)
      visuals += sample.visuals.map {
        VisualSpan(range: $0.range.lowerBound + start..<$0.range.upperBound + start, grid: $0.grid)
      }
      images += sample.images
    }
    if !images.isEmpty { patches = processor.pixelValues(images) }
  }
}
