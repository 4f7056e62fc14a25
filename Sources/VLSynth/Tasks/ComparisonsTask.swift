internal import VLJSON

/// Two to four pictures, and what tells them apart.
struct ComparisonsTask: SynthTask {
  let name = "comparisons"
  let summary = "several pictures: which shows it, which has more, are they alike, what was added or changed"
  let skills = [
    SynthSkill("which", 3), SynthSkill("more", 2), SynthSkill("same", 1.5), SynthSkill("added", 1.5),
    SynthSkill("changed", 1),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    for _ in 0..<300 {
      let size = desk.pictureSize(&random, aspect: random.chance(0.6) ? 1...1 : 0.8...1.3)
      guard let (scenes, turn) = compare(skill, size, desk.difficulty, &random) else { continue }
      // What is compared thing by thing stands before the same background.
      let isPair = ["same", "added", "changed"].contains(skill)
      let colours = scenes.flatMap { $0.things.map(\.colour) }
      let start = random
      let images = scenes.map { scene in
        if isPair { random = start }
        return scene.picture(desk, besides: isPair ? colours : [], &random)
      }
      let isNumbered = random.chance(0.5)
      let media = images.indices.flatMap { index in
        (isNumbered ? [.text("Picture \(index + 1): ")] : []) + [.image(index)] as [SynthPart]
      }
      return Draft(
        images: images, media: media, turns: [turn],
        facts: JSONObject(["scenes": .array(scenes.map { .object($0.json) })]))
    }
    preconditionFailure("ComparisonsTask: no pictures for \(skill)")
  }

  private func number(_ index: Int) -> (answer: String, others: [String]) {
    (String(index + 1), ["picture \(index + 1)", Words.ordinals[index], "the \(Words.ordinals[index])"])
  }

  private func compare(
    _ skill: String, _ size: PixelSize, _ difficulty: Double, _ random: inout SynthRandom
  ) -> ([Scene], Turn)? {
    func scene(_ plans: [ThingPlan]) -> Scene? {
      let scene = Scene.lay(plans, in: size, difficulty: difficulty, &random)
      return scene.things.count == plans.count ? scene : nil
    }
    func some(_ most: Int) -> [ThingPlan] {
      Scene.plans(
        random.int(1...1 + Int((Double(most - 1) * difficulty).rounded())), distinct: true,
        difficulty: difficulty, &random)
    }
    switch skill {
    case "which":
      let count = random.int(2...2 + Int((2 * difficulty).rounded()))
      let scenes = (0..<count).compactMap { _ in scene(some(3)) }
      guard scenes.count == count else { return nil }
      let index = random.int(0...count - 1)
      let thing = random.pick(scenes[index].things)
      var reference = Reference(shape: thing.shape, paint: thing.paint)
      if random.chance(0.3) { reference.paint = nil } else if random.chance(0.3) { reference.shape = nil }
      guard scenes.filter({ $0.things.contains(where: reference.matches) }).count == 1 else { return nil }
      let question = Phrasing.say(
        [
          "Which picture shows {0}?", "In which picture is there {0}?", "Which picture has {0}?",
          "In which picture do you see {0}?",
        ], [withArticle(reference.text)], &random)
      let (answer, others) = number(index)
      return (
        scenes,
        Turn(question, answer, or: others, query: JSONObject(["ask": "which", "where": reference.json]))
      )
    case "more":
      let counts = random.some(2, of: Array(1...3 + Int((4 * difficulty).rounded())))
      let scenes = counts.compactMap {
        scene(Scene.plans($0, distinct: false, difficulty: difficulty, &random))
      }
      guard scenes.count == 2 else { return nil }
      let isMore = random.chance(0.6)
      let question = Phrasing.say(
        [
          "Which picture has {0} shapes?", "Which picture shows {0} things?",
          "In which picture are there {0} shapes?",
        ],
        [isMore ? "more" : "fewer"], &random)
      let (answer, others) = number((counts[0] > counts[1]) == isMore ? 0 : 1)
      return (
        scenes, Turn(question, answer, or: others, query: JSONObject(["ask": isMore ? "more" : "fewer"]))
      )
    case "same":
      guard let first = scene(some(4)) else { return nil }
      var second = first
      let isSame = random.chance(0.5)
      if !isSame {
        guard let (other, _) = change(first, difficulty, &random) else { return nil }
        second = other
      }
      let question = Phrasing.say(
        [
          "Do both pictures show the same?", "Are the two pictures the same?",
          "Are the shapes in both pictures the same?",
          "Is there no difference between the pictures?",
        ], &random)
      return ([first, second], Turn(question, isSame ? "yes" : "no", query: JSONObject(["ask": "same"])))
    case "added":
      // Rejecting placements until both scenes share all but one thing: the whole is laid, and one is left out.
      guard
        let whole = scene(
          Scene.plans(
            random.int(2...2 + Int((2 * difficulty).rounded())), distinct: true, difficulty: difficulty,
            &random))
      else { return nil }
      let index = random.int(0...whole.things.count - 1)
      var without = whole
      without.things.remove(at: index)
      let isAdded = random.chance(0.5)
      let question = Phrasing.say(
        isAdded
          ? ["What was added?", "What is new in the second picture?", "What is only in the second picture?"]
          : [
            "What was removed?", "What is missing in the second picture?",
            "What is only in the first picture?",
          ], &random)
      return (
        isAdded ? [without, whole] : [whole, without],
        Turn(question, whole.things[index].name, query: JSONObject(["ask": isAdded ? "added" : "removed"]))
      )
    default:
      guard let first = scene(some(3)), let (second, index) = change(first, difficulty, &random) else {
        return nil
      }
      let question = Phrasing.say(
        ["What changed?", "What is different in the second picture?", "Which thing changed, and to what?"],
        &random)
      let answer = "\(first.things[index].name) to \(second.things[index].name)"
      return ([first, second], Turn(question, answer, query: JSONObject(["ask": "changed"])))
    }
  }

  /// The scene with another colour, or another shape, for one of its things.
  private func change(
    _ scene: Scene, _ difficulty: Double, _ random: inout SynthRandom
  ) -> (Scene, index: Int)? {
    let index = random.int(0...scene.things.count - 1)
    let thing = scene.things[index]
    var plan = thing.plan
    if random.chance(0.6) {
      plan.paint = random.pick(Scene.paints(difficulty))
    } else {
      plan.shape = random.pick(Scene.shapes(difficulty))
    }
    guard !scene.things.contains(where: { $0.plan == plan }) else { return nil }
    let contours = plan.shape.outline(
      centre: thing.frame.centre, side: min(thing.frame.width, thing.frame.height), angle: 0)
    var changed = scene
    changed.things[index] =
      plan.shape == thing.shape
      ? Thing(plan: plan, colour: plan.paint.colour, contours: thing.contours, frame: thing.frame)
      : Thing(
        plan: plan, colour: thing.colour, contours: contours, frame: Frame(around: contours.flatMap { $0 }))
    return (changed, index)
  }
}
