import ArgumentParser
import VLJSON
import VLTensor
import VLText

struct TokenizerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenizer", abstract: "Train a tokenizer; turn text into token ids and back.",
    subcommands: [Train.self, Encode.self, Decode.self])

  struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Learn a byte-level BPE tokenizer from text files.",
      discussion: """
        Writes tokenizer.json, tokenizer_config.json (with the chat template), vocab.json and merges.txt in the \
        published form. The result is that of Hugging Face's BpeTrainer on the same texts: docs/tokenizer.md.
        """)

    @Argument(help: ArgumentHelp("Files of UTF-8 text; \"-\" for standard input.", valueName: "corpus"))
    var corpus: [String]
    @Option(
      help: ArgumentHelp(
        "Tokens in all, with the special ones and the 256 bytes.", valueName: "n")) var vocabSize: Int
    @Option(help: ArgumentHelp("Directory to write to; there must be no tokenizer in it.", valueName: "dir"))
    var out: String
    @Option(
      help: ArgumentHelp("A special token besides Qwen2-VL's; may be given several times.", valueName: "text")
    )
    var special: [String] = []
    @Flag(help: "Without the special tokens of Qwen2-VL.") var bare = false
    @Option(help: ArgumentHelp("Make no token of a pair that occurs less often.", valueName: "n"))
    var minFrequency = 2
    @Option(
      help: ArgumentHelp("Make no token of more bytes than this (default: no limit).", valueName: "n"))
    var maxTokenBytes: Int?
    @Flag(help: "Each line is a text of its own; otherwise each file is one.") var lines = false
    @OptionGroup var threads: ThreadOptions
    @Option(help: "text or json.") var format = OutputFormat.text

    func run() throws {
      var trainer = BytePairTrainer(vocabularySize: vocabSize)
      trainer.specialTokens = (bare ? [] : BytePairTrainer.qwen2VLTokens) + special
      trainer.minimumCount = minFrequency
      trainer.maximumTokenBytes = maxTokenBytes
      trainer.unit = lines ? .line : .file
      trainer.threads = threads.threads ?? ThreadPool.availableProcessors
      try TrainedTokenizer.prepare(directory: out)
      let terminal = Terminal()
      defer { terminal.clear() }
      let trained = try trainer.train(files: corpus) { terminal.progress(Self.line($0)) }
      try trained.write(to: out)
      terminal.clear()
      report(trained)
    }

    private static func line(_ progress: BytePairTrainer.Progress) -> String {
      switch progress {
      case .counting(let bytes, let total?) where total > 0:
        "reading: \(fixed(Double(bytes) / 1e6, 1)) of \(fixed(Double(total) / 1e6, 1)) MB"
      case .counting(let bytes, _): "reading: \(fixed(Double(bytes) / 1e6, 1)) MB"
      case .merging(let tokens, let all): "merging: \(tokens) of \(all) tokens"
      }
    }

    private func report(_ trained: TrainedTokenizer) {
      let seen = trained.statistics
      let perToken = Double(seen.corpusBytes) / Double(max(1, seen.corpusTokens))
      switch format {
      case .json:
        let json: JSONValue = [
          "directory": .string(out), "tokens": .integer(trained.vocabularySize),
          "special_tokens": .integer(trained.specialTokens.count), "merges": .integer(trained.merges.count),
          "corpus_bytes": .integer(seen.corpusBytes), "pieces": .integer(seen.pieces),
          "different_pieces": .integer(seen.differentPieces), "corpus_tokens": .integer(seen.corpusTokens),
          "last_merge_count": seen.lastCount.map { .integer($0) } ?? nil,
        ]
        Terminal.say(json.serialized(.pretty) + "\n")
      case .text:
        var text =
          "\(out): \(trained.vocabularySize) tokens (\(trained.specialTokens.count) special, 256 bytes, "
        text += "\(trained.merges.count) merges)\n"
        text +=
          "corpus: \(seen.corpusBytes) bytes, \(seen.pieces) pieces, \(seen.differentPieces) different; "
        text += "\(seen.corpusTokens) tokens, \(fixed(perToken, 2)) bytes each\n"
        if let count = seen.lastCount { text += "the last merge's pair occurred \(count) times\n" }
        if trained.vocabularySize < vocabSize {
          text += "no other pair occurs \(max(1, minFrequency)) times"
          text += maxTokenBytes.map { " and fits in \($0) bytes" } ?? ""
          text += ": \(vocabSize - trained.vocabularySize) tokens fewer than asked for\n"
        }
        Terminal.say(text)
      }
    }
  }

  struct Encode: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The token ids of a text.")

    @Argument(help: "Directory with a tokenizer.") var directory: String
    @Argument(help: ArgumentHelp("The text; \"-\" for standard input.", valueName: "text")) var text: String
    @Flag(help: "Special tokens in the text are themselves; otherwise they are plain text.")
    var parseSpecial =
      false
    @Option(help: "text (ids alone) or json (ids and tokens).") var format = OutputFormat.text

    func run() throws {
      let tokenizer = try Tokenizer(directory: directory)
      var text = text
      if text == "-" {
        guard let input = String(validating: try StandardInput.readAll(), as: UTF8.self) else {
          throw Failure("standard input is not UTF-8; convert it (iconv -t UTF-8)")
        }
        text = input
      }
      let ids =
        try parseSpecial ? tokenizer.encodeParsingSpecialTokens(text) : tokenizer.encode(text)
      switch format {
      case .text: Terminal.say(ids.map(String.init).joined(separator: " ") + "\n")
      case .json:
        let json: JSONValue = [
          "ids": .array(ids.map { .integer($0) }),
          "tokens": .array(ids.map { .string(tokenizer.token(of: $0) ?? "") }),
        ]
        Terminal.say(json.serialized(.spaced) + "\n")
      }
    }
  }

  struct Decode: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "The text of token ids.")

    @Argument(help: "Directory with a tokenizer.") var directory: String
    @Argument(help: "Token ids.") var ids: [Int]
    @Flag(help: "Leave special tokens out.") var skipSpecial = false

    func run() throws {
      let tokenizer = try Tokenizer(directory: directory)
      if let id = ids.first(where: { tokenizer.token(of: $0) == nil }) {
        throw Failure("\(directory): there is no token \(id); ids go up to \(tokenizer.vocabularySize - 1)")
      }
      Terminal.say(tokenizer.decode(ids, skipSpecialTokens: skipSpecial) + "\n")
    }
  }
}
