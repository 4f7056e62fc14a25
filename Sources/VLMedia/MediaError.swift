/// Why a picture could not be read or prepared. Always about something from outside: a file, a request, a setting.
public struct MediaError: Error, Hashable, Sendable, CustomStringConvertible {
  /// What kind of problem it is, for callers that answer differently (an HTTP status, an exit code).
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The file does not exist, may not be read, or is not a file.
    case unreadable
    /// There are no bytes, or the picture has no pixels.
    case empty
    /// The bytes are not a picture, or one of a format that is not read here.
    case unsupported
    /// The file ends before the picture does.
    case truncated
    /// The bytes contradict the format's rules.
    case corrupt
    /// More bytes or pixels than the limits allow.
    case tooLarge
    /// The text is not a well-formed `data:` URL.
    case badDataURL
    /// A side ratio over 200, or sides that no resize can start from.
    case badSize
    /// Settings that contradict each other or lie out of range.
    case badSetting
  }

  /// What kind of problem it is.
  public let kind: Kind
  /// The file, URL or setting that caused it.
  public let name: String
  /// What is wrong, without the name.
  public let problem: String
  /// What to do about it.
  public let remedy: String

  /// An error about `name`.
  public init(_ kind: Kind, name: String, problem: String, remedy: String) {
    self.kind = kind
    self.name = name
    self.problem = problem
    self.remedy = remedy
  }

  /// One line: `photo.jpg: the file is cut off (…); get the whole file`.
  public var description: String { "\(name): \(problem); \(remedy)" }
}
