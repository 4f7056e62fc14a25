public import VLNN
public import VLTensor

/// Samples packed one after another for one pass: the form in which a trainer feeds a model.
///
/// Packing equals training the samples apart: position ids start anew with each sample, and attention stays inside it.
public struct TrainingBatch: Sendable {
  /// `[T]`: all samples' token ids, placeholders of images and videos included.
  public var tokens: [Int]
  /// `[3][T]`: temporal, height and width ids, starting at 0 in each sample.
  public var positions: [[Int]]
  /// Each sample's places, in order; together they are `0..<T`.
  public var samples: [Range<Int>]
  /// `[T]`: the id that place t is to predict (that of place t + 1), or ``ignored`` where nothing is supervised.
  public var targets: [Int]
  /// Where images and videos lie in ``tokens``, in order.
  public var visuals: [VisualSpan]
  /// `[N, patch values]`: the normalised patches of all visuals in order; nil where there are none.
  public var patches: Tensor?

  /// A target that is not learnt.
  public static let ignored = -1

  /// A batch.
  public init(
    tokens: [Int], positions: [[Int]], samples: [Range<Int>], targets: [Int], visuals: [VisualSpan],
    patches: Tensor?
  ) {
    self.tokens = tokens
    self.positions = positions
    self.samples = samples
    self.targets = targets
    self.visuals = visuals
    self.patches = patches
  }

  /// How many places are supervised.
  public var supervisedCount: Int { targets.reduce(0) { $0 + ($1 == Self.ignored ? 0 : 1) } }
}

/// The parts of a vision-language model that stages freeze, train and give learning rates to.
public enum ModelPart: String, Sendable, CaseIterable {
  /// The vision encoder.
  case encoder
  /// What joins the encoder to the text model.
  case merger
  /// The text model with its embedding and head.
  case text
}

/// Where a parameter lies in a model.
public struct ParameterPlace: Sendable, Equatable {
  /// The part.
  public var part: ModelPart
  /// The block inside the part, from 0; nil for what is outside the blocks (embeddings, final norm, head).
  public var layer: Int?

  /// A place.
  public init(_ part: ModelPart, layer: Int?) {
    self.part = part
    self.layer = layer
  }
}

/// A model that can be trained: the same network that answers, with its parameters open to visitors.
public protocol TrainableModel: VisionLanguageModel {
  /// Visits every parameter under its published name.
  mutating func visitParameters<V: ParameterVisitor>(_ visitor: inout V) throws
  /// Where the parameter with this published name lies.
  func place(of name: String) -> ParameterPlace
  /// How many blocks a part has (0 for the merger).
  func layerCount(of part: ModelPart) -> Int
  /// The shape that the parameter with this published name has in published files; `shape` is that of its elements.
  func publishedShape(of name: String, _ shape: Shape) -> Shape
  /// The sum of the cross-entropies of all supervised places, `[1]`; recorded where parameters are variables.
  ///
  /// - Parameters:
  ///   - batch: samples, packed.
  ///   - checkpointing: blocks whose activations are computed again in the backward pass rather than kept.
  /// - Returns: `[1]`.
  func loss(of batch: TrainingBatch, checkpointing: ActivationCheckpointing) -> Tensor
}

/// Which blocks' activations are computed again in the backward pass instead of being kept. Results do not change.
public struct ActivationCheckpointing: Sendable, Equatable {
  /// Every n-th block of the encoder keeps nothing but its input; 0 for none, 1 for all.
  public var encoderEvery: Int
  /// The same for the text model.
  public var textEvery: Int

  /// A choice; none by default.
  public init(encoderEvery: Int = 0, textEvery: Int = 0) {
    self.encoderEvery = encoderEvery
    self.textEvery = textEvery
  }

  /// Everything is kept.
  public static let none = ActivationCheckpointing()
}
