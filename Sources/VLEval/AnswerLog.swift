internal import Glibc
internal import Synchronization
public import VLJSON

/// The answers of an evaluation, in memory and if wanted in a file, a line each, so that one that was interrupted can
/// go on.
///
/// The file's first line describes the evaluation; a log of another one is refused rather than mixed with this. A last line
/// without its end, which a killed program leaves behind, is dropped.
public final class AnswerLog: Sendable {
  /// The file, if there is one.
  public let path: String?
  private let descriptor: Int32
  private let state: Mutex<[EvaluatedAnswer]>

  /// All answers: those that an earlier run has left, and those that were added.
  public var answers: [EvaluatedAnswer] { state.withLock { $0 } }

  /// A log in memory only.
  public init() {
    path = nil
    descriptor = -1
    state = Mutex([])
  }

  /// Opens the log at `path`, or starts it.
  ///
  /// - Parameters:
  ///   - path: where the file lies, or is to lie.
  ///   - description: everything that decides the answers: the model, the tasks, the seed.
  /// - Throws: ``EvaluationError`` if the file is another evaluation's, damaged, or refused by the system.
  public init(path: String, description: JSONObject) throws(EvaluationError) {
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw EvaluationError(path, "cannot be opened", errno, "check the path") }
    let known: [EvaluatedAnswer]
    do throws(EvaluationError) {
      known = try Self.load(descriptor, path, description)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
    state = Mutex(known)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Adds an answer; if there is a file, it is in the file when this returns.
  ///
  /// - Throws: ``EvaluationError`` if the system refuses.
  public func append(_ answer: EvaluatedAnswer) throws {
    try state.withLock { answers in
      if let path { try Self.append(answer.json, descriptor, path) }
      answers.append(answer)
    }
  }

  /// What the file holds already; writes the first line of an empty one.
  private static func load(
    _ descriptor: Int32, _ path: String, _ description: JSONObject
  ) throws(EvaluationError) -> [EvaluatedAnswer] {
    // Two runs writing one file would spoil it.
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw EvaluationError(path, "another run is writing this", "wait for it, or write to another file")
    }
    let bytes = try readAll(descriptor, path)
    let whole = bytes.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let lines = bytes[..<whole].split(separator: UInt8(ascii: "\n"))
    var answers: [EvaluatedAnswer] = []
    do {
      if let first = lines.first {
        let found = try JSONValue(parsing: Array(first))
        if found != .object(description) {
          throw EvaluationError(
            path, "it was begun with \(difference(found, description))",
            "finish it with that, remove it, or write to another file")
        }
      } else if !bytes.isEmpty && bytes.first != UInt8(ascii: "{") {
        throw EvaluationError(path, "it is no log of answers", "remove it, or write to another file")
      }
      answers = try lines.dropFirst().map { try EvaluatedAnswer(json: JSONValue(parsing: Array($0))) }
    } catch let error as EvaluationError {
      throw error
    } catch {
      throw EvaluationError(path, "it is no log of answers (\(error))", "remove it, or write to another file")
    }
    guard ftruncate(descriptor, off_t(whole)) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw EvaluationError(path, "cannot be changed", errno, "check its permissions")
    }
    if lines.isEmpty { try append(.object(description), descriptor, path) }
    return answers
  }

  private static func append(
    _ value: JSONValue, _ descriptor: Int32, _ path: String
  ) throws(EvaluationError) {
    let bytes = Array((value.serialized(.spaced) + "\n").utf8)
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        throw EvaluationError(path, "cannot be written", errno, "make room, then run the same command again")
      }
      done += written
    }
  }

  private static func readAll(_ descriptor: Int32, _ path: String) throws(EvaluationError) -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let got = read(descriptor, &buffer, buffer.count)
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else { throw EvaluationError(path, "cannot be read", errno, "check its permissions") }
      if got == 0 { return bytes }
      bytes += buffer[..<got]
    }
  }

  /// The first member that is not the same, in words.
  private static func difference(_ found: JSONValue, _ wanted: JSONObject) -> String {
    guard let found = found.objectValue else { return "something else" }
    for key in found.keys + wanted.keys where found[key] != wanted[key] {
      return "\(key) \((found[key] ?? .null).serialized()), not \((wanted[key] ?? .null).serialized())"
    }
    return "something else"
  }
}

/// Why an evaluation cannot go on; one line that names the culprit and the remedy.
public struct EvaluationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The line.
  public let description: String

  /// A culprit, what is wrong with it, what to do.
  public init(_ name: String, _ problem: String, _ remedy: String) {
    description = "\(name): \(problem); \(remedy)"
  }

  init(_ name: String, _ problem: String, _ code: Int32, _ remedy: String) {
    self.init(name, "\(problem) (\(String(cString: strerror(code))))", remedy)
  }
}
