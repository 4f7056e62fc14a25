/// Why a tokenizer could not be trained or written.
public struct TokenizerTrainingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Reason: Equatable, Sendable {
    /// The system could not read a file of the corpus; holds the system's words.
    case unreadable(String)
    /// A byte of the corpus begins no well-formed UTF-8 sequence; its place in the file, counted from 0.
    case notUTF8(offset: Int)
    /// The text from this byte on goes on for `limit` bytes without any place where it may be cut.
    case noPlaceToCut(offset: Int, limit: Int)
    /// The pattern or the normalization failed on the block that starts at this byte.
    case encoding(EncodingError, offset: Int)
    /// There is no text in the corpus.
    case emptyCorpus
    /// A setting that makes no sense; holds which, why and what would.
    case invalidSetting(String)
    /// The corpus's own text would become this special token.
    case specialTokenFromText(String)
    /// The system could not write a file; holds the system's words.
    case unwritable(String)
    /// The directory holds a tokenizer already.
    case exists
  }

  /// What went wrong.
  public let reason: Reason
  /// The file it is about, if it is about one.
  public let file: String?

  /// An error, about `file` if there is one.
  public init(_ reason: Reason, file: String? = nil) {
    self.reason = reason
    self.file = file
  }

  /// One line: the file, what is wrong, what to do.
  public var description: String {
    let place = file.map { $0 + ": " } ?? ""
    switch reason {
    case .unreadable(let why):
      return place + "cannot be read (\(why)); check the path and its permissions"
    case .notUTF8(let offset):
      return place + "byte \(offset) is not UTF-8; convert the file (iconv -t UTF-8) or leave it out"
    case .noPlaceToCut(let offset, let limit):
      return place + "the text from byte \(offset) on has no line break or space between words for "
        + "\(limit >> 20) MiB; break it into lines or leave the file out"
    case .encoding(let error, let offset):
      return place + "the block that starts at byte \(offset): \(error)"
    case .emptyCorpus:
      return place + "there is no text to learn from; give files with text in them"
    case .invalidSetting(let what):
      return place + what
    case .specialTokenFromText(let token):
      return place + "the special token \"\(token)\" would be made of ordinary text of the corpus; "
        + "choose one that no word is, such as <|name|>"
    case .unwritable(let why):
      return place + "cannot be written (\(why)); check the path, its permissions and the space left"
    case .exists:
      return place + "there is a tokenizer here already; remove it or choose another directory"
    }
  }
}
