import ArgumentParser
import Synchronization
import VLModels
import VLSynth
import VLTensor
import VLTraining

/// `vlm data text`
struct DataText: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "text", abstract: "Print the words of samples: a corpus to train a tokenizer on.",
    discussion: """
      Every text, question, answer and label stands on lines of its own, without roles, boxes and special tokens. \
      Lines end with a space, for otherwise a tokenizer would learn "?" and the line end as one token, which no turn of \
      a chat holds.

        vlm data text --synth scenes,text --count 5000 | vlm tokenizer train - --lines --vocab-size 2048 --out tokenizer
      """)

  @Argument(help: "Files of data as vlm data show takes them; none with --synth.") var files: [String] = []
  @Option(help: "chat, llava, qwen or webdataset (default: by ending and first record).")
  var format: DataFormat?
  @Option(
    help: ArgumentHelp(
      "Drawn samples instead of files: tasks as vlm synth --tasks takes them, \"\" for all.",
      valueName: "list"))
  var synth: String?
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Samples at most (default: all; with --synth 1000).", valueName: "n"))
  var count: Int?
  @Option(help: ArgumentHelp("Seed of drawn samples.", valueName: "n")) var seed: UInt64 = 0
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if files.isEmpty == (synth == nil) { throw ValidationError("give files, or --synth LIST") }
    if let count, count < 1 { throw ValidationError("--count \(count) is not above 0") }
  }

  func run() throws {
    let terminal = Terminal()
    let sources: [any SampleSource] =
      if let synth {
        [
          SynthSource(
            try SynthStream(tasks: synth, seed: seed, split: .train, settings: SynthSettings()),
            tasks: synth)
        ]
      } else {
        try files.map { try DataFiles.open($0, format: format, media: nil) }
      }
    let pool = ThreadPool(threads: threads.threads ?? ThreadPool.availableProcessors)
    var left = count ?? (synth == nil ? Int.max : 1000)
    var done = 0
    for source in sources {
      let total = min(left, source.count ?? left)
      left -= total
      for first in stride(from: 0, to: total, by: 256) {
        let batch = TextBatch(source, first..<min(total, first + 256))
        pool.parallelFor(batch.range.count) { batch.read($0) }
        Terminal.say(try batch.texts().joined())
        done += batch.range.count
        terminal.progress("\(done) samples")
      }
    }
    terminal.clear()
  }
}

/// The words of samples that threads read at once, each in its place.
private final class TextBatch: Sendable {
  let range: Range<Int>
  private let source: any SampleSource
  private let slots: Mutex<[Result<String, any Error>]>

  init(_ source: any SampleSource, _ range: Range<Int>) {
    self.source = source
    self.range = range
    slots = Mutex(Array(repeating: .success(""), count: range.count))
  }

  func read(_ offset: Int) {
    let text = Result { try Self.words(of: source.sample(at: range.lowerBound + offset)) }
    slots.withLock { $0[offset] = text }
  }

  func texts() throws -> [String] { try slots.withLock { try $0.map { try $0.get() } } }

  private static func words(of sample: TrainingSample) throws -> String {
    if case .tokens = sample.content {
      throw Failure("\(sample.name): it holds tokens, not text; give the files that they were made of")
    }
    var words = ""
    for part in sample.turns.flatMap(\.message.parts) {
      switch part {
      case .text(let text), .reference(let text): words += text + " \n"
      case .image, .video, .box, .quad, .tokens: break
      }
    }
    return words
  }
}
