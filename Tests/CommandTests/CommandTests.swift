import TestKit
import Testing
import VLJSON

@Suite struct TokenizerTests {
  @Test func whatIsTrainedEncodesAndDecodes() throws {
    let scratch = Scratch()
    let corpus = scratch.write(String(repeating: "a red circle and a blue square\n", count: 20), to: "corpus")
    let out = scratch.path + "/out"
    let run = vlm("tokenizer", "train", corpus, "--vocab-size", "290", "--special", "<|x|>", "--out", out)
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    #expect(run.output.hasPrefix("\(out): 290 tokens (15 special, 256 bytes, 19 merges)\n"), "\(run.output)")
    let ids = vlm("tokenizer", "encode", out, "-", "--parse-special", input: Array("red<|x|> square".utf8))
    let words = ids.output.split(separator: "\n")[0].split(separator: " ").map(String.init)
    #expect(words.contains("14"))
    #expect(vlm(["tokenizer", "decode", out] + words).output == "red<|x|> square\n")
    #expect(vlm(["tokenizer", "decode", out, "--skip-special"] + words).output == "red square\n")
    let plain = vlm("tokenizer", "encode", out, "<|x|>", "--format", "json")
    #expect(try #require(plain.json?["tokens"]?.arrayValue).count > 1)
  }

  @Test func badInputIsNamed() {
    let scratch = Scratch()
    let corpus = scratch.write([0x61, 0xFF], to: "corpus")
    let out = scratch.path + "/out"
    expectFailure(
      vlm("tokenizer", "train", corpus, "--vocab-size", "300", "--out", out), naming: "\(corpus): byte 1 ")
    expectFailure(
      vlm("tokenizer", "train", corpus, "--vocab-size", "30", "--out", out), naming: "30 is outside 270")
    expectFailure(
      vlm("tokenizer", "train", corpus, "--vocab-size", "300", "--out", tiny),
      naming: "there is a tokenizer here")
    expectFailure(vlm("tokenizer", "train", "--vocab-size", "300", "--out", out), 2, naming: "corpus")
    expectFailure(vlm("tokenizer", "decode", tiny, "5", "9999"), naming: "no token 9999")
  }
}

@Suite struct AskTests {
  @Test func textIsTheAnswerAlone() {
    let run = vlm("ask", "Hello", "--model", tiny, "--greedy", "--max-tokens", "8")
    #expect(run.status == 0)
    #expect(run.errors.isEmpty, "nothing but the answer where nobody watches")
    #expect(run.output.hasSuffix("\n"))
    let json = vlm("ask", "Hello", "--model", tiny, "--greedy", "--max-tokens", "8", "--format", "json").json
    #expect((json?["text"]?.stringValue).map { $0 + "\n" } == run.output)
  }

  @Test func jsonHasEverything() throws {
    let run = vlm(
      "ask", "What is it?", "--image", scene, "--model", tiny, "--greedy", "--max-tokens", "5", "--format",
      "json")
    let json = try #require(run.json)
    let tokens = try #require(json["tokens"]?.arrayValue)
    #expect(json["usage"]?["completion_tokens"]?.integerValue == tokens.count)
    #expect(["stop", "length"].contains(json["finish_reason"]?.stringValue))
    #expect(json["sampling"]?["greedy"]?.boolValue == true)
    let image = try #require(json["images"]?.arrayValue?.first)
    #expect(image["original"]?["width"]?.integerValue == 84)
    #expect(image["resized"]?["width"]?.integerValue == 84)
    #expect(image["resized"]?["height"]?.integerValue == 56)
    #expect(image["grid_thw"]?.arrayValue?.compactMap(\.integerValue) == [1, 4, 6])
    #expect(json["usage"]?["image_tokens"]?.integerValue == 6)
    for key in ["load_seconds", "encode_seconds", "prefill_seconds", "decode_seconds"] {
      #expect(json["timings"]?[key]?.doubleValue != nil, "\(key)")
    }
  }

  @Test func imagesComeFromFilesStandardInputAndURLs() throws {
    let bytes = Scratch.read(scene)
    func tokens(_ image: String, _ input: [UInt8] = []) -> [JSONValue]? {
      vlm(
        "ask", "What is it?", "--image", image, "--model", tiny, "--greedy", "--max-tokens", "6", "--format",
        "json",
        input: input
      ).json?["tokens"]?.arrayValue
    }
    let expected = try #require(tokens(scene))
    #expect(tokens("-", bytes) == expected)
    #expect(tokens("data:image/png;base64," + base64(bytes)) == expected)
  }

  @Test func theQuestionComesFromStandardInput() {
    let piped = vlm("ask", "--model", tiny, "--greedy", "--max-tokens", "6", input: Array("Hello\n".utf8))
    let given = vlm("ask", "Hello", "--model", tiny, "--greedy", "--max-tokens", "6")
    #expect(piped.status == 0 && piped.output == given.output)
  }

  /// The checkpoint's hidden top-k of 1 must not undo what the user asks for.
  @Test func settingsWinOverTheCheckpoint() throws {
    func ask(_ extra: String...) -> JSONValue? {
      vlm(["ask", "Hello", "--model", tiny, "--max-tokens", "12", "--format", "json"] + extra).json
    }
    let warm = try #require(ask("--temperature", "4", "--seed", "1"))
    #expect(warm["sampling"]?["top_k"]?.integerValue == 0)
    #expect(warm["sampling"]?["top_p"]?.doubleValue == 1)
    #expect(warm["sampling"]?["temperature"]?.doubleValue == 4)
    #expect(warm["sampling"]?["seed"]?.integerValue == 1)
    #expect(ask("--temperature", "4", "--seed", "1")?["tokens"] == warm["tokens"])
    #expect(ask("--temperature", "4", "--seed", "2")?["tokens"] != warm["tokens"])
    let untouched = try #require(
      vlm("ask", "Hello", "--model", tiny, "--max-tokens", "2", "--format", "json").json)
    #expect(untouched["sampling"]?["top_k"]?.integerValue == 1)
    #expect(untouched["sampling"]?["temperature"]?.doubleValue == 0.01)
  }

  @Test func settingsOfOnePictureWinOverThoseForAll() throws {
    func heights(_ command: String, _ extra: String...) -> [Int]? {
      let images = ["--image", scene, "--image", scene, "--image", scene, "--min-pixels", "3136"]
      let run = vlm(
        [command] + (command == "ask" ? ["x", "--max-tokens", "1"] : []) + images
          + ["--model", tiny, "--format", "json"] + extra)
      return run.json?["images"]?.arrayValue?.compactMap { $0["resized"]?["height"]?.integerValue }
    }
    for command in ["ask", "plan"] {
      #expect(heights(command) == [56, 56, 56])
      #expect(heights(command, "--resize", "2:max-pixels=3136") == [56, 28, 56])
      #expect(
        heights(
          command, "--max-pixels", "3136", "--resize", "3:max-pixels=9000", "--resize",
          "1:resized-width=28,resized-height=112") == [112, 28, 56])
    }
  }

  @Test func aQuestionMayStartWithADash() {
    let run = vlm("ask", "--model", tiny, "--greedy", "--max-tokens", "2", "--", "- one or two?")
    #expect(run.status == 0, "\(run.errors)")
  }

  @Test func everyInstructionSetGivesTheSame() {
    let expected = vlm("ask", "Hello", "--image", scene, "--model", tiny, "--greedy", "--max-tokens", "4")
      .output
    let plain = vlm(
      "ask", "Hello", "--image", scene, "--model", tiny, "--greedy", "--max-tokens", "4",
      environment: ["VLM_ISA=plain"])
    #expect(plain.status == 0 && plain.output == expected)
    #expect(vlm("inspect", tiny, environment: ["VLM_ISA="]).status == 0)
  }

  @Test func ctrlCStopsCleanly() {
    // The tiny model's context is the only limit: it would go on for a long time.
    let run = vlm(
      "ask", "Hello", "--model", tiny, "--temperature", "5", "--max-tokens", "30000", interruptAfter: 400)
    #expect(run.status == 130 || run.status == 0)
    #expect(run.errors.isEmpty)
  }
}

@Suite struct BadInputTests {
  private func ask(_ model: String, image: String? = nil) -> Run {
    if let image { return vlm("ask", "x", "--model", model, "--image", image, "--max-tokens", "2") }
    return vlm("ask", "x", "--model", model, "--max-tokens", "2")
  }

  @Test func images() {
    let scratch = Scratch()
    let png = Scratch.read(scene)
    expectFailure(ask(tiny, image: scratch.path + "/none.png"), naming: "none.png")
    expectFailure(ask(tiny, image: scratch.write([], to: "zero.png")), naming: "zero.png")
    expectFailure(ask(tiny, image: scratch.write(Array("hello".utf8), to: "text.png")), naming: "text.png")
    expectFailure(
      ask(tiny, image: scratch.write(Array(png[..<(png.count / 2)]), to: "cut.png")), naming: "cut.png")
    expectFailure(ask(tiny, image: scratch.path), naming: "directory")
    // An honest header that claims 60000×60000: the width and height lie at bytes 16 to 23, and the check sum at 29.
    var huge = png
    huge.replaceSubrange(16..<24, with: [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60])
    expectFailure(ask(tiny, image: scratch.write(huge, to: "huge.png")), naming: "huge.png")
    expectFailure(ask(tiny, image: "data:image/png;base64,%%%"), naming: "data:")
  }

  @Test func models() {
    let scratch = Scratch()
    expectFailure(ask(scratch.path + "/none"), naming: "none/config.json")
    expectFailure(ask(scratch.path), naming: "config.json")
    expectFailure(ask(scene), naming: "directory")
    expectFailure(ask(""), naming: "directory")
    scratch.copy(golden: "tiny")
    let weights = Scratch.read(tiny + "/model.safetensors")
    scratch.write(Array(weights[..<(weights.count / 2)]), to: "model.safetensors")
    expectFailure(ask(scratch.path), naming: "model.safetensors")
    var long = weights
    long.replaceSubrange(0..<8, with: [UInt8](repeating: 0xFF, count: 8))
    scratch.write(long, to: "model.safetensors")
    expectFailure(ask(scratch.path), naming: "model.safetensors")
    scratch.write(weights, to: "model.safetensors")
    scratch.edit("tokenizer.json", "\"merges\"", "\"verges\"")
    expectFailure(ask(scratch.path), naming: "merges")
  }

  @Test func wrongUsageIsExitCodeTwo() {
    expectFailure(vlm("ask", "x", "--model"), 2, naming: "--model")
    expectFailure(vlm("ask", "x", "--model", tiny, "--bogus"), 2, naming: "--bogus")
    expectFailure(vlm("ask", "x", "--model", tiny, "--greedy", "--top-k", "3"), 2, naming: "--greedy")
    expectFailure(
      vlm("ask", "x", "--model", tiny, "--min-pixels", "9000", "--max-pixels", "5000"), 2,
      naming: "--min-pixels")
    expectFailure(vlm("ask", "x", "--model", tiny, "--resized-width", "100"), 2, naming: "--resized-height")
    expectFailure(vlm("ask", "--model", tiny, "--image", "-"), 2, naming: "standard input")
    expectFailure(vlm("ask", "x", "--model", tiny, "--top-p", "1.5"), 2, naming: "top-p")
    expectFailure(
      vlm("ask", "--model", tiny, "--image", "-", "--image", "-", "x"), 2, naming: "standard input")
  }

  @Test(arguments: [
    ("--max-tokens", "0"), ("--max-tokens", "-3"), ("--temperature", "nan"), ("--temperature", "-1"),
    ("--temperature", "inf"), ("--top-p", "0"), ("--top-k", "-1"), ("--min-p", "2"),
    ("--repetition-penalty", "0"), ("--repetition-penalty", "nan"), ("--seed", "-1"), ("--threads", "0"),
    ("--threads", "100000"), ("--threads", "x"), ("--stop", ""), ("--min-pixels", "0"),
    ("--max-pixels", "-5"),
    ("--resized-height", "0"), ("--format", "xml"), ("--max-tokens", "99999999999999999999"),
  ]) func valuesOutOfRangeNameTheirFlag(flag: String, value: String) {
    let name = flag.dropFirst(2).replacing("-", with: " ")
    let run = vlm("ask", "x", "--model", tiny, flag, value)
    #expect(run.status == 2)
    #expect(run.output.isEmpty)
    #expect(run.errors.replacing("-", with: " ").contains(name), "\(run.errors)")
  }

  @Test(arguments: [
    "3:max-pixels=5000", "0:max-pixels=5000", "x:max-pixels=5000", "max-pixels=5000", "1:max-pixels", "1:",
    "1:width=5", "1:max-pixels=x", "1:max-pixels=0", "1:resized-width=56",
    "1:max-pixels=5000,min-pixels=6000", "1:max-pixels=5000,max-pixels=5000", "",
  ]) func resizeSettingsThatCannotBeApplied(_ text: String) {
    let images = ["--image", scene, "--image", scene]
    for command in [["ask", "x"], ["plan"]] {
      let run = vlm(command + ["--model", tiny, "--resize", text] + images)
      #expect(run.status == 2, "\(run.errors)")
      #expect(run.errors.contains("--resize") || run.errors.contains("picture 1"), "\(run.errors)")
    }
    expectFailure(vlm("ask", "x", "--model", tiny, "--resize", "1:max-pixels=5000"), 2, naming: "--resize")
  }

  @Test func instructionSetsThatCannotBeUsed() {
    // One of them belongs to another processor than this one.
    for command in [["ask", "x", "--model", tiny], ["inspect", tiny], ["bench", tiny]] {
      for name in ["sse9", "PLAIN", "plain,neon"] {
        expectFailure(vlm(command, environment: ["VLM_ISA=\(name)"]), 2, naming: "VLM_ISA=\(name)")
      }
    }
    let foreign = ["neon", "avx2"].map { vlm("inspect", tiny, environment: ["VLM_ISA=\($0)"]).status }
    #expect(foreign.contains(2))
  }

  @Test func aPromptBeyondTheContext() {
    let long = String(repeating: "many words ", count: 40000)
    expectFailure(vlm("ask", "--model", tiny, input: Array(long.utf8)), naming: "context")
  }
}

@Suite struct OtherCommandTests {
  @Test func verifyExitsWithItsVerdict() {
    let reference = Goldens.directory + "/references/one-image.safetensors"
    let good = vlm("verify", tiny, reference)
    #expect(good.status == 0)
    #expect(good.output.contains("all stages agree"))
    let bad = vlm("verify", Goldens.directory + "/tiny-untied", reference)
    #expect(bad.status == 1)
    #expect(bad.output.contains("FAILED"))
    expectFailure(vlm("verify", tiny, scene), naming: "scene.png")
  }

  @Test func planSaysWhatAskDoes() throws {
    let plan = try #require(vlm("plan", "--image", scene, "--model", tiny, "--format", "json").json)
    let ask = try #require(
      vlm("ask", "x", "--image", scene, "--model", tiny, "--max-tokens", "1", "--format", "json").json)
    #expect(plan["images"] == ask["images"])
    let less = try #require(
      vlm("plan", "--image", scene, "--model", tiny, "--max-pixels", "3136", "--format", "json").json)
    let tokens = { (json: JSONValue) in json["images"]?.arrayValue?.first?["tokens"]?.integerValue ?? 0 }
    #expect(tokens(less) < tokens(plan))
  }

  @Test func planFindsTheLargestThatFits() throws {
    func plan(_ extra: String...) -> Run {
      vlm(["plan", "--image", root + "/Examples/cat.jpg", "--model", tiny, "--format", "json"] + extra)
    }
    let whole = try #require(plan().json?["peak_bytes"]?.integerValue)
    let smallest = try #require(plan("--max-pixels", "3136").json?["peak_bytes"]?.integerValue)
    #expect(smallest < whole)
    #expect(plan("--memory", "1T").json?["max_pixels"] == nil)
    for limit in [smallest, (smallest + whole) / 2, whole - 1] {
      let found = try #require(plan("--memory", "\(limit)").json)
      let pixels = try #require(found["max_pixels"]?.integerValue)
      #expect(try #require(found["peak_bytes"]?.integerValue) <= limit)
      // What it names does what it says, and the next step would not fit.
      #expect(plan("--max-pixels", "\(pixels)").json?["images"] == found["images"])
      #expect(try #require(plan("--max-pixels", "\(pixels + 784)").json?["peak_bytes"]?.integerValue) > limit)
    }
    expectFailure(plan("--memory", "\(smallest - 1)"), naming: "--memory")
    for size in ["-5", "0", "x", "5X", ""] { expectFailure(plan("--memory", size), 2, naming: "--memory") }
  }

  @Test func inspectAddsUpAndListsWhatIsWrong() throws {
    let json = try #require(vlm("inspect", tiny, "--format", "json").json)
    #expect(json["loads"]?.boolValue == true)
    let scratch = Scratch()
    scratch.copy(golden: "tiny")
    scratch.edit("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")
    let broken = vlm("inspect", scratch.path, "--format", "json")
    #expect(broken.status == 1)
    #expect(broken.json?["problems"]?.arrayValue?.count == 12)
  }

  @Test func inspectAccountsForEveryTensor() throws {
    for (model, parts, type) in [
      ("tiny", ["vision encoder", "merger", "embeddings", "text layers"], "BF16"),
      ("tiny-untied", ["vision encoder", "merger", "embeddings", "text layers", "head"], "F16"),
    ] {
      let json = try #require(vlm("inspect", Goldens.directory + "/" + model, "--format", "json").json)
      let found = try #require(json["parts"]?.arrayValue)
      #expect(found.compactMap { $0["part"]?.stringValue } == parts)
      #expect(found.allSatisfy { $0["types"] == [.string(type)] })
      // Two bytes each; and a safetensors file is eight bytes, the header whose length they give, and tensors.
      let files = try #require(json["files"]?.arrayValue).compactMap(\.stringValue).map(Scratch.read)
      let stored = files.map { $0.count - 8 - $0[..<8].reversed().reduce(0) { $0 << 8 | Int($1) } }
      let bytes = try #require(json["bytes"]?.integerValue)
      #expect(json["parameters"]?.integerValue.map { 2 * $0 } == bytes)
      #expect(bytes == stored.reduce(0, +))
      #expect(json["unused_tensors"] == [])
      #expect(json["unlisted_tensors"] == [])
      #expect(json["tokenizer"]?["tokens"]?.integerValue == 800)
      #expect(json["generation"]?["top_k"]?.integerValue == 1)
    }
  }

  @Test func inspectReportsWhatAnIndexLeavesOut() throws {
    let scratch = Scratch()
    scratch.copy(golden: "tiny-untied")
    let shard = "model-00001-of-00002.safetensors"
    scratch.edit("model.safetensors.index.json", "\"lm_head.weight\": \"\(shard)\",", "")
    let json = try #require(vlm("inspect", scratch.path, "--format", "json").json)
    #expect(json["unlisted_tensors"]?.arrayValue == [.string("lm_head.weight in \(scratch.path)/\(shard)")])
    #expect(json["problems"]?.arrayValue?.count == 1)
    #expect(json["tokenizer"] == .null)
    let text = vlm("inspect", scratch.path)
    #expect(text.status == 1)
    #expect(text.output.contains("not by the index") && text.output.contains("IT WOULD NOT LOAD"))
  }

  @Test func benchMeasures() throws {
    let json = try #require(
      vlm(
        "bench", tiny, "--runs", "2", "--side", "56", "--prompt", "16", "--after", "16", "--tokens", "4",
        "--format",
        "json"
      ).json)
    let figures = try #require(json["figures"]?.arrayValue)
    #expect(figures.count == 4)
    #expect(figures.allSatisfy { ($0["median_seconds"]?.doubleValue ?? 0) > 0 })
  }
}
