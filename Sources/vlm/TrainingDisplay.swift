import Glibc
import VLTensor
import VLTraining

/// What a person sees while training runs: on a terminal a bar that moves, otherwise a line now and then.
final class TrainingDisplay {
  private let terminal = Terminal()
  private let clock = ContinuousClock()
  private let total: Int?
  private var started: ContinuousClock.Instant
  private var startProgress = 0.0
  private var lastLine: ContinuousClock.Instant
  /// Smoothed over the last steps, so that it can be read.
  private var loss: Double?
  private var dropped = 0
  private var tokensPerSecond: Double?
  private var samplesPerSecond: Double?

  init(_ recipe: Recipe) {
    if case .steps(let steps) = recipe.length { total = steps } else { total = nil }
    started = clock.now
    lastLine = clock.now
  }

  /// A line that stays.
  func line(_ text: String) {
    terminal.clear()
    Terminal.complain(text)
  }

  /// Says what is going to happen.
  func begin(_ trainer: Trainer, _ out: String) {
    let learners = trainer.optimizer.learners
    let count = learners.reduce(0) { $0 + $1.variable.value.count }
    line("\(out): \(short(Double(count))) parameters learn, in \(learners.count) tensors")
    started = clock.now
    lastLine = started - .seconds(60)
    if let total { startProgress = Double(trainer.state.step) / Double(total) }
  }

  /// Says that samples come again which runs before this one were shown.
  func warn(of repeated: [RepeatedDraw], seed: UInt64) {
    guard let nearest = repeated.first else { return }
    let others = repeated.count == 1 ? "" : " and \(repeated.count - 1) more before it"
    line(
      "samples of \(nearest.tasks.joined(separator: ", ")) come again: \(nearest.name)\(others) drew them from seed \(seed) too; "
        + "set another seed for new ones")
  }

  func end() { terminal.clear() }

  func show(_ event: TrainingEvent) {
    switch event {
    case .step(let step): show(step)
    case .evaluation(let result):
      let sources =
        result.sources.count > 1
        ? " (" + result.sources.map { "\($0.name) \(fixed($0.loss, 3))" }.joined(separator: ", ") + ")" : ""
      line(
        "step \(result.step): held-out loss \(fixed(result.loss, 4))\(sources)\(result.isBest ? ", the best so far" : "")"
      )
    case .snapshot: break
    case .dropped(let what):
      dropped += 1
      if dropped <= 10 { line("left out: " + what) }
      if dropped == 10 { line("further samples that are left out are only counted (metrics.jsonl)") }
    }
  }

  private func show(_ step: StepReport) {
    func smooth(_ old: Double?, _ new: Double) -> Double { old.map { 0.9 * $0 + 0.1 * new } ?? new }
    loss = smooth(loss, step.loss)
    tokensPerSecond = smooth(tokensPerSecond, step.tokensPerSecond)
    samplesPerSecond = smooth(samplesPerSecond, step.samplesPerSecond)
    let elapsed = (clock.now - started).inSeconds
    let made = step.progress - startProgress
    let left = made > 0 ? elapsed * (1 - step.progress) / made : nil
    let text =
      "step \(step.step)" + (total.map { "/\($0)" } ?? "")
      + "  loss \(fixed(loss ?? step.loss, (loss ?? 1) < 0.1 ? 5 : 3))"
      + "  \(short(tokensPerSecond ?? 0)) tokens/s  \(short(samplesPerSecond ?? 0)) samples/s"
      + (left.map { "  \(time($0)) left" } ?? "")
    if terminal.isInteractive {
      terminal.progress(bar(step.progress) + "  " + text)
    } else if clock.now - lastLine >= .seconds(60) {
      lastLine = clock.now
      Terminal.complain(text)
    }
  }

  private func bar(_ progress: Double) -> String {
    let eighths = Int((min(1, max(0, progress)) * 160).rounded(.down))
    let partial = eighths % 8 == 0 ? "" : String(["▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8 - 1])
    let full = String(repeating: "█", count: eighths / 8) + partial
    return "▕" + full + String(repeating: " ", count: max(0, 20 - full.count)) + "▏"
  }

  private func time(_ seconds: Double) -> String {
    let whole = Int(seconds.rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
  }

  /// Three digits and a letter: 1.23k.
  private func short(_ value: Double) -> String {
    for (limit, letter) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] where value >= limit {
      let scaled = value / limit
      return fixed(scaled, scaled < 10 ? 2 : scaled < 100 ? 1 : 0) + letter
    }
    return fixed(value, value < 10 ? 2 : value < 100 ? 1 : 0)
  }
}
