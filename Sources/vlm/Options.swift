import ArgumentParser
import Glibc
import VLEngine
import VLMedia
import VLModels
import VLTensor

/// A failure of the work itself (exit code 1), as opposed to wrong usage (2).
struct Failure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}

/// How results are printed.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json
}

struct ModelOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Checkpoint directory in the published form (default: the small model inside).", valueName: "dir"))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "Directory with LoRA adapters as PEFT or `vlm train` saves them, to use on the checkpoint.",
      valueName: "dir"))
  var adapter: String?

  @OptionGroup var threads: ThreadOptions

  /// Loads the checkpoint, with progress.
  func load(_ terminal: Terminal) throws -> any VisionLanguageModel {
    let directory = try modelDirectory(model)
    terminal.progress("loading \(directory)")
    defer { terminal.clear() }
    let model = try Families.load(directory, on: threads.makeCompute())
    return try adapter.map { try Families.attach(adapter: $0, to: model) } ?? model
  }
}

/// The checkpoint to use: the one that was named, or the model inside.
func modelDirectory(_ named: String?) throws -> String {
  guard let directory = named ?? BundledModel.directory else {
    throw Failure(
      "the model inside was not found beside the program; start it with ./vlm, or name a checkpoint directory"
    )
  }
  return directory
}

struct ThreadOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Threads to work with (default: every processor available).", valueName: "n"))
  var threads: Int?

  func validate() throws {
    // Every command that computes has these options, so this is where the other knob of the machine is checked.
    if let problem = InstructionSet.environmentProblem { throw ValidationError(problem) }
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads \(threads) is outside 1...1024")
    }
  }

  func makeCompute() -> Compute { Compute(threads: threads ?? ThreadPool.availableProcessors) }
}

struct SamplingOptions: ParsableArguments {
  @Flag(help: "Always take the likeliest token.")
  var greedy = false

  @Option(parsing: .unconditional, help: ArgumentHelp("Sampling temperature; 0 is --greedy.", valueName: "t"))
  var temperature: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Sample from the smallest set of tokens with this probability in all.", valueName: "p")
  )
  var topP: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Sample from the k likeliest tokens; 0 for all.", valueName: "k"))
  var topK: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Sample from tokens at least this share as likely as the likeliest.", valueName: "p"))
  var minP: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Divides the scores of tokens that occurred; 1 changes nothing.", valueName: "r"))
  var repetitionPenalty: Double?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Seed of the random numbers (default: a new one, reported).", valueName: "n"))
  var seed: UInt64?

  func validate() throws {
    let choosesSampling = temperature.map { $0 != 0 } ?? false || topP != nil || topK != nil || minP != nil
    if greedy && choosesSampling {
      throw ValidationError(
        "--greedy contradicts --temperature, --top-p, --top-k and --min-p; give one or the other")
    }
    if let problem = resolved(defaults: GenerationDefaults()).problem { throw ValidationError(problem) }
  }

  /// The settings as they will be applied.
  ///
  /// Giving any of temperature, top-p, top-k or min-p replaces all four of the checkpoint's values, the ones not given
  /// becoming neutral: published checkpoints set top-k to 1, which would make a temperature do nothing.
  func resolved(defaults: GenerationDefaults) -> SamplingSettings {
    var settings = SamplingSettings(greedy: true)
    let seed = seed ?? UInt64.random(in: 0...UInt64(UInt32.max))
    settings.seed = seed
    settings.repetitionPenalty = repetitionPenalty ?? defaults.repetitionPenalty ?? 1
    if greedy || temperature == 0 { return settings }
    if temperature != nil || topP != nil || topK != nil || minP != nil {
      settings.greedy = false
      settings.temperature = temperature ?? 1
      settings.topP = topP ?? 1
      settings.topK = topK ?? 0
      settings.minP = minP ?? 0
    } else if defaults.sample == true && defaults.temperature != 0 {
      settings.greedy = false
      settings.temperature = defaults.temperature ?? 1
      settings.topP = defaults.topP ?? 1
      settings.topK = defaults.topK ?? 50
      settings.minP = defaults.minP ?? 0
    }
    return settings
  }
}

struct GenerationOptions: ParsableArguments {
  @OptionGroup var sampling: SamplingOptions
  @OptionGroup var image: ImageOptions

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("System message (default: the family's).", valueName: "text"))
  var system: String?

  @Option(parsing: .unconditional, help: ArgumentHelp("Generate at most this many tokens.", valueName: "n"))
  var maxTokens = 512

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Text that ends the answer; may be given several times.", valueName: "text"))
  var stop: [String] = []

  @Flag(help: "Write \"Picture N: \" before each image.")
  var visionIds = false

  func validate() throws {
    if maxTokens < 1 { throw ValidationError("--max-tokens \(maxTokens) is not above 0") }
    if stop.contains("") { throw ValidationError("--stop was given an empty text") }
  }

  func request(_ messages: [Message], _ sampling: SamplingSettings) -> GenerationRequest {
    GenerationRequest(
      messages: messages, sampling: sampling, maxTokens: maxTokens, stop: stop, visionIDs: visionIds)
  }
}
