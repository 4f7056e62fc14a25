public import VLModels
internal import VLNN
internal import VLTensor

/// Held-out data of one source.
public struct HeldOutSource {
  /// What it is called in reports.
  public var name: String
  /// Makes the same finite stream each time.
  public var make: () throws -> any BatchStream

  /// A source.
  public init(name: String, make: @escaping () throws -> any BatchStream) {
    self.name = name
    self.make = make
  }
}

/// What happens during training, for whoever watches.
public enum TrainingEvent {
  /// A step was made.
  case step(StepReport)
  /// The held-out loss was measured.
  case evaluation(EvaluationReport)
  /// A snapshot was written.
  case snapshot(step: Int)
  /// A sample was left out: which, and why.
  case dropped(String)
}

/// How a run ended.
public enum TrainingOutcome: Sendable, Equatable {
  /// All steps were made.
  case finished
  /// It was asked to stop; a snapshot of this step was written.
  case interrupted(step: Int)
}

/// A training run: batches → loss → gradient → clipping → AdamW, with metrics, evaluations and snapshots.
///
/// Every number follows from the recipe, the data and the start: a run that is stopped and resumed goes on with the same
/// bits as one that was not.
public struct Trainer {
  /// The network, whose variables this run moves.
  public private(set) var model: any TrainableModel
  /// Where the run is.
  public private(set) var state = RunState()
  /// The optimiser with its variables.
  public private(set) var optimizer: AdamW
  /// What the run does.
  public let recipe: Recipe
  private let run: RunDirectory
  private let store: SnapshotStore
  private var stream: any BatchStream
  private let heldOut: [HeldOutSource]
  private let frozen: any TrainableModel
  private let frozenChecksum: CRC32C
  private let schedule: Schedule
  private let compute: Compute
  private let clock = ContinuousClock()

  /// A run at its beginning.
  /// - Throws: ``TrainingError`` if the recipe does not fit the model.
  public init(
    _ model: any TrainableModel, recipe: Recipe, run: RunDirectory, stream: any BatchStream,
    heldOut: [HeldOutSource]
  ) throws {
    var model = model
    let learners = try model.startLearning(recipe)
    self.model = model
    self.recipe = recipe
    self.run = run
    self.stream = stream
    self.heldOut = heldOut
    store = SnapshotStore(run.snapshots)
    compute = model.compute
    optimizer = AdamW(learners, recipe, on: compute)
    schedule = Schedule(recipe.schedule)
    frozen = model.withoutRecording()
    var checksum = CRC32C()
    for (_, tensor) in model.frozenParameters() {
      checksum.update(UnsafeRawBufferPointer(start: tensor.raw, count: tensor.byteCount))
      withExtendedLifetime(tensor) {}
    }
    frozenChecksum = checksum
    state.position = stream.position
  }

  /// Goes to the last snapshot; false if there is none.
  /// - Throws: ``TrainingError`` if it is damaged, or of another recipe or model.
  public mutating func resume() throws -> Bool {
    guard let step = store.steps.last else { return false }
    let loaded = try store.read(step: step)
    if let (key, old, new) = Recipe.difference(loaded.settings, recipe.settings) {
      throw TrainingError(
        loaded.path,
        "is of another recipe: \(key) is \(old) there and \(new) here; go on with that recipe, or begin a new run "
          + "from its weights (model: {init: checkpoint, from: …})")
    }
    try store.restore(loaded, into: &optimizer, frozen: frozenChecksum)
    try stream.seek(to: loaded.state.position)
    state = loaded.state
    // It may have been interrupted between writing the best snapshot and saying so.
    if let best = state.best, store.best != best.step, store.steps.contains(best.step) {
      try store.markBest(best.step)
    }
    return true
  }

  /// Trains to the end.
  /// - Parameters:
  ///   - isStopped: asked before every batch; once it says true, a snapshot is written and training returns.
  ///   - report: told what happens.
  /// - Throws: when the loss or the gradient is no number, data cannot be read, or the disk is full. Snapshots
  ///   written before stay.
  /// - Returns: whether the run is done or was stopped, and where.
  public mutating func train(isStopped: () -> Bool, report: (TrainingEvent) -> Void) throws
    -> TrainingOutcome
  {
    try run.write(settings: recipe.settings)
    let metrics = try MetricsFile(run, after: state.step)
    while let progress = progress(), progress < 1 {
      let start = state.position
      guard let group = try nextGroupOrSave(isStopped, report) else {
        // Asked to stop, or out of data. What was read of an unfinished group is read again next time.
        state.position = start
        if !isStopped() { break }
        return try interrupt(report)
      }
      guard let step = try makeStep(group, progress: progress, isStopped) else {
        state.position = start
        return try interrupt(report)
      }
      try metrics.add(step)
      for line in group.batches.flatMap(\.dropped) { report(.dropped(line)) }
      report(.step(step))
      try afterStep(metrics, report)
    }
    try save(report)
    return .finished
  }

  /// How much of the run is done.
  private func progress() -> Double? {
    switch recipe.length {
    case .steps(let steps): Double(state.step) / Double(steps)
    case .epochs: stream.progress ?? 0
    }
  }

  // MARK: A step

  private struct Group {
    var batches: [NamedBatch] = []
    var seconds = 0.0
    var supervised: Int { batches.reduce(0) { $0 + $1.batch.supervisedCount } }
    var names: [String] { batches.flatMap(\.names) }
  }

  /// The next group; if the data cannot be read, what was learnt so far is saved first.
  private mutating func nextGroupOrSave(_ isStopped: () -> Bool, _ report: (TrainingEvent) -> Void) throws
    -> Group?
  {
    do { return try nextGroup(isStopped) } catch {
      if state.step > 0 { try save(report) }
      throw error
    }
  }

  /// The batches of the next step; nil if there are none left, or training is to stop. The last group of finite data
  /// may be smaller.
  private mutating func nextGroup(_ isStopped: () -> Bool) throws -> Group? {
    var group = Group()
    let start = clock.now
    while group.batches.count < recipe.batch.accumulate {
      if isStopped() { return nil }
      guard let batch = try stream.next() else { break }
      group.batches.append(batch)
    }
    group.seconds = (clock.now - start).inSeconds
    guard !group.batches.isEmpty else { return nil }
    guard group.supervised > 0 else {
      throw TrainingError(
        "step \(state.step + 1)",
        "nothing in its samples is supervised (\(Self.list(group.names))); they need an answer to learn")
    }
    return group
  }

  /// Makes a step; nil if training is to stop, and then nothing has changed.
  private mutating func makeStep(_ group: Group, progress: Double, _ isStopped: () -> Bool) throws
    -> StepReport?
  {
    let number = state.step + 1
    let factor = factor(progress)
    var seconds = StepReport.Seconds(data: group.seconds)
    var total = 0.0
    let supervised = group.supervised
    for named in group.batches {
      if isStopped() {
        optimizer.clearGradients()
        return nil
      }
      var mark = clock.now
      let loss = model.loss(of: named.batch, checkpointing: recipe.batch.checkpointing)
      let value = Double(loss.floats.pointee)
      seconds.forward += lap(&mark)
      guard value.isFinite else { throw broken("the loss is \(value)", number, named.names) }
      total += value
      compute.backward(loss, seed: 1 / Float(supervised))
      seconds.backward += lap(&mark)
    }
    var mark = clock.now
    let norm = optimizer.gradientNorm(on: compute)
    guard norm.isFinite else {
      let name = optimizer.brokenGradient().map { " of \($0)" } ?? ""
      throw broken("the gradient\(name) is not finite", number, group.names)
    }
    optimizer.step(factor: factor, norm: norm, on: compute)
    seconds.optimizer = lap(&mark)

    var report = StepReport(
      step: number, loss: total / Double(supervised), rates: optimizer.rates(factor: factor),
      gradientNorm: norm)
    report.supervised = supervised
    report.seconds = seconds
    for named in group.batches {
      report.tokens += named.batch.tokens.count
      report.samples += named.batch.samples.count
      report.visuals += named.batch.visuals.count
      report.dropped += named.dropped.count
    }
    report.peakMemory = currentPeakMemory()
    state.step = number
    state.samples += report.samples
    state.tokens += report.tokens
    state.position = stream.position
    report.progress = self.progress() ?? 0
    if state.step == recipe.schedule.warmup { state.warmupEnd = report.progress }
    return report
  }

  /// What the schedule multiplies the learning rates by in a step that begins after `progress` of the run.
  private func factor(_ progress: Double) -> Double {
    switch (recipe.schedule.steps, recipe.length) {
    case (let total?, _), (nil, .steps(let total)): schedule.factor(step: state.step, total: total)
    case (nil, .epochs):
      schedule.factor(step: state.step, progress: progress, warmupEnd: state.warmupEnd ?? 0)
    }
  }

  private func lap(_ mark: inout ContinuousClock.Instant) -> Double {
    let now = clock.now
    defer { mark = now }
    return (now - mark).inSeconds
  }

  private func broken(_ what: String, _ step: Int, _ names: [String]) -> TrainingError {
    let last = store.steps.last.map { "the snapshot of step \($0) stays" } ?? "there is no snapshot yet"
    return TrainingError(
      "step \(step)",
      "\(what) (samples: \(Self.list(names))); \(last). Lower the learning rate, or look at the samples")
  }

  /// A few of the names.
  private static func list(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
  }

  // MARK: Between steps

  private mutating func afterStep(_ metrics: MetricsFile, _ report: (TrainingEvent) -> Void) throws {
    if let evaluation = recipe.evaluation, state.step % evaluation.every == 0 {
      let result = try evaluate()
      try metrics.add(result)
      report(.evaluation(result))
      if result.isBest {
        state.best = (state.step, result.loss)
        try save(report)
        try store.markBest(state.step)
      }
    }
    if state.step % recipe.snapshots.every == 0 { try save(report) }
  }

  /// The held-out loss of the weights as they are.
  public func evaluate() throws -> EvaluationReport {
    let start = clock.now
    var total = 0.0
    var supervised = 0
    var sources: [(name: String, loss: Double)] = []
    for source in heldOut {
      var sum = 0.0
      var count = 0
      var stream = try source.make()
      while let named = try stream.next() {
        sum += Double(frozen.loss(of: named.batch, checkpointing: .none).floats.pointee)
        count += named.batch.supervisedCount
      }
      guard count > 0 else {
        throw TrainingError("evaluation.data: \(source.name)", "gives nothing to measure on")
      }
      sources.append((source.name, sum / Double(count)))
      total += sum
      supervised += count
    }
    let loss = total / Double(max(1, supervised))
    return EvaluationReport(
      step: state.step, loss: loss, sources: sources, supervised: supervised,
      seconds: (clock.now - start).inSeconds, isBest: state.best.map { loss < $0.loss } ?? true)
  }

  private func save(_ report: (TrainingEvent) -> Void) throws {
    if store.steps.last == state.step { return }
    do {
      try store.write(state, optimizer, settings: recipe.settings, frozen: frozenChecksum)
    } catch {
      let last = store.steps.last.map { "the snapshot of step \($0) is whole" } ?? "there is no earlier one"
      throw TrainingError(
        "snapshot of step \(state.step)", "\(error); \(last). Make room or mend that, then --resume goes on")
    }
    store.keep(last: recipe.snapshots.keep)
    report(.snapshot(step: state.step))
  }

  private func interrupt(_ report: (TrainingEvent) -> Void) throws -> TrainingOutcome {
    try save(report)
    return .interrupted(step: state.step)
  }
}

extension Duration {
  /// As a floating-point number.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

extension TrainableModel {
  /// The same network, sharing its elements, with nothing that records.
  func withoutRecording() -> any TrainableModel {
    var copy = self
    var freezer = Freezer()
    // A visitor that does not throw cannot make the walk throw.
    try? copy.visitParameters(&freezer)
    return copy
  }
}
