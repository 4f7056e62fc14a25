public import VLModels

/// How right an answer is.
public struct AnswerScore: Hashable, Sendable {
  /// Whether it counts as right.
  public var isRight: Bool
  /// How nearly right it is, 0...1; what that means is the task's.
  public var value: Double
  /// Whether it had the form that was asked for.
  public var isParsed: Bool

  /// A score.
  public init(isRight: Bool, value: Double, isParsed: Bool) {
    self.isRight = isRight
    self.value = value
    self.isParsed = isParsed
  }
}

/// A question to a model, and how to judge what it says.
public struct Question: Sendable {
  /// Names the question for good: the same id is the same question.
  public var id: String
  /// What it asks for within its task.
  public var skill: String
  /// The conversation that is to be continued.
  public var messages: [Message]
  /// The question in words, for a person.
  public var text: String
  /// A right answer.
  public var expected: String
  /// Judges an answer, in which special tokens other than the end are spelled out.
  public var score: @Sendable (String) -> AnswerScore

  /// A question.
  public init(
    id: String, skill: String, messages: [Message], text: String, expected: String,
    score: @escaping @Sendable (String) -> AnswerScore
  ) {
    self.id = id
    self.skill = skill
    self.messages = messages
    self.text = text
    self.expected = expected
    self.score = score
  }
}

/// A supply of questions of one kind.
public protocol EvaluationTask: Sendable {
  /// What reports call it.
  var name: String { get }
  /// The questions of sample `index`, at least one; the same whenever and wherever it is asked for.
  ///
  /// - Throws: what keeps the sample from being made.
  func questions(at index: Int) throws -> [Question]
}
