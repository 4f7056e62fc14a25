import TestKit
import VLJSON
import VLMedia
import VLModels
import VLNN
import VLTensor
import VLTraining

/// Batches that follow from their number: three samples of text, and in every second batch a picture of 4×6 patches.
struct NumberedBatches: BatchStream {
  var number = 0
  var end: Int?
  /// The batch that cannot be read.
  var brokenAt: Int?
  /// The batch with a picture that holds something that is no number.
  var noNumberAt: Int?
  let compute: Compute

  init(on compute: Compute, end: Int? = nil, brokenAt: Int? = nil) {
    self.compute = compute
    self.end = end
    self.brokenAt = brokenAt
  }

  var position: JSONValue { .integer(number) }
  mutating func seek(to position: JSONValue) throws { number = position.integerValue ?? 0 }
  var progress: Double? { end.map { Double(number) / Double($0) } }

  mutating func next() throws -> NamedBatch? {
    if number == end { return nil }
    if number == brokenAt { throw TrainingError("chat.jsonl:\(number)", "is broken") }
    defer { number += 1 }
    var random = SplitMix64(seed: 5, stream: "batch \(number)")
    var batch = TrainingBatch(
      tokens: [], positions: [[], [], []], samples: [], targets: [], visuals: [], patches: nil)
    for sample in 0..<3 {
      let hasPicture = sample == 1 && number % 2 == 0
      let start = batch.tokens.count
      let count = 8 + Int(random.next() % 5)
      var tokens = (0..<count).map { _ in Int(random.next() % 700) }
      var spans: [VisualSpan] = []
      if hasPicture {
        // <|vision_start|>, six places, <|vision_end|> in the tiny tokenizer.
        tokens.insert(contentsOf: [795] + [Int](repeating: 798, count: 6) + [796], at: 2)
        spans = [VisualSpan(range: 3..<9, grid: GridTHW(t: 1, h: 4, w: 6))]
        batch.patches = compute.tensor(
          (0..<24 * 1176).map { _ in number == noNumberAt ? .nan : Float(random.nextNormal()) }, [24, 1176])
      }
      let ids = MRoPEPositions(count: tokens.count, visuals: spans, mergeSize: 2).ids
      for axis in 0..<3 { batch.positions[axis] += ids[axis] }
      batch.targets += tokens.indices.map {
        $0 >= tokens.count - 4 && $0 + 1 < tokens.count ? tokens[$0 + 1] : TrainingBatch.ignored
      }
      batch.visuals += spans.map {
        VisualSpan(range: $0.range.lowerBound + start..<$0.range.upperBound + start, grid: $0.grid)
      }
      batch.tokens += tokens
      batch.samples.append(start..<batch.tokens.count)
    }
    return NamedBatch(batch, names: (0..<3).map { "sample \(3 * (number) + $0)" })
  }
}

/// A run of the tiny model.
struct TinyRun {
  let scratch = Scratch()
  let compute = Compute(threads: 2)

  func recipe(_ settings: String...) throws -> Recipe {
    let file = scratch.write(
      """
      model: {init: checkpoint, from: \(Goldens.directory)/tiny}
      learn: {encoder: {rate: 1e-3}, merger: {rate: 1e-3}, text: {rate: 1e-3}}
      schedule: {warmup: 2}
      steps: 12
      batch: {accumulate: 2}
      data: [{synth: numbers}]
      evaluation: {every: 4, data: [{synth: numbers}]}
      snapshots: {every: 3, keep: 2}
      output: {dtype: float32}
      """, to: "tiny.yaml")
    return try Recipe(file: file, settings: settings)
  }

  func trainer(_ recipe: Recipe, out: String = "run", stream: NumberedBatches? = nil) throws -> Trainer {
    let compute = compute
    return try Trainer(
      try recipe.startingModel(on: compute), recipe: recipe,
      run: try RunDirectory(scratch.path + "/" + out), stream: stream ?? NumberedBatches(on: compute),
      heldOut: [
        HeldOutSource(name: "numbers") {
          var stream = NumberedBatches(on: compute, end: 1002)
          try stream.seek(to: 1000)
          return stream
        }
      ])
  }

  /// Trains; stops before the batch with the number `stop`, counted from where it begins.
  @discardableResult func train(_ trainer: inout Trainer, stop: Int = .max) throws -> TrainingOutcome {
    var asked = 0
    return try trainer.train(
      isStopped: {
        asked += 1
        return asked > stop
      }, report: { _ in })
  }

  func bits(_ trainer: Trainer) -> [[UInt32]] {
    zip(trainer.optimizer.learners, trainer.optimizer.moments).flatMap {
      [$0.variable.value, $1.first, $1.second].map { $0.array().map(\.bitPattern) }
    }
  }

  func metrics(_ out: String = "run") -> [JSONValue] {
    String(decoding: Scratch.read(scratch.path + "/\(out)/metrics.jsonl"), as: UTF8.self).split(
      separator: "\n"
    )
    .compactMap { try? JSONValue(parsing: String($0)) }
  }

  func snapshots(_ out: String = "run") -> [String] {
    let directory = scratch.path + "/\(out)/snapshots"
    return SnapshotStore(directory).steps.map { SnapshotStore(directory).path($0) }
  }
}
