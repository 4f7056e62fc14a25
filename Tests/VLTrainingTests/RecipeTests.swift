import TestKit
import Testing
import VLJSON
import VLModels
import VLTraining

private let small = """
  # A stage.
  model: {init: nothing, from: small}
  learn:
    encoder: {rate: 1e-3}
    merger:
      rate: 2e-3
    text: {rate: 1.5e-3, layers: last 2}
  schedule: {shape: linear, warmup: 10, floor: 0.1}
  optimizer: {clip: none, decay: 0}
  steps: 100
  batch: {tokens: 2_048, accumulate: 2, checkpointing: {text: 1}}
  data:
    - synth: shapes
      weight: 3
    - {file: chat.jsonl, media: pictures}
  evaluation: {every: 20, data: [{synth: shapes}]}
  snapshots: {every: 50}

  """

@Suite struct RecipeTests {
  private let scratch = Scratch()

  private func read(_ text: String, _ settings: String...) throws -> Recipe {
    try Recipe(file: scratch.write(text, to: "recipe.yaml"), settings: settings)
  }

  /// The message of the error that reading must give.
  private func message(_ text: String, _ settings: String...) -> String {
    do {
      _ = try Recipe(file: scratch.write(text, to: "recipe.yaml"), settings: settings)
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  /// Tasks that both draw count, whatever else is in the mixture; another seed, and a run that only reads, do not.
  @Test func drawsOfRunsBeforeAreFound() throws {
    func recipe(_ name: String, from: String, data: String, seed: Int) throws -> Recipe {
      try read(
        small, "name=\(name)", "seed=\(seed)", "model.init=checkpoint", "model.from=\(scratch.path)/\(from)",
        "data.0.synth=\(data)")
    }
    func wasRun(_ recipe: Recipe) throws {
      makeDirectory("\(scratch.path)/\(recipe.name)")
      makeDirectory("\(scratch.path)/\(recipe.name)/snapshots")
      makeDirectory("\(scratch.path)/\(recipe.name)/checkpoint")
      try RunDirectory("\(scratch.path)/\(recipe.name)").write(settings: recipe.settings)
    }
    let first = try recipe("first", from: "nowhere", data: "scenes/count=2,cards", seed: 0)
    #expect(first.repeatedDraws().isEmpty)
    try wasRun(first)
    try wasRun(recipe("second", from: "first", data: "cards", seed: 4))
    try wasRun(recipe("third", from: "second/checkpoint", data: "lines,scenes/map,cards", seed: 0))
    let again = try recipe("fourth", from: "third", data: "scenes/shape,cards/rank", seed: 0)
    let repeated = again.repeatedDraws()
    #expect(repeated.map(\.name) == ["third", "first"])
    #expect(repeated.map(\.tasks) == [["cards", "scenes"], ["cards", "scenes"]])
    #expect(
      try recipe("fourth", from: "third", data: "scenes/shape", seed: 4).repeatedDraws().isEmpty)
    #expect(try recipe("fourth", from: "third", data: "clips", seed: 0).repeatedDraws().isEmpty)
  }

  @Test func everyKeyIsRead() throws {
    let recipe = try read(small)
    #expect(recipe.name == "recipe" && recipe.seed == 0 && recipe.length == .steps(100))
    #expect(recipe.start == .nothing(config: scratch.path + "/small"))
    #expect(recipe.learn.count == 3)
    #expect(recipe.learn[.encoder]?.rate == 1e-3 && recipe.learn[.encoder]?.layers == .all)
    #expect(recipe.learn[.text]?.layers == .last(2) && recipe.learn[.text]?.rate == 1.5e-3)
    #expect(recipe.schedule.shape == .linear && recipe.schedule.warmup == 10 && recipe.schedule.floor == 0.1)
    #expect(recipe.optimizer.clip == nil && recipe.optimizer.decay == 0 && recipe.optimizer.beta2 == 0.95)
    #expect(recipe.batch.tokens == 2048 && recipe.batch.accumulate == 2)
    #expect(recipe.batch.checkpointing == ActivationCheckpointing(encoderEvery: 0, textEvery: 1))
    #expect(recipe.data.map(\.weight) == [3, 1])
    #expect(recipe.data[0].source == .synth("shapes"))
    #expect(recipe.data[1].source == .file(scratch.path + "/chat.jsonl"))
    #expect(recipe.data[1].media == scratch.path + "/pictures")
    #expect(recipe.evaluation?.every == 20 && recipe.evaluation?.samples == 64)
    #expect(recipe.snapshots.every == 50 && recipe.snapshots.keep == 3)
    #expect(recipe.output == .bfloat16 && recipe.lora == nil)
  }

  @Test func settingsReplaceAddAndTakeAway() throws {
    let recipe = try read(
      small, "steps=7", "schedule.warmup=1", "learn.text.layers=all", "data.1.file=other.jsonl",
      "optimizer.clip=0.5", "evaluation=", "lora.rank=4", "lora.targets=[q_proj]", "output={dtype: float32}",
      "data.0.difficulty=0.5", "data.0.sides=56..112", "data.1.order=windows 64", "batch.samples=1",
      "batch.bad_samples=skip")
    #expect(recipe.length == .steps(7) && recipe.schedule.warmup == 1)
    #expect(recipe.learn[.text]?.layers == .all && recipe.optimizer.clip == 0.5)
    #expect(recipe.data[1].source == .file("other.jsonl"), "from the current directory")
    #expect(recipe.data[0].difficulty == 0.5 && recipe.data[0].sides == 56...112)
    #expect(recipe.data[1].order == .windows(64) && recipe.batch.samples == 1)
    #expect(recipe.batch.badSamples == .skip && recipe.batch.truncation == .drop)
    #expect(recipe.evaluation == nil && recipe.output == .float32)
    #expect(recipe.lora?.rank == 4 && recipe.lora?.alpha == 8 && recipe.lora?.targets == ["q_proj"])
  }

  @Test func configurationsCanBeChanged() throws {
    let recipe = try read(
      small, "model.config={rope_theta: 1e2, rope_scaling: {mrope_section: [2, 3, 3]}, hidden_act: silu}")
    let changes: JSONValue = [
      "rope_theta": 100.0, "rope_scaling": ["mrope_section": [2, 3, 3]], "hidden_act": "silu",
    ]
    #expect(JSONValue.object(recipe.config) == changes)
    // What a snapshot remembers gives the same recipe again.
    let settings = try #require(
      try JSONValue(parsing: JSONValue.object(recipe.settings).serialized()).objectValue)
    #expect(try Recipe(settings: settings, place: "state.json") == recipe)
    #expect(
      message(small, "model.config.torch_dtype=float32").contains("torch_dtype is what output.dtype says"))
    #expect(message(small, "model.config=silu").contains("keys and values are expected, not \"silu\""))
    #expect(
      message(small, "model.config.rope_theta=1", "lora.rank=4").contains("lora: contradicts model.config"))
  }

  @Test func unknownKeysAreNamedWithTheNearest() {
    let file = scratch.path + "/recipe.yaml"
    #expect(
      message(small.replacing("warmup", with: "warm_up"))
        == "\(file):8: schedule.warm_up: unknown key; did you mean \"warmup\"?")
    #expect(
      message(small.replacing("accumulate", with: "acumulate")).contains("did you mean \"accumulate\"?"))
    #expect(
      message(small.replacing("learn:", with: "laern:"))
        == "\(file):3: laern: unknown key; did you mean \"learn\"?")
    #expect(
      message(small.replacing("encoder: {rate", with: "vision: {rate")).contains(
        "known here: encoder, merger, text"))
    #expect(
      message(small.replacing("shape: linear", with: "shape: cosin")).contains("did you mean \"cosine\"?"))
    #expect(
      message(small, "optimizer.beta3=0.9")
        == "--set optimizer.beta3=0.9: optimizer.beta3: unknown key; did you mean \"beta1\"?")
    #expect(
      message(small.replacing("media: pictures", with: "medium: pictures")).contains(
        "data.1.medium: unknown key"))
    #expect(message(small + "weight: 1\n").contains("recipe.yaml:18: weight: unknown key"))
  }

  @Test(arguments: [
    ("steps=many", "steps: a whole number is expected, not \"many\""),
    ("steps=0", "steps: 0 is outside"), ("steps=\"3\"", "a whole number is expected"),
    ("steps=[1]", "a whole number is expected, not a list"),
    ("steps=", "steps: is missing"), ("epochs=2", "contradicts steps"),
    ("learn.text.rate=-1", "learn.text.rate: -1.0 is not above 0.0"),
    ("learn.text.rate=nan", "a number is expected"),
    ("learn.text.rate=", "learn.text.rate: is missing"),
    ("learn.text.layers=middle 3", "is not all, none, first N or last N"),
    ("learn.merger.layers=first 1", "the merger has no blocks"),
    ("learn.merger.outer_rate=1", "the merger has no blocks"),
    ("learn.text.outer_rate=-1", "learn.text.outer_rate: -1.0 is not between"),
    ("lora.rank=2", "contradicts learn."),
    ("learn={encoder: {rate: 1, layers: none}}", "learn: is missing"),
    ("schedule.warmup=101", "longer than the run"), ("schedule.floor=2", "not between 0.0 and 1.0"),
    ("schedule={shape: constant, floor: 0.5}", "a constant schedule has none"),
    ("schedule={shape: constant, steps: 5}", "a constant schedule has no end"),
    ("schedule={warmup: 9, steps: 5}", "9 is longer than the schedule's 5 steps"),
    ("optimizer.beta1=1", "optimizer.beta1"), ("optimizer.clip=0", "optimizer.clip"),
    ("optimizer=fast", "keys and values are expected, not \"fast\""),
    ("batch.tokens=1", "batch.tokens: 1 is outside"),
    ("model.init=randomly", "is not one of nothing, checkpoint, published"),
    ("model.text=x", "belongs to init: published"), ("model.init=published", "model.text: is missing"),
    ("model=", "model: is missing"), ("data=[]", "data: is missing"), ("data=x", "a list is expected"),
    ("data.0.weight=0", "data.0.weight"), ("data.0.file=x", "contradicts file"),
    ("data.0.synth=", "is missing"),
    ("data.0.format=chat", "belongs to files"), ("data.1.difficulty=1", "belongs to synthetic tasks"),
    ("data.0.order=stored", "belongs to files"),
    ("data.1.order=windows", "is not random, stored or windows N"),
    ("data.0.sides=56", "a range such as"), ("data.0.sides=1..2", "is not within 28..16384"),
    ("data.0.sides=90..60", "a range such as"), ("batch.bad_samples=ignore", "stop, skip"),
    ("data.2.weight=1", "the list has items 0 to 1"),
    ("data.0={synth: shapes, min_pixels: 9, max_pixels: 8}", "is above max_pixels"),
    ("evaluation.every=", "evaluation.every: is missing"),
    ("evaluation.data=[]", "evaluation.data: is missing"),
    ("lora={targets: []}", "lora.rank: is missing"), ("lora={rank: 2, targets: []}", "nothing to learn"),
    ("lora.rank=2", "contradicts learn.text.layers"), ("output.dtype=float16", "bfloat16, float32"),
    ("name=a/b", "cannot name a directory"), ("seed=-1", "seed: -1 is outside"),
    ("steps", "not of the form key=value"), ("=3", "not of the form key=value"),
    ("a..b=3", "has an empty key"),
    ("steps={a", "is not YAML"),
  ])
  func wrongValuesAreNamed(setting: String, words: String) {
    let text = message(small, setting)
    #expect(text.contains(words), "\(text)")
    #expect(text.contains("recipe.yaml:") || text.hasPrefix("--set \(setting)"), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test func endlessDataHasNoEpochs() {
    let text = message(small, "steps=", "epochs=3")
    #expect(text.contains("synthetic data has no end") && text.contains("recipe.yaml:13"))
    #expect(throws: Never.self) {
      try read(small, "steps=", "epochs=3", "data=[{file: a.jsonl}]", "schedule.warmup=500")
    }
  }

  @Test func filesThatAreNoRecipes() throws {
    #expect(message("a: [1, 2").contains("recipe.yaml:"))
    #expect(message("steps: 1\nsteps: 2\n").contains("given twice"))
    #expect(message("- a\n- b\n").contains("keys and values are expected, not a list"))
    #expect(message("").contains("model: is missing"))
    #expect(throws: RecipeError.self) { try Recipe(file: scratch.path + "/none.yaml") }
    #expect(throws: RecipeError.self) { try Recipe(file: scratch.path) }
    #expect(throws: RecipeError.self) {
      try Recipe(file: scratch.write([0xFF, 0xFE, 0x00], to: "bytes.yaml"))
    }
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: RecipeError.self) { try Recipe(file: scratch.write(deep, to: "deep.yaml")) }
  }

  @Test func settingsMakeTheSameRecipe() throws {
    for settings in [
      [], ["lora.rank=3", "learn.text.layers=all", "data.0.sides=56..112", "batch.patches=64"],
      ["learn={merger: {rate: 1e-7}}", "optimizer.clip=2.5", "evaluation=", "data.1.order=windows 8"],
      ["schedule={shape: constant, warmup: 3}", "data.0.frames=6..8"],
      ["model={init: published, from: /a, encoder: /b}", "steps=", "epochs=2", "data=[{file: /x.jsonl}]"],
    ] {
      let recipe = try Recipe(file: scratch.write(small, to: "recipe.yaml"), settings: settings)
      let copy = try Recipe(settings: recipe.settings, place: "state.json")
      #expect(copy == recipe, "\(settings)")
      #expect(copy.settings == recipe.settings)
    }
  }

  @Test func differencesThatMatterAreFound() throws {
    let old = try read(small).settings
    let difference = { (settings: [String]) in
      Recipe.difference(old, try Recipe(file: scratch.path + "/recipe.yaml", settings: settings).settings)
    }
    let rate = try #require(try difference(["learn.text.rate=3e-3"]))
    #expect(rate.key == "learn.text.rate" && rate.old == "0.0015" && rate.new == "0.003")
    #expect(try difference(["data.1.file=elsewhere/other.jsonl"])?.key == "data.1.file")
    #expect(try difference(["data.0.weight=2"])?.key == "data.0.weight")
    #expect(try difference(["seed=2"])?.key == "seed")
    #expect(try difference(["lora.rank=2", "learn.text.layers=all"]) != nil)
    for harmless in [
      "snapshots.every=1", "evaluation.every=3", "output.dtype=float32", "data.1.file=elsewhere/chat.jsonl",
      "batch.checkpointing.text=0", "name=other",
    ] {
      #expect(try difference([harmless]) == nil, "\(harmless)")
    }
  }
}

@Suite struct ScheduleTests {
  private func factors(_ shape: Recipe.ScheduleShape.Shape, warmup: Int, floor: Double, total: Int)
    -> [Double]
  {
    let schedule = Schedule(Recipe.ScheduleShape(shape: shape, warmup: warmup, floor: floor))
    return (0..<total).map { schedule.factor(step: $0, total: total) }
  }

  @Test func warmsUpThenFollowsItsShape() {
    #expect(factors(.constant, warmup: 4, floor: 0, total: 6) == [0.25, 0.5, 0.75, 1, 1, 1])
    let linear = factors(.linear, warmup: 2, floor: 0.5, total: 6)
    let expected: [Double] = [0.5, 1, 1, 0.875, 0.75, 0.625]
    #expect(zip(linear, expected).allSatisfy { abs($0 - $1) < 1e-12 })
    let cosine = factors(.cosine, warmup: 1, floor: 0.1, total: 101)
    #expect(cosine[0] == 1 && cosine[1] == 1)
    #expect(abs(cosine[51] - 0.55) < 1e-12, "half way")
    #expect(zip(cosine.dropFirst(), cosine.dropFirst(2)).allSatisfy { $0 > $1 })
    #expect(cosine[100] > 0.1 && cosine[100] < 0.101, "the floor is where the next step would be")
    #expect(factors(.cosine, warmup: 3, floor: 0, total: 3) == [1.0 / 3, 2.0 / 3, 1])
  }
}
