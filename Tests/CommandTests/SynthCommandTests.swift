import TestKit
import Testing
import VLJSON

@Suite struct SynthCommandTests {
  private let scratch = Scratch()

  @Test func drawsTheSameOnAnyNumberOfThreads() throws {
    func draw(_ name: String, _ threads: String) -> [UInt8] {
      let path = scratch.path + "/" + name
      let run = vlm(
        "synth", path, "--tasks", "scenes=2,lines", "--count", "30", "--seed", "9", "--size", "56..112",
        "--threads", threads)
      #expect(run.status == 0 && run.output.isEmpty && run.errors.isEmpty, "\(run.errors)")
      return Scratch.read(path + "/data.jsonl")
    }
    let one = draw("one", "1")
    #expect(one.filter { $0 == UInt8(ascii: "\n") }.count == 30)
    #expect(one == draw("three", "3"))
    let again = vlm("synth", scratch.path + "/one", "--count", "1")
    #expect(again.status == 1 && again.errors.contains("nothing is overwritten"))
    #expect(again.errors.filter { $0 == "\n" }.count == 1)
  }

  @Test func listsAndSheets() {
    let list = vlm("synth", "--list")
    #expect(list.status == 0 && list.output.contains("grounding") && list.output.contains("phrase-to-box"))
    let sheet = scratch.path + "/sheet.png"
    #expect(vlm("synth", "--sheet", sheet, "--tasks", "cards", "--sheet-count", "2").status == 0)
    #expect(Scratch.read(sheet).starts(with: [0x89, 0x50, 0x4E, 0x47]))
  }

  @Test(arguments: [
    ([], "--sheet"), (["x", "--count", "0"], "--count"), (["x", "--size", "9x9"], "--size"),
    (["x", "--size", "9..3"], "--size"), (["x", "--split", "test"], "split"),
    (["x", "--format", "zip"], "format"),
  ]) func wrongUsage(arguments: [String], flag: String) {
    let run = vlm(["synth"] + arguments)
    #expect(run.status == 2 && run.errors.contains(flag), "\(run.errors)")
  }

  @Test(arguments: [
    (["--tasks", "kards"], "cards"), (["--size", "8"], "56..4096"), (["--difficulty", "2"], "0...1"),
  ]) func whatCannotBeDrawn(arguments: [String], remedy: String) {
    let run = vlm(["synth", scratch.path + "/out"] + arguments)
    #expect(run.status == 1 && run.errors.contains(remedy), "\(run.errors)")
    #expect(scratch.contents.isEmpty)
  }
}
