internal import VLMedia
internal import VLModels
public import VLSynth
internal import VLTraining

/// Drawn questions (`vlm synth`) of one task or one skill of it, from the held-out seeds unless told otherwise.
///
/// They are put to the model as training puts them, turn by turn.
public struct SynthEvaluation: EvaluationTask {
  /// The task, or `task/skill`.
  public let name: String
  private let stream: SynthStream

  /// Questions of a task.
  ///
  /// - Throws: `SynthError` for a task that there is not or that cannot be drawn here.
  public init(
    task: String, seed: UInt64, split: SynthSplit = .heldOut, settings: SynthSettings
  ) throws(SynthError) {
    name = task
    stream = try SynthStream(tasks: task, seed: seed, split: split, settings: settings)
  }

  /// The questions of sample `index`, one for each of the assistant's turns.
  public func questions(at index: Int) throws -> [Question] {
    let sample = stream.sample(at: UInt64(index))
    let messages = try TrainingSample(sample).turns.map(\.message)
    let answers = sample.messages.indices.filter { sample.messages[$0].role == .assistant }
    return zip(answers, sample.keys).enumerated().map { turn, item in
      let (place, key) = item
      return Question(
        id: sample.id + (answers.count > 1 ? "#\(turn + 1)" : ""), skill: sample.skill,
        messages: Array(messages[..<place]), text: place > 0 ? sample.messages[place - 1].text : "",
        expected: sample.messages[place].text
      ) { answer in
        let score = SynthScore.score(key, answer)
        return AnswerScore(isRight: score.isRight, value: score.value, isParsed: score.isParsed)
      }
    }
  }

  /// The pictures and frames of sample `index`, as PNG files.
  ///
  /// - Throws: `MediaError` if one cannot be written as PNG.
  public func pictures(at index: Int) throws -> [[UInt8]] {
    let sample = stream.sample(at: UInt64(index))
    return try sample.images.map { try PNGEncoder.encode($0, name: sample.id) }
  }
}
