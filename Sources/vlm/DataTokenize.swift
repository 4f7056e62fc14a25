import ArgumentParser
import VLModels
import VLTensor
import VLText
import VLTraining

/// `vlm data tokenize`
struct DataTokenize: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize", abstract: "Turn plain text into a shard of tokens that training reads in place.",
    discussion: """
      A .jsonl file holds one document per line, under "text"; any other file is one document of UTF-8. Each document \
      ends with <|endoftext|>.
      """)

  @Argument(help: "Files of text, in the order given; patterns such as 'part-*.jsonl' too.") var files:
    [String]
  @Option(help: ArgumentHelp("Directory with the model's tokenizer and config.json.", valueName: "dir"))
  var model: String?
  @Option(help: ArgumentHelp("Where to write; by custom it ends in .tokens.", valueName: "file")) var out:
    String
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Tokens of a sample at most; longer documents are cut into pieces.", valueName: "n"))
  var maxTokens = 2048

  func validate() throws {
    if maxTokens < 2 { throw ValidationError("--max-tokens \(maxTokens) is below 2") }
    if !out.hasSuffix(".tokens") {
      throw ValidationError("--out \(out) must end in .tokens, by which it is known later")
    }
  }

  func run() throws {
    let terminal = Terminal()
    let processor = try Families.processor(try modelDirectory(model), on: Compute(threads: 1))
    let tokenizer = processor.tokenizer
    guard let end = tokenizer.id(of: "<|endoftext|>") else {
      throw Failure("the tokenizer has no <|endoftext|>; use the tokenizer files of a Qwen2-VL checkpoint")
    }
    let writer = try TokenShardWriter(out, vocabularySize: tokenizer.vocabularySize, sampleLength: maxTokens)
    var documents = 0
    for path in try files.flatMap(DataFiles.matching) {
      try TextDocuments(path).forEach { text in
        try writer.append(try tokenizer.encode(text) + [end])
        documents += 1
        if documents % 100 == 0 { terminal.progress("\(documents) documents, \(writer.tokenCount) tokens") }
      }
    }
    terminal.clear()
    let (samples, tokens) = (writer.sampleCount, writer.tokenCount)
    guard documents > 0 else { throw Failure("there is no text in \(files.joined(separator: ", "))") }
    try writer.finish()
    Terminal.say("\(out): \(documents) documents, \(samples) samples, \(tokens) tokens\n")
  }
}
