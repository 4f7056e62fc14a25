import TestKit
import Testing
import VLJSON
import VLTensor
import VLTraining

@Suite struct SnapshotTests {
  /// Stopped between steps, inside a step's accumulation, and after a snapshot: the same bits as without stopping.
  @Test(arguments: [(stop: 6, threads: 2), (7, 1), (13, 2)])
  func resumingIsBitExact(stop: Int, threads: Int) throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe()
    var whole = try tiny.trainer(recipe, out: "whole")
    try tiny.train(&whole)

    let step = try interrupted(tiny, recipe, stop)
    #expect(step > 0 && step < 12)
    // A process of its own would begin like this.
    let model = try recipe.startingModel(on: Compute(threads: threads))
    var second = try Trainer(
      model, recipe: recipe, run: try RunDirectory(tiny.scratch.path + "/run"),
      stream: NumberedBatches(on: tiny.compute), heldOut: try heldOut(tiny))
    #expect(try second.resume())
    #expect(second.state.step == step)
    #expect(try tiny.train(&second) == .finished)
    #expect(tiny.bits(second) == tiny.bits(whole))
    #expect(second.state == whole.state)
    func losses(_ out: String) -> [String] {
      tiny.metrics(out).map { "\($0["step"] ?? 0) \($0["loss"] ?? 0) \($0["evaluation"]?["loss"] ?? 0)" }
    }
    #expect(losses("run") == losses("whole"))
  }

  /// Trains and stops; returns after which step.
  private func interrupted(_ tiny: TinyRun, _ recipe: Recipe, _ stop: Int) throws -> Int {
    var trainer = try tiny.trainer(recipe)
    guard case .interrupted(let step) = try tiny.train(&trainer, stop: stop) else { return -1 }
    return step
  }

  private func heldOut(_ tiny: TinyRun) throws -> [HeldOutSource] {
    let compute = tiny.compute
    return [
      HeldOutSource(name: "numbers") {
        var stream = NumberedBatches(on: compute, end: 1002)
        try stream.seek(to: 1000)
        return stream
      }
    ]
  }

  @Test func theLastOnesAndTheBestStay() throws {
    let tiny = TinyRun()
    var trainer = try tiny.trainer(try tiny.recipe("snapshots.every=1", "snapshots.keep=2", "steps=9"))
    try tiny.train(&trainer)
    let store = SnapshotStore(tiny.scratch.path + "/run/snapshots")
    let best = try #require(store.best)
    #expect(best == trainer.state.best?.step)
    #expect(store.steps == Set([best, 8, 9]).sorted())
    #expect(try store.read(step: best).state.best?.step == best)
  }

  @Test func twoProcessesCannotShareARun() throws {
    let scratch = Scratch()
    let first = try RunDirectory(scratch.path + "/run")
    #expect(throws: TrainingError.self) { try RunDirectory(scratch.path + "/run/") }
    withExtendedLifetime(first) {}
  }

  /// Every byte of every file counts.
  @Test func damageIsFound() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("steps=3", "evaluation=")
    do {
      var trainer = try tiny.trainer(recipe)
      try tiny.train(&trainer)
    }
    let snapshot = try #require(tiny.snapshots().first)
    func message() -> String {
      do {
        var trainer = try tiny.trainer(recipe)
        _ = try trainer.resume()
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message() == "no error")
    for name in ["weights.safetensors", "moments.safetensors", "state.json", "checksums"] {
      let path = snapshot + "/" + name
      let bytes = Scratch.read(path)
      for place in [0, bytes.count / 2, bytes.count - 1] {
        var damaged = bytes
        damaged[place] ^= 4
        writeFile(damaged, path)
        #expect(message().contains("\(name): is damaged"), "\(name) at \(place): \(message())")
      }
      writeFile(Array(bytes.dropLast(7)), path)
      #expect(message().contains(name), "\(message())")
      writeFile([], path)
      #expect(message().contains(name) && message().contains("remove"), "\(message())")
      writeFile(bytes, path)
    }
    #expect(message() == "no error")
  }

  @Test func snapshotsOfSomethingElseAreRefused() throws {
    let tiny = TinyRun()
    do {
      var trainer = try tiny.trainer(
        try tiny.recipe("steps=3", "evaluation=", "learn={merger: {rate: 1e-3}}"))
      try tiny.train(&trainer)
    }
    func message(_ settings: String...) -> String {
      do {
        let recipe = try Recipe(
          file: tiny.scratch.path + "/tiny.yaml",
          settings: ["steps=3", "evaluation=", "learn={merger: {rate: 1e-3}}"] + settings)
        var trainer = try tiny.trainer(recipe)
        _ = try trainer.resume()
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(message() == "no error")
    #expect(message("snapshots.every=7") == "no error")
    #expect(
      message("learn.merger.rate=2e-3").contains(
        "of another recipe: learn.merger.rate is 0.001 there and 0.002 here"))
    #expect(message("steps=4").contains("of another recipe: steps is 3 there and 4 here"))
    // Other frozen weights of the same sizes.
    #expect(message("model.init=nothing", "seed=0").contains("model.init"))
    let other = Scratch()
    other.copy(golden: "tiny")
    var weights = Scratch.read(other.path + "/model.safetensors")
    weights[weights.count / 2] ^= 1
    other.write(weights, to: "model.safetensors")
    #expect(message("model.from=\(other.path)").contains("other frozen weights"))
  }

  @Test func whatAnInterruptedProcessLeftIsRemoved() throws {
    let tiny = TinyRun()
    let recipe = try tiny.recipe("steps=3", "evaluation=")
    do {
      var trainer = try tiny.trainer(recipe)
      try tiny.train(&trainer)
    }
    let half = tiny.scratch.path + "/run/snapshots/.step-6.part"
    makeDirectory(half)
    writeFile([1, 2, 3], half + "/weights.safetensors")
    // A line that was being written, and one about a step after the snapshot.
    let lines = Scratch.read(tiny.scratch.path + "/run/metrics.jsonl")
    writeFile(
      lines + Array("{\"step\":4,\"loss\":1}\n{\"step\":5,\"lo".utf8),
      tiny.scratch.path + "/run/metrics.jsonl")
    var trainer = try tiny.trainer(recipe)
    #expect(try trainer.resume() && trainer.state.step == 3)
    #expect(tiny.snapshots().count == 1)
    #expect(Scratch.read(half + "/weights.safetensors").isEmpty)
    try tiny.train(&trainer)
    #expect(Scratch.read(tiny.scratch.path + "/run/metrics.jsonl") == lines)
  }
}
