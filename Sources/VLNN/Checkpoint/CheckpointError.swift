public import VLJSON

/// Why a checkpoint's file was refused: the file, what is wrong with it, and what to do.
public struct CheckpointError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What is wrong.
  public enum Problem: Equatable, Sendable {
    // Files

    /// There is no such file.
    case missingFile
    /// A directory where a file is needed.
    case isDirectory
    /// A device, pipe or socket.
    case notRegularFile
    /// A file without a byte.
    case emptyFile
    /// The system does not let it be opened, mapped or read; its words.
    case unreadable(String)
    /// The system does not let it be written; its words.
    case unwritable(String)
    /// A text file too large to be what it should be.
    case tooLarge(bytes: Int, limit: Int)
    /// The text is not JSON, or not of the expected form.
    case json(JSONError)
    /// The memory for a copy could not be had.
    case outOfMemory(bytes: Int)

    // One safetensors file

    /// Shorter than the eight bytes that say how long the header is.
    case shorterThanLengthField(bytes: Int)
    /// The header would be longer than the file or than 100 MB.
    case headerLength(UInt64, limit: Int)
    /// A tensor's entry has a key that the format does not know.
    case unknownKey(String, tensor: String)
    /// A tensor's entry lacks a key.
    case missingKey(String, tensor: String)
    /// An element type that the format does not know.
    case unknownType(String, tensor: String)
    /// The same name twice.
    case duplicateTensor(String)
    /// A shape or a pair of offsets that are not what the format asks for.
    case invalidEntry(tensor: String, reason: String)
    /// `shape` and `dtype` need another number of bytes than the offsets span.
    case wrongSpan(tensor: String, needed: Int, found: Int)
    /// A tensor reaches beyond the end of the file.
    case outOfFile(tensor: String, end: Int, available: Int)
    /// Two tensors share bytes.
    case overlap(String, String)
    /// Bytes that belong to no tensor; `at` counts from the end of the header.
    case hole(at: Int, bytes: Int)

    // A checkpoint

    /// A directory without weights in this format; `hint` says what it has instead.
    case noWeights(hint: String)
    /// A shard's name that is not a plain file name.
    case unsafeShardName(String)
    /// The index gives a tensor to a shard that does not have it.
    case notInShard(tensor: String, shard: String)
    /// There is no tensor of that name.
    case missingTensor(String)
    /// The elements have a type that they cannot be read as.
    case unusableType(tensor: String, type: SafetensorsType, wanted: String)
    /// Names in two layouts.
    case mixedNames(String, String)
    /// Files without a single tensor.
    case noTensors
    /// Names in no layout that is known; one of them.
    case unknownNames(String)
  }

  /// The file or directory.
  public let file: String
  /// What is wrong.
  public let problem: Problem

  /// An error about `file`.
  public init(_ file: String, _ problem: Problem) {
    self.file = file
    self.problem = problem
  }

  /// One line for a person.
  public var description: String { "\(printable(file, limit: 4096)): \(problem)" }
}

extension CheckpointError.Problem: CustomStringConvertible {
  /// The problem without the file's name.
  public var description: String {
    switch self {
    case .missingFile: "there is no such file; check the path"
    case .isDirectory: "is a directory; a file is needed"
    case .notRegularFile: "is not a regular file"
    case .emptyFile: "is empty; fetch it again"
    case .unreadable(let words): "cannot be read: \(words)"
    case .unwritable(let words): "cannot be written: \(words)"
    case .tooLarge(let bytes, let limit): "has \(bytes) bytes, more than the \(limit) allowed for such a file"
    case .json(let error): "\(error)"
    case .outOfMemory(let bytes): "a copy of \(bytes) bytes does not fit into memory"

    case .shorterThanLengthField(let bytes):
      "has \(bytes) bytes, too few for a safetensors file; it is cut off, fetch it again"
    case .headerLength(let length, let limit):
      "the header claims \(length) bytes where at most \(limit) are possible; "
        + "not a safetensors file, or cut off"
    case .unknownKey(let key, let tensor):
      "tensor \(quoted(tensor)) has the unknown key \(quoted(key)); dtype, shape and data_offsets are known"
    case .missingKey(let key, let tensor): "tensor \(quoted(tensor)) has no \(key)"
    case .unknownType(let type, let tensor): "tensor \(quoted(tensor)) has the unknown dtype \(quoted(type))"
    case .duplicateTensor(let tensor): "tensor \(quoted(tensor)) appears twice"
    case .invalidEntry(let tensor, let reason): "tensor \(quoted(tensor)): \(reason)"
    case .wrongSpan(let tensor, let needed, let found):
      "tensor \(quoted(tensor)) needs \(needed) bytes by its shape and has \(found)"
    case .outOfFile(let tensor, let end, let available):
      "tensor \(quoted(tensor)) ends at byte \(end) of \(available); the file is cut off, fetch it again"
    case .overlap(let first, let second): "tensors \(quoted(first)) and \(quoted(second)) overlap"
    case .hole(let at, let bytes): "\(bytes) bytes from data byte \(at) on belong to no tensor"

    case .noWeights(let hint): "has neither model.safetensors nor model.safetensors.index.json; \(hint)"
    case .unsafeShardName(let name):
      "the shard name \(quoted(name)) is not a plain name of a .safetensors file in the same directory"
    case .notInShard(let tensor, let shard):
      "tensor \(quoted(tensor)) is not in \(quoted(shard)), where the index says it is; fetch both again"
    case .missingTensor(let tensor): "there is no tensor \(quoted(tensor))"
    case .unusableType(let tensor, let type, let wanted):
      "tensor \(quoted(tensor)) has dtype \(type.rawValue); \(wanted) is needed"
    case .mixedNames(let one, let other):
      "names two layouts at once: \(quoted(one)) and \(quoted(other)); it was put together from two checkpoints"
    case .noTensors: "holds no tensors"
    case .unknownNames(let example):
      "its tensors are not named as a Qwen2-VL checkpoint's are (for example \(quoted(example)))"
    }
  }
}

/// A name from a file, in quotes, fit for a terminal.
func quoted(_ name: String) -> String { "\"" + printable(name, limit: 120) + "\"" }

/// `text` without control characters and cut after `limit` of the others, so that a hostile name cannot take over
/// the terminal.
func printable(_ text: String, limit: Int) -> String {
  var out = ""
  for scalar in text.unicodeScalars.prefix(limit) {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: out += "�"
    default: out.unicodeScalars.append(scalar)
    }
  }
  return text.unicodeScalars.count > limit ? out + "…" : out
}
