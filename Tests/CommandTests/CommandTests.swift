import Glibc
import TestKit
import Testing
import VLJSON

/// What one run of the program left behind.
private struct Run {
  var status: Int32
  var output: String
  var errors: String

  var json: JSONValue? { try? JSONValue(parsing: output) }
}

private let root = Goldens.directory + "/../.."
private let tiny = Goldens.directory + "/tiny"
private let scene = Goldens.directory + "/references/images/scene.png"

/// Runs the built program; `interruptAfter` sends it SIGINT after so many milliseconds.
private func vlm(_ arguments: String..., input: [UInt8] = [], interruptAfter: UInt32? = nil) -> Run {
  vlm(arguments, input: input, interruptAfter: interruptAfter)
}

private func vlm(_ arguments: [String], input: [UInt8] = [], interruptAfter: UInt32? = nil) -> Run {
  let scratch = Scratch()
  let paths = (
    input: scratch.write(input, to: "in"), output: scratch.path + "/out", errors: scratch.path + "/err"
  )
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_addopen(&actions, 0, paths.input, O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 1, paths.output, O_WRONLY | O_CREAT, 0o600)
  posix_spawn_file_actions_addopen(&actions, 2, paths.errors, O_WRONLY | O_CREAT, 0o600)
  defer { posix_spawn_file_actions_destroy(&actions) }
  let program = root + "/.build/release/vlm"
  var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
  defer { for argument in argv { free(argument) } }
  var process = pid_t()
  guard posix_spawn(&process, program, &actions, nil, &argv, environ) == 0 else {
    return Run(status: -1, output: "", errors: "the program could not be started")
  }
  if let interruptAfter {
    usleep(interruptAfter * 1000)
    kill(process, SIGINT)
  }
  var status: Int32 = 0
  waitpid(process, &status, 0)
  // A signal is reported as shells do.
  let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  return Run(
    status: code, output: String(decoding: Scratch.read(paths.output), as: UTF8.self),
    errors: String(decoding: Scratch.read(paths.errors), as: UTF8.self))
}

/// A failure is one line on standard error that names the culprit, nothing on standard output, and this exit code.
private func expectFailure(_ run: Run, _ status: Int32 = 1, naming name: String) {
  #expect(run.status == status, "\(run.errors)")
  #expect(run.output.isEmpty)
  #expect(run.errors.contains(name), "\(run.errors)")
  if status == 1 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)") }
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
    expectFailure(vlm("ask", "x"), 2, naming: "--model")
    expectFailure(vlm("ask", "x", "--model", tiny, "--bogus"), 2, naming: "--bogus")
    expectFailure(vlm("ask", "x", "--model", tiny, "--greedy", "--top-k", "3"), 2, naming: "--greedy")
    expectFailure(
      vlm("ask", "x", "--model", tiny, "--min-pixels", "9000", "--max-pixels", "5000"), 2,
      naming: "--min-pixels")
    expectFailure(vlm("ask", "x", "--model", tiny, "--resized-width", "100"), 2, naming: "--resized-height")
    expectFailure(vlm("ask", "--model", tiny, "--image", "-"), 2, naming: "standard input")
    expectFailure(vlm("ask", "x", "--model", tiny, "--top-p", "1.5"), 2, naming: "top-p")
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

  @Test func chatKeepsItsHistory() throws {
    let scratch = Scratch()
    let saved = scratch.path + "/chat.json"
    let script = "Hello\n/image \(scene)\nWhat is it?\nAnd now?\n/save \(saved)\n/reset\n/quit\n"
    let run = vlm("chat", "--model", tiny, "--greedy", "--max-tokens", "5", input: Array(script.utf8))
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.split(separator: "\n").count >= 1)
    let messages = try #require(try JSONValue(parsing: Scratch.read(saved))["messages"]?.arrayValue)
    #expect(
      messages.map { $0["role"]?.stringValue } == [
        "user", "assistant", "user", "assistant", "user", "assistant",
      ])
    #expect(messages[2]["content"]?.arrayValue?.first?["image"]?.stringValue == scene)
    expectFailure(vlm("chat", "--model", tiny, input: Array("/image /none.png\n".utf8)), naming: "/none.png")
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

private func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  var text = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = (0..<3).map { start + $0 < bytes.count ? UInt32(bytes[start + $0]) : 0 }
    let bits = group[0] << 16 | group[1] << 8 | group[2]
    for place in 0..<4 {
      text.append(start + place <= bytes.count ? alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : "=")
    }
  }
  return text
}
