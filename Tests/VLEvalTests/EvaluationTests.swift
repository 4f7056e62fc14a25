import Glibc
import Synchronization
import TestKit
import Testing
import VLEngine
import VLEval
import VLJSON
import VLModels
import VLSynth
import VLTensor

/// Questions in words whose right answers are whatever a rule says.
private struct WordsTask: EvaluationTask {
  var name = "words"
  var turns = 1
  /// Asked for a sample, to see which are.
  var asked: @Sendable (Int) -> Void = { _ in }
  var prompt = "Say something about"

  func questions(at index: Int) -> [Question] {
    asked(index)
    return (0..<turns).map { turn in
      Question(
        id: "\(name)/\(index)#\(turn)", skill: index % 2 == 0 ? "even" : "odd",
        messages: [Message(role: "user", "\(prompt) \(index), \(turn)")], text: "\(index), \(turn)",
        expected: "-"
      ) { answer in
        AnswerScore(isRight: index % 3 == 0, value: Double(answer.utf8.count % 2), isParsed: index % 5 != 0)
      }
    }
  }
}

private func engine() throws -> Engine {
  Engine(try Families.load(Goldens.directory + "/tiny", on: Compute(threads: 2)))
}

private func answers(
  _ tasks: [any EvaluationTask], count: Int, concurrency: Int = 3, maximumTokens: Int = 6,
  known: [EvaluatedAnswer] = []
) async throws -> [EvaluatedAnswer] {
  var run = EvaluationRun(tasks: tasks, count: count)
  run.maximumTokens = maximumTokens
  run.concurrency = concurrency
  var answers: [EvaluatedAnswer] = []
  try await run.answer(on: engine(), known: known) { answers.append($0) }
  return answers
}

@Suite struct TallyTests {
  private func tally(_ right: Int, of questions: Int) async throws -> Tally {
    var tally = Tally()
    for index in 0..<questions { tally.add(try Self.answer(index, isRight: index < right)) }
    return tally
  }

  static func answer(_ index: Int, isRight: Bool, task: String = "t", skill: String = "s") throws
    -> EvaluatedAnswer
  {
    try EvaluatedAnswer(
      json: [
        "task": .string(task), "index": .integer(index), "turn": 0, "turns": 1, "id": "x",
        "skill": .string(skill),
        "question": "q", "expected": "e", "answer": "a", "failure": nil, "cut_off": false,
        "right": .bool(isRight),
        "value": .number(isRight ? 1 : 0.5), "parsed": true,
      ])
  }

  /// Wilson's interval as scipy's `binomtest(right, questions).proportion_ci(method="wilson")` gives it.
  @Test(
    arguments: [
      (95, 100, 0.888250, 0.978456), (0, 10, 0, 0.277533), (10, 10, 0.722467, 1), (1, 3, 0.061492, 0.792340),
      (500, 1000, 0.469070, 0.530930),
    ] as [(Int, Int, Double, Double)])
  func intervals(right: Int, questions: Int, low: Double, high: Double) async throws {
    let interval = try await tally(right, of: questions).interval
    #expect(abs(interval.lowerBound - low) < 1e-6 && abs(interval.upperBound - high) < 1e-6, "\(interval)")
  }

  @Test func countsAndMeans() async throws {
    let tally = try await tally(3, of: 4)
    #expect(tally.questions == 4 && tally.right == 3 && tally.accuracy == 0.75 && tally.meanValue == 0.875)
    #expect(Tally().accuracy == 0 && Tally().interval == 0...1)
  }
}

@Suite struct RunTests {
  @Test func batchesChangeNothing() async throws {
    let tasks: [any EvaluationTask] = [WordsTask(), WordsTask(name: "more", turns: 3)]
    let one = EvaluationReport(
      tasks: ["words", "more"], answers: try await answers(tasks, count: 4, concurrency: 1))
    let many = EvaluationReport(
      tasks: ["words", "more"], answers: try await answers(tasks, count: 4, concurrency: 7))
    #expect(one.answers == many.answers)
    #expect(one.answers.count == 16)
    #expect(one.answers.allSatisfy { $0.answer != nil && $0.failure == nil })
    #expect(one.total.right == 8)
    #expect(one.lines.map(\.name) == ["words", "more"])
    #expect(one.lines[1].skills.map(\.name) == ["even", "odd"])
    #expect(one.lines[1].skills[0].tally.questions == 6)
    #expect(one.json["wrong"]?.arrayValue?.count == 8)
    #expect(one.table.split(separator: "\n").count == 8)
  }

  @Test func whatIsKnownIsNotAskedAgain() async throws {
    let all = try await answers([WordsTask(turns: 2)], count: 5)
    // Sample 3 has one of its two answers, so it is asked anew.
    let known = all.filter { $0.index < 3 || ($0.index == 3 && $0.turn == 0) }
    let asked = Asked()
    let rest = try await answers([WordsTask(turns: 2, asked: { asked.add($0) })], count: 5, known: known)
    #expect(asked.sorted == [3, 4])
    #expect(
      EvaluationReport(tasks: ["words"], answers: known + rest).answers
        == EvaluationReport(tasks: ["words"], answers: all).answers)
  }

  @Test func whatCannotBeAskedIsAFailure() async throws {
    let long = WordsTask(prompt: String(repeating: "word after word ", count: 40_000))
    let answer = try #require(try await answers([long], count: 1).first)
    #expect(answer.answer == nil && answer.failure?.isEmpty == false && !answer.score.isRight)
    #expect(EvaluationReport(tasks: ["words"], answers: [answer]).total.failed == 1)
  }

  private final class Asked: Sendable {
    private let indices = Mutex<[Int]>([])
    func add(_ index: Int) { indices.withLock { $0.append(index) } }
    var sorted: [Int] { indices.withLock { $0.sorted() } }
  }
}

@Suite struct LogTests {
  private let description: JSONObject = {
    var object = JSONObject()
    object["seed"] = 1
    return object
  }()

  @Test func goesOnWhereItStopped() throws {
    let scratch = Scratch()
    let path = scratch.path + "/log"
    let first = try TallyTests.answer(0, isRight: true)
    let second = try TallyTests.answer(1, isRight: false)
    func opened() throws -> AnswerLog { try AnswerLog(path: path, description: description) }
    try opened().append(first)
    // A killed program leaves half a line.
    var bytes = Scratch.read(path)
    bytes += Array(#"{"task": "t", "ind"#.utf8)
    scratch.write(bytes, to: "log")
    #expect(try opened().answers == [first])
    try opened().append(second)
    #expect(try opened().answers == [first, second])
    #expect(Scratch.read(path).split(separator: UInt8(ascii: "\n")).count == 3)
  }

  @Test func anotherRunsLogIsRefused() throws {
    let scratch = Scratch()
    let path = scratch.path + "/log"
    let open = try AnswerLog(path: path, description: description)
    #expect(message(path).contains("another run is writing this"))
    try open.append(TallyTests.answer(0, isRight: true))
    let other = scratch.write(Scratch.read(path), to: "other")
    var changed = description
    changed["seed"] = 2
    #expect(message(other, changed).contains("it was begun with seed 1, not 2"))
    #expect(message(scratch.write("hello\nworld\n", to: "text")).contains("no log of answers"))
    #expect(message(scratch.write("hello", to: "text")).contains("no log of answers"))
    #expect(Scratch.read(scratch.path + "/text") == Array("hello".utf8), "what is refused is left alone")
    #expect(message(scratch.write("{\"seed\": 1}\n{\"task\": 3}\n", to: "bad")).contains("no log of answers"))
    #expect(message(scratch.path + "/none/log").contains("cannot be opened"))
  }

  private func message(_ path: String, _ description: JSONObject? = nil) -> String {
    do throws(EvaluationError) {
      _ = try AnswerLog(path: path, description: description ?? self.description)
      return "no error"
    } catch {
      #expect(error.description.hasPrefix(path + ": "))
      return error.description
    }
  }
}

@Suite struct DrawnQuestions {
  @Test func rightAnswersAreRight() throws {
    for info in SynthTasks.list where !info.drawsChinese {
      let task = try SynthEvaluation(task: info.name, seed: 7, settings: SynthSettings())
      for index in 0..<3 {
        let questions = try task.questions(at: index)
        #expect(!questions.isEmpty)
        for question in questions {
          #expect(question.score(question.expected).isRight, "\(question.id): \(question.expected)")
          #expect(!question.score("no idea").isRight, "\(question.id)")
          #expect(question.messages.last?.role == "user" && question.messages.count % 2 == 1)
          #expect(question.id.contains("/heldout/7/"))
        }
      }
      #expect(try task.pictures(at: 0).allSatisfy { $0.starts(with: [0x89, 0x50, 0x4E, 0x47]) })
    }
  }

  @Test func theyCanBePutToAModel() async throws {
    let task = try SynthEvaluation(task: "scenes", seed: 1, settings: SynthSettings())
    let given = try await answers([task], count: 2, maximumTokens: 3)
    #expect(given.count >= 2 && given.allSatisfy { $0.failure == nil }, "\(given)")
  }
}
