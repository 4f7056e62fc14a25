internal import VLJSON

/// From words to places and back, in the published form.
struct GroundingTask: SynthTask {
  let name = "grounding"
  let summary = "boxes of shapes: phrase to box, box to phrase, all of a kind, captions with boxes"
  let skills = [
    SynthSkill("phrase-to-box", 5), SynthSkill("box-to-phrase", 3), SynthSkill("all", 1.5),
    SynthSkill("caption", 1),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    for attempt in 0..<400 {
      let most = attempt > 50 ? 1 : 1 + Int((4 * desk.difficulty).rounded())
      var plans = Scene.plans(
        random.int(1...max(2, most)), distinct: skill != "all", difficulty: desk.difficulty, &random)
      if skill != "caption" && plans.count > 1 && random.chance(0.25 * desk.difficulty) {
        for index in plans.indices { plans[index].size = random.chance(0.5) ? .large : .small }
      }
      let scene = Scene.lay(plans, in: desk.pictureSize(&random), difficulty: desk.difficulty, &random)
      guard scene.things.count == plans.count, let turn = turn(skill, scene, &random) else { continue }
      return Draft(scene.picture(desk, &random), [turn], facts: scene.json)
    }
    preconditionFailure("GroundingTask: no scene for \(skill)")
  }

  private func turn(_ skill: String, _ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    switch skill {
    case "phrase-to-box": Self.phraseToBox(scene, &random)
    case "box-to-phrase": Self.boxToPhrase(scene, &random)
    case "all": Self.all(scene, &random)
    default: Self.caption(scene, &random)
    }
  }

  static func phraseToBox(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    let thing = random.pick(scene.things)
    guard let reference = Reference.to(thing, among: scene.things, &random) else { return nil }
    let box = SynthBox(thing.frame, in: scene.size)
    let phrase = reference.text
    var question: [SynthPart]
    if random.chance(0.3) {
      question = [
        .text(random.pick(["Locate ", "Find ", "Where is ", "Detect ", "Give the box of "])), .ref(phrase),
      ]
    } else {
      question = [
        .text(
          Phrasing.say(
            [
              "Where is the {0}?", "Locate the {0}.", "Find the {0}.", "Detect the {0}.",
              "Give the bounding box of the {0}.", "What is the bounding box of the {0}?",
              "Show me the {0}.", "Draw a box around the {0}.", "Point out the {0}.",
            ], [phrase], &random))
      ]
    }
    return Turn(
      question, [.ref(phrase), .box(box)], .box(box),
      query: JSONObject(["ask": "box", "where": reference.json]))
  }

  static func boxToPhrase(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    let thing = random.pick(scene.things)
    let box = SynthBox(thing.frame, in: scene.size)
    let (before, after) = random.pick([
      ("What is in ", "?"), ("What is at ", "?"), ("Describe the object in ", "."), ("Name what is in ", "."),
      ("Which shape is in ", "?"), ("", " What is this?"), ("What do you see in ", "?"),
    ])
    let question: [SynthPart] = (before.isEmpty ? [] : [.text(before)]) + [.box(box), .text(after)]
    return Turn(
      question, [.text(thing.name)], .exact([thing.name]),
      query: JSONObject(["ask": "name", "of": thing.json]))
  }

  private static func all(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard let sorted = SceneQuestions.leftToRight(scene) else { return nil }
    let model = random.pick(sorted)
    let reference =
      switch random.int(0...2) {
      case 0: Reference(shape: model.shape)
      case 1: Reference(paint: model.paint)
      default: Reference()
      }
    let found = sorted.filter(reference.matches)
    let question = Phrasing.say(
      [
        "Find all {0}.", "Locate all {0}.", "Detect every one of the {0}.", "Where are the {0}?",
        "Give the bounding boxes of all {0}.", "Draw boxes around all {0}.",
      ], [reference.plural], &random)
    let boxes = found.map { SynthBox($0.frame, in: scene.size) }
    return Turn(
      [.text(question)],
      zip(found, boxes).flatMap { [.ref($0.name), .box($1)] as [SynthPart] }, .boxes(boxes),
      query: JSONObject(["ask": "boxes", "where": reference.json]))
  }

  private static func caption(_ scene: Scene, _ random: inout SynthRandom) -> Turn? {
    guard let sorted = SceneQuestions.leftToRight(scene) else { return nil }
    let question = Phrasing.say(
      [
        "Describe the picture with boxes.", "Caption the picture with grounding.",
        "Describe the picture and give the box of each thing.", "What is where? Answer with boxes.",
      ], &random)
    let boxes = sorted.map { SynthBox($0.frame, in: scene.size) }
    var answer: [SynthPart] = []
    for (index, thing) in sorted.enumerated() {
      let article = withArticle(thing.name).dropLast(thing.name.count)
      let joint = index == 0 ? "" : index == sorted.count - 1 ? " and " : ", "
      answer += [.text(joint + (index == 0 ? Phrasing.capitalised(String(article)) : String(article)))]
      answer += [.ref(thing.name), .box(boxes[index])]
    }
    answer.append(.text("."))
    return Turn([.text(question)], answer, .boxes(boxes), query: JSONObject(["ask": "boxes", "where": [:]]))
  }
}
