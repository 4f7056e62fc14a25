public import VLJSON

/// Why a tokenizer could not be loaded.
public struct TokenizerError: Error, Sendable, CustomStringConvertible {
  /// The kinds of failure.
  public enum Reason: Equatable, Sendable {
    /// The directory has neither `tokenizer.json` nor `vocab.json` with `merges.txt`.
    case missing
    /// The system could not read the file; holds the system's words.
    case unreadable(String)
    /// The file is no JSON, or a value in it has the wrong type.
    case json(JSONError)
    /// The file asks for something that is not implemented; holds its name.
    case unsupported(String)
    /// The file contradicts itself; holds how.
    case invalid(String)
  }

  /// What went wrong.
  public let reason: Reason
  /// The file, or the directory when files are missing in it.
  public let file: String

  /// An error about `file`.
  public init(_ reason: Reason, file: String) {
    self.reason = reason
    self.file = file
  }

  /// One line: the file, what is wrong, what to do.
  public var description: String {
    switch reason {
    case .missing:
      "\(file): no tokenizer here; a checkpoint directory needs tokenizer.json, or vocab.json with merges.txt"
    case .unreadable(let why):
      "\(file): cannot be read (\(why)); check the path and its permissions"
    case .json(let error):
      "\(file): \(error); download the file again or mend it"
    case .unsupported(let what):
      "\(file): \(what) is not supported; this program reads byte-level BPE tokenizers such as Qwen2-VL's"
    case .invalid(let how):
      "\(file): \(how); download the file again or mend it"
    }
  }
}

/// Why a text could not be encoded by a tokenizer that loaded well.
public enum EncodingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The text has more bytes than one call takes.
  case textTooLong(limit: Int)
  /// The pre-tokenizer's pattern took too many steps on this text.
  case patternTooSlow(pattern: String)
  /// The pattern library refused to go on; holds its words.
  case patternFailed(pattern: String, reason: String)
  /// The normalization library refused the text; holds its words.
  case normalizationFailed(String)
  /// The vocabulary has no token for a byte of the text, and none for what is unknown.
  case byteWithoutToken(UInt8)

  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .textTooLong(let limit):
      "the text is longer than \(limit >> 20) MiB; encode it in parts"
    case .patternTooSlow(let pattern):
      "the tokenizer's pattern \"\(Self.clip(pattern))\" backtracks without end on this text; use another tokenizer.json"
    case .patternFailed(let pattern, let reason):
      "the tokenizer's pattern \"\(Self.clip(pattern))\" failed on this text (\(reason)); use another tokenizer.json"
    case .normalizationFailed(let reason):
      "the text could not be normalized (\(reason)); give a shorter text"
    case .byteWithoutToken(let byte):
      "the tokenizer has no token for byte \(byte), which the text holds, and no unknown token; use another tokenizer.json"
    }
  }

  private static func clip(_ text: String) -> String {
    text.unicodeScalars.count <= 60 ? text : String(text.unicodeScalars.prefix(60)) + "…"
  }
}
