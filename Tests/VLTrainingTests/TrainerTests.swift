import TestKit
import Testing
import VLJSON
import VLModels
import VLNN
import VLTensor
import VLTraining

@Suite struct TrainerTests {
  @Test func learnsAndReportsEveryStep() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("steps=30", "evaluation.every=10", "learn.text.rate=3e-3")
    var trainer = try tiny.trainer(recipe)
    let before = try trainer.evaluate().loss
    #expect(try tiny.train(&trainer) == .finished)
    #expect(trainer.state.step == 30 && trainer.state.samples == 180)
    let lines = tiny.metrics()
    let steps = lines.filter { $0["loss"] != nil }
    #expect(steps.compactMap { $0["step"]?.integerValue } == Array(1...30))
    #expect(lines.count == 33, "and three evaluations")
    let losses = steps.compactMap { $0["loss"]?.doubleValue }
    let (first, last) = (losses.prefix(5).reduce(0, +), losses.suffix(5).reduce(0, +))
    #expect(last < first * 0.98, "\(losses)")
    #expect(try trainer.evaluate().loss != before)
    #expect(steps[0]["samples"] == 6 && steps[0]["visuals"] == 1)
    // Half of the full rate in the first of two steps of warm-up.
    #expect(steps[0]["learning_rate"]?["encoder"]?.doubleValue == 5e-4)
    #expect(steps[0]["learning_rate"]?["text"]?.doubleValue == 1.5e-3)
    for key in [
      "gradient_norm", "tokens", "supervised", "tokens_per_second", "samples_per_second", "peak_memory",
    ] {
      #expect((steps[7][key]?.doubleValue ?? 0) > 0, "\(key)")
    }
    for phase in ["data", "forward", "backward", "optimizer"] {
      #expect(steps[7]["seconds"]?[phase]?.doubleValue != nil, "\(phase)")
    }
  }

  /// Accumulating two batches equals the mean over their places, not the mean of their means: the gradient of one step
  /// over both is that of the two packed into one.
  @Test func accumulationCountsPlaces() throws {
    let tiny = TinyRun()
    var apart = try tiny.trainer(
      try tiny.recipe("steps=1", "schedule.warmup=0", "batch.accumulate=2"), out: "apart")
    try tiny.train(&apart)
    let report = try #require(tiny.metrics("apart").first)
    var stream = NumberedBatches(on: tiny.compute)
    let batches = try [stream.next(), stream.next()].compactMap { $0?.batch }
    let model = try tiny.recipe().startingModel(on: tiny.compute)
    let sum = batches.reduce(0.0) { $0 + Double(model.loss(of: $1, checkpointing: .none).array()[0]) }
    let places = batches.reduce(0) { $0 + $1.supervisedCount }
    #expect(report["loss"]?.doubleValue == sum / Double(places))
    #expect(report["supervised"]?.integerValue == places)
  }

  /// A run may end on the way of its schedule, or go on after its end.
  @Test func aScheduleHasALengthOfItsOwn() throws {
    let rates = try [["steps=6"], ["steps=3", "schedule.steps=6"], ["steps=6", "schedule.steps=3"]].map {
      settings in
      let tiny = TinyRun()
      _ = try tiny.recipe()
      var trainer = try tiny.trainer(
        try Recipe(
          file: tiny.scratch.path + "/tiny.yaml",
          settings: ["schedule={shape: linear, floor: 0.5}", "evaluation="] + settings))
      try tiny.train(&trainer)
      return try tiny.metrics().map { try #require($0["learning_rate"]?["text"]?.doubleValue) / 1e-3 }
    }
    #expect(rates[0].count == 6 && Array(rates[0].prefix(3)) == rates[1])
    #expect(zip(rates[2], [1, 5.0 / 6, 4.0 / 6, 0.5, 0.5, 0.5]).allSatisfy { abs($0 - $1) < 1e-12 })
  }

  @Test func onlyWhatTheRecipeNamesMoves() throws {
    let tiny = TinyRun()
    for (settings, learns) in [
      (["learn={merger: {rate: 1e-3}}"], { (name: String) in name.contains(".merger.") }),
      (
        ["learn={text: {rate: 1e-3, layers: last 1}, encoder: {rate: 1e-3, layers: first 1}}"],
        { $0.hasPrefix("model.layers.1.") || $0.hasPrefix("visual.blocks.0.") }
      ),
      (
        [
          "learn={encoder: {rate: 1e-3, outer_rate: 0}, text: {rate: 1e-3, layers: last 1, outer_rate: 1e-2}}"
        ],
        {
          $0.hasPrefix("visual.blocks.") || $0.hasPrefix("model.layers.1.")
            || ["model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"].contains($0)
        }
      ),
      (["learn={encoder: {rate: 1e-3}}"], { $0.hasPrefix("visual.") && !$0.contains(".merger.") }),
    ] as [([String], (String) -> Bool)] {
      let scratch = TinyRun()
      _ = try scratch.recipe()
      let recipe = try Recipe(
        file: scratch.scratch.path + "/tiny.yaml", settings: settings + ["steps=2"])
      let before = weights(try recipe.startingModel(on: tiny.compute))
      var trainer = try scratch.trainer(recipe)
      try scratch.train(&trainer)
      let after = weights(trainer.model)
      for (name, values) in after {
        #expect((values != before[name]) == learns(name), "\(name) with \(settings)")
      }
    }
  }

  @Test func aChangedConfigurationIsUsedAndKept() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("model.config.rope_theta=500")
    let model = try #require(try recipe.startingModel(on: tiny.compute) as? Qwen2VLModel)
    #expect(model.configuration.text.ropeTheta == 500)
    let path = tiny.scratch.path + "/changed"
    try SnapshotStore.writeResult(model, [], recipe, to: path)
    let result = try #require(try Families.load(path, on: tiny.compute) as? Qwen2VLModel)
    #expect(result.configuration == model.configuration)
    // A key that nothing reads would change nothing.
    let error = #expect(throws: RecipeError.self) {
      try tiny.recipe("model.config.rope_thta=500").startingModel(on: tiny.compute)
    }
    #expect(error.map { "\($0)" }?.contains("model.config.rope_thta: qwen2-vl has no such key") == true)
    // What does not fit the weights is an error of loading.
    #expect(throws: ModelError.self) {
      try tiny.recipe("model.config.intermediate_size=8").startingModel(on: tiny.compute)
    }
  }

  private func weights(_ model: any TrainableModel) -> [String: [Float]] {
    struct Lister: ParameterVisitor {
      var values: [String: [Float]] = [:]
      mutating func visit(_ parameter: inout Parameter, named name: String) {
        values[name] = parameter.tensor.array()
      }
    }
    var lister = Lister()
    var model = model
    try? model.visitParameters(&lister)
    return lister.values
  }

  @Test func adaptersLearnAndNothingElse() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("lora={rank: 2, targets: [q_proj, fc1]}", "steps=4")
    var trainer = try tiny.trainer(recipe)
    let names = trainer.optimizer.learners.map(\.name)
    #expect(
      names.count == 2 * (2 + 2) && names.contains("model.layers.0.self_attn.q_proj.lora_A.weight"),
      "\(names)")
    let before = tiny.bits(trainer)
    let base = weights(trainer.model)
    try tiny.train(&trainer)
    #expect(zip(before, tiny.bits(trainer)).allSatisfy { $0 != $1 })
    #expect(weights(trainer.model) == base)
    #expect(throws: TrainingError.self) {
      try tiny.trainer(try tiny.recipe("lora={rank: 2, targets: [q_porj]}"), out: "b")
    }
  }

  @Test func recipesThatDoNotFitTheModelAreRefused() throws {
    let tiny = TinyRun()
    func message(_ settings: String...) -> String {
      do {
        let recipe = try Recipe(file: tiny.scratch.path + "/tiny.yaml", settings: settings)
        _ = try tiny.trainer(recipe)
        return "no error"
      } catch { return "\(error)" }
    }
    _ = try tiny.recipe()
    #expect(message("learn.text.layers=last 3").contains("3 blocks are asked for and there are 2"))
    #expect(message("lora={rank: 2, targets: [q_porj]}").contains("did you mean \"q_proj\"?"))
    #expect(message("model.from=/none").contains("/none/config.json"))
    #expect(
      message("model={init: checkpoint, from: \(tiny.scratch.path)/run}").contains("a run without a result"))
  }

  @Test func aLossThatIsNoNumberStopsWithStepAndSamples() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("snapshots.every=2", "evaluation=")
    var stream = NumberedBatches(on: tiny.compute)
    stream.noNumberAt = 6
    var trainer = try tiny.trainer(recipe, stream: stream)
    do {
      try tiny.train(&trainer)
      Issue.record("it must not finish")
    } catch {
      let text = "\(error)"
      #expect(text.hasPrefix("step 4: the loss is nan (samples: sample 18, sample 19, sample 20)"), "\(text)")
      #expect(text.contains("the snapshot of step 2 stays") && !text.contains("\n"), "\(text)")
    }
    #expect(
      trainer.state.step == 3 && tiny.bits(trainer).joined().allSatisfy { Float(bitPattern: $0).isFinite })
  }

  @Test func dataThatCannotBeReadSavesWhatWasLearnt() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("snapshots.every=100", "evaluation=")
    var trainer = try tiny.trainer(recipe, stream: NumberedBatches(on: tiny.compute, brokenAt: 7))
    #expect(throws: TrainingError("chat.jsonl:7", "is broken")) { try tiny.train(&trainer) }
    #expect(SnapshotStore(tiny.scratch.path + "/run/snapshots").steps == [3])
  }

  /// Records as TensorBoard's reader takes them: length, masked CRC-32C of the length, event, masked CRC-32C of the event.
  @Test func eventsAreWholeRecords() throws {
    let tiny = TinyRun()
    var trainer = try tiny.trainer(try tiny.recipe("steps=3", "evaluation.every=3"))
    try tiny.train(&trainer)
    let run = tiny.scratch.path + "/run"
    let name = try #require(fileNames(run).first { $0.hasPrefix("events.out.tfevents.") })
    let bytes = Scratch.read(run + "/" + name)
    func number<N: FixedWidthInteger>(_ at: Int, _: N.Type) -> N {
      (0..<MemoryLayout<N>.size).reduce(0) { $0 | N(bytes[at + $1]) << N(8 * $1) }
    }
    func masked(_ range: Range<Int>) -> UInt32 {
      let crc = CRC32C(Array(bytes[range])).value
      return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }
    var events: [ArraySlice<UInt8>] = []
    var at = 0
    while at < bytes.count {
      let length = Int(number(at, UInt64.self))
      #expect(number(at + 8, UInt32.self) == masked(at..<at + 8))
      #expect(number(at + 12 + length, UInt32.self) == masked(at + 12..<at + 12 + length))
      events.append(bytes[at + 12..<at + 12 + length])
      at += 16 + length
    }
    #expect(at == bytes.count && events.count == 2 + 3 + 1)
    func contains(_ event: Int, _ text: String) -> Bool {
      events[event].firstRange(of: Array(text.utf8)) != nil
    }
    #expect(contains(0, "brain.Event:2") && contains(2, "loss/train") && contains(5, "loss/held_out"))
  }

  @Test func epochsEndWithTheData() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe(
      "steps=", "epochs=1", "data=[{file: x.jsonl}]", "schedule={shape: linear, warmup: 1}", "evaluation=")
    var trainer = try tiny.trainer(recipe, stream: NumberedBatches(on: tiny.compute, end: 7))
    #expect(try tiny.train(&trainer) == .finished)
    #expect(trainer.state.step == 4, "three pairs of batches and the last one alone")
    let rates = tiny.metrics().compactMap { $0["learning_rate"]?["text"]?.doubleValue }
    // After the warm-up 2 of 7 batches are done; the rest goes down in a straight line over the other 5.
    let expected: [Double] = [1e-3, 1e-3, 0.6e-3, 0.2e-3]
    #expect(zip(rates, expected).allSatisfy { abs($0 - $1) < 1e-12 }, "\(rates)")
  }
}
