import ArgumentParser
import Glibc
import VLMedia

/// Standard input, read so that Ctrl-C is noticed meanwhile.
enum StandardInput {
  /// The next bytes into `buffer`; 0 at the end, nil when Ctrl-C was pressed.
  fileprivate static func read(into buffer: inout [UInt8]) throws(Failure) -> Int? {
    while true {
      // The signal may reach any thread, so it need not end a read that waits in this one.
      var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
      let ready = poll(&descriptor, 1, 50)
      if Interrupt.isPending { return nil }
      if ready == 0 || (ready < 0 && errno == EINTR) { continue }
      let count = Glibc.read(STDIN_FILENO, &buffer, buffer.count)
      if count >= 0 { return count }
      if errno == EINTR || errno == EAGAIN { continue }
      throw Failure(
        "standard input cannot be read (\(String(cString: strerror(errno)))); redirect a file to it")
    }
  }

  /// All of it, which may be as large as a picture's file.
  static func readAll() throws -> [UInt8] {
    let limit = MediaLimits().maxBytes
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      guard let count = try read(into: &buffer) else { throw ExitCode(130) }
      guard count > 0 else { return bytes }
      bytes += buffer[..<count]
      guard bytes.count <= limit else {
        throw Failure("standard input has more than \(limit) bytes; give less")
      }
    }
  }
}

/// Reads standard input line by line.
struct LineReader {
  /// What reading a line came to.
  enum Line {
    case line(String)
    case end
    case interrupted
  }

  private var held: ArraySlice<UInt8> = []
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// The next line, without its end.
  mutating func next() throws(Failure) -> Line {
    var line: [UInt8] = []
    while true {
      if let end = held.firstIndex(of: UInt8(ascii: "\n")) {
        line += held[..<end]
        held = held[(end + 1)...]
        break
      }
      line += held
      held = []
      // On Ctrl-C the terminal has thrown the begun line away by now.
      guard let count = try StandardInput.read(into: &buffer) else { return .interrupted }
      if count == 0 {
        if line.isEmpty { return .end }
        break
      }
      held = buffer[..<count]
    }
    if line.last == UInt8(ascii: "\r") { line.removeLast() }
    guard let text = String(validating: line, as: UTF8.self) else {
      throw Failure("standard input is not UTF-8 text; a chat must be")
    }
    return .line(text)
  }
}
