internal import VLJSON
internal import VLModels

extension Recipe {
  /// Reads a recipe and checks everything that can be known without the model and the data.
  /// - Parameters:
  ///   - file: a YAML file.
  ///   - settings: `key=value` each, put in the file's place in this order.
  /// - Throws: ``RecipeError``.
  public init(file: String, settings: [String] = []) throws {
    var node = try RecipeNode(file: file)
    for setting in settings { try node.set(setting) }
    let stem = file.split(separator: "/").last.map(String.init) ?? file
    try self.init(node, name: stem.hasSuffix(".yaml") ? String(stem.dropLast(5)) : stem)
  }

  /// A recipe by which everything learns, for measuring what a step costs.
  /// - Parameter directory: with `config.json` and a tokenizer.
  /// - Throws: ``RecipeError``, as reading any recipe may; the directory is not read yet.
  /// - Returns: a recipe of full training.
  public static func benchmark(from directory: String) throws -> Recipe {
    var recipe = try Recipe(
      RecipeNode(
        yaml: """
          model: {init: nothing, from: .}
          learn: {encoder: {rate: 3e-4}, merger: {rate: 3e-4}, text: {rate: 3e-4}}
          optimizer: {clip: 1}
          steps: 1
          data: [{synth: ""}]
          """, directory: "", place: { "benchmark:\($0)" }), name: "benchmark")
    recipe.start = .nothing(config: directory)
    return recipe
  }

  init(_ node: RecipeNode, name defaultName: String) throws {
    let top = try RecipeReader(
      node,
      keys: [
        "name", "seed", "model", "learn", "lora", "schedule", "optimizer", "steps", "epochs", "batch", "data",
        "evaluation", "snapshots", "output",
      ])
    name = try top.string("name") ?? defaultName
    guard !name.isEmpty && !name.contains("/") else {
      throw top.error("name", "\"\(name)\" cannot name a directory; leave it empty or use a plain word")
    }
    seed = UInt64(try top.int("seed", in: 0...Int.max) ?? 0)
    guard let model = try top.map("model", Start.keys) else {
      throw top.missing("model", "say what to start from, such as {init: checkpoint, from: DIR}")
    }
    start = try Start(model)
    config = try model.json("config") ?? JSONObject()
    for key in ["torch_dtype", "dtype"] where config[key] != nil {
      throw model.error("config", "\(key) is what output.dtype says; set that")
    }
    learn = try top.map("learn", ModelPart.allCases.map(\.rawValue)).map(Self.parts) ?? [:]
    guard !learn.isEmpty else {
      throw top.missing("learn", "name the parts that learn, such as {merger: {rate: 1e-3}}")
    }
    lora = try top.map("lora", LoRA.keys).map(LoRA.init)
    if lora != nil && !config.isEmpty {
      throw top.error("lora", "contradicts model.config; adapters are loaded beside the checkpoint as it is")
    }
    if lora != nil, let part = learn.first(where: { $0.value.layers != .all }) {
      throw top.error(
        "lora", "contradicts learn.\(part.key.rawValue).layers; adapters are chosen by lora.targets alone")
    }
    if lora != nil, let part = learn.first(where: { $0.value.outerRate != nil }) {
      throw top.error(
        "lora",
        "contradicts learn.\(part.key.rawValue).outer_rate; outside the blocks nothing but adapters learns")
    }
    let schedule = try top.map("schedule", ScheduleShape.keys)
    self.schedule = try schedule.map(ScheduleShape.init) ?? ScheduleShape()
    optimizer = try top.map("optimizer", Optimizer.keys).map(Optimizer.init) ?? Optimizer()
    let steps = try top.int("steps", in: 1...1_000_000_000)
    let epochs = try top.int("epochs", in: 1...1_000_000)
    switch (steps, epochs) {
    case (let steps?, nil): length = .steps(steps)
    case (nil, let epochs?): length = .epochs(epochs)
    case (nil, nil): throw top.missing("steps", "give steps, or epochs")
    case (.some, .some): throw top.error("epochs", "contradicts steps; give one of them")
    }
    if let steps, let schedule, self.schedule.warmup > steps {
      throw schedule.error("warmup", "\(self.schedule.warmup) is longer than the run's \(steps) steps")
    }
    batch = try top.map("batch", Batch.keys).map(Batch.init) ?? Batch()
    data = try top.maps("data", Data.keys)?.map(Data.init) ?? []
    guard !data.isEmpty else {
      throw top.missing("data", "list what to train on, such as [{file: chat.jsonl}]")
    }
    if epochs != nil, let endless = data.first(where: \.isEndless) {
      throw RecipeError(
        place: endless.place, key: "epochs",
        reason: "synthetic data has no end, so there are no epochs; give steps")
    }
    evaluation = try top.map("evaluation", Evaluation.keys).map(Evaluation.init)
    snapshots = try top.map("snapshots", Snapshots.keys).map(Snapshots.init) ?? Snapshots()
    output = try top.map("output", ["dtype"])?.choice("dtype", OutputType.self) ?? .bfloat16
  }

  private static func parts(_ reader: RecipeReader) throws -> [ModelPart: Part] {
    var parts: [ModelPart: Part] = [:]
    for part in ModelPart.allCases {
      guard let map = try reader.map(part.rawValue, ["rate", "outer_rate", "layers"]) else { continue }
      guard let layers = try Layers(map, in: part) else { continue }
      guard let rate = try map.double("rate", in: 0...100, above: true) else {
        throw map.missing("rate", "give the part a learning rate, such as 1e-4")
      }
      let outer = try map.double("outer_rate", in: 0...100)
      if outer != nil, part == .merger {
        throw map.error("outer_rate", "the merger has no blocks; rate is all of it")
      }
      parts[part] = Part(layers: layers, rate: rate, outerRate: outer)
    }
    return parts
  }
}

extension Recipe.Layers {
  /// Reads `layers`: all, none, first N or last N; nil for none.
  fileprivate init?(_ reader: RecipeReader, in part: ModelPart) throws {
    guard let text = try reader.string("layers") else {
      self = .all
      return
    }
    let words = text.split(separator: " ")
    switch words.first {
    case "all" where words.count == 1:
      self = .all
      return
    case "none" where words.count == 1: return nil
    case "first", "last":
      guard part != .merger else {
        throw reader.error("layers", "the merger has no blocks; all or none")
      }
      if words.count == 2, let count = Int(words[1]), count >= 1 {
        self = words[0] == "first" ? .first(count) : .last(count)
        return
      }
    default: break
    }
    throw reader.error("layers", "\"\(text)\" is not all, none, first N or last N")
  }
}

extension Recipe.Start {
  fileprivate static let keys = ["init", "from", "text", "encoder", "config"]
  private enum Kind: String, CaseIterable { case nothing, checkpoint, published }

  fileprivate init(_ reader: RecipeReader) throws {
    let kind = try reader.choice("init", Kind.self)
    let from = try reader.path("from")
    let text = try reader.path("text")
    let encoder = try reader.path("encoder")
    guard let kind else { throw reader.missing("init", "nothing, checkpoint or published") }
    guard let from else {
      throw reader.missing(
        "from",
        kind == .checkpoint ? "the checkpoint's directory" : "a directory with config.json and tokenizer")
    }
    if kind != .published, let extra = [("text", text), ("encoder", encoder)].first(where: { $0.1 != nil }) {
      throw reader.error(extra.0, "belongs to init: published, not to init: \(kind.rawValue)")
    }
    switch kind {
    case .nothing: self = .nothing(config: from)
    case .checkpoint: self = .checkpoint(from)
    case .published:
      if text == nil && encoder == nil {
        throw reader.missing(
          "text", "give a Qwen2 text checkpoint, or under encoder a CLIP-style vision transformer, or both")
      }
      self = .published(config: from, text: text, encoder: encoder)
    }
  }
}

extension Recipe.LoRA {
  fileprivate static let keys = ["rank", "alpha", "targets"]

  fileprivate init(_ reader: RecipeReader) throws {
    let rank = try reader.int("rank", in: 1...4096)
    let alpha = try reader.double("alpha", in: 0...1e6, above: true)
    let targets = try reader.strings("targets")
    guard let rank else { throw reader.missing("rank", "the adapters' inner width, such as 16") }
    self.rank = rank
    self.alpha = alpha ?? Double(2 * rank)
    self.targets = targets ?? ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    if self.targets.isEmpty { throw reader.error("targets", "an empty list leaves nothing to learn") }
  }
}

extension Recipe.ScheduleShape {
  fileprivate static let keys = ["shape", "warmup", "floor", "steps"]

  fileprivate init(_ reader: RecipeReader) throws {
    if let shape = try reader.choice("shape", Shape.self) { self.shape = shape }
    if let warmup = try reader.int("warmup", in: 0...1_000_000_000) { self.warmup = warmup }
    if let floor = try reader.double("floor", in: 0...1) {
      if shape == .constant && floor != 1 {
        throw reader.error("floor", "a constant schedule has none; leave it out, or choose cosine or linear")
      }
      self.floor = floor
    }
    if let steps = try reader.int("steps", in: 1...1_000_000_000) {
      if shape == .constant {
        throw reader.error(
          "steps", "a constant schedule has no end; leave it out, or choose cosine or linear")
      }
      guard warmup <= steps else {
        throw reader.error("warmup", "\(warmup) is longer than the schedule's \(steps) steps")
      }
      self.steps = steps
    }
  }
}

extension Recipe.Optimizer {
  fileprivate static let keys = ["beta1", "beta2", "epsilon", "decay", "clip"]

  fileprivate init(_ reader: RecipeReader) throws {
    if let beta1 = try reader.double("beta1", in: 0...0.999_999) { self.beta1 = beta1 }
    if let beta2 = try reader.double("beta2", in: 0...0.999_999_9) { self.beta2 = beta2 }
    if let epsilon = try reader.double("epsilon", in: 0...1, above: true) { self.epsilon = epsilon }
    if let decay = try reader.double("decay", in: 0...100) { self.decay = decay }
    if let clip = try reader.string("clip"), clip == "none" {
      self.clip = nil
    } else if let clip = try reader.double("clip", in: 0...1e9, above: true) {
      self.clip = clip
    }
  }
}

extension Recipe.Batch {
  fileprivate static let keys = [
    "tokens", "accumulate", "patches", "samples", "truncation", "bad_samples", "checkpointing",
  ]

  fileprivate init(_ reader: RecipeReader) throws {
    if let tokens = try reader.int("tokens", in: 16...16_777_216) { self.tokens = tokens }
    if let accumulate = try reader.int("accumulate", in: 1...65536) { self.accumulate = accumulate }
    patches = try reader.int("patches", in: 4...16_777_216)
    samples = try reader.int("samples", in: 1...1_000_000)
    if let truncation = try reader.choice("truncation", Recipe.Truncation.self) {
      self.truncation = truncation
    }
    if let bad = try reader.choice("bad_samples", Recipe.BadSamples.self) { badSamples = bad }
    if let choice = try reader.map("checkpointing", ["encoder", "text"]) {
      checkpointing = ActivationCheckpointing(
        encoderEvery: try choice.int("encoder", in: 0...1024) ?? 0,
        textEvery: try choice.int("text", in: 0...1024) ?? 0)
    }
  }
}

extension Recipe.Data {
  fileprivate static let keys = [
    "file", "synth", "weight", "format", "media", "order", "difficulty", "sides", "frames",
    "min_pixels", "max_pixels",
  ]

  fileprivate init(_ reader: RecipeReader) throws {
    let file = try reader.path("file")
    let synth = try reader.string("synth")
    let weight = try reader.double("weight", in: 0...1e9, above: true)
    let format = try reader.string("format")
    let media = try reader.path("media")
    minPixels = try reader.int("min_pixels", in: 1...1_000_000_000)
    maxPixels = try reader.int("max_pixels", in: 1...1_000_000_000)
    if let minPixels, let maxPixels, minPixels > maxPixels {
      throw reader.error("min_pixels", "\(minPixels) is above max_pixels \(maxPixels)")
    }
    let order = try reader.string("order")
    let difficulty = try reader.double("difficulty", in: 0...1)
    let sides = try reader.range("sides", in: 28...16384)
    let frames = try reader.range("frames", in: 4...64)
    switch (file, synth) {
    case (let file?, nil):
      source = .file(file)
      for (key, isGiven) in [
        ("difficulty", difficulty != nil), ("sides", sides != nil), ("frames", frames != nil),
      ] where isGiven {
        throw reader.error(key, "belongs to synthetic tasks, not to files")
      }
    case (nil, let synth?):
      source = .synth(synth)
      for (key, value) in [("format", format), ("media", media), ("order", order)] where value != nil {
        throw reader.error(key, "belongs to files, not to synthetic tasks")
      }
    case (nil, nil): throw reader.missing("file", "give a file, or synth with a task's name")
    case (.some, .some): throw reader.error("synth", "contradicts file; make it two items")
    }
    self.weight = weight ?? 1
    self.format = format
    self.media = media
    self.difficulty = difficulty ?? 1
    self.sides = sides
    self.frames = frames
    if let order { self.order = try Recipe.Order(order, reader) }
    place = reader.node.place
  }

  /// Whether there is always a next sample.
  var isEndless: Bool { if case .synth = source { true } else { false } }
}

extension Recipe.Order {
  fileprivate init(_ text: String, _ reader: RecipeReader) throws {
    let words = text.split(separator: " ")
    switch (words.first, words.count) {
    case ("random", 1): self = .random
    case ("stored", 1): self = .stored
    case ("windows", 2):
      guard let size = Int(words[1]), size > 0 else {
        throw reader.error("order", "\"\(words[1])\" is not a window's size")
      }
      self = .windows(size)
    default: throw reader.error("order", "\"\(text)\" is not random, stored or windows N")
    }
  }
}

extension Recipe.Evaluation {
  fileprivate static let keys = ["every", "samples", "data"]

  fileprivate init(_ reader: RecipeReader) throws {
    let every = try reader.int("every", in: 1...1_000_000_000)
    let samples = try reader.int("samples", in: 1...1_000_000)
    let data = try reader.maps("data", Recipe.Data.keys)
    guard let every else { throw reader.missing("every", "steps from one evaluation to the next") }
    guard let data, !data.isEmpty else {
      throw reader.missing("data", "list what to measure on, held out from training")
    }
    self.every = every
    self.samples = samples ?? 64
    self.data = try data.map(Recipe.Data.init)
  }
}

extension Recipe.Snapshots {
  fileprivate static let keys = ["every", "keep"]

  fileprivate init(_ reader: RecipeReader) throws {
    if let every = try reader.int("every", in: 1...1_000_000_000) { self.every = every }
    if let keep = try reader.int("keep", in: 1...1_000_000) { self.keep = keep }
  }
}
