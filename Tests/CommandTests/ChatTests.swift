import TestKit
import Testing
import VLJSON

@Suite struct ChatTests {
  private func chat(_ lines: String..., options: [String] = []) -> Run {
    vlm(
      ["chat", "--model", tiny, "--greedy", "--max-tokens", "5"] + options,
      input: Array(lines.map { $0 + "\n" }.joined().utf8))
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
    #expect(messages[1]["tokens"]?.arrayValue?.count == 5)
    expectFailure(vlm("chat", "--model", tiny, input: Array("/image /none.png\n".utf8)), naming: "/none.png")
  }

  /// A saved chat goes on as if it had never been interrupted, from anywhere.
  @Test func aSavedChatGoesOn() throws {
    let scratch = Scratch()
    let saved = scratch.path + "/chat.json"
    let whole = chat("/image \(scene)", "/resize max-pixels=3136", "What is it?", "And now?")
    let first = chat("/image \(scene)", "/resize max-pixels=3136", "What is it?", "/save \(saved)")
    let second = chat("/load \(saved)", "And now?")
    #expect(whole.status == 0 && first.status == 0 && second.status == 0, "\(second.errors)")
    #expect(first.output + second.output == whole.output)
    // Another size is another picture: the setting is not lost.
    scratch.edit("chat.json", "3136", "9000")
    #expect(chat("/load \(saved)", "And now?").output != second.output)
    // What somebody writes into the file counts, whatever the tokens say.
    scratch.edit("chat.json", "\"What is it?\"", "\"Hm?\"")
    #expect(chat("/load \(saved)", "/save \(saved)").status == 0)
  }

  @Test func savedChatsThatCannotBeUsed() {
    let scratch = Scratch()
    func load(_ text: String) -> Run { chat("/load " + scratch.write(text, to: "chat.json")) }
    expectFailure(chat("/load \(scratch.path)/none.json"), naming: "none.json")
    expectFailure(chat("/load \(scratch.path)"), naming: scratch.path)
    for (text, name) in [
      ("", "chat.json"), ("[]", "an array"), ("{}", "messages"),
      (#"{"messages": [{"role": "user"}]}"#, "content"),
      (#"{"messages": [], "temperature": 1}"#, "temperature"),
      (#"{"messages": [{"role": "user", "content": 5}]}"#, "a number"),
      (#"{"messages": [{"role": "user", "content": [{"type": "video", "video": "x"}]}]}"#, "video"),
      (#"{"messages": [{"role": "user", "content": [{"type": "image", "image": "x", "fps": 1}]}]}"#, "fps"),
      (#"{"messages": [{"role": "user", "content": [{"type": "image", "image": "x.png"}]}]}"#, "x.png"),
      (#"{"messages": [{"role": "user", "content": "x", "tokens": ["a"]}]}"#, "tokens"),
      (#"{"messages": [], "min_pixels": 0}"#, "min_pixels"),
      (#"{"messages": [], "add_vision_id": 1}"#, "add_vision_id"),
      (#"{"messages": [], "add_vision_id": true}"#, "--vision-ids"),
    ] { expectFailure(load(text), naming: name) }
    // Tokens of another vocabulary are not this text, and do no harm.
    #expect(load(#"{"messages": [{"role": "user", "content": "x", "tokens": [99999999, -1]}]}"#).status == 0)
  }

  @Test func commandsThatCannotBeFollowed() {
    for (line, name) in [
      ("/image", "/image"), ("/image -", "standard input"), ("/image /none.png", "/none.png"),
      ("/save", "/save"),
      ("/save /none/chat.json", "/none/chat.json"), ("/load", "/load"),
      ("/resize max-pixels=9000", "/resize"),
      ("/bogus", "/bogus"), ("/image \(scene)", "nothing was asked"),
    ] { expectFailure(chat(line), naming: name) }
    expectFailure(chat("/image \(scene)", "/resize max-pixels"), naming: "max-pixels")
    expectFailure(chat("/image \(scene)", "/resize min-pixels=9000,max-pixels=8000"), naming: "min-pixels")
  }
}
