import ArgumentParser
import Glibc
import VLEngine
import VLJSON
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
    /image FILE   adds an image to your next message
    /reset        forgets the conversation
    /save FILE    writes the conversation as JSON (messages, with image paths)
    /help         this list
    /quit         ends the chat

    """

  func run() async throws {
    Interrupt.install()
    let terminal = Terminal()
    let model = try model.load(terminal)
    let sampling = generation.sampling.resolved(defaults: model.generationDefaults)
    let engine = Engine(model)
    terminal.note("\(model.family), \(sampling.summary). /help lists the commands.")
    var history = Conversation(system: generation.system)
    while let line = readPrompt() {
      do {
        if line.hasPrefix("/") {
          if try command(line, &history) { break }
        } else if !line.allSatisfy(\.isWhitespace) {
          try await answer(line, &history, sampling, engine, terminal)
        }
      } catch let code as ExitCode {
        throw code
      } catch {
        // The chat goes on; the message that failed is not part of the history.
        Terminal.complain("vlm: \(error)")
        if !Terminal.inputIsInteractive { throw ExitCode(1) }
      }
    }
  }

  /// The next line; nil at the end. Ctrl-C at the prompt ends the chat.
  private func readPrompt() -> String? {
    Interrupt.reset()
    if Terminal.inputIsInteractive { Terminal.say("> ") }
    guard let line = readLine(strippingNewline: true), !Interrupt.isPending else {
      if Terminal.inputIsInteractive { Terminal.say("\n") }
      return nil
    }
    return line
  }

  private func command(_ line: String, _ history: inout Conversation) throws -> Bool {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    let argument = words.count > 1 ? words[1].trimmingBlanks() : ""
    switch words[0] {
    case "/image":
      guard !argument.isEmpty else { throw Failure("/image needs a file: /image photo.jpg") }
      let input = try generation.image.input(argument)
      _ = try input.source.decode()
      history.waiting.append((argument, input))
    case "/reset": history = Conversation(system: generation.system)
    case "/save":
      guard !argument.isEmpty else { throw Failure("/save needs a file: /save chat.json") }
      try write(history.json.serialized(.pretty) + "\n", to: argument)
    case "/help": Terminal.say(Self.help)
    case "/quit", "/exit": return true
    default: throw Failure("unknown command \(words[0]); /help lists them")
    }
    return false
  }

  private func answer(
    _ line: String, _ history: inout Conversation, _ sampling: SamplingSettings, _ engine: Engine,
    _ terminal: Terminal
  ) async throws {
    let user = Message(role: "user", parts: history.waiting.map { .image($0.input) } + [.text(line)])
    let answering = Answering(terminal: terminal, streams: true)
    let request = generation.request(history.messages + [user], sampling)
    guard let result = try await answering.follow(request, on: engine) else {
      Terminal.say("\n")
      terminal.note("[stopped; the message is not kept]")
      if !Terminal.inputIsInteractive { throw ExitCode(130) }
      return
    }
    Terminal.say("\n")
    terminal.note(
      "[\(result.usage.promptTokens) prompt tokens (\(result.usage.cachedTokens) cached), "
        + "\(result.usage.completionTokens) new, \(result.finishReason.rawValue)]")
    history.record(user, line, result, endTokens: engine.model.generationDefaults.eosTokens)
  }

  private func write(_ text: String, to path: String) throws {
    let bytes = Array(text.utf8)
    guard let file = fopen(path, "wb") else {
      throw Failure(
        "\(path): it cannot be written (\(String(cString: strerror(errno)))); choose another file")
    }
    let complete = fwrite(bytes, 1, bytes.count, file) == bytes.count
    guard fclose(file) == 0, complete else { throw Failure("\(path): writing failed; check the disk") }
  }
}

/// What was said so far, as the model has seen it and as a person can read it.
private struct Conversation {
  var messages: [Message] = []
  /// Images for the next message.
  var waiting: [(path: String, input: ImageInput)] = []
  private var readable: [JSONValue] = []

  init(system: String?) {
    guard let system else { return }
    messages = [Message(role: "system", system)]
    readable = [["role": "system", "content": .string(system)]]
  }

  var json: JSONValue { ["messages": .array(readable)] }

  /// Keeps a turn. The answer is kept as its tokens, so that the cache continues exactly.
  mutating func record(_ user: Message, _ line: String, _ result: GenerationResult, endTokens: [Int]) {
    messages.append(user)
    // The end token belongs to the turn's frame, which the next prompt writes anew.
    let ended = result.tokens.last.map(endTokens.contains) ?? false
    messages.append(
      Message(role: "assistant", parts: [.tokens(ended ? result.tokens.dropLast() : result.tokens)]))
    let images = waiting.map { JSONValue.object(["type": "image", "image": .string($0.path)]) }
    readable.append(["role": "user", "content": .array(images + [["type": "text", "text": .string(line)]])])
    readable.append(["role": "assistant", "content": .string(result.text)])
    waiting = []
  }
}

extension JSONValue {
  /// An object value from a literal.
  fileprivate static func object(_ members: KeyValuePairs<String, JSONValue>) -> JSONValue {
    var object = JSONObject()
    for (key, value) in members { object[key] = value }
    return .object(object)
  }
}

extension String {
  /// Without blanks at either end.
  fileprivate func trimmingBlanks() -> String {
    let blanks: Set<Character> = [" ", "\t"]
    return String(drop { blanks.contains($0) }.reversed().drop { blanks.contains($0) }.reversed())
  }
}
