public import VLJSON
public import VLModels

/// A packed batch, and which samples it is made of.
public struct NamedBatch: Sendable {
  /// What the model is fed.
  public var batch: TrainingBatch
  /// What each sample is called in messages: its file and place, or its task and seed.
  public var names: [String]
  /// Which samples were left out since the last batch, and why, a line each.
  public var dropped: [String]

  /// A batch.
  public init(_ batch: TrainingBatch, names: [String], dropped: [String] = []) {
    self.batch = batch
    self.names = names
    self.dropped = dropped
  }
}

/// Packed batches one after another, from a place that can be written down and returned to.
public protocol BatchStream {
  /// The next batch; nil when the data is over, which endless data never is.
  mutating func next() throws -> NamedBatch?
  /// The place before the next batch.
  var position: JSONValue { get }
  /// Goes to a place that ``position`` gave, of this stream or of one with the same recipe.
  mutating func seek(to position: JSONValue) throws
  /// How much of the data has been handed out, 0...1; nil if it is endless.
  var progress: Double? { get }
}
