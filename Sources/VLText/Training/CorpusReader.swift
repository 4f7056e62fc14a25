internal import Glibc
internal import Synchronization
internal import VLJSON

/// How much of a corpus is one text, beyond which nothing reaches: no piece, no composition.
public enum TextUnit: String, Sendable, CaseIterable {
  /// A whole file, as it would be encoded. What spans lines (empty lines, indentation) is learnt as it will be met.
  case file
  /// A line with its line feed, as `tokenizers` reads files.
  case line
}

/// A stretch of a corpus that can be cut into pieces by itself: what lies before and behind changes nothing.
struct CorpusBlock {
  /// Counts the blocks of the corpus.
  var number: Int
  /// Which file it is from.
  var file: Int
  /// Where in the file it starts.
  var offset: Int
  /// Its text, not yet known to be UTF-8.
  var bytes: [UInt8]
}

/// Hands out the files of a corpus in blocks, in order, to any number of threads.
///
/// A block ends where its file does, or at a place that Qwen2's pattern and NFC both respect whatever the text around
/// it is (``cut(_:from:)``). So the pieces of the blocks are those of the whole text.
final class CorpusReader: Sendable {
  /// A block without a place to cut grows up to this.
  static let largestBlock = 64 << 20

  private struct State {
    var file = -1
    var descriptor: Int32 = -1
    var number = 0
    /// What was read and not handed out, and where in the file it starts.
    var carry: [UInt8] = []
    var offset = 0
    var isAtEnd = true
    /// Set by an error: there are no more blocks.
    var isStopped = false
  }

  /// The paths; `-` is standard input.
  let files: [String]
  /// The bytes of all files; nil when one is a pipe.
  let totalBytes: Int?
  private let unit: TextUnit
  private let blockSize: Int
  private let state = Mutex(State())

  /// Checks that all files can be opened, before any work is done.
  init(_ files: [String], unit: TextUnit, blockSize: Int) throws(TokenizerTrainingError) {
    var total: Int? = 0
    for path in files {
      if path == "-" {
        total = nil
        continue
      }
      var status = stat()
      guard stat(path, &status) == 0, access(path, R_OK) == 0 else { throw Self.systemError(path) }
      switch status.st_mode & S_IFMT {
      case S_IFREG: total = total.map { $0 + Int(status.st_size) }
      case S_IFDIR:
        throw TokenizerTrainingError(.unreadable("it is a directory, and files are wanted"), file: path)
      default: total = nil
      }
    }
    self.files = files
    totalBytes = total
    self.unit = unit
    self.blockSize = blockSize
  }

  deinit {
    state.withLock { if $0.descriptor > STDIN_FILENO { close($0.descriptor) } }
  }

  /// The next block; nil at the end, and after ``stop()``.
  func next() throws(TokenizerTrainingError) -> CorpusBlock? {
    do {
      return try state.withLock { try next(&$0) }
    } catch let error as TokenizerTrainingError {
      throw error
    } catch {
      return nil  // next(_:) throws nothing else
    }
  }

  /// From now on there are no more blocks.
  func stop() { state.withLock { $0.isStopped = true } }

  private func next(_ state: inout State) throws(TokenizerTrainingError) -> CorpusBlock? {
    while !state.isStopped {
      if state.isAtEnd && state.carry.isEmpty {
        guard state.file + 1 < files.count else { return nil }
        try open(state.file + 1, &state)
      }
      var wanted = blockSize
      var searched = 0
      while true {
        try fill(&state, upTo: wanted)
        if state.isAtEnd {
          if state.carry.isEmpty { break }  // on to the next file
          return take(state.carry.count, &state)
        }
        if let end = state.carry.withUnsafeBufferPointer({ cut($0, from: searched) }) {
          return take(end, &state)
        }
        searched = state.carry.count
        if wanted >= Self.largestBlock {
          throw TokenizerTrainingError(
            .noPlaceToCut(offset: state.offset, limit: Self.largestBlock), file: files[state.file])
        }
        wanted *= 2
      }
    }
    return nil
  }

  private func open(_ file: Int, _ state: inout State) throws(TokenizerTrainingError) {
    state.file = file
    state.offset = 0
    state.descriptor = files[file] == "-" ? STDIN_FILENO : Glibc.open(files[file], O_RDONLY | O_CLOEXEC)
    if state.descriptor < 0 { throw Self.systemError(files[file]) }
    state.isAtEnd = false
  }

  private func fill(_ state: inout State, upTo wanted: Int) throws(TokenizerTrainingError) {
    while !state.isAtEnd && state.carry.count < wanted {
      let missing = wanted - state.carry.count
      let descriptor = state.descriptor
      var got = 0
      let read = [UInt8](unsafeUninitializedCapacity: missing) { buffer, count in
        got = Glibc.read(descriptor, buffer.baseAddress, missing)
        count = max(0, got)
      }
      if got > 0 {
        state.carry += read
      } else if got == 0 {
        if descriptor > STDIN_FILENO { close(descriptor) }
        state.descriptor = -1
        state.isAtEnd = true
      } else if errno != EINTR {
        throw Self.systemError(files[state.file])
      }
    }
  }

  private func take(_ count: Int, _ state: inout State) -> CorpusBlock {
    let block = CorpusBlock(
      number: state.number, file: state.file, offset: state.offset, bytes: Array(state.carry[..<count]))
    state.carry.removeFirst(count)
    state.offset += count
    state.number += 1
    return block
  }

  private static func systemError(_ path: String) -> TokenizerTrainingError {
    TokenizerTrainingError(.unreadable(String(cString: strerror(errno))), file: path)
  }

  // MARK: Places to cut

  /// The last place in `text`, behind `start`, where it may be cut; nil if there is none.
  private func cut(_ text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    // A place is judged by the bytes around it, so one near the end has to wait for more.
    var place = text.count - 3
    while place > max(0, start - 3) {
      let isCut =
        unit == .line ? text[place - 1] == UInt8(ascii: "\n") : Self.mayCut(text, at: place)
      if isCut { return place }
      place -= 1
    }
    return nil
  }

  /// Whether Qwen2's pattern ends a match at `place` whatever surrounds these bytes, and composition does not reach
  /// across. The pattern never looks back, so what matters is that the match before ends here and would end here if
  /// the text did:
  /// - behind a line feed, before what is no white space: only runs of white space, or of punctuation and line breaks,
  ///   hold a line feed, and they end with it;
  /// - behind a letter, before what is none: a run of letters is the end of every match that it is in;
  /// - behind a digit: each is a match of its own.
  private static func mayCut(_ text: UnsafeBufferPointer<UInt8>, at place: Int) -> Bool {
    let before = text[place - 1]
    let after = text[place]
    if before == UInt8(ascii: "\n") {
      if after < 0x80 { return after > 0x20 }
      // A letter of a common script, which is neither space nor mark: Latin, Greek, Cyrillic, ideographs, Hangul.
      return (0xC3...0xCB).contains(after) || (0xCF...0xD1).contains(after) || (0xE4...0xED).contains(after)
    }
    if after < 0x80 {
      return (isDigit(before) || isLetter(before)) && !isLetter(after)
    }
    // An ideograph (from U+5000 on, below there are symbols too), and its comma or full stop: 、 。 ，
    guard place >= 3, (0xE5...0xE9).contains(text[place - 3]), isTail(text[place - 2]), isTail(before) else {
      return false
    }
    let last = text[place + 2]
    return after == 0xE3 && text[place + 1] == 0x80 && (last == 0x81 || last == 0x82)
      || after == 0xEF && text[place + 1] == 0xBC && last == 0x8C
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
  private static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }
  private static func isTail(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
