/// Endless samples of a mixture of tasks. Sample `i` is the same whoever draws it, in any order, on any thread.
public struct SynthStream: Sendable {
  /// The seed that all samples come from.
  public let seed: UInt64
  /// Training or held-out.
  public let split: SynthSplit
  /// How samples are drawn.
  public let settings: SynthSettings
  /// The fonts that text is drawn with.
  public let fonts: SynthFonts
  /// Tasks that cannot be drawn for want of a font, when all were asked for.
  public let leftOut: [String]
  private let choices: [SynthTasks.Choice]
  private let weights: [Double]
  private let studios: StudioPool

  /// A mixture.
  ///
  /// - Parameters:
  ///   - tasks: names with weights and skills, such as `scenes=2,grounding/phrase-to-box,lines`; empty for every task
  ///     alike.
  ///   - seed: of every sample.
  ///   - split: training or held-out samples; they share no random numbers.
  ///   - settings: sizes, difficulty, frames.
  /// - Throws: ``SynthError`` for a task, skill or weight that there is not, and for missing fonts.
  public init(
    tasks: String = "", seed: UInt64, split: SynthSplit, settings: SynthSettings
  ) throws(SynthError) {
    let fonts = try SynthFonts.installed()
    let (choices, leftOut) = try SynthTasks.choices(tasks, fonts: fonts)
    for choice in choices where settings.sides.lowerBound < choice.task.leastSide {
      throw SynthError(
        name: "task \"\(choice.task.name)\"",
        problem: "it needs pictures of at least \(choice.task.leastSide) pixels a side",
        remedy: "raise the least size, or name the tasks to draw without it")
    }
    self.seed = seed
    self.split = split
    self.settings = settings
    self.fonts = fonts
    self.leftOut = leftOut
    self.choices = choices
    weights = choices.map(\.weight)
    studios = StudioPool(fonts: fonts)
  }

  /// The tasks' names, in the order that they were given.
  public var tasks: [String] { choices.map(\.task.name) }

  /// Sample `index`, at the settings' difficulty or another (for a curriculum).
  public func sample(at index: UInt64, difficulty: Double? = nil) -> SynthSample {
    var mixture = SynthRandom(domain: "mixture", seed: seed, split: split, index: index)
    let choice = choices[mixture.weighted(weights)]
    let task = choice.task
    var random = SynthRandom(domain: task.name, seed: seed, split: split, index: index)
    let skill = choice.skills[random.weighted(choice.skills.map(\.weight))].name
    let drawn = difficulty.map { settings.with(difficulty: $0) } ?? settings
    let draft = studios.use { studio in
      task.make(skill, &random, Desk(studio: studio, settings: drawn))
    }
    return SynthSample(
      id: "\(task.name)/\(split.rawValue)/\(seed)/\(index)", task: task.name, skill: skill,
      images: draft.images, messages: draft.messages, keys: draft.keys, facts: draft.facts)
  }
}
