internal import Glibc
internal import VLJSON
public import VLTensor

/// Low-rank adapters in a directory as PEFT saves them: `adapter_config.json` and `adapter_model.safetensors`.
///
/// Read are LoRA adapters of linear maps, of one rank, with or without rank-stabilised scaling. What else PEFT can put
/// there (biases, embeddings, whole modules, DoRA, ranks by pattern) is refused, never ignored.
public struct PEFTAdapter: Sendable {
  /// The directory.
  public let directory: String
  /// The inner width.
  public let rank: Int
  /// What the product is multiplied by.
  public let scale: Float
  /// The checkpoint that it was trained on, as the file names it.
  public let base: String?
  private let file: SafetensorsFile
  /// The name of each tensor's map, canonical and with its final dot, and the tensors' names in the file.
  private let maps: [String: (down: String?, up: String?)]

  /// Reads the configuration and the names of the tensors.
  /// - Throws: ``ConfigError`` or ``CheckpointError`` naming the file and what is wrong.
  public init(directory: String) throws {
    self.directory = directory
    let config = try ConfigReader(file: directory + "/adapter_config.json")
    let kind = try config.string("peft_type")
    guard kind == "LORA" else {
      throw config.error("peft_type", "adapters of the kind \"\(kind)\" are not supported; LORA ones are")
    }
    rank = try config.int("r", in: 1...65536)
    let alpha = try config.double("lora_alpha", in: -1e9...1e9)
    let isStabilised = try config.optionalBool("use_rslora") ?? false
    scale = Float(alpha / (isStabilised ? Double(rank).squareRoot() : Double(rank)))
    let others = [
      "use_dora", "fan_in_fan_out", "lora_bias", "use_qalora", "use_bdlora", "alora_invocation_tokens",
      "layer_replication", "trainable_token_indices", "target_parameters", "arrow_config", "modules_to_save",
    ]
    for key in others where config.has(key) && config.values[key] != .bool(false) {
      throw config.error(key, "what this asks for is not supported; plain LoRA is")
    }
    if let bias = try config.optionalString("bias"), bias != "none" {
      throw config.error("bias", "\"\(bias)\" is not supported; none is")
    }
    for key in ["rank_pattern", "alpha_pattern"] {
      if let patterns = config.values[key]?.objectValue, !patterns.isEmpty {
        throw config.error(key, "ranks and scales that differ between maps are not supported")
      }
    }
    base = try config.optionalString("base_model_name_or_path")
    file = try SafetensorsFile(path: directory + "/adapter_model.safetensors")
    var maps: [String: (down: String?, up: String?)] = [:]
    for entry in file.entries {
      var name = entry.name
      if name.hasPrefix("base_model.model.") { name.removeFirst(17) }
      let canonical = WeightNames(.nested).canonical(name)
      if canonical.hasSuffix(LowRankAdapter.downName) {
        maps[String(canonical.dropLast(LowRankAdapter.downName.count)), default: (nil, nil)].down = entry.name
      } else if canonical.hasSuffix(LowRankAdapter.upName) {
        maps[String(canonical.dropLast(LowRankAdapter.upName.count)), default: (nil, nil)].up = entry.name
      } else {
        throw ConfigError(
          file: file.path, key: entry.name,
          reason: "is neither lora_A nor lora_B of a linear map; not supported")
      }
    }
    self.maps = maps
  }

  /// Puts the adapters on a network's linear maps.
  /// - Parameters:
  ///   - compute: where the adapters' tensors live.
  ///   - visit: walks the network with the visitor that it is given.
  /// - Throws: ``ConfigError`` if a map is not there, or has other sizes.
  public func attach(on compute: Compute, _ visit: (inout PEFTAdapterBinder) throws -> Void) throws {
    var binder = PEFTAdapterBinder(maps: maps, file: file, rank: rank, scale: scale, compute: compute)
    try visit(&binder)
    if let left = maps.keys.sorted().first(where: { !binder.used.contains($0) }) {
      throw ConfigError(
        file: file.path, key: maps[left]?.down ?? maps[left]?.up ?? left,
        reason: "the model has no such linear map; the adapter belongs to another model")
    }
  }

  /// Writes adapters in this form into a directory that is there.
  /// - Parameters:
  ///   - tensors: under canonical names, ending in `lora_A.weight` or `lora_B.weight`.
  ///   - rank: the inner width.
  ///   - alpha: the product is scaled by alpha / rank.
  ///   - base: the checkpoint that they belong to.
  ///   - directory: where to.
  /// - Throws: ``CheckpointError`` if a file cannot be written.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], rank: Int, alpha: Double, base: String, to directory: String
  ) throws {
    // The module tree of transformers since 4.52, whose names PEFT takes over.
    let names = WeightNames(.nested)
    try SafetensorsWriter.write(
      tensors.map { ("base_model.model." + names.stored($0.name), $0.tensor) },
      to: directory + "/adapter_model.safetensors", metadata: ["format": "pt"])
    let targets = Set(
      tensors.map { names.stored($0.name).split(separator: ".").dropLast(2).joined(separator: ".") }
    ).sorted()
    let config: JSONValue = [
      "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": .string(base),
      "r": .integer(rank), "lora_alpha": .number(alpha), "lora_dropout": 0.0, "bias": "none",
      "fan_in_fan_out": false, "inference_mode": true, "use_rslora": false, "use_dora": false,
      "target_modules": .array(targets.map { .string($0) }),
    ]
    let path = directory + "/adapter_config.json"
    guard let stream = fopen(path, "wb") else { throw CheckpointError(path, .unwritable(systemError())) }
    let text = Array((config.serialized(.pretty) + "\n").utf8)
    let written =
      fwrite(text, 1, text.count, stream) == text.count && fflush(stream) == 0
      && fsync(fileno(stream)) == 0
    guard fclose(stream) == 0 && written else { throw CheckpointError(path, .unwritable(systemError())) }
  }
}

/// Binds a directory's adapters to linear maps: the visitor of ``PEFTAdapter/attach(on:_:)``.
public struct PEFTAdapterBinder: ParameterVisitor {
  let maps: [String: (down: String?, up: String?)]
  let file: SafetensorsFile
  let rank: Int
  let scale: Float
  let compute: Compute
  private(set) var used: Set<String> = []

  init(
    maps: [String: (down: String?, up: String?)], file: SafetensorsFile, rank: Int, scale: Float,
    compute: Compute
  ) {
    self.maps = maps
    self.file = file
    self.rank = rank
    self.scale = scale
    self.compute = compute
  }

  /// Leaves parameters alone.
  public mutating func visit(_ parameter: inout Parameter, named name: String) {}

  /// Gives a map its adapter, if there is one.
  public mutating func visit(_ linear: inout Linear, named prefix: String) throws {
    guard let names = maps[prefix] else { return }
    guard let down = names.down, let up = names.up else {
      throw ConfigError(
        file: file.path, key: names.down ?? names.up ?? prefix, reason: "its counterpart is missing")
    }
    used.insert(prefix)
    let shape = linear.weight.shape
    var adapter = LowRankAdapter(
      inputs: shape[1], outputs: shape[0], rank: rank, alpha: scale * Float(rank))
    for (name, expected) in [(down, adapter.down.shape), (up, adapter.up.shape)] {
      guard let entry = file.entry(name), entry.shape == expected else {
        throw ConfigError(
          file: file.path, key: name,
          reason:
            "has the shape \(file.entry(name)?.shape ?? []); the model and a rank of \(rank) ask for \(expected)"
        )
      }
    }
    adapter.down.bind(compute.float32(try file.tensor(down)))
    adapter.up.bind(compute.float32(try file.tensor(up)))
    linear.adapter = adapter
  }
}

/// Adds adapters to the weights beside them, which become float32, and takes them away: W + scale · up · down.
public struct AdapterMerger: ParameterVisitor {
  /// How many maps had one.
  public private(set) var merged = 0
  private let compute: Compute

  /// A visitor that merges.
  public init(on compute: Compute) { self.compute = compute }

  /// Leaves parameters alone.
  public mutating func visit(_ parameter: inout Parameter, named name: String) {}

  /// Merges a map's adapter, if it has one.
  public mutating func visit(_ linear: inout Linear, named prefix: String) {
    guard let adapter = linear.adapter else { return }
    let (down, up) = (adapter.down.tensor.untracked, adapter.up.tensor.untracked)
    let (rank, inputs) = (down.shape[0], down.shape[1])
    let transposed = compute.uninitialized([inputs, rank])
    for i in 0..<inputs {
      for r in 0..<rank { transposed.floats[i * rank + r] = down.floats[r * inputs + i] }
    }
    let product = compute.scale(compute.linear(up, transposed), by: adapter.scale)
    linear.weight.bind(compute.add(compute.float32(linear.weight.tensor.untracked), product))
    linear.adapter = nil
    merged += 1
  }
}
