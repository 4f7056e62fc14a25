public import ArgumentParser
import VLMedia
import VLModels
import VLTensor
public import VLTraining

/// `vlm data`: looking at training data before it costs hours.
struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Look at training data: show samples, check whole data sets, make corpora and token shards.",
    subcommands: [DataShow.self, DataCheckCommand.self, DataText.self, DataTokenize.self])
}

extension DataFormat: ExpressibleByArgument {}
extension SampleEncoder.Truncation: ExpressibleByArgument {}

/// Which data, and how a model would read it.
struct DataOptions: ParsableArguments {
  @Argument(
    help:
      "Files of data: JSON lines, JSON, tar shards or token shards; patterns such as 'shard-{000..127}.tar' too."
  )
  var files: [String]

  @Option(help: "chat, llava, qwen, webdataset or tokens (default: by ending and first record).")
  var format: DataFormat?

  @Option(
    help: ArgumentHelp(
      "What relative paths of pictures start from (default: the file's directory).", valueName: "dir"))
  var media: String?

  @Option(
    help: ArgumentHelp(
      "Directory with config.json, preprocessor and tokenizer to count tokens by; weights are not needed (default: the "
        + "small model inside).", valueName: "dir"))
  var model: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Tokens of a sample at most (default: the model's context).", valueName: "n"))
  var maxTokens: Int?

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Patches of a sample's pictures at most.", valueName: "n"))
  var maxPatches: Int?

  @Option(help: "What happens to longer samples: drop, or end (keep their beginning).")
  var truncation = SampleEncoder.Truncation.drop

  @Flag(help: "Write \"Picture N: \" before each picture.")
  var visionIds = false

  @OptionGroup var image: ImageOptions
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    for (name, value) in [("--max-tokens", maxTokens), ("--max-patches", maxPatches)] {
      if let value, value < 2 { throw ValidationError("\(name) \(value) is below 2") }
    }
  }

  /// The samples of all files.
  func open(_ terminal: Terminal) throws -> [any SampleSource] {
    try files.map { pattern in
      terminal.progress("reading the index of \(pattern)")
      defer { terminal.clear() }
      return try DataFiles.open(pattern, format: format, media: media)
    }
  }

  /// What counts tokens; nil if no model was named and there is none inside.
  func encoder() throws -> SampleEncoder? {
    guard let directory = model ?? BundledModel.directory else { return nil }
    let processor = try Families.processor(directory, on: Compute(threads: 1))
    return SampleEncoder(
      processor,
      options: SampleEncoder.Options(
        maxTokens: maxTokens ?? processor.contextLength, maxPatches: maxPatches, truncation: truncation,
        visionIDs: visionIds))
  }
}

/// A source whose pictures have limits from the command line, as far as they have none of their own.
struct ResizedSource: SampleSource {
  let source: any SampleSource
  let resize: ResizeRequest
  var name: String { source.name }
  var count: Int? { source.count }
  func sample(at index: Int) throws -> TrainingSample { try source.sample(at: index).resized(by: resize) }
}
