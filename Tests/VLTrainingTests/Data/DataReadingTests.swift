import TestKit
import Testing
import VLMedia
import VLModels
import VLTraining

/// What a part is, short enough to compare.
func spelled(_ parts: [Message.Part]) -> [String] {
  parts.map { part in
    switch part {
    case .text(let text): "text \(text)"
    case .image(let image): "image \(image.source.name.split(separator: "/").last ?? "")"
    case .video(let video):
      "video " + video.frames.map { String($0.name.split(separator: "/").last ?? "") }.joined(separator: " ")
    case .reference(let text): "ref \(text)"
    case .box(let box): "box \(box)"
    case .quad(let quad): "quad \(quad)"
    case .tokens(let tokens): "tokens \(tokens)"
    }
  }
}

func spelled(_ sample: TrainingSample) -> [[String]] {
  sample.turns.map { [$0.message.role + ($0.isSupervised ? "!" : "")] + spelled($0.message.parts) }
}

@Suite struct DataReading {
  private let scratch = Scratch()

  /// The error of opening a file or reading one of its samples.
  private func failure(_ path: String, _ format: DataFormat? = nil) -> DataError? {
    do {
      let source = try DataFiles.open(path, format: format)
      for index in 0..<(source.count ?? 0) { _ = try source.sample(at: index) }
      return nil
    } catch {
      #expect(error is DataError, "\(error)")
      return error as? DataError
    }
  }

  // MARK: Chat

  @Test func chatLines() throws {
    let path = scratch.write(
      """
      {"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"image","image":"a.png","max_pixels":7840},{"type":"text","text":"?"}]},{"role":"assistant","content":"yes"}],"id":7,"min_pixels":784}

      {"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"auto"}},{"type":"video","video":["f/0.png","/f/1.png"],"fps":2}]},{"role":"assistant","content":[{"type":"ref","text":"it"},{"type":"box","box":[0,1,2,999]},{"type":"quad","quad":[1,2,3,4,5,6,7,8]}],"weight":0},{"role":"assistant","content":"b"}]}
      {"messages":[{"role":"user","content":"<image>one<video>"},{"role":"assistant","content":"x","supervised":false}],"images":["c.png"],"videos":[["d.png","e.png"]],"add_vision_id":true}
      """, to: "data.jsonl")
    let source = try DataFiles.open(path)
    #expect(source.count == 3)
    let first = try source.sample(at: 0)
    #expect(
      spelled(first) == [
        ["system", "text Be brief."], ["user", "image a.png", "text ?"], ["assistant!", "text yes"],
      ])
    #expect(first.name == path + ":1" && first.unreadKeys == ["id"])
    #expect(first.visuals[0].resize == ResizeRequest(minPixels: 784, maxPixels: 7840))
    #expect(first.visuals[0].sources[0].name == scratch.path + "/a.png")
    let second = try source.sample(at: 1)
    #expect(
      spelled(second) == [
        ["user", "image data: URL", "video 0.png 1.png"],
        ["assistant", "ref it", "box (0,1),(2,999)", "quad (1,2),(3,4),(5,6),(7,8)"],
        ["assistant!", "text b"],
      ])
    #expect(
      second.name == path + ":3"
        && second.visuals[1].sources.map(\.name) == [scratch.path + "/f/0.png", "/f/1.png"])
    let third = try source.sample(at: 2)
    #expect(
      spelled(third) == [["user", "image c.png", "text one", "video d.png e.png"], ["assistant", "text x"]])
    #expect(third.visionIDs == true && first.visionIDs == nil)
    let elsewhere = try DataFiles.open(path, media: "/media")
    #expect(try elsewhere.sample(at: 0).visuals[0].sources[0].name == "/media/a.png")
  }

  /// The same records as one array, with line ends anywhere, are the same samples.
  @Test func arraysAreStreamed() throws {
    var text = " \n[\n"
    // Brackets, quotes and commas inside strings, and more than one piece of a mebibyte.
    for index in 0..<400 {
      let filler = String(repeating: "]},{\\\"\\\\ ", count: 400)
      text += "  {\n\"messages\":[{\"role\":\"user\",\"content\":\"\(index) \(filler)\"},\n"
      text += "{\"role\":\"assistant\",\"content\":\"[\(index)]\"}]}\(index < 399 ? " ,\n" : "\n")"
    }
    let path = scratch.write(text + "]\n", to: "data.json")
    let source = try DataFiles.open(path)
    #expect(source.count == 400)
    for index in [0, 1, 200, 399] {
      let sample = try source.sample(at: index)
      #expect(spelled(sample)[1] == ["assistant!", "text [\(index)]"])
      #expect(sample.name == "\(path):\(3 + 3 * index)")
    }
    #expect(try DataFiles.open(scratch.write("[]", to: "empty.json")).count == 0)
    #expect(try DataFiles.open(scratch.write("", to: "empty.jsonl")).count == 0)
  }

  @Test(arguments: [
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"", "bad.jsonl:2: the JSON text is cut off"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]} x", "bad.jsonl:2: text goes on"),
    ("[1]", "bad.jsonl:2: the record is an array"), ("{\"messages\":[]}", "no messages"), ("{}", "no list"),
    ("{\"messages\":[{\"role\":\"user\"}]}", "message 1 lacks role or content"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":null}]}", "content of message 1 is null"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"tool_calls\":[]}]}", "tool_calls"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"\",\"weight\":0.5}]}", "neither 0 nor 1"),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"audio\"}]}]}",
      "part 1 of message 1: its type \"audio\""
    ),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\",\"cache\":1}]}]}",
      "\"cache\""
    ),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"box\",\"box\":[5,6,4,7]}]}]}",
      "left and top first"
    ),
    ("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"box\",\"box\":[0,0,1000,7]}]}]}", "0...999"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"box\",\"box\":[0,0,1.5,7]}]}]}", "0...999"),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"quad\",\"quad\":[0,0,1,1]}]}]}",
      "eight whole numbers"
    ),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"video\",\"video\":\"a.mp4\"}]}]}",
      "not decoded"
    ),
    ("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"video\",\"video\":[]}]}]}", "no frames"),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"image\":\"https://a.b/c.png\"}]}]}",
      "network"
    ),
    (
      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"image\":\"a.png\",\"max_pixels\":0}]}]}",
      "max_pixels"
    ),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"<image>\"}],\"images\":[]}", "no picture for it"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"images\":[\"a.png\"]}", "1 pictures"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"a\",\"content\":\"b\"}]}", "twice"),
    ("{\"messages\":[{\"role\":\"user\",\"content\":\"\u{1}\"}]}", "control character"),
  ]) func badChat(record: String, words: String) throws {
    let path = scratch.write(
      "{\"messages\":[{\"role\":\"user\",\"content\":\"fine\"}]}\n\(record)\n", to: "bad.jsonl")
    let error = failure(path)
    #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    #expect(error?.place.hasPrefix(path + ":2") == true && error?.remedy.isEmpty == false)
  }

  @Test func badFiles() throws {
    func expect(_ path: String, _ words: String, _ format: DataFormat? = nil) {
      let error = failure(path, format)
      #expect(error?.description.contains(words) == true, "\(path): \(String(describing: error))")
    }
    expect("/nowhere/a.jsonl", "no such file")
    expect("/nowhere/*.jsonl", "no file matches")
    expect("/nowhere/{5..3}.tar", "counts nothing")
    expect(scratch.path, "directory")
    expect("/dev/null", "not a regular file")
    expect(scratch.write("[{\"messages\":[]},", to: "a.json"), "no end")
    expect(scratch.write("[{\"messages\":[]}", to: "b.json"), "no end")
    expect(scratch.write("[,{}]", to: "c.json"), "no record before it")
    expect(scratch.write("[{\"messages\":[]}] {}", to: "d.json"), "goes on after the array")
    expect(scratch.write("{\"text\":\"plain\"}", to: "e.jsonl"), "vlm data tokenize")
    expect(scratch.write("{\"prompt\":1}", to: "f.jsonl"), "prompt")
    expect(scratch.write("a,b\n", to: "g.csv"), "expected a JSON value")
    expect(scratch.write([0x1F, 0x8B, 8, 0], to: "h.tar.gz"), "decompress")
    expect(scratch.write([0x7B, 0x22, 0xFF, 0x22, 0x7D], to: "i.jsonl"), "UTF-8")
    expect(scratch.write(String(repeating: "[", count: 5000), to: "j.json"), "no end")
    expect(scratch.write(String(repeating: "{\"messages\":", count: 300), to: "k.jsonl"), "nested deeper")
  }

  /// A file that becomes shorter while it is in use is an error, not the end of the process.
  @Test func shrinkingFiles() throws {
    let line = "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n"
    let path = scratch.write(line + line, to: "s.jsonl")
    let source = try DataFiles.open(path)
    scratch.write("", to: "s.jsonl")
    #expect(throws: DataError.self) { try source.sample(at: 1) }
  }

  @Test func severalFilesAreOne() throws {
    for number in 8...11 {
      let lines = (0..<number % 4).map {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"\(number) \($0)\"}]}"
      }
      scratch.write(lines.joined(separator: "\n"), to: "part-\(number < 10 ? "0" : "")\(number).jsonl")
    }
    let source = try DataFiles.open(scratch.path + "/part-{08..11}.jsonl")
    #expect(source.count == 0 + 1 + 2 + 3)
    let texts = try (0..<6).map { spelled(try source.sample(at: $0))[0][1] }
    #expect(texts == ["text 9 0", "text 10 0", "text 10 1", "text 11 0", "text 11 1", "text 11 2"])
    #expect(try DataFiles.matching(scratch.path + "/part-*.jsonl").count == 4)
  }

  // MARK: LLaVA

  @Test func llava() throws {
    let path = scratch.write(
      """
      [{"id":"1","image":"coco/a.jpg","conversations":[{"from":"human","value":"<image>\\nWhat?"},{"from":"gpt","value":"A <box>."}]},
       {"image":["a.jpg","b.jpg"],"conversations":[{"from":"system","value":"s"},{"from":"human","value":"first <image> then <image>"},{"from":"gpt","value":"x"}]},
       {"video":["0.jpg","1.jpg"],"conversations":[{"from":"human","value":"<video>"},{"from":"gpt","value":"y"}]},
       {"conversations":[{"from":"human","value":"text"},{"from":"gpt","value":"z"}]}]
      """, to: "llava.json")
    let source = try DataFiles.open(path)
    let samples = try (0..<4).map { spelled(try source.sample(at: $0)) }
    #expect(samples[0] == [["user", "image a.jpg", "text \nWhat?"], ["assistant!", "text A <box>."]])
    #expect(
      samples[1] == [
        ["system", "text s"], ["user", "text first ", "image a.jpg", "text  then ", "image b.jpg"],
        ["assistant!", "text x"],
      ])
    #expect(samples[2][0] == ["user", "video 0.jpg 1.jpg"] && samples[3][0] == ["user", "text text"])
    #expect(try source.sample(at: 1).name == path + ":2")
    for (record, words) in [
      ("{\"image\":\"a\",\"conversations\":[{\"from\":\"human\",\"value\":\"no marker\"}]}", "1 pictures"),
      ("{\"conversations\":[{\"from\":\"human\",\"value\":\"<image>\"}]}", "no picture for it"),
      ("{\"conversations\":[{\"from\":\"human\",\"value\":1}]}", "turn 1 lacks"),
      (
        "{\"conversations\":[{\"from\":\"human\",\"value\":\"\"},{\"from\":\"robot\",\"value\":\"\"}]}",
        "robot"
      ),
      ("{\"image\":3,\"conversations\":[{\"from\":\"human\",\"value\":\"\"}]}", "a number"),
      ("{\"video\":\"a.mp4\",\"conversations\":[{\"from\":\"human\",\"value\":\"<video>\"}]}", "not decoded"),
    ] {
      let error = failure(scratch.write(record, to: "bad.json"))
      #expect(error?.description.contains(words) == true, "\(record): \(String(describing: error))")
    }
  }

  // MARK: Qwen-VL

  @Test func qwen() throws {
    let value =
      "Picture 1: <img>a/b.jpg</img>\\nFind <ref>the <i> dog</ref><box>(1,2), (30,999)</box> 3 < 4 <quad>(1,2),(3,4),(5,6),(7,8)</quad>"
    let path = scratch.write(
      "{\"conversations\":[{\"from\":\"user\",\"value\":\"\(value)\"},{\"from\":\"assistant\",\"value\":\"ok\"}]}",
      to: "qwen.jsonl")
    let source = try DataFiles.open(path)
    #expect(
      spelled(try source.sample(at: 0)) == [
        [
          "user", "text Picture 1: ", "image b.jpg", "text \nFind ", "ref the <i> dog", "box (1,2),(30,999)",
          "text  3 < 4 ", "quad (1,2),(3,4),(5,6),(7,8)",
        ], ["assistant!", "text ok"],
      ])
    for (text, words) in [
      ("<img>a.png", "</img>"), ("a</ref>", "<ref>"), ("<box>(1,2)</box>", "two corners"),
      ("<box>(1,2),(3,1000)</box>", "0...999"), ("<box>(1,2),(-3,4)</box>", "0...999"),
      ("<box>(9,2),(3,4)</box>", "left and top"),
      ("<quad>(1,2),(3,4)</quad>", "four corners"), ("<box>1,2,3,4</box>", "two corners"),
      ("<img></img>", "empty"),
      ("<img>http://a/b.png</img>", "network"), ("<box>(1,2),(3,4),</box>", "two corners"),
      ("<box>(99999999999999999999,2),(3,4)</box>", "0...999"),
    ] {
      let record =
        "{\"conversations\":[{\"from\":\"user\",\"value\":\"<img>x</img>\"},{\"from\":\"assistant\",\"value\":\"\(text)\"}]}"
      let error = failure(scratch.write(record, to: "bad.json"), .qwen)
      #expect(
        error?.description.contains("turn 2") == true && error?.description.contains(words) == true,
        "\(text): \(String(describing: error))")
    }
  }

  /// The seven forms of the paper: what is asked, and what is learnt.
  @Test(arguments: [
    (
      "<img>cc/1.jpg</img>Generate the caption in English: the flowers for design.<eos>",
      ["image 1.jpg", "text Generate the caption in English:"], ["text the flowers for design."]
    ),
    (
      "<img>1.jpg</img> Does it have a colour? Answer: No, both are white.<eos>",
      ["image 1.jpg", "text Does it have a colour?"], ["text No, both are white."]
    ),
    (
      "<img>ocr/1.jpg</img> What is the title of this book? Answer: Asi Se Dice!, Volume 2<eos>",
      ["image 1.jpg", "text What is the title of this book?"], ["text Asi Se Dice!, Volume 2"]
    ),
    (
      "<img>1.jpg</img>Generate the caption in English with grounding: Shot of <ref>bees</ref><box>(661,612),(833,812)</box><box>(120,555),(265,770)</box> on <ref>a flower</ref><box>(224,13),(399,313)</box><eos>",
      ["image 1.jpg", "text Generate the caption in English with grounding:"],
      [
        "text Shot of ", "ref bees", "box (661,612),(833,812)", "box (120,555),(265,770)", "text  on ",
        "ref a flower",
        "box (224,13),(399,313)",
      ]
    ),
    (
      "<img>3.jpg</img><ref>the ear on a giraffe</ref><box>(176,106),(232,160)</box><eos>",
      ["image 3.jpg", "ref the ear on a giraffe"], ["box (176,106),(232,160)"]
    ),
    (
      "<img>4.jpg</img><ref>This</ref><box>(360,542),(476,705)</box> is yellow gloves<eos>",
      ["image 4.jpg", "ref This", "box (360,542),(476,705)"], ["text is yellow gloves"]
    ),
    (
      "<img>1.jpg</img>OCR with grounding: <ref>It is managed</ref> <quad>(568,121), (625,131), (624,182), (567,172)</quad><eos>",
      ["image 1.jpg", "text OCR with grounding:"],
      ["ref It is managed", "text  ", "quad (568,121),(625,131),(624,182),(567,172)"]
    ),
  ]) func sevenForms(text: String, question: [String], answer: [String]) throws {
    let source = try DataFiles.open(scratch.write("{\"text\":\"\(text)\"}", to: "forms.jsonl"))
    #expect(spelled(try source.sample(at: 0)) == [["user"] + question, ["assistant!"] + answer])
  }

  @Test func otherTextsAreNoForm() throws {
    for text in [
      "<img>a.jpg</img>words", "words <img>a.jpg</img>", "<img>a.jpg</img>", "<img>a</img><ref>b</ref>",
    ] {
      let error = failure(scratch.write("{\"text\":\"\(text)\"}", to: "forms.jsonl"))
      #expect(error?.place.hasSuffix("forms.jsonl:1") == true, "\(text)")
    }
  }
}
