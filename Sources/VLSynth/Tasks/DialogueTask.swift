internal import VLJSON

/// Several turns about one picture.
struct DialogueTask: SynthTask {
  let name = "dialogue"
  let summary =
    "two to five turns about one scene, some of which say \"it\"; about ten on all of it or on one kind of thing"
  let skills = [
    SynthSkill("mixed", 2), SynthSkill("follow-up", 2), SynthSkill("quiz"), SynthSkill("sides", 0.5),
    SynthSkill("presence", 0.5), SynthSkill("claims", 0), SynthSkill("counts", 0),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    for _ in 0..<300 {
      let most = 2 + Int((3 * desk.difficulty).rounded())
      let plans =
        switch skill {
        case "quiz": quizzed(desk.difficulty, &random)
        case "sides": ScenesTask.small(random.int(2...most + 1), desk.difficulty, &random)
        case "claims":
          Scene.plans(random.int(2...most + 1), distinct: true, difficulty: desk.difficulty, &random)
        case "counts": counted(desk.difficulty, &random)
        case "presence":
          Scene.plans(random.int(1...most + 1), distinct: true, difficulty: desk.difficulty, &random)
        default: Scene.plans(random.int(2...most), distinct: true, difficulty: desk.difficulty, &random)
        }
      let scene = Scene.lay(plans, in: desk.pictureSize(&random), difficulty: desk.difficulty, &random)
      guard scene.things.count == plans.count else { continue }
      let turns =
        switch skill {
        case "mixed": mixed(scene, desk.difficulty, &random)
        case "quiz": quiz(scene, desk.difficulty, &random)
        case "sides": sides(scene, &random)
        case "presence": presence(scene, desk.difficulty, &random)
        case "claims": claims(scene, &random)
        case "counts": counts(scene, desk.difficulty, &random)
        default: followUp(scene, &random)
        }
      guard let turns else { continue }
      return Draft(scene.picture(desk, &random), turns, facts: scene.json)
    }
    preconditionFailure("DialogueTask: no scene for \(skill)")
  }

  private func mixed(_ scene: Scene, _ difficulty: Double, _ random: inout SynthRandom) -> [Turn]? {
    let wanted = random.int(2...4)
    var turns: [Turn] = []
    for kind in random.shuffled(Array(0...8)) where turns.count < wanted {
      let turn: Turn? =
        switch kind {
        case 0: SceneQuestions.colour(scene, &random)
        case 1: SceneQuestions.shape(scene, &random)
        case 2: SceneQuestions.count(scene, Reference(), &random)
        case 3: SceneQuestions.exists(scene, difficulty, &random)
        case 4: SceneQuestions.relation(scene, &random)
        case 5: SceneQuestions.beside(scene, &random)
        case 6: SceneQuestions.caption(scene, &random)
        case 7: GroundingTask.phraseToBox(scene, &random)
        default: GroundingTask.boxToPhrase(scene, &random)
        }
      if let turn { turns.append(turn) }
    }
    return turns.count >= 2 ? turns : nil
  }

  /// Things for a quiz: a few that differ, or some of one kind among others, to be counted.
  private func quizzed(_ difficulty: Double, _ random: inout SynthRandom) -> [ThingPlan] {
    if random.chance(0.4) {
      let things = ScenesTask.countable(difficulty, &random).things
      if !things.isEmpty { return things }
    }
    let most = 3 + Int((2 * difficulty).rounded())
    return Scene.plans(
      max(random.int(1...most), random.int(1...most)), distinct: true, difficulty: difficulty, &random)
  }

  /// As many different short questions as the scene allows, up to ten: many answers to learn from for one picture.
  ///
  /// What an answer gives away comes after what would then need no look at the picture: first colours and shapes, each
  /// thing once, then counts, and only then what names things in full. No boxes: their many digits would outweigh the rest.
  private func quiz(_ scene: Scene, _ difficulty: Double, _ random: inout SynthRandom) -> [Turn]? {
    var turns: [Turn] = []
    func ask(_ turn: Turn?) {
      guard let turn, turns.count < 10, !turns.contains(where: { $0.query == turn.query }) else { return }
      turns.append(turn)
    }
    // Any group may be the first, so that no question is known by its place.
    if random.chance(0.65) {
      var asked: [String] = []
      for _ in 0..<min(4, scene.things.count + 1) {
        let turn =
          random.chance(0.4) ? SceneQuestions.colour(scene, &random) : SceneQuestions.shape(scene, &random)
        guard let turn, let of = turn.query["of"]?.serialized(), !asked.contains(of) else { continue }
        asked.append(of)
        ask(turn)
      }
    }
    if random.chance(0.6) {
      if random.chance(0.7) { ask(SceneQuestions.count(scene, Reference(), &random)) }
      for _ in 0..<random.int(1...2) {
        let thing = random.pick(scene.things)
        var reference = random.chance(0.5) ? Reference(shape: thing.shape) : Reference(paint: thing.paint)
        if random.chance(0.25) { reference = Reference(shape: random.pick(Scene.shapes(difficulty))) }
        ask(SceneQuestions.count(scene, reference, &random))
      }
    }
    if random.chance(0.4) { ask(SceneQuestions.exists(scene, difficulty, &random)) }
    for _ in 0..<random.int(0...2) { ask(SceneQuestions.relation(scene, &random)) }
    for _ in 0..<random.int(0...2) { ask(SceneQuestions.beside(scene, &random)) }
    for _ in 0..<random.int(0...2) { ask(SceneQuestions.position(scene, &random)) }
    if random.chance(0.3) { ask(SceneQuestions.caption(scene, &random)) }
    return turns.count >= 3 ? turns : nil
  }

  /// Where things are, by themselves and from each other: one answer alone tells little of what decides it, many do.
  private func sides(_ scene: Scene, _ random: inout SynthRandom) -> [Turn]? {
    var (relations, pairs): ([Turn], Set<String>) = ([], [])
    for _ in 0..<random.int(4...8) {
      guard let (a, b, side) = newPair(scene, &pairs, &random),
        let turn = SceneQuestions.relation(a, b, side, among: scene.things, &random)
      else { continue }
      relations.append(turn)
    }
    var places: [Turn] = []
    for _ in 0..<random.int(0...3) {
      guard let turn = SceneQuestions.position(scene, &random),
        !places.contains(where: { $0.query == turn.query })
      else { continue }
      places.append(turn)
    }
    let turns = random.chance(0.7) ? relations + places : places + relations
    return turns.count >= 2 ? turns : nil
  }

  /// Two things of which one clearly lies on a side of the other, and which no question was about: the same two the
  /// other way round would need no look at the picture.
  private func newPair(
    _ scene: Scene, _ pairs: inout Set<String>, _ random: inout SynthRandom
  ) -> (Thing, Thing, Side)? {
    guard let (a, b, side) = SceneQuestions.clearPair(scene, &random) else { return nil }
    let names = [a.name, b.name].sorted() + [side == .left || side == .right ? "level" : "upright"]
    return pairs.insert(names.joined(separator: ", ")).inserted ? (a, b, side) : nil
  }

  /// Whether a thing lies where the question claims it, for several pairs.
  ///
  /// A claim is a comparison of what is with what was said. For half of the pairs what is was asked for just before, so
  /// that the comparison can be learnt by itself.
  private func claims(_ scene: Scene, _ random: inout SynthRandom) -> [Turn]? {
    var (turns, pairs): ([Turn], Set<String>) = ([], [])
    for _ in 0..<random.int(4...7) {
      guard let (a, b, side) = newPair(scene, &pairs, &random),
        let first = Reference.to(a, among: scene.things, &random),
        let second = Reference.to(b, among: scene.things, &random)
      else { continue }
      let pair = SceneQuestions.Pair(a: a, b: b, side: side, names: [first.text, second.text])
      if random.chance(0.5) { turns.append(SceneQuestions.sideOf(pair, &random)) }
      turns.append(SceneQuestions.claim(pair, &random))
      guard random.chance(0.5) else { continue }
      let other = SceneQuestions.Pair(a: b, b: a, side: side.opposite, names: pair.names.reversed())
      turns.append(SceneQuestions.claim(other, &random))
    }
    return turns.count >= 2 ? turns : nil
  }

  /// The larger of two draws of things to count.
  private func counted(_ difficulty: Double, _ random: inout SynthRandom) -> [ThingPlan] {
    let (one, other) = (
      ScenesTask.countable(difficulty, &random).things, ScenesTask.countable(difficulty, &random).things
    )
    return one.count > other.count ? one : other
  }

  /// How many there are in all, of a colour, of a shape; some of what is not there.
  private func counts(_ scene: Scene, _ difficulty: Double, _ random: inout SynthRandom) -> [Turn]? {
    guard !scene.things.isEmpty else { return nil }
    var references = [Reference()]
    func add(_ reference: Reference) {
      if !references.contains(reference) { references.append(reference) }
    }
    for thing in scene.things {
      add(Reference(shape: thing.shape))
      add(Reference(paint: thing.paint))
    }
    add(Reference(shape: random.pick(Scene.shapes(difficulty))))
    add(Reference(paint: random.pick(Scene.paints(difficulty))))
    return random.shuffled(references).prefix(random.int(3...9)).map {
      SceneQuestions.count(scene, $0, &random)
    }
  }

  /// What is there and what is not.
  private func presence(
    _ scene: Scene, _ difficulty: Double, _ random: inout SynthRandom
  ) -> [Turn]? {
    var turns: [Turn] = []
    for _ in 0..<random.int(4...10) {
      if let turn = SceneQuestions.exists(scene, difficulty, &random),
        !turns.contains(where: { $0.query == turn.query })
      {
        turns.append(turn)
      }
    }
    return turns.count >= 2 ? turns : nil
  }

  /// A question about a thing, and then about "it".
  private func followUp(_ scene: Scene, _ random: inout SynthRandom) -> [Turn]? {
    let thing = random.pick(scene.things)
    let others = scene.things.filter { $0.shape == thing.shape }.count
    let same = scene.things.filter { $0.paint == thing.paint }.count
    var turns: [Turn] = []
    if others == 1 {
      let question = Phrasing.say(
        ["Do you see the {0}?", "There is one {0}, isn't there?", "Look at the {0}. Do you see it?"],
        [thing.shape.name], &random)
      turns.append(
        Turn(
          question, "yes",
          query: JSONObject(["ask": "exists", "where": ["shape": .string(thing.shape.name)]])))
      turns.append(
        Turn(
          Phrasing.say(
            ["What {colour} is it?", "And its {colour}?", "Which {colour} does it have?"], &random),
          thing.paint.name, query: JSONObject(["ask": "colour", "of": thing.json])))
    } else if same == 1 {
      let question = Phrasing.say(
        ["Is anything {0}?", "Do you see something {0}?", "Is there one {0} thing?"], [thing.paint.name],
        &random)
      turns.append(
        Turn(
          question, "yes",
          query: JSONObject(["ask": "exists", "where": ["colour": .string(thing.paint.name)]])))
      turns.append(
        Turn(
          Phrasing.say(["What shape is it?", "And its shape?", "Which shape does it have?"], &random),
          thing.shape.name,
          query: JSONObject(["ask": "shape", "of": thing.json])))
    } else {
      return nil
    }
    if random.chance(0.7) {
      let box = SynthBox(thing.frame, in: scene.size)
      let question = Phrasing.say(
        ["Where is it?", "And where is it?", "Give its box.", "Locate it."], &random)
      turns.append(
        Turn(
          [.text(question)], [.ref(thing.name), .box(box)], .box(box),
          query: JSONObject([
            "ask": "box", "where": ["shape": .string(thing.shape.name), "colour": .string(thing.paint.name)],
          ])))
    }
    if random.chance(0.5) {
      let count = scene.things.count - 1
      let question = Phrasing.say(
        ["How many other shapes are there?", "How many others?", "And how many other things?"], &random)
      turns.append(
        Turn(
          [.text(question)], [.text(String(count))], .number(Double(count), tolerance: 0),
          query: JSONObject(["ask": "others"])))
    }
    return turns
  }
}
