/// Coloured shapes, and short questions about them.
struct ScenesTask: SynthTask {
  let name = "scenes"
  let summary =
    "coloured shapes: colour, shape, count, what is where, which is larger, captions, maps, lists, places"
  let skills = [
    SynthSkill("colour", 3), SynthSkill("shape", 3), SynthSkill("count", 4), SynthSkill("exists", 2),
    SynthSkill("relation", 3), SynthSkill("beside", 2), SynthSkill("size", 1.5), SynthSkill("position", 1.5),
    SynthSkill("caption", 3), SynthSkill("map", 1.5), SynthSkill("list", 1.5), SynthSkill("places", 1.5),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    // Most scenes allow their question at once; the last one allows it always.
    for attempt in 0..<400 {
      let plans = plans(skill, desk.difficulty, attempt: attempt, &random)
      let scene = Scene.lay(plans.things, in: desk.pictureSize(&random), difficulty: desk.difficulty, &random)
      guard scene.things.count == plans.things.count,
        let turn = turn(skill, scene, plans.counted, desk.difficulty, &random)
      else { continue }
      return Draft(scene.picture(desk, &random), [turn], facts: scene.json)
    }
    preconditionFailure("ScenesTask: no scene for \(skill)")
  }

  private func turn(
    _ skill: String, _ scene: Scene, _ counted: Reference, _ difficulty: Double, _ random: inout SynthRandom
  ) -> Turn? {
    switch skill {
    case "colour": SceneQuestions.colour(scene, &random)
    case "shape": SceneQuestions.shape(scene, &random)
    case "count": SceneQuestions.count(scene, counted, &random)
    case "exists": SceneQuestions.exists(scene, difficulty, &random)
    case "relation": SceneQuestions.relation(scene, &random)
    case "beside": SceneQuestions.beside(scene, &random)
    case "size": SceneQuestions.size(scene, &random)
    case "position": SceneQuestions.position(scene, &random)
    case "map": SceneQuestions.map(scene, &random)
    case "list": SceneQuestions.list(scene, &random)
    case "places": SceneQuestions.places(scene, &random)
    default: SceneQuestions.caption(scene, &random)
    }
  }

  private func plans(
    _ skill: String, _ difficulty: Double, attempt: Int, _ random: inout SynthRandom
  ) -> (things: [ThingPlan], counted: Reference) {
    let calmer = attempt > 50  // fewer things where many leave no clear question
    func some(_ least: Int, _ most: Int) -> Int {
      random.int(
        least...max(least, calmer ? least : least + Int((Double(most - least) * difficulty).rounded())))
    }
    switch skill {
    case "count":
      return Self.countable(difficulty, &random)
    case "size":
      var plans = Scene.plans(some(2, 4), distinct: true, difficulty: difficulty, &random)
      for index in plans.indices { plans[index].size = index % 2 == 0 ? .large : .small }
      return (random.shuffled(plans), Reference())
    case "relation", "beside":
      return (Scene.plans(some(2, 4), distinct: true, difficulty: difficulty, &random), Reference())
    case "position":
      return (Self.small(some(1, 4), difficulty, &random), Reference())
    case "map":
      return (
        Scene.plans(random.int(1...some(3, 5)), distinct: true, difficulty: difficulty, &random), Reference()
      )
    case "places":
      let count = calmer ? 2 : random.int(2...some(3, 5))
      return (
        random.chance(0.5)
          ? Self.small(count, difficulty, &random)
          : Scene.plans(count, distinct: true, difficulty: difficulty, &random), Reference()
      )
    case "list":
      let most = some(3, 5)
      let count = max(random.int(1...most), random.int(1...most))
      return (
        random.chance(0.5)
          ? Self.small(count, difficulty, &random)
          : Scene.plans(count, distinct: true, difficulty: difficulty, &random), Reference()
      )
    case "caption":
      let most = calmer ? 1 : 2 + Int((2 * difficulty).rounded())
      return (
        Scene.plans(random.int(1...most), distinct: false, difficulty: difficulty, &random), Reference()
      )
    default:
      var plans = Scene.plans(some(1, 5), distinct: true, difficulty: difficulty, &random)
      if plans.count > 1 && random.chance(0.2 * difficulty) {
        for index in plans.indices { plans[index].size = random.chance(0.5) ? .large : .small }
      }
      return (plans, Reference())
    }
  }

  /// Things with room to lie anywhere: a large one lies nearly always in the middle.
  static func small(_ count: Int, _ difficulty: Double, _ random: inout SynthRandom) -> [ThingPlan] {
    var plans = Scene.plans(count, distinct: true, difficulty: difficulty, &random)
    for index in plans.indices { plans[index].size = .small }
    return plans
  }

  /// Things of which a count drawn evenly matches a reference, and others that do not.
  static func countable(
    _ difficulty: Double, _ random: inout SynthRandom
  ) -> (things: [ThingPlan], counted: Reference) {
    let most = 4 + Int((5 * difficulty).rounded())
    let model = Scene.plans(1, distinct: true, difficulty: difficulty, &random)[0]
    var reference = Reference()
    switch random.weighted([1, 0.3 + difficulty, 0.3 + difficulty, difficulty]) {
    case 1: reference.shape = model.shape
    case 2: reference.paint = model.paint
    case 3: (reference.shape, reference.paint) = (model.shape, model.paint)
    default: break
    }
    let everything = reference == Reference()
    let count = random.int((everything ? 1 : 0)...most)
    var plans: [ThingPlan] = []
    let alike = random.chance(0.4)  // all of one kind, or each its own
    for _ in 0..<count {
      var plan = alike ? model : Scene.plans(1, distinct: true, difficulty: difficulty, &random)[0]
      if let shape = reference.shape { plan.shape = shape }
      if let paint = reference.paint { plan.paint = paint }
      plans.append(plan)
    }
    if !everything {
      let others = random.int((count == 0 ? 1 : 0)...max(1, min(4, most + 2 - count)))
      while plans.count < count + others {
        let plan = Scene.plans(1, distinct: true, difficulty: difficulty, &random)[0]
        let matches =
          (reference.shape == nil || reference.shape == plan.shape)
          && (reference.paint == nil || reference.paint == plan.paint)
        if !matches { plans.append(plan) }
      }
    }
    return (random.shuffled(plans), reference)
  }
}
