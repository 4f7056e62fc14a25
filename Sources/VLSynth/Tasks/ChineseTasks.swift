internal import VLJSON

/// A line of Chinese to read.
struct ChineseLinesTask: SynthTask {
  let name = "chinese-lines"
  let summary = "a line of simplified Chinese in several fonts, turned and bent: characters, words"
  let skills = [SynthSkill("characters", 2), SynthSkill("word", 2)]
  let drawsChinese = true

  static let questions = [
    "图中写的是什么？", "读出图中的文字。", "这是什么字？", "请识别文字。", "上面写着什么？", "Read the text.", "What does it say?",
    "What is written here?",
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let text: String
    if skill == "word" {
      text = random.pick(ChineseWords.words)
    } else {
      let known = ChineseWords.characters.prefix(80 + Int(400 * desk.difficulty))
      let most = 2 + Int((4 * desk.difficulty).rounded())
      text = String((0..<random.int(1...most)).map { _ in random.pick(Array(known)) })
    }
    // Characters are denser than letters.
    let font = desk.studio.chineseFont(&random, size: 1.15 * LinesTask.fontSize(&random, desk))
    let image = LinesTask.picture(text, font, &random, desk)
    return Draft(
      image,
      [
        Turn(
          [.text(random.pick(Self.questions))], [.text(text)], .transcription(text),
          query: JSONObject(["ask": "read"]))
      ], facts: JSONObject(["text": .string(text), "font": .string(font.family), "size": .number(font.size)]))
  }
}

/// Scenes, with questions and answers in Chinese.
struct ChineseQuestionsTask: SynthTask {
  let name = "chinese-questions"
  let summary = "scenes asked about in Chinese: colour, shape, count, what is where, boxes, captions"
  let skills = [
    SynthSkill("colour", 2), SynthSkill("shape", 2), SynthSkill("count", 2), SynthSkill("relation", 1.5),
    SynthSkill("box", 1), SynthSkill("caption", 1),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    for _ in 0..<400 {
      var (plans, counted) = (
        Scene.plans(
          random.int((skill == "relation" ? 2 : 1)...2 + Int((2 * desk.difficulty).rounded())),
          distinct: true,
          difficulty: desk.difficulty, &random), Reference()
      )
      if skill == "count" { (plans, counted) = ScenesTask.countable(desk.difficulty, &random) }
      let scene = Scene.lay(plans, in: desk.pictureSize(&random), difficulty: desk.difficulty, &random)
      guard scene.things.count == plans.count, let turn = turn(skill, scene, counted, &random) else {
        continue
      }
      return Draft(scene.picture(desk, &random), [turn], facts: scene.json)
    }
    preconditionFailure("ChineseQuestionsTask: no scene for \(skill)")
  }

  private func turn(_ skill: String, _ scene: Scene, _ counted: Reference, _ random: inout SynthRandom)
    -> Turn?
  {
    guard !scene.things.isEmpty else { return nil }
    let thing = random.pick(scene.things)
    switch skill {
    case "colour":
      guard let reference = Reference.to(thing, among: scene.things, paint: false, &random) else {
        return nil
      }
      let question = Phrasing.fill(
        random.pick(["{0}是什么颜色？", "{0}是什么颜色的？", "图中的{0}是什么颜色？"]), [reference.chinese], &random)
      return Turn(
        question, thing.paint.chinese, or: [String(thing.paint.chinese.dropLast())],
        query: JSONObject(["ask": "colour", "of": thing.json]))
    case "shape":
      guard let reference = Reference.to(thing, among: scene.things, shape: false, &random) else {
        return nil
      }
      let question = Phrasing.fill(
        random.pick(["{0}是什么形状？", "{0}是什么形状的？", "图中{0}的形状是什么？"]), [reference.chinese], &random)
      return Turn(question, thing.shape.chinese, query: JSONObject(["ask": "shape", "of": thing.json]))
    case "count":
      let count = scene.things.filter(counted.matches).count
      let question = Phrasing.fill(
        random.pick(["图中有几个{0}？", "有多少个{0}？", "一共有几个{0}？"]), [counted.chinese], &random)
      return Turn(
        [.text(question)], [.text(String(count))], .number(Double(count), tolerance: 0),
        query: JSONObject(["ask": "count", "where": counted.json]))
    case "relation":
      guard let (a, b, side) = SceneQuestions.clearPair(scene, &random),
        let first = Reference.to(a, among: scene.things, &random),
        let second = Reference.to(b, among: scene.things, &random)
      else { return nil }
      let asked = random.chance(0.5) ? side : side.opposite
      let question = Phrasing.fill(
        random.pick(["{0}在{1}的{2}吗？", "{0}是不是在{1}的{2}？"]), [first.chinese, second.chinese, asked.chinese],
        &random)
      return Turn(
        question, asked == side ? "是" : "不是", or: asked == side ? ["在", "是的"] : ["不在", "否"],
        query: JSONObject(["ask": "relation", "of": a.json, "from": b.json, "asked": .string(asked.rawValue)])
      )
    case "box":
      guard let reference = Reference.to(thing, among: scene.things, &random) else { return nil }
      let question = Phrasing.fill(
        random.pick(["{0}在哪里？", "请框出{0}。", "找出{0}。"]), [reference.chinese], &random)
      let box = SynthBox(thing.frame, in: scene.size)
      return Turn(
        [.text(question)], [.ref(reference.chinese), .box(box)], .box(box),
        query: JSONObject(["ask": "box", "where": reference.json]))
    default:
      guard let sorted = SceneQuestions.leftToRight(scene) else { return nil }
      let names = sorted.map { Reference(shape: $0.shape, paint: $0.paint).chinese }
      let question = random.pick(["描述这张图片。", "图中有什么？", "从左到右有什么？"])
      return Turn(
        [.text(question)], [.text(names.joined(separator: "、"))], .list(names),
        query: JSONObject(["ask": "caption"]))
    }
  }
}
