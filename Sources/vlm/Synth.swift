public import ArgumentParser
import Synchronization
import VLMedia
public import VLSynth
import VLTensor

struct Synth: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Draw training data: scenes, grounding, text, documents, cards, screens, clips; seeded and endless.",
    discussion: """
      Writes OUT/data.jsonl and OUT/images, or tar shards. Sample i depends on the task, the seed, the split and i \
      only; the two splits share no random numbers. An interrupted run goes on where it stopped.
      """)

  @Argument(help: ArgumentHelp("Directory to make.", valueName: "out")) var directory: String?
  @Option(
    help: ArgumentHelp(
      "Tasks, skills and weights, such as scenes=2,grounding/phrase-to-box,lines (default: every task alike).",
      valueName: "list"))
  var tasks = ""
  @Option(help: ArgumentHelp("Samples to draw.", valueName: "n")) var count = 1000
  @Option(help: ArgumentHelp("Seed of the random numbers.", valueName: "n")) var seed: UInt64 = 0
  @Option(help: "train or heldout.") var split = SynthSplit.train
  @Option(help: "jsonl or wds (tar shards of 1000 samples).") var format = SynthFile.Layout.jsonl
  @Option(help: ArgumentHelp("Shortest and longest side of pictures, in pixels.", valueName: "a..b"))
  var size = "112..224"
  @Option(help: ArgumentHelp("From 0 (few large things, plain) to 1 (everything).", valueName: "d"))
  var difficulty = 1.0
  @Option(
    help: ArgumentHelp("Frames of a clip (default: 4 to 8, by difficulty).", valueName: "a..b"))
  var frames: String?
  @Option(
    help: ArgumentHelp(
      "Also draw some samples of each task with their answers in one PNG.", valueName: "file"))
  var sheet: String?
  @Option(help: ArgumentHelp("Samples on the sheet.", valueName: "n")) var sheetCount = 36
  @Flag(help: "List the tasks and their skills.") var list = false
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if list { return }
    if directory == nil && sheet == nil {
      throw ValidationError("give a directory to make, --sheet or --list")
    }
    if !(1...1_000_000_000).contains(count) {
      throw ValidationError("--count \(count) is outside 1...1000000000")
    }
    if !(1...1000).contains(sheetCount) {
      throw ValidationError("--sheet-count \(sheetCount) is outside 1...1000")
    }
    _ = try (sides(), PictureSides.frames(frames))
  }

  private func sides() throws -> ClosedRange<Int> { try PictureSides.parse(size) }

  func run() throws {
    if list {
      Terminal.say(Self.tasksText)
      return
    }
    let stream = try SynthStream(
      tasks: tasks, seed: seed, split: split,
      settings: SynthSettings(
        sides: sides(), difficulty: difficulty, frames: PictureSides.frames(frames)))
    if !stream.leftOut.isEmpty {
      Terminal.complain(
        "vlm: left out for want of a font with Chinese characters: \(stream.leftOut.joined(separator: ", "))")
    }
    if let sheet {
      try SynthWriter.write(ContactSheet.png(sheetSamples(stream), fonts: stream.fonts), to: sheet)
    }
    if let directory { try write(stream, to: directory) }
  }

  /// The first samples of each task, as many of one as of another, in the tasks' order.
  private func sheetSamples(_ stream: SynthStream) -> [SynthSample] {
    let tasks = stream.tasks
    let share = (sheetCount + tasks.count - 1) / tasks.count
    var taken: [String: [SynthSample]] = [:]
    var index: UInt64 = 0
    // A task with a tiny weight may come too rarely to be waited for.
    while taken.values.reduce(0, { $0 + $1.count }) < sheetCount, index < UInt64(sheetCount) * 100 {
      let sample = stream.sample(at: index)
      if taken[sample.task, default: []].count < share { taken[sample.task, default: []].append(sample) }
      index += 1
    }
    var order: [String] = []
    for task in tasks where !order.contains(task) { order.append(task) }
    return order.flatMap { taken[$0] ?? [] }
  }

  private func write(_ stream: SynthStream, to directory: String) throws {
    Interrupt.install()
    let terminal = Terminal()
    var writer = try SynthWriter(
      directory: directory, stream: stream, tasks: tasks, count: count, layout: format)
    if writer.resumedAt > 0 { terminal.note("going on after \(writer.resumedAt) samples") }
    let pool = ThreadPool(threads: threads.threads ?? ThreadPool.availableProcessors)
    let clock = ContinuousClock()
    let start = clock.now
    var counts: [String: Int] = [:]
    while writer.written < count {
      if Interrupt.isPending {
        terminal.clear()
        Terminal.complain(
          "vlm: interrupted after \(writer.written) of \(count) samples; the same command goes on")
        throw ExitCode(130)
      }
      let first = writer.written
      let batch = DrawnBatch(count: min(256, count - first))
      pool.parallelFor(batch.count) { offset in
        let sample = stream.sample(at: UInt64(first + offset))
        batch.set(
          offset,
          Result { () throws(MediaError) in
            (try SynthFile(sample, index: first + offset, layout: format), sample.task)
          })
      }
      let drawn = try batch.drawn
      for item in drawn { counts[item.task, default: 0] += 1 }
      try writer.append(drawn.map(\.file))
      let seconds = (clock.now - start) / .seconds(1)
      let rate = Double(writer.written - writer.resumedAt) / max(seconds, 1e-3)
      terminal.progress(
        "\(writer.written) of \(count) samples, \(fixed(rate, 0)) a second, "
          + "\(fixed(Double(count - writer.written) / max(rate, 1e-3), 0)) s left")
    }
    let resumedAt = writer.resumedAt
    try writer.finish()
    terminal.clear()
    let seconds = (clock.now - start) / .seconds(1)
    terminal.note(
      "\(directory): \(count) samples, \(fixed(Double(count - resumedAt) / max(seconds, 1e-3), 0)) a second ("
        + counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") + ")")
  }

  private static var tasksText: String {
    SynthTasks.list.map { task in
      let (drawn, named) = (task.skills.filter { $0.weight > 0 }, task.skills.filter { $0.weight == 0 })
      return pad(task.name, 14) + task.summary + "\n" + pad("", 14)
        + drawn.map(\.name).joined(separator: ", ")
        + (named.isEmpty ? "" : "; only by name: " + named.map(\.name).joined(separator: ", ")) + "\n"
    }.joined()
  }
}

/// Samples that threads draw at once, each in its place.
private final class DrawnBatch: Sendable {
  let count: Int
  typealias Drawn = (file: SynthFile, task: String)
  private let slots: Mutex<[Result<Drawn, MediaError>?]>

  init(count: Int) {
    self.count = count
    slots = Mutex(Array(repeating: nil, count: count))
  }

  func set(_ index: Int, _ drawn: Result<Drawn, MediaError>) { slots.withLock { $0[index] = drawn } }

  /// All of them, in order.
  var drawn: [Drawn] {
    get throws { try slots.withLock { $0 }.compactMap { try $0?.get() } }
  }
}

extension SynthSplit: ExpressibleByArgument {}
extension SynthFile.Layout: ExpressibleByArgument {}
