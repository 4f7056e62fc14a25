internal import Glibc
internal import VLMedia
internal import VLNN
internal import VLTensor
internal import VLText

extension ModelFamily {
  /// Qwen2-VL (2024): 2B, 7B and 72B and whatever has their structure.
  public static let qwen2VL = ModelFamily(
    name: "qwen2-vl", modelTypes: ["qwen2_vl"], open: openQwen2VL, processor: openProcessor)
}

@Sendable private func openProcessor(_ directory: String, _ config: ConfigReader, _ compute: Compute) throws
  -> any VisionLanguageProcessor
{
  let configuration = try Qwen2VLConfiguration(config)
  let preprocessor = try readPreprocessor(directory, configuration.vision).0
  let chat = try ChatML(Tokenizer(directory: directory))
  let problems = disagreements(chat.tokenizer, configuration)
  guard problems.isEmpty else {
    throw ModelError(directory, problems, remedy: "use the tokenizer files that belong to config.json")
  }
  return Qwen2VLProcessor(
    preprocessor: preprocessor, chat: chat, contextLength: configuration.text.contextLength,
    positionStyle: configuration.positions, compute: compute)
}

/// Where the tokenizer and config.json contradict each other.
private func disagreements(_ tokenizer: Tokenizer, _ configuration: Qwen2VLConfiguration) -> [String] {
  var problems: [String] = []
  if tokenizer.vocabularySize > configuration.text.vocabularySize {
    problems.append(
      "the tokenizer has \(tokenizer.vocabularySize) tokens, more than the \(configuration.text.vocabularySize) rows "
        + "of the embedding")
  }
  for (name, id, key) in [
    ("<|image_pad|>", configuration.imageToken, "image_token_id"),
    ("<|video_pad|>", configuration.videoToken, "video_token_id"),
    ("<|vision_start|>", configuration.visionStartToken, "vision_start_token_id"),
    ("<|vision_end|>", configuration.visionEndToken, "vision_end_token_id"),
  ] where tokenizer.id(of: name) != id {
    problems.append("config.json says \(key) is \(id), the tokenizer gives \(name) another id")
  }
  return problems
}

/// Reads everything a checkpoint directory holds, going on after problems so that all of them are known.
@Sendable private func openQwen2VL(
  _ directory: String, _ config: ConfigReader, _ weights: WeightSource, _ compute: Compute
) throws -> OpenedModel {
  let configuration = try Qwen2VLConfiguration(config)
  var vision = VisionEncoder(configuration.vision)
  var language = LanguageModel(configuration.text)
  var problems: [String] = []
  var checkpoint: Checkpoint?
  var names = WeightNames.published
  var used: Set<String> = []
  switch weights {
  case .directory:
    let opened = try Checkpoint(directory: directory)
    names = try WeightNames(of: opened)
    var binder = CheckpointBinder(opened, names: names, on: compute)
    try vision.visitParameters("visual.", &binder)
    try language.visitParameters("", &binder)
    problems = binder.problems
    used = binder.used
    checkpoint = opened
  case .random(let seed), .published(_, _, let seed):
    var initializer = RandomInitializer(seed: seed, on: compute) { name in
      residualOutputs.contains { name.hasSuffix($0) }
        ? (name.hasPrefix("visual.") ? configuration.vision.depth : configuration.text.depth) : 0
    }
    try vision.visitParameters("visual.", &initializer)
    try language.visitParameters("", &initializer)
  }
  var notes: [String] = []
  if case .published(let textSource, let encoderSource, _) = weights {
    if let textSource {
      var overlay = PublishedInitialization(
        try Checkpoint(directory: textSource), isEncoder: false, on: compute)
      try language.visitParameters("", &overlay)
      problems += overlay.problems
      notes.append(overlay.note)
    }
    if let encoderSource {
      var overlay = PublishedInitialization(
        try Checkpoint(directory: encoderSource), isEncoder: true, on: compute)
      try vision.visitParameters("visual.", &overlay)
      problems += overlay.problems
      notes.append(overlay.note)
    }
  }
  var unread = config.unread.map { "config.json: \($0)" }

  func attempt<T>(_ body: () throws -> T) -> T? {
    do { return try body() } catch {
      problems.append("\(error)")
      return nil
    }
  }
  let preprocessor = attempt { () throws -> VisionPreprocessor in
    let (preprocessor, keys) = try readPreprocessor(directory, configuration.vision)
    unread += keys.map { "preprocessor_config.json: \($0)" }
    return preprocessor
  }
  let generation = attempt { () throws -> GenerationDefaults in
    let (defaults, keys) = try readGenerationDefaults(directory, configuration)
    unread += keys.map { "generation_config.json: \($0)" }
    return defaults
  }
  let tokenizer = attempt { try Tokenizer(directory: directory) }
  let chat = tokenizer.flatMap { tokenizer in attempt { try ChatML(tokenizer) } }
  if let tokenizer { problems += disagreements(tokenizer, configuration) }

  // A tied head may be stored all the same; it is then the embedding again.
  let tiedHead = configuration.text.tiedHead ? "lm_head.weight" : ""
  let text = configuration.text
  let sizes = configuration.vision
  var opened = OpenedModel(
    family: ModelFamily.qwen2VL.name, checkpoint: checkpoint,
    sizes: [
      ("vision layers", sizes.depth), ("vision width", sizes.width), ("vision heads", sizes.heads),
      ("vision MLP", sizes.mlpWidth), ("patch", sizes.patchSize), ("merge", sizes.mergeSize),
      ("text layers", text.depth), ("text width", text.width), ("text heads", text.heads),
      ("text kv heads", text.kvHeads), ("text MLP", text.mlpWidth), ("vocabulary", text.vocabularySize),
      ("context", text.contextLength),
    ],
    parameters: parts(vision, language, names), problems: problems,
    unusedTensors: (checkpoint?.names ?? []).filter { !used.contains($0) && $0 != tiedHead },
    notes: notes, unreadKeys: unread,
    model: nil)
  if problems.isEmpty, let preprocessor, let generation, let chat {
    let blockBytes = opened.parameters.filter { $0.part == "text layers" || $0.part == "head" }
      .reduce(0) { $0 + $1.parameter.tensor.byteCount }
    opened.model = Qwen2VLModel(
      configuration: configuration, vision: vision, language: language,
      qwenProcessor: Qwen2VLProcessor(
        preprocessor: preprocessor, chat: chat, contextLength: text.contextLength,
        positionStyle: configuration.positions, compute: compute),
      generationDefaults: generation, compute: compute,
      textBytes: blockBytes + (text.tiedHead ? language.embedding.weight.tensor.byteCount : 0),
      weightBytes: opened.parameters.reduce(0) { $0 + $1.parameter.tensor.byteCount })
  }
  return opened
}

/// The matrices whose outputs are added to the residual streams.
private let residualOutputs = [".attn.proj.weight", ".mlp.fc2.weight", ".o_proj.weight", ".down_proj.weight"]

private func parts(_ vision: VisionEncoder, _ language: LanguageModel, _ names: WeightNames) -> [(
  part: String, storedName: String, parameter: Parameter
)] {
  let parts = [
    ("visual.merger.", "merger"), ("visual.", "vision encoder"), ("model.embed_tokens.", "embeddings"),
    ("lm_head.", "head"),
  ]
  return (vision.parameterList("visual.") + language.parameterList()).map { name, parameter in
    (parts.first { name.hasPrefix($0.0) }?.1 ?? "text layers", names.stored(name), parameter)
  }
}

/// `preprocessor_config.json`; what it may say differently from the encoder is an error.
private func readPreprocessor(_ directory: String, _ vision: Qwen2VLConfiguration.Vision) throws
  -> (VisionPreprocessor, unread: [String])
{
  let c = try ConfigReader(file: directory + "/preprocessor_config.json")
  for (key, expected) in [
    ("patch_size", vision.patchSize), ("merge_size", vision.mergeSize),
    ("temporal_patch_size", vision.temporalPatchSize),
  ] {
    if let value = try c.optionalInt(key, in: 1...256), value != expected {
      throw c.error(key, "\(value) does not agree with config.json's \(expected)")
    }
  }
  for key in ["do_resize", "do_rescale", "do_normalize", "do_convert_rgb"] {
    if try c.optionalBool(key) == false { throw c.error(key, "false is not supported") }
  }
  if let resample = try c.optionalInt("resample", in: 0...5), resample != 3 {
    throw c.error("resample", "\(resample) is not supported; 3 (bicubic) is")
  }
  // The names say what the file is for; they change nothing.
  c.ignore("image_processor_type", "processor_class")
  let pixels = 1...1_000_000_000
  // Newer savers put the limits under `size`.
  let size = try c.optionalObject("size")
  let minPixels =
    try c.optionalInt("min_pixels", in: pixels) ?? size?.optionalInt("shortest_edge", in: pixels)
  let maxPixels = try c.optionalInt("max_pixels", in: pixels) ?? size?.optionalInt("longest_edge", in: pixels)
  let defaults = try VisionPreprocessor()
  let factor = try c.optionalDouble("rescale_factor") ?? 1.0 / 255.0
  let mean = try c.optionalDoubles("image_mean", count: 3) ?? [0.48145466, 0.4578275, 0.40821073]
  let std = try c.optionalDoubles("image_std", count: 3) ?? [0.26862954, 0.26130258, 0.27577711]
  let preprocessor: VisionPreprocessor
  do {
    preprocessor = try VisionPreprocessor(
      patchSize: vision.patchSize, mergeSize: vision.mergeSize, temporalPatchSize: vision.temporalPatchSize,
      minPixels: minPixels ?? defaults.minPixels, maxPixels: maxPixels ?? defaults.maxPixels,
      rescaleFactor: factor, mean: mean, std: std)
  } catch {
    // What is out of range there came from this file.
    throw ConfigError(file: c.file, key: "", reason: error.description)
  }
  return (preprocessor, c.unread)
}

/// `generation_config.json`, which may be missing.
private func readGenerationDefaults(_ directory: String, _ configuration: Qwen2VLConfiguration) throws
  -> (GenerationDefaults, unread: [String])
{
  let path = directory + "/generation_config.json"
  guard access(path, F_OK) == 0 else { return (GenerationDefaults(eosTokens: configuration.eosTokens), []) }
  let c = try ConfigReader(file: path)
  let ids = 0...configuration.text.vocabularySize - 1
  let defaults = GenerationDefaults(
    sample: try c.optionalBool("do_sample"), temperature: try c.optionalDouble("temperature"),
    topK: try c.optionalInt("top_k", in: 0...16_777_216), topP: try c.optionalDouble("top_p"),
    minP: try c.optionalDouble("min_p"), repetitionPenalty: try c.optionalDouble("repetition_penalty"),
    eosTokens: try c.optionalInts("eos_token_id", in: ids) ?? configuration.eosTokens)
  c.ignore("bos_token_id", "pad_token_id", "transformers_version", "attn_implementation")
  return (defaults, c.unread)
}
