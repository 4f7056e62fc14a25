import Glibc
import VLEngine
import VLMedia
import VLModels
import VLText

/// What was said so far in a chat, and the pictures that wait for the next message.
struct ChatHistory {
  /// The finished turns.
  private(set) var messages: [Message] = []
  /// Pictures for the next message.
  var waiting: [ImageInput] = []

  /// A chat before its first turn.
  init(system: String?) {
    if let system { messages = [Message(role: "system", system)] }
  }

  /// A chat that goes on where a saved one ended.
  init(_ form: ConversationForm) { messages = form.messages }

  /// Keeps a turn. The answer is kept as its tokens, so that the cache continues exactly.
  mutating func record(_ user: Message, _ result: GenerationResult, endTokens: [Int]) {
    messages.append(user)
    // The end token belongs to the turn's frame, which the next prompt writes anew.
    let ended = result.tokens.last.map(endTokens.contains) ?? false
    messages.append(
      Message(role: "assistant", parts: [.tokens(ended ? result.tokens.dropLast() : result.tokens)]))
    waiting = []
  }

  /// The chat as JSON, its pictures named by absolute paths, so that the file may be moved.
  func text(visionIDs: Bool, tokenizer: Tokenizer) -> String? {
    let placed = messages.map { message in
      var message = message
      for (index, part) in message.parts.enumerated() {
        guard case .image(var input) = part, case .file(let path) = input.source else { continue }
        input.source = .file(Self.absolute(path))
        message.parts[index] = .image(input)
      }
      return message
    }
    return ConversationForm(messages: placed, visionIDs: visionIDs).text(tokenizer: tokenizer)
  }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return String(cString: current) + "/" + path
  }
}

/// Files that a chat reads and writes.
enum ChatFile {
  /// No conversation comes near this.
  private static let byteLimit = 64 << 20

  static func write(_ text: String, to path: String) throws(Failure) {
    let bytes = Array(text.utf8)
    guard let file = fopen(path, "wb") else {
      throw Failure("\(path): it cannot be written (\(systemMessage())); choose another file")
    }
    let complete = fwrite(bytes, 1, bytes.count, file) == bytes.count
    guard fclose(file) == 0, complete else { throw Failure("\(path): writing failed; check the disk") }
  }

  static func read(_ path: String) throws(Failure) -> String {
    var status = stat()
    guard stat(path, &status) == 0, let file = fopen(path, "rb") else {
      throw Failure("\(path): it cannot be read (\(systemMessage())); name a file that /save wrote")
    }
    defer { fclose(file) }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= byteLimit else {
      throw Failure("\(path): this is not a saved chat; name a file that /save wrote")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure("\(path): it is not UTF-8 text; name a file that /save wrote")
    }
    return text
  }

  private static func systemMessage() -> String { String(cString: strerror(errno)) }

  /// A path as a shell would understand it: `~/` is the home directory.
  static func expanded(_ path: String) -> String {
    guard path.hasPrefix("~/"), let home = getenv("HOME") else { return path }
    return String(cString: home) + path.dropFirst()
  }
}
