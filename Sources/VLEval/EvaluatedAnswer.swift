public import VLJSON

/// What a model said to a question.
public struct EvaluatedAnswer: Hashable, Sendable {
  /// The task that asked.
  public var task: String
  /// Which of the task's samples.
  public var index: Int
  /// Which of the sample's questions, from 0.
  public var turn: Int
  /// How many questions the sample has.
  public var turns: Int
  /// The question's id.
  public var id: String
  /// What was asked for within the task.
  public var skill: String
  /// The question in words.
  public var question: String
  /// A right answer.
  public var expected: String
  /// What the model said; nil if it could not be asked.
  public var answer: String?
  /// Why it could not.
  public var failure: String?
  /// Whether the answer was cut off at the limit of tokens.
  public var isCutOff: Bool
  /// How right it is.
  public var score: AnswerScore

  /// For files.
  public var json: JSONValue {
    [
      "task": .string(task), "index": .integer(index), "turn": .integer(turn), "turns": .integer(turns),
      "id": .string(id), "skill": .string(skill), "question": .string(question),
      "expected": .string(expected),
      "answer": answer.map { .string($0) } ?? nil, "failure": failure.map { .string($0) } ?? nil,
      "cut_off": .bool(isCutOff), "right": .bool(score.isRight), "value": .number(score.value),
      "parsed": .bool(score.isParsed),
    ]
  }

  init(
    task: String, index: Int, turn: Int, turns: Int, _ question: Question, answer: String?, failure: String?,
    isCutOff: Bool, score: AnswerScore
  ) {
    self.task = task
    self.index = index
    self.turn = turn
    self.turns = turns
    id = question.id
    skill = question.skill
    self.question = question.text
    expected = question.expected
    self.answer = answer
    self.failure = failure
    self.isCutOff = isCutOff
    self.score = score
  }

  /// Reads what ``json`` wrote.
  ///
  /// - Throws: `JSONError` for a member that is missing or of another kind.
  public init(json: JSONValue) throws(JSONError) {
    guard let object = json.objectValue else {
      throw JSONError(.mismatch(expected: "an object", found: json.kindDescription), path: "")
    }
    func required<Value>(_ key: String, _ value: Value?) throws(JSONError) -> Value {
      guard let value else { throw JSONObject.missing(key) }
      return value
    }
    task = try required("task", object.string("task"))
    index = try required("index", object.integer("index"))
    turn = try required("turn", object.integer("turn"))
    turns = try required("turns", object.integer("turns"))
    id = try required("id", object.string("id"))
    skill = try required("skill", object.string("skill"))
    question = try required("question", object.string("question"))
    expected = try required("expected", object.string("expected"))
    answer = try object.string("answer")
    failure = try object.string("failure")
    isCutOff = try required("cut_off", object.bool("cut_off"))
    score = AnswerScore(
      isRight: try required("right", object.bool("right")),
      value: try required("value", object.double("value")),
      isParsed: try required("parsed", object.bool("parsed")))
  }
}
