import Glibc
import TestKit
import Testing
import VLJSON

@Suite struct EvaluateTests {
  private func evaluate(_ more: String..., interruptAfter: UInt32? = nil) -> Run {
    vlm(
      ["eval", "synth", "--model", tiny, "--count", "2", "--max-tokens", "3"] + more,
      interruptAfter: interruptAfter)
  }

  @Test func aTableAndEveryWrongAnswer() throws {
    let scratch = Scratch()
    let out = scratch.path + "/out.json"
    let pictures = scratch.path + "/pictures"
    let run = evaluate("--tasks", "scenes,cards", "--out", out, "--pictures", pictures)
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.contains { $0.hasPrefix("scenes") } && lines.contains { $0.hasPrefix("cards") })
    let json = try JSONValue(parsing: Scratch.read(out))
    #expect(json["count"]?.integerValue == 2)
    #expect(json["tasks"]?.arrayValue?.count == 2)
    let wrong = try #require(json["wrong"]?.arrayValue)
    #expect(!wrong.isEmpty, "a random model knows nothing")
    #expect(wrong.allSatisfy { $0["question"]?.stringValue != nil && $0["answer"]?.stringValue != nil })
    #expect(access(out + ".answers", F_OK) != 0, "the log is removed with the work done")
    #expect(access(pictures + "/scenes-0-1.png", R_OK) == 0)
    expectFailure(evaluate("--tasks", "scenes", "--out", out), naming: out)
    let again = evaluate("--tasks", "scenes,cards", "--batch", "1", "--format", "json")
    #expect(again.json?["wrong"] == json["wrong"], "batches change nothing")
  }

  @Test func badInputIsNamed() {
    let scratch = Scratch()
    expectFailure(evaluate("--tasks", "scene"), naming: "scene")
    expectFailure(evaluate("--tasks", "scenes=2"), naming: "scenes=2")
    expectFailure(evaluate("--tasks", "scenes,scenes"), naming: "scenes twice")
    expectFailure(evaluate("--size", "9..1"), 2, naming: "--size 9..1")
    expectFailure(evaluate("--batch", "0"), 2, naming: "--batch 0")
    expectFailure(evaluate("--difficulty", "2"), naming: "difficulty")
    let log = scratch.write("what is this\n", to: "out.json.answers")
    expectFailure(evaluate("--tasks", "scenes", "--out", scratch.path + "/out.json"), naming: log)
  }
}
