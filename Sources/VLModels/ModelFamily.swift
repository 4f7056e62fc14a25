internal import Glibc
public import VLJSON
public import VLMedia
public import VLNN
public import VLTensor

/// A loaded vision-language model: what an engine, a trainer's evaluation or a tool needs of it, whatever its family.
///
/// A model holds no state of a conversation; one serves any number of them.
public protocol VisionLanguageModel: Sendable {
  /// The family's name.
  var family: String { get }
  /// Where it runs.
  var compute: Compute { get }
  /// Its way from conversations to input.
  var processor: any VisionLanguageProcessor { get }
  /// What its checkpoint says about generation.
  var generationDefaults: GenerationDefaults { get }

  /// Encodes the patches of any number of images or videos, packed; they do not see each other.
  /// - Parameters:
  ///   - patches: `[N, patch values]`, all rows in order.
  ///   - grids: one (t, h, w) per image or video, in patches; N = Σ t·h·w.
  ///   - progress: called with the share done, 0...1; returning false stops.
  /// - Returns: all tokens in order, `[M, H]`; nil if stopped.
  func encode(patches: Tensor, grids: [GridTHW], progress: (Double) -> Bool) -> Tensor?
  /// The embeddings of tokens, `[tokens, H]`.
  func embed(_ tokens: [Int]) -> Tensor
  /// A cache for one sequence.
  func makeCache(capacity: Int) -> KVCache
  /// Runs the text model over embeddings that follow what the cache holds; `[T, H]`, before the final norm.
  /// - Parameters:
  ///   - embeddings: `[T, H]`.
  ///   - positions: `[axes][T]`: the ids of each axis, three with M-RoPE.
  ///   - cache: holds what came before; grows by T positions.
  ///   - observe: sees the input of each layer.
  /// - Returns: the last block's output.
  func forward(_ embeddings: Tensor, positions: [[Int]], cache: inout KVCache, observe: (Int, Tensor) -> Void)
    -> Tensor
  /// Scores of the vocabulary, `[T, V]`.
  func logits(_ hidden: Tensor) -> Tensor
  /// What work costs, computed from the sizes alone.
  var costs: any ModelCosts { get }
}

extension VisionLanguageModel {
  /// Runs the text model over embeddings that follow what the cache holds; `[T, H]`, before the final norm.
  public func forward(_ embeddings: Tensor, positions: [[Int]], cache: inout KVCache) -> Tensor {
    forward(embeddings, positions: positions, cache: &cache, observe: { _, _ in })
  }

  /// Encodes images, one tensor `[tokens, H]` per image; nil if stopped.
  public func encode(_ images: [EncoderImage], progress: (Double) -> Bool) -> [Tensor]? {
    guard
      let all = encode(patches: pixelValues(images), grids: images.map(\.prepared.grid), progress: progress)
    else { return nil }
    var start = 0
    return images.map { image in
      defer { start += image.report.tokens }
      return all[rows: start..<start + image.report.tokens]
    }
  }
}

/// What work costs on a model: memory beyond the mapped weights, floating-point operations, bytes read.
public protocol ModelCosts: Sendable {
  /// Bytes of all weights, as stored.
  var weightBytes: Int { get }
  /// Bytes at most in use while the encoder works on a batch of this many patches.
  func encodeMemory(patches: Int) -> Int
  /// Bytes at most in use while the text model reads a chunk, its KV cache aside.
  func prefillMemory(chunk: Int) -> Int
  /// Bytes of KV cache per place of a sequence.
  var cacheBytesPerToken: Int { get }
  /// Floating-point operations (two per multiply-add) of encoding these images.
  func encodeFLOPs(_ grids: [GridTHW]) -> Double
  /// Floating-point operations of reading `tokens` after `past` others, scores for the last one included.
  func prefillFLOPs(tokens: Int, past: Int) -> Double
  /// Bytes that producing one token reads after `past` others: weights and KV cache.
  func decodeBytes(past: Int) -> Double
}

/// What a checkpoint's `generation_config.json` says. Every value is optional: only what the file has.
public struct GenerationDefaults: Sendable, Equatable {
  /// `do_sample`
  public var sample: Bool?
  /// `temperature`
  public var temperature: Double?
  /// `top_k`
  public var topK: Int?
  /// `top_p`
  public var topP: Double?
  /// `min_p`
  public var minP: Double?
  /// `repetition_penalty`
  public var repetitionPenalty: Double?
  /// Where generation stops.
  public var eosTokens: [Int]

  /// Defaults read elsewhere.
  public init(
    sample: Bool? = nil, temperature: Double? = nil, topK: Int? = nil, topP: Double? = nil,
    minP: Double? = nil,
    repetitionPenalty: Double? = nil, eosTokens: [Int] = []
  ) {
    self.sample = sample
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.eosTokens = eosTokens
  }
}

/// A family of models: one folder and one line in ``Families/all``.
public struct ModelFamily: Sendable {
  /// Its name.
  public let name: String
  /// The `model_type`s of its checkpoints.
  public let modelTypes: [String]
  /// Reads a checkpoint of this family without requiring that it is whole.
  let open:
    @Sendable (_ directory: String, _ config: ConfigReader, _ weights: WeightSource, _ compute: Compute)
      throws
      -> OpenedModel
  /// Reads only what a processor needs, no weights.
  let processor:
    @Sendable (_ directory: String, _ config: ConfigReader, _ compute: Compute) throws
      -> any VisionLanguageProcessor
}

/// Where the weights of a model come from.
public enum WeightSource: Sendable, Equatable {
  /// The directory's own files.
  case directory
  /// Nowhere: random ones to train from, float32; the directory needs no weights.
  case random(seed: UInt64)
  /// As Qwen2-VL was begun (paper, section 2.2): the text model from a text checkpoint, the encoder from a CLIP-style ViT
  /// whose fixed positions are dropped for rotary ones; what neither has is random. Either may be left out.
  case published(text: String?, encoder: String?, seed: UInt64)
}

/// A checkpoint as far as it could be read: what `vlm inspect` reports.
public struct OpenedModel: Sendable {
  /// The family's name.
  public var family: String
  /// The tensors; nil where the weights are not the directory's.
  public var checkpoint: Checkpoint?
  /// Sizes by name, in reading order.
  public var sizes: [(name: String, value: Int)]
  /// Every parameter the network has, with the part it belongs to and what the files call it.
  public var parameters: [(part: String, storedName: String, parameter: Parameter)]
  /// What keeps it from loading, a line each.
  public var problems: [String]
  /// Tensors of the checkpoint that the network does not use.
  public var unusedTensors: [String]
  /// What became of weights that come from elsewhere, a line each: how many were taken, which were left, which are random.
  public var notes: [String] = []
  /// Keys of the configuration files that nothing reads.
  public var unreadKeys: [String]
  /// The model, when there are no problems.
  public var model: (any VisionLanguageModel)?
}

extension OpenedModel {
  /// The model of `directory`, which this was opened from.
  /// - Throws: when there are problems.
  public func loaded(_ directory: String) throws -> any VisionLanguageModel {
    guard let model else {
      throw ModelError(directory, problems, remedy: "copy the checkpoint again, or check its config.json")
    }
    return model
  }
}

/// The families that can be loaded.
public enum Families {
  /// Every family.
  public static let all: [ModelFamily] = [.qwen2VL]

  /// Reads a checkpoint directory as far as possible.
  /// - Parameters:
  ///   - directory: the checkpoint's.
  ///   - weights: where the weights come from.
  ///   - changes: values that take the place of those in `config.json`.
  ///   - compute: what the model works with.
  /// - Throws: when the directory or its `config.json` cannot be read, or the family is unknown.
  /// - Returns: what could be read; it says what could not.
  public static func open(
    _ directory: String, weights: WeightSource = .directory, changes: JSONObject = JSONObject(),
    on compute: Compute
  ) throws -> OpenedModel {
    let (family, config) = try identify(directory, changes)
    return try family.open(directory, config, weights, compute)
  }

  /// Loads what turns conversations into input; the directory needs no weights.
  /// - Throws: also when the tokenizer or the preprocessor's settings cannot be used.
  public static func processor(_ directory: String, on compute: Compute) throws -> any VisionLanguageProcessor
  {
    let (family, config) = try identify(directory)
    return try family.processor(directory, config, compute)
  }

  private static func identify(_ directory: String, _ changes: JSONObject = JSONObject()) throws -> (
    ModelFamily, ConfigReader
  ) {
    try requireDirectory(directory)
    let stored = try ConfigReader(file: directory + "/config.json")
    let config =
      changes.isEmpty ? stored : ConfigReader(stored.values.merged(with: changes), file: stored.file)
    let type = try config.string("model_type")
    guard let family = all.first(where: { $0.modelTypes.contains(type) }) else {
      let known = all.flatMap(\.modelTypes).joined(separator: ", ")
      throw config.error("model_type", "the family \"\(type)\" is unknown; known are: \(known)")
    }
    return (family, config)
  }

  /// Refuses what is plainly something else; a directory that is not there is reported with its `config.json`.
  private static func requireDirectory(_ path: String) throws(ModelError) {
    guard !path.isEmpty else {
      throw ModelError("checkpoint directory", ["its name is empty"], remedy: "name the directory")
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else { return }
    throw ModelError(
      path, ["this is not a directory"],
      remedy: "name the directory that holds config.json, the weights and the tokenizer")
  }

  /// Loads a checkpoint directory.
  /// - Throws: also when tensors are missing or of the wrong shape.
  public static func load(_ directory: String, weights: WeightSource = .directory, on compute: Compute) throws
    -> any VisionLanguageModel
  {
    try open(directory, weights: weights, on: compute).loaded(directory)
  }
}
