/// Why a training run cannot start or go on.
public struct TrainingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file, directory or step at fault.
  public let culprit: String
  /// What is wrong, and what to do.
  public let reason: String

  /// An error.
  public init(_ culprit: String, _ reason: String) {
    self.culprit = culprit
    self.reason = reason
  }

  /// One line for a person.
  public var description: String { "\(culprit): \(reason)" }
}
