/// Why a checkpoint cannot be used as a model.
public struct ModelError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The directory or file at fault.
  public let path: String
  /// Everything that is wrong, a line each.
  public let problems: [String]
  /// What to do.
  public let remedy: String

  /// An error.
  public init(_ path: String, _ problems: [String], remedy: String) {
    self.path = path
    self.problems = problems
    self.remedy = remedy
  }

  /// One line: path, the first problem and how many more there are, remedy.
  public var description: String {
    let more = problems.count > 1 ? " (and \(problems.count - 1) more; `vlm inspect` lists them)" : ""
    let first = problems.first ?? "unusable"
    // A problem that names its own file brings its own remedy.
    return first.hasPrefix(path) ? first + more : "\(path): \(first)\(more); \(remedy)"
  }
}
