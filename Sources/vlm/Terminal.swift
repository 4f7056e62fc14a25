import Glibc
import Synchronization

/// What goes to the person at the terminal: progress on standard error when that is a terminal, and nothing when not.
struct Terminal: Sendable {
  /// Whether standard error is a terminal.
  let isInteractive = isatty(STDERR_FILENO) == 1

  /// Whether standard input is a terminal.
  static var inputIsInteractive: Bool { isatty(STDIN_FILENO) == 1 }

  /// Shows a line that the next one overwrites.
  func progress(_ text: String) { if isInteractive { Self.write("\r\u{1B}[2K" + text, to: STDERR_FILENO) } }

  /// Removes the progress line.
  func clear() { if isInteractive { Self.write("\r\u{1B}[2K", to: STDERR_FILENO) } }

  /// A line that stays, for a person; nothing when standard error is not a terminal.
  func note(_ text: String) { if isInteractive { Self.write(text + "\n", to: STDERR_FILENO) } }

  /// A line on standard error, always.
  static func complain(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Text on standard output, at once.
  static func say(_ text: String) { write(text, to: STDOUT_FILENO) }

  /// A model's words on standard output. On a terminal, control characters become U+FFFD: an answer may repeat what a
  /// picture says, and must not move the cursor or rename the window.
  static func sayAnswer(_ text: String) {
    guard isatty(STDOUT_FILENO) == 1 else { return say(text) }
    var shown = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control && scalar != "\n" && scalar != "\t"
      shown.append(isControl ? "\u{FFFD}" : scalar)
    }
    say(String(shown))
  }

  /// What stands before a person's input, where one is typing; on standard error, so that output can be kept in a file.
  func prompt(_ text: String) {
    if Self.inputIsInteractive { Self.write(text, to: STDERR_FILENO) }
  }

  private static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        guard descriptor == STDOUT_FILENO else { return }
        // Nobody reads any more (a closed pipe): stop quietly, as other tools do.
        if errno == EPIPE { exit(141) }
        complain(
          "vlm: standard output cannot be written (\(String(cString: strerror(errno)))); redirect it elsewhere"
        )
        exit(1)
      }
      bytes = bytes.dropFirst(written)
    }
  }
}

/// Ctrl-C as something that work can look at.
enum Interrupt {
  private static let count = Atomic<Int>(0)

  /// From now on Ctrl-C (and SIGTERM) is counted instead of ending the program; a third one ends it at once.
  static func install() {
    signal(SIGPIPE, SIG_IGN)
    // A file that may not grow any more is an error like a full disk, not the end.
    signal(SIGXFSZ, SIG_IGN)
    for name in [SIGINT, SIGTERM] {
      signal(name) { _ in if Interrupt.count.add(1, ordering: .relaxed).newValue >= 3 { _exit(130) } }
    }
  }

  /// Whether it was pressed since ``reset()``.
  static var isPending: Bool { count.load(ordering: .relaxed) > 0 }

  /// Forgets what was pressed.
  static func reset() { count.store(0, ordering: .relaxed) }

  /// Runs `body` in a task that is cancelled when Ctrl-C is pressed; nil if it was.
  static func cancelling<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws
    -> Result?
  {
    let work = Task(operation: body)
    let watch = Task {
      while !Task.isCancelled {
        if isPending { work.cancel() }
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    defer { watch.cancel() }
    do {
      let result = try await work.value
      return isPending ? nil : result
    } catch {
      if isPending { return nil }
      throw error
    }
  }
}
