import ArgumentParser
import Glibc
import Synchronization
import VLEngine
import VLEval
import VLJSON
import VLMedia
import VLModels
import VLSynth
import VLTensor

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Measure how often a model is right.", subcommands: [Drawn.self])

  struct Drawn: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "synth", abstract: "Ask about drawn pictures that training has not seen.",
      discussion: """
        Answers are greedy. With --out, every answer is kept in OUT.answers while the run goes on: the same command \
        continues one that was interrupted. docs/evaluation.md says what counts as right.
        """)

    @OptionGroup var model: ModelOptions
    @Option(
      help: ArgumentHelp(
        "Tasks and skills, such as scenes,grounding/phrase-to-box (default: every task; vlm synth --list).",
        valueName: "list"))
    var tasks = ""
    @Option(parsing: .unconditional, help: ArgumentHelp("Samples of each task.", valueName: "n")) var count =
      200
    @Option(help: ArgumentHelp("Seed of the samples.", valueName: "n")) var seed: UInt64 = 0
    @Option(help: "heldout, or train to see what was learnt by heart.") var split = SynthSplit.heldOut
    @Option(help: ArgumentHelp("Shortest and longest side of pictures, in pixels.", valueName: "a..b"))
    var size = "112..224"
    @Option(
      parsing: .unconditional,
      help: ArgumentHelp("From 0 (few large things, plain) to 1 (everything).", valueName: "d"))
    var difficulty = 1.0
    @Option(help: ArgumentHelp("Frames of a clip (default: 4 to 8, by difficulty).", valueName: "a..b"))
    var frames: String?
    @Option(parsing: .unconditional, help: ArgumentHelp("Longest answer, in tokens.", valueName: "n"))
    var maxTokens = 512
    @Option(parsing: .unconditional, help: ArgumentHelp("Samples in work at once.", valueName: "n"))
    var batch = 4
    @Option(help: "text (a table) or json (everything).") var format = OutputFormat.text
    @Option(help: ArgumentHelp("File for everything, each wrong answer too, as JSON.", valueName: "file"))
    var out: String?
    @Option(help: ArgumentHelp("Directory for the pictures of wrong answers.", valueName: "dir"))
    var pictures: String?

    func validate() throws {
      if !(1...1_000_000).contains(count) { throw ValidationError("--count \(count) is outside 1...1000000") }
      if !(1...64).contains(batch) { throw ValidationError("--batch \(batch) is outside 1...64") }
      _ = try (PictureSides.parse(size), PictureSides.frames(frames))
      if maxTokens < 1 { throw ValidationError("--max-tokens \(maxTokens) is not above 0") }
    }

    func run() async throws {
      let tasks = try evaluations()
      if let out, access(out, F_OK) == 0 {
        throw Failure("\(out): there is a file already; remove it or choose another name")
      }
      if let pictures, mkdir(pictures, 0o777) != 0, errno != EEXIST {
        throw Failure("\(pictures): cannot be made (\(String(cString: strerror(errno)))); check the path")
      }
      let terminal = Terminal()
      let network = try model.load(terminal)
      let log =
        try out.map { try AnswerLog(path: $0 + ".answers", description: description(tasks)) } ?? AnswerLog()
      let known = log.answers
      if let path = log.path, !known.isEmpty {
        terminal.note("going on after \(known.count) answers in \(path)")
      }

      let run = self.run(tasks)
      let progress = EvaluationProgress(terminal, samples: tasks.count * count, known: known)
      Interrupt.install()
      let engineOptions = self.engineOptions
      let finished = try await Interrupt.cancelling {
        let engine = Engine(network, options: engineOptions)
        try await run.answer(on: engine, known: known) { answer in
          try log.append(answer)
          progress.add(answer)
        }
        return true
      }
      terminal.clear()
      guard finished == true else {
        if log.path != nil {
          Terminal.complain("vlm: stopped; the same command goes on after \(log.answers.count) answers")
        }
        throw ExitCode(130)
      }
      let report = EvaluationReport(tasks: tasks.map(\.name), answers: log.answers)
      if let pictures { try writePictures(of: report, tasks, to: pictures) }
      try finish(report, tasks, log)
    }

    /// One evaluation for each task that was named, or for all.
    private func evaluations() throws -> [SynthEvaluation] {
      let settings = try SynthSettings(
        sides: PictureSides.parse(size), difficulty: difficulty, frames: PictureSides.frames(frames))
      // Weights mix tasks, and here they are kept apart.
      if let weighted = tasks.split(separator: ",").first(where: { $0.contains("=") }) {
        throw Failure(
          "--tasks \(weighted): there are no weights here, each task gets --count samples; leave it out")
      }
      let stream = try SynthStream(tasks: tasks, seed: seed, split: split, settings: settings)
      if !stream.leftOut.isEmpty {
        Terminal.complain(
          "vlm: left out for want of a font with Chinese characters: \(stream.leftOut.joined(separator: ", "))"
        )
      }
      let names = tasks.isEmpty ? stream.tasks : tasks.split(separator: ",").map(String.init)
      if let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
        throw Failure("--tasks names \(twice) twice; name it once")
      }
      return try names.map { try SynthEvaluation(task: $0, seed: seed, split: split, settings: settings) }
    }

    private func run(_ tasks: [SynthEvaluation]) -> EvaluationRun {
      var run = EvaluationRun(tasks: tasks, count: count)
      run.maximumTokens = maxTokens
      run.concurrency = batch
      return run
    }

    private var engineOptions: Engine.Options {
      var options = Engine.Options()
      options.maximumRunning = batch
      // No picture and no conversation comes twice, except for the turns of one sample.
      options.imageCacheBytes = 64 << 20
      options.retainedConversations = batch
      return options
    }

    /// Everything that decides the answers.
    private func description(_ tasks: [SynthEvaluation]) throws -> JSONObject {
      var object = JSONObject()
      object["evaluation"] = "synth"
      object["model"] = .string(try modelDirectory(model.model))
      object["weights"] = .string(try Self.weightsStamp(modelDirectory(model.model)))
      object["tasks"] = .array(tasks.map { .string($0.name) })
      object["count"] = .integer(count)
      object["seed"] = .string("\(seed)")
      object["split"] = .string(split.rawValue)
      object["size"] = .string(size)
      object["difficulty"] = .number(difficulty)
      object["frames"] = frames.map { .string($0) }
      object["max_tokens"] = .integer(maxTokens)
      return object
    }

    /// Tells one state of a checkpoint directory from another without reading it: sizes and times of its weights.
    private static func weightsStamp(_ directory: String) throws -> String {
      guard let stream = opendir(directory) else {
        throw Failure("\(directory): cannot be read (\(String(cString: strerror(errno)))); check the path")
      }
      defer { closedir(stream) }
      var stamps: [String] = []
      while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        var status = stat()
        guard name.hasSuffix(".safetensors"), stat(directory + "/" + name, &status) == 0 else { continue }
        stamps.append("\(name) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)")
      }
      return stamps.sorted().joined(separator: ", ")
    }

    private func finish(_ report: EvaluationReport, _ tasks: [SynthEvaluation], _ log: AnswerLog) throws {
      var json = try description(tasks)
      for (key, value) in report.json.members { json[key] = value }
      if let out {
        try SynthWriter.write(Array((JSONValue.object(json).serialized(.pretty) + "\n").utf8), to: out)
        if let path = log.path { unlink(path) }
      }
      switch format {
      case .json: Terminal.say(JSONValue.object(json).serialized(.pretty) + "\n")
      case .text:
        Terminal.say(report.table)
        if let out {
          Terminal.say("\(report.answers.count { !$0.score.isRight }) wrong answers are in \(out)\n")
        }
      }
    }

    private func writePictures(
      of report: EvaluationReport, _ tasks: [SynthEvaluation], to directory: String
    ) throws {
      for task in tasks {
        let wrong = Set(report.answers.filter { $0.task == task.name && !$0.score.isRight }.map(\.index))
        for index in wrong.sorted() {
          for (place, picture) in try task.pictures(at: index).enumerated() {
            let stem = task.name.map { $0 == "/" ? "-" : String($0) }.joined()
            try SynthWriter.write(picture, to: "\(directory)/\(stem)-\(index)-\(place + 1).png")
          }
        }
      }
    }
  }
}

/// The line that is shown while questions are asked.
private final class EvaluationProgress: Sendable {
  private struct Count {
    var right = 0
    var asked = 0
    var samples = 0
    var fresh = 0
  }

  private let terminal: Terminal
  private let samples: Int
  private let start = ContinuousClock.now
  private let count: Mutex<Count>

  init(_ terminal: Terminal, samples: Int, known: [EvaluatedAnswer]) {
    self.terminal = terminal
    self.samples = samples
    var counted = Count()
    for answer in known { Self.add(answer, to: &counted) }
    count = Mutex(counted)
  }

  func add(_ answer: EvaluatedAnswer) {
    let (counted, seconds) = count.withLock { counted in
      Self.add(answer, to: &counted)
      if answer.turn == answer.turns - 1 { counted.fresh += 1 }
      return (counted, (ContinuousClock.now - start).inSeconds)
    }
    let rate = Double(counted.fresh) / max(1e-9, seconds)
    let left = Int(Double(samples - counted.samples) / max(1e-9, rate))
    terminal.progress(
      "\(answer.task): \(counted.samples) of \(samples) samples, "
        + "\(fixed(100 * Double(counted.right) / Double(counted.asked), 1)) % right, "
        + "\(fixed(rate, 1)) samples/s, \(left / 60) min \(left % 60) s left")
  }

  private static func add(_ answer: EvaluatedAnswer, to counted: inout Count) {
    counted.asked += 1
    if answer.score.isRight { counted.right += 1 }
    if answer.turn == answer.turns - 1 { counted.samples += 1 }
  }
}
