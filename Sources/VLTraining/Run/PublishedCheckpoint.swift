internal import Glibc
public import VLJSON
public import VLModels
internal import VLNN
internal import VLTensor

/// Writes a trained model in the published form: what `vlm ask` and `transformers` load.
public enum PublishedCheckpoint {
  /// Files beside `config.json` that belong to a checkpoint, where there are any.
  private static let companions = [
    "generation_config.json", "preprocessor_config.json", "video_preprocessor_config.json", "tokenizer.json",
    "tokenizer_config.json", "vocab.json", "merges.txt", "special_tokens_map.json", "added_tokens.json",
    "chat_template.json", "chat_template.jinja",
  ]

  /// Writes a model's directory, whole or not at all; one that exists is replaced.
  /// - Parameters:
  ///   - model: its weights, learnt and frozen; without adapters.
  ///   - source: the directory with the configuration and the tokenizer.
  ///   - changes: values that take the place of those in the configuration.
  ///   - path: the directory to write.
  ///   - type: of all weights; bfloat16 is rounded to nearest, ties to even.
  /// - Throws: when a file cannot be read or written.
  public static func write(
    _ model: any TrainableModel, from source: String, changes: JSONObject = JSONObject(), to path: String,
    as type: Recipe.OutputType
  ) throws {
    try DurableFiles.replaceDirectory(path) { part in
      try writeWeights(model, to: part + "/model.safetensors", type)
      try writeConfiguration(source, changes, to: part, type)
      for name in companions where DurableFiles.exists(source + "/" + name) {
        guard let bytes = DurableFiles.read(source + "/" + name) else {
          throw TrainingError(source + "/" + name, "cannot be read: \(String(cString: strerror(errno)))")
        }
        try DurableFiles.write(bytes, to: part + "/" + name)
      }
    }
  }

  private static func writeWeights(_ model: any TrainableModel, to path: String, _ type: Recipe.OutputType)
    throws
  {
    let stored: SafetensorsType =
      switch type {
      case .bfloat16: .bfloat16
      case .float32: .float32
      }
    let parameters = model.parameters()
    let declarations = parameters.map {
      SafetensorsWriter.Declaration($0.name, stored, model.publishedShape(of: $0.name, $0.tensor.shape))
    }
    var writer = try SafetensorsWriter(path: path, tensors: declarations, metadata: ["format": "pt"])
    for (name, tensor) in parameters {
      let values = tensor.untracked.array()
      switch type {
      case .float32: try writer.write(values, named: name)
      case .bfloat16: try writer.write(values.map(bfloat16), named: name)
      }
    }
    try writer.finish()
  }

  /// The nearest bfloat16's bits, of two equally near the even one. Finite numbers only.
  static func bfloat16(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16(truncatingIfNeeded: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) >> 16)
  }

  private static func writeConfiguration(
    _ source: String, _ changes: JSONObject, to part: String, _ type: Recipe.OutputType
  ) throws {
    let path = source + "/config.json"
    guard let bytes = DurableFiles.read(path), var config = try JSONValue(parsing: bytes).objectValue else {
      throw TrainingError(path, "is not a configuration")
    }
    config = config.merged(with: changes)
    let dtype = JSONValue.string(type.rawValue)
    config["torch_dtype"] = dtype
    // Newer savers spell it another way, and repeat it in the parts.
    if config["dtype"] != nil { config["dtype"] = dtype }
    for key in ["text_config", "vision_config"] {
      guard var inner = config[key]?.objectValue else { continue }
      for name in ["torch_dtype", "dtype"] where inner[name] != nil { inner[name] = dtype }
      config[key] = .object(inner)
    }
    try DurableFiles.write(
      Array((JSONValue.object(config).serialized(.pretty) + "\n").utf8), to: part + "/config.json")
  }
}

extension TrainableModel {
  /// Every parameter in visiting order, adapters left out.
  func parameters() -> [(name: String, tensor: Tensor)] {
    var copy = self
    var lister = ParameterLister()
    // A visitor that does not throw cannot make the walk throw.
    try? copy.visitParameters(&lister)
    return lister.list.map { ($0.name, $0.parameter.tensor) }
  }

  /// Every parameter that does not learn, in visiting order.
  func frozenParameters() -> [(name: String, tensor: Tensor)] {
    var copy = self
    var lister = ParameterLister()
    try? copy.visitParameters(&lister)
    return lister.list.filter { $0.parameter.variable == nil }.map { ($0.name, $0.parameter.tensor) }
  }
}

private struct ParameterLister: ParameterVisitor {
  var list: [(name: String, parameter: Parameter)] = []
  mutating func visit(_ parameter: inout Parameter, named name: String) { list.append((name, parameter)) }
}
