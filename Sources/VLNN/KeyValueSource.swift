public import VLTensor

/// What the queries of one attention layer see.
public struct KeysAndValues: Sendable {
  /// `[keys, width]`, rotated.
  public var keys: Tensor
  /// `[keys, width]`
  public var values: Tensor
  /// Which queries see which keys.
  public var segments: [AttentionSegment]

  /// Keys, values and who sees them.
  public init(keys: Tensor, values: Tensor, segments: [AttentionSegment]) {
    self.keys = keys
    self.values = values
    self.segments = segments
  }
}

/// Where a text model's attention finds its keys and values: a conversation's cache, or the batch itself in training.
/// One definition of the network serves both.
public protocol KeyValueSource: ~Copyable {
  /// Takes the keys and values of new positions of one layer, `[new, width]`, and answers what their queries see.
  mutating func keysAndValues(layer: Int, k: Tensor, v: Tensor) -> KeysAndValues
}

/// Samples packed one after another: each place sees those before it in its own sample, and nothing is kept.
public struct PackedSamples: KeyValueSource {
  private let segments: [AttentionSegment]

  /// The samples' places, in order.
  public init(_ samples: [Range<Int>]) {
    segments = samples.filter { !$0.isEmpty }.map { AttentionSegment(queries: $0, keys: $0, causal: true) }
  }

  /// The keys and values as they are.
  public func keysAndValues(layer: Int, k: Tensor, v: Tensor) -> KeysAndValues {
    KeysAndValues(keys: k, values: v, segments: segments)
  }
}
