public import VLEngine
internal import VLModels
internal import VLText

/// Asks a model the questions of several tasks and keeps what it says.
///
/// Answers are greedy. Neither how many questions are in work at once nor an interruption changes any of them.
public struct EvaluationRun: Sendable {
  /// The tasks.
  public var tasks: [any EvaluationTask]
  /// How many samples of each are drawn.
  public var count: Int
  /// The longest answer, in tokens.
  public var maximumTokens = 512
  /// How many samples are in work at once.
  public var concurrency = 4

  /// A run over the first `count` samples of each task.
  public init(tasks: [any EvaluationTask], count: Int) {
    self.tasks = tasks
    self.count = count
  }

  /// Asks what has no answer yet.
  ///
  /// The questions of one sample are put one after the other, each with the right answers to those before it.
  /// - Parameters:
  ///   - engine: serves the model.
  ///   - known: answers of an earlier run, which are not asked for again. A sample of which one is missing is.
  ///   - record: is told of each answer, sample by sample as they are finished, by one task at a time.
  /// - Throws: what `record` or a task throws, and `CancellationError`. What the engine refuses (a prompt beyond the
  ///   context) is an answer with a failure instead.
  public func answer(
    on engine: Engine, known: [EvaluatedAnswer] = [], record: (EvaluatedAnswer) throws -> Void
  ) async throws {
    let finished = Self.finishedSamples(known)
    let samples = tasks.indices.flatMap { task in (0..<count).map { (task: task, index: $0) } }
      .filter { !(finished[tasks[$0.task].name]?.contains($0.index) ?? false) }
    try await withThrowingTaskGroup(of: [EvaluatedAnswer].self) { group in
      var next = samples.makeIterator()
      func start() {
        guard let sample = next.next() else { return }
        let task = tasks[sample.task]
        group.addTask { try await ask(task, sample.index, engine) }
      }
      for _ in 0..<max(1, concurrency) { start() }
      while let answers = try await group.next() {
        for answer in answers { try record(answer) }
        start()
      }
    }
  }

  /// By task, the samples all of whose questions are answered.
  private static func finishedSamples(_ answers: [EvaluatedAnswer]) -> [String: Set<Int>] {
    var turns: [String: [Int: Set<Int>]] = [:]
    var finished: [String: Set<Int>] = [:]
    for answer in answers {
      turns[answer.task, default: [:]][answer.index, default: []].insert(answer.turn)
      if turns[answer.task]?[answer.index]?.count == answer.turns {
        finished[answer.task, default: []].insert(answer.index)
      }
    }
    return finished
  }

  private func ask(
    _ task: any EvaluationTask, _ index: Int, _ engine: Engine
  ) async throws -> [EvaluatedAnswer] {
    let questions = try task.questions(at: index)
    var answers: [EvaluatedAnswer] = []
    for (turn, question) in questions.enumerated() {
      try Task.checkCancellation()
      var text: String?
      var failure: String?
      var isCutOff = false
      do {
        let result = try await engine.generate(
          GenerationRequest(
            messages: question.messages, sampling: SamplingSettings(greedy: true), maxTokens: maximumTokens))
        text = Self.text(result, engine.model.tokenizer)
        isCutOff = result.finishReason == .length
      } catch let error where !(error is CancellationError) {
        failure = "\(error)"
      }
      let score = text.map(question.score) ?? AnswerScore(isRight: false, value: 0, isParsed: false)
      answers.append(
        EvaluatedAnswer(
          task: task.name, index: index, turn: turn, turns: questions.count, question, answer: text,
          failure: failure, isCutOff: isCutOff, score: score))
    }
    return answers
  }

  /// The answer with its special tokens spelled out, apart from the one that ends it.
  private static func text(_ result: GenerationResult, _ tokenizer: Tokenizer) -> String {
    var tokens = result.tokens
    if result.finishReason == .stop, let last = tokens.last, tokenizer.isSpecial(last) { tokens.removeLast() }
    return tokenizer.decode(tokens, skipSpecialTokens: false)
  }
}
