public import VLMedia
public import VLNN
public import VLTensor

/// A loaded Qwen2-VL.
public struct Qwen2VLModel: VisionLanguageModel {
  /// The sizes.
  public let configuration: Qwen2VLConfiguration
  /// The vision encoder with its merger.
  public internal(set) var vision: VisionEncoder
  /// The text model.
  public internal(set) var language: LanguageModel
  /// Its way from conversations to input.
  public let qwenProcessor: Qwen2VLProcessor
  /// What the checkpoint says about generation.
  public let generationDefaults: GenerationDefaults
  /// Where it runs.
  public let compute: Compute
  let textBytes: Int
  let weightBytes: Int

  /// `qwen2-vl`
  public var family: String { ModelFamily.qwen2VL.name }
  /// Its way from conversations to input.
  public var processor: any VisionLanguageProcessor { qwenProcessor }
  /// What work costs.
  public var costs: any ModelCosts {
    Qwen2VLCosts(configuration: configuration, textBytes: textBytes, weightBytes: weightBytes)
  }

  /// Encodes packed patches.
  public func encode(patches: Tensor, grids: [GridTHW], progress: (Double) -> Bool) -> Tensor? {
    vision(patches, grids: grids, on: compute) { done, total in progress(Double(done) / Double(total)) }
  }

  /// The embeddings of tokens.
  public func embed(_ tokens: [Int]) -> Tensor { language.embedding(tokens, on: compute) }

  /// A cache for one sequence.
  public func makeCache(capacity: Int) -> KVCache { language.makeCache(capacity: capacity, on: compute) }

  /// Runs the text model over embeddings that follow what the cache holds.
  public func forward(
    _ embeddings: Tensor, positions: [[Int]], cache: inout KVCache, observe: (Int, Tensor) -> Void
  ) -> Tensor {
    language(embeddings, positions: positions, cache: &cache, on: compute, observe: observe)
  }

  /// Scores of the vocabulary.
  public func logits(_ hidden: Tensor) -> Tensor { language.logits(hidden, on: compute) }
}
