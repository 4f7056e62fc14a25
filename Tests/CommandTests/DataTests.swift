import TestKit
import Testing
import VLJSON

@Suite struct DataTests {
  private let cases = Goldens.directory + "/data/cases.json"
  private let scratch = Scratch()

  @Test func showMarksWhatIsSupervisedAndDrawsBoxes() throws {
    let out = scratch.path + "/shown"
    let run = vlm("data", "show", cases, "--model", tiny, "--index", "4", "--count", "1", "--out", out)
    #expect(run.status == 0 && run.errors.isEmpty)
    #expect(
      run.output.contains(
        "⟦<|object_ref_start|>the bicycle<|object_ref_end|><|box_start|>(12,0),(999,530)<|box_end|>"))
    #expect(
      run.output.contains("<|image_pad|>×24")
        && run.output.contains("168 tokens, 24 of pictures, 76 supervised"))
    #expect(run.output.contains("     red: the bicycle\n"))
    // What was written is a picture that can be asked about.
    let drawn = vlm(
      "ask", "?", "--image", out + "/4-0.png", "--model", tiny, "--greedy", "--max-tokens", "1", "--format",
      "json")
    #expect(drawn.json?["images"]?.arrayValue?.first?["original"]?["width"]?.integerValue == 350)

    let beyond = vlm("data", "show", cases, "--model", tiny, "--index", "10")
    #expect(beyond.status == 1 && beyond.errors.contains("there are 10 samples"))
  }

  @Test func checkReports() throws {
    let run = vlm("data", "check", cases, "--model", tiny, "--max-tokens", "80", "--output", "json")
    let json = try #require(run.json)
    #expect(run.status == 0 && json["samples"]?.integerValue == 10 && json["left_out"]?.integerValue == 5)
    let text = vlm("data", "check", cases, "--model", tiny, "--max-tokens", "80", "--list", "1").output
    #expect(text.contains("10 samples: 5 usable, 5 left out, 0 broken") && text.contains("… and 4 more"))
    #expect(text.contains("cases.json:2: it has 107 tokens and 80 are allowed"))

    let broken = scratch.write("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}\n", to: "broken.jsonl")
    #expect(vlm("data", "check", broken, "--model", tiny, "--format", "chat").status == 0)
    let strict = vlm("data", "check", broken, "--model", tiny, "--format", "chat", "--strict")
    #expect(strict.status == 1 && strict.output.contains("broken: \(broken):1: the JSON text is cut off"))
    let missing = vlm("data", "check", "/nowhere/a.jsonl", "--model", tiny)
    #expect(missing.status == 1 && missing.errors.contains("/nowhere/a.jsonl: there is no such file"))
    #expect(vlm("data", "check", "--model", tiny).status == 2)
  }

  @Test func textPrintsWordsForATokenizer() throws {
    let drawn = vlm("data", "text", "--synth", "scenes/caption,text", "--count", "300")
    #expect(drawn.status == 0 && drawn.output.contains("circle") && !drawn.output.contains("<|"))
    #expect(
      drawn.output
        == vlm("data", "text", "--synth", "scenes/caption,text", "--count", "300", "--threads", "1").output)
    let corpus = scratch.write(drawn.output, to: "corpus.txt")
    let out = scratch.path + "/tokenizer"
    #expect(vlm("tokenizer", "train", corpus, "--lines", "--vocab-size", "320", "--out", out).status == 0)
    // Labels of boxes count as words, boxes do not.
    let file = vlm("data", "text", cases)
    #expect(file.status == 0 && file.output.contains("the bicycle \n") && !file.output.contains("(12,0)"))
    #expect(vlm("data", "text").status == 2 && vlm("data", "text", cases, "--synth", "text").status == 2)
    #expect(vlm("data", "text", "--synth", "nothing").errors.contains("nothing"))
  }

  @Test func tokenizeMakesShardsThatCanBeShown() throws {
    let text = scratch.write("The picture is in the list.", to: "a.txt")
    let shard = scratch.path + "/a.tokens"
    let run = vlm("data", "tokenize", text, "--out", shard, "--model", tiny, "--max-tokens", "8")
    #expect(run.status == 0 && run.output.hasPrefix("\(shard): 1 documents, "))
    let shown = vlm("data", "show", shard, "--model", tiny, "--count", "9")
    #expect(shown.status == 0 && shown.output.contains("<|endoftext|>⟧"))
    let again = vlm("data", "tokenize", text, "--out", shard, "--model", tiny)
    #expect(again.status == 1 && again.errors.contains("nothing is overwritten"))
    #expect(vlm("data", "tokenize", text, "--out", scratch.path + "/a.bin", "--model", tiny).status == 2)
    #expect(
      vlm("data", "tokenize", "/nowhere/t.txt", "--out", scratch.path + "/b.tokens", "--model", tiny).status
        == 1)
    #expect(!scratch.contents.contains { $0.hasPrefix("b.tokens") })
  }
}
