import ArgumentParser
import VLEngine
import VLJSON
import VLModels

struct Ask: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask one question, about any number of images or none.",
    discussion: """
      The answer streams to standard output. Images come before the question, in the order given. Whatever the \
      settings are not told here comes from the checkpoint's generation_config.json; what was applied is part of \
      --format json and is shown on a terminal.
      """)

  @Argument(
    help:
      "The question; read from standard input when absent or \"-\". One that starts with a dash goes last, after --."
  )
  var prompt: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Image file, data: URL, or \"-\" for standard input; may be given several times.", valueName: "file"))
  var image: [String] = []

  @OptionGroup var perImage: PerImageOptions
  @OptionGroup var model: ModelOptions
  @OptionGroup var generation: GenerationOptions

  @Option(help: "text: the answer alone; json: one object with tokens, usage, images, sampling and timings.")
  var format = OutputFormat.text

  func validate() throws {
    let readsPrompt = prompt == nil || prompt == "-"
    if image.filter({ $0 == "-" }).count + (readsPrompt ? 1 : 0) > 1 {
      throw ValidationError(
        "standard input can be read once: give the question as an argument, or the images as files")
    }
    try perImage.validate(count: image.count, generation.image)
    if prompt == nil && Terminal.inputIsInteractive {
      throw ValidationError("no question: give it as an argument or on standard input")
    }
  }

  func run() async throws {
    Interrupt.install()
    let terminal = Terminal()
    let question = try questionText()
    let images = try perImage.inputs(image, generation.image)
    let clock = ContinuousClock()
    let start = clock.now
    let model = try model.load(terminal)
    let loadSeconds = (clock.now - start).inSeconds
    let sampling = generation.sampling.resolved(defaults: model.generationDefaults)
    var messages: [Message] = []
    if let system = generation.system { messages.append(Message(role: "system", system)) }
    messages.append(Message(role: "user", parts: images.map { .image($0) } + [.text(question)]))

    let answering = Answering(terminal: terminal, streams: format == .text)
    let result = try await answering.follow(generation.request(messages, sampling), on: Engine(model))
    guard let result else {
      if format == .text { Terminal.say("\n") }
      throw ExitCode(130)
    }
    switch format {
    case .text:
      Terminal.say("\n")
      let rate = result.timings.decode > 0 ? Double(result.tokens.count) / result.timings.decode : 0
      terminal.note(
        "[\(result.usage.promptTokens) prompt + \(result.usage.completionTokens) tokens, "
          + "\((rate * 10).rounded() / 10) tokens/s, \(result.finishReason.rawValue); \(sampling.summary)]")
    case .json: Terminal.say(result.json(loadSeconds: loadSeconds).serialized(.pretty) + "\n")
    }
  }

  private func questionText() throws -> String {
    if let prompt, prompt != "-" { return prompt }
    guard let text = String(validating: try StandardInput.readAll(), as: UTF8.self) else {
      throw Failure("standard input is not UTF-8 text; the question must be")
    }
    let trimmed = text.hasSuffix("\n") ? String(text.dropLast()) : text
    guard !trimmed.isEmpty else {
      throw Failure("standard input is empty; give a question there or as an argument")
    }
    return trimmed
  }
}
