import Testing
import VLJSON
import VLSynth

struct ScoreTests {
  private func box(_ l: Int, _ t: Int, _ r: Int, _ b: Int) -> SynthBox {
    SynthBox(left: l, top: t, right: r, bottom: b)
  }

  @Test(arguments: [
    ("red", true), ("Red.", true), (" RED \n", true), ("\"red\"", true), ("a red", true), ("blue", false),
    ("", false),
    ("red blue", false), ("<|box_start|>red<|box_end|>", true),
  ])
  func words(answer: String, isRight: Bool) {
    #expect(SynthScore.score(.exact(["red"]), answer).isRight == isRight)
  }

  @Test(arguments: [
    ("12", 12.0), ("It is 12.", 12), ("$12.50", 12.5), ("-3", -3), ("1,234", 1234), ("1,234.5", 1234.5),
    ("twelve", 12),
    ("There are three.", 3), ("0.07", 0.07),
  ])
  func numbers(answer: String, value: Double) {
    #expect(SynthScore.score(.number(value, tolerance: 0), answer).isRight)
    #expect(!SynthScore.score(.number(value + 1, tolerance: 0), answer).isRight)
  }

  @Test(arguments: ["", "none of these", "3 or 4", "7-3"]) func noNumber(answer: String) {
    let score = SynthScore.score(.number(3, tolerance: 0), answer)
    #expect(!score.isRight && !score.isParsed)
  }

  @Test func tolerance() {
    #expect(SynthScore.score(.number(100, tolerance: 0.05), "104").isRight)
    #expect(!SynthScore.score(.number(100, tolerance: 0.05), "106").isRight)
  }

  @Test func transcription() {
    #expect(SynthScore.score(.transcription("Hello 12"), " Hello 12\n").isRight)
    let near = SynthScore.score(.transcription("Hello"), "Hellp!")
    #expect(!near.isRight && abs(near.value - 0.6) < 1e-12)
    #expect(!SynthScore.score(.transcription("Hello"), "hello").isRight)
    #expect(SynthScore.score(.transcription("a<|b"), "a<|b").isRight)
  }

  @Test func boxes() {
    let key = SynthKey.box(box(100, 100, 300, 300))
    #expect(
      SynthScore.score(
        key, "<|object_ref_start|>x<|object_ref_end|><|box_start|>(100,100),(300,300)<|box_end|>"
      ).value == 1)
    #expect(SynthScore.score(key, "(100, 100), (300, 250)").isRight)
    // 100×200 of 200×200: exactly a half.
    #expect(SynthScore.score(key, "(100,100),(200,300)").value == 0.5)
    #expect(!SynthScore.score(key, "(100,100),(190,300)").isRight)
    #expect(SynthScore.score(key, "(500,500),(600,600)") == SynthScore.score(key, "(900,900),(910,910)"))
    for bad in [
      "", "(1,2)", "(300,300),(100,100)", "(1,2),(3", "(-1,2),(3,4)", "(1,2) and (3,4)", "(1,2),(3,99999)",
    ] {
      #expect(!SynthScore.score(key, bad).isParsed, "\(bad)")
    }
  }

  @Test func manyBoxes() {
    let key = SynthKey.boxes([box(0, 0, 100, 100), box(500, 500, 600, 600)])
    #expect(SynthScore.score(key, "(500,500),(600,600)(0,0),(100,100)").isRight)
    let one = SynthScore.score(key, "(0,0),(100,100)")
    #expect(!one.isRight && abs(one.value - 2.0 / 3) < 1e-12)
    // The same box twice counts once.
    #expect(SynthScore.score(key, "(0,0),(100,100)(0,0),(100,100)").value == 0.5)
    #expect(!SynthScore.score(key, "(0,0),(100,100)(500,500),(600,600)(1,1),(2,2)").isRight)
  }

  @Test func points() {
    let key = SynthKey.point(box(100, 100, 200, 200))
    #expect(SynthScore.score(key, "(150,150)").isRight)
    #expect(SynthScore.score(key, "<|box_start|>(120,120),(180,180)<|box_end|>").isRight)
    #expect(!SynthScore.score(key, "(250,150)").isRight)
    #expect(!SynthScore.score(key, "there").isParsed)
  }

  @Test func lists() {
    let key = SynthKey.list(["red circle", "blue square"])
    #expect(SynthScore.score(key, "A red circle and a blue square.").isRight)
    #expect(SynthScore.score(key, "red circle, blue square").isRight)
    #expect(!SynthScore.score(key, "blue square, red circle").isRight)
    #expect(SynthScore.score(.set(["a", "b"]), "b and a").isRight)
    #expect(SynthScore.score(key, "red circle").value == 0.5)
  }

  @Test func readings() {
    let quad = SynthQuad([
      SynthPoint(x: 10, y: 10), SynthPoint(x: 110, y: 10), SynthPoint(x: 110, y: 40),
      SynthPoint(x: 10, y: 40),
    ])
    let key = SynthKey.readings([SynthReading(text: "go", quad: quad)])
    let right =
      "<|object_ref_start|>go<|object_ref_end|><|quad_start|>(10,10),(110,10),(110,40),(10,40)<|quad_end|>"
    #expect(SynthScore.score(key, right).isRight)
    #expect(!SynthScore.score(key, right.replacing("go<", with: "no<")).isRight)
    #expect(!SynthScore.score(key, right.replacing("(110", with: "(910")).isRight)
    #expect(!SynthScore.score(key, "go").isParsed)
  }

  /// Whatever a model says, scoring neither traps nor hangs.
  @Test func nonsense() throws {
    var random = SynthRandom(domain: "nonsense", seed: 1, split: .train, index: 0)
    let pieces = [
      "(", ")", ",", "1", "999", "99999999999999999999", "<|", "|>", "box_start", "-", ".", " and ", "é", "红",
      " ", "\n", "a",
    ]
    let keys = try SynthSample.drawn("", 60).flatMap(\.keys)
    for _ in 0..<400 {
      let text = (0..<random.int(0...30)).map { _ in random.pick(pieces) }.joined()
      for key in keys { #expect((0...1).contains(SynthScore.score(key, text).value)) }
    }
  }
}

struct JSONTests {
  @Test(arguments: SynthTasks.list.map(\.name)) func samplesSurviveTheirLine(task: String) throws {
    for sample in try SynthSample.drawn(task, 25) {
      let paths = sample.images.indices.map { "images/\($0).png" }
      let line = sample.json(paths: paths).serialized()
      #expect(!line.contains("\n"))
      let read = try SynthSample(json: JSONValue(parsing: line)) { path in
        sample.images[try #require(paths.firstIndex(of: path))]
      }
      #expect(read == sample)
    }
  }

  @Test(arguments: [
    "[]", "{}", #"{"id":"a","task":"t","skill":"s","messages":[{"role":"system","content":[]}]}"#,
    #"{"id":"a","task":"t","skill":"s","messages":[{"role":"user","content":[{"type":"box","box":[1,2,3]}]}]}"#,
    #"{"id":"a","task":"t","skill":"s","messages":[{"role":"user","content":[{"type":"sound"}]}]}"#,
    #"{"id":"a","task":"t","skill":"s","messages":[{"role":"user","content":[{"type":"quad","quad":[1,2]}]}]}"#,
    #"{"id":"a","task":"t","skill":"s","keys":[{"kind":"magic"}]}"#,
    #"{"id":"a","task":"t","skill":"s","keys":[{"kind":"number"}]}"#,
  ])
  func otherFormsAreErrors(line: String) throws {
    let json = try JSONValue(parsing: line)
    #expect(throws: (any Error).self) {
      try SynthSample(json: json) { _ in throw SynthError(name: "x", problem: "x", remedy: "x") }
    }
  }
}
