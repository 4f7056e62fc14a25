import ArgumentParser
import Glibc
import VLEngine
import VLMedia
import VLModels

struct Chat: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Talk about images, turn by turn.",
    discussion: """
      The history is kept, and so are the encoded images and the text model's cache: a second question about the same \
      image reads only the question. Type /help for the commands. Ctrl-C stops an answer; Ctrl-D ends the chat.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var generation: GenerationOptions

  private static let help = """
    /image FILE       adds an image to your next message (also a data: URL)
    /resize SETTINGS  resizes the image just added otherwise: /resize max-pixels=50176
    /save FILE        writes the conversation as JSON; its images by their paths
    /load FILE        goes on with a saved conversation in place of this one
    /reset            forgets the conversation
    /help             this list
    /quit             ends the chat (as Ctrl-D does)
    What starts with // is a message that starts with /.

    """

  func run() async throws {
    Interrupt.install()
    let terminal = Terminal()
    let model = try model.load(terminal)
    let sampling = generation.sampling.resolved(defaults: model.generationDefaults)
    let engine = Engine(model)
    terminal.note("\(model.family), \(sampling.summary). /help lists the commands.")
    var history = ChatHistory(system: generation.system)
    var input = LineReader()
    while let line = try readPrompt(&input, terminal) {
      do {
        if line.hasPrefix("/") && !line.hasPrefix("//") {
          if try command(line, &history, engine, terminal) { break }
        } else if !line.allSatisfy(\.isWhitespace) {
          let message = line.hasPrefix("//") ? String(line.dropFirst()) : line
          try await answer(message, &history, sampling, engine, terminal)
        }
      } catch let code as ExitCode {
        throw code
      } catch {
        // The chat goes on; the message that failed is not part of the history.
        Terminal.complain("vlm: \(error)")
        if !Terminal.inputIsInteractive { throw ExitCode(1) }
      }
    }
    if !history.waiting.isEmpty && !Terminal.inputIsInteractive {
      throw Failure("the input ends after /image and before a message; nothing was asked about the image")
    }
  }

  /// The next line; nil at the end. Ctrl-C gives up the line; a second one, without a line between, ends the chat.
  private func readPrompt(_ input: inout LineReader, _ terminal: Terminal) throws -> String? {
    var interrupts = 0
    while true {
      Interrupt.reset()
      terminal.prompt("> ")
      switch try input.next() {
      case .line(let line): return line
      case .end:
        terminal.prompt("\n")
        return nil
      case .interrupted:
        guard Terminal.inputIsInteractive else { throw ExitCode(130) }
        interrupts += 1
        terminal.prompt("\n")
        if interrupts > 1 { throw ExitCode(130) }
        terminal.note("[Ctrl-C again or Ctrl-D ends the chat]")
      }
    }
  }

  /// Follows a command; true if it ends the chat.
  private func command(
    _ line: String, _ history: inout ChatHistory, _ engine: Engine, _ terminal: Terminal
  ) throws -> Bool {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    let argument = words.count > 1 ? words[1].trimmingBlanks() : ""
    func file(_ example: String) throws -> String {
      guard !argument.isEmpty else { throw Failure("\(words[0]) needs a file: \(words[0]) \(example)") }
      return ChatFile.expanded(argument)
    }
    switch words[0] {
    case "/image":
      let path = try file("photo.jpg")
      guard path != "-" else { throw Failure("/image -: standard input is the chat itself; name a file") }
      let input = try generation.image.input(path)
      terminal.note(try report(input, engine.model))
      history.waiting.append(input)
    case "/resize":
      guard var input = history.waiting.last else {
        throw Failure(
          "/resize is about the image added before your next message, and there is none; /image first")
      }
      var override = ResizeRequest()
      do { try override.apply(argument) } catch { throw Failure("/resize \(argument): \(error)") }
      input.resize = input.resize.overridden(by: override)
      if let problem = input.resize.problem(saying: { $0 }) { throw Failure("/resize: \(problem)") }
      terminal.note(try report(input, engine.model))
      history.waiting[history.waiting.count - 1] = input
    case "/save":
      let path = try file("chat.json")
      guard let text = history.text(visionIDs: generation.visionIds, tokenizer: engine.model.tokenizer) else {
        throw Failure("/save: an image of this chat is in no file")
      }
      try ChatFile.write(text + "\n", to: path)
      terminal.note("[\(history.messages.count) messages in \(path)]")
    case "/load":
      let loaded = try load(file("chat.json"), engine.model)
      history = ChatHistory(loaded)
      terminal.note("[\(loaded.messages.count) messages loaded]")
    case "/reset": history = ChatHistory(system: generation.system)
    case "/help": Terminal.say(Self.help)
    case "/quit", "/exit": return true
    default: throw Failure("unknown command \(words[0]); /help lists them")
    }
    return false
  }

  /// Reads a picture as far as is needed to say what will become of it; an error if it cannot be used.
  private func report(_ input: ImageInput, _ model: any VisionLanguageModel) throws -> String {
    let report = try model.prepare(.image(input), files: [input.source.load()]).report
    return "[\(report.format) \(report.originalWidth)×\(report.originalHeight), seen as "
      + "\(report.resizedWidth)×\(report.resizedHeight), \(report.tokens) tokens]"
  }

  /// Reads a saved chat; an error unless all of it, pictures included, is there.
  private func load(_ path: String, _ model: any VisionLanguageModel) throws -> ConversationForm {
    let text = try ChatFile.read(path)
    let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
    let directory = parts.isEmpty ? "." : parts.joined(separator: "/")
    let form: ConversationForm
    do { form = try ConversationForm(parsing: text, relativeTo: directory, tokenizer: model.tokenizer) } catch
    {
      throw Failure("\(path): \(error); name a file that /save wrote")
    }
    for message in form.messages {
      for case .image(let input) in message.parts { _ = try report(input, model) }
    }
    guard form.visionIDs == generation.visionIds else {
      throw Failure(
        "\(path): the chat was held with\(form.visionIDs ? "" : "out") --vision-ids; start this one so too")
    }
    return form
  }

  private func answer(
    _ line: String, _ history: inout ChatHistory, _ sampling: SamplingSettings, _ engine: Engine,
    _ terminal: Terminal
  ) async throws {
    let user = Message(role: "user", parts: history.waiting.map { .image($0) } + [.text(line)])
    let answering = Answering(terminal: terminal, streams: true)
    let request = generation.request(history.messages + [user], sampling)
    guard let result = try await answering.follow(request, on: engine) else {
      Terminal.say("\n")
      let images = history.waiting.isEmpty ? "" : "; its images wait for the next"
      terminal.note("[stopped; the message is not kept\(images)]")
      if !Terminal.inputIsInteractive { throw ExitCode(130) }
      return
    }
    Terminal.say("\n")
    terminal.note(
      "[\(result.usage.promptTokens) prompt tokens (\(result.usage.cachedTokens) cached), "
        + "\(result.usage.completionTokens) new, \(result.finishReason.rawValue)]")
    history.record(user, result, endTokens: engine.model.generationDefaults.eosTokens)
  }
}

extension String {
  /// Without blanks at either end.
  fileprivate func trimmingBlanks() -> String {
    let blanks: Set<Character> = [" ", "\t"]
    return String(drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed())
  }
}
