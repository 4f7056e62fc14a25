internal import VLJSON
internal import VLMedia

/// One kind of training data: a file in `Tasks/`, a line in ``SynthTasks``.
///
/// `make` is a pure function of its arguments: every choice comes from `random`.
protocol SynthTask: Sendable {
  /// What it is called in settings and samples.
  var name: String { get }
  /// One line about it.
  var summary: String { get }
  /// What it asks for, each with how often.
  var skills: [SynthSkill] { get }
  /// Whether it writes Chinese characters into pictures.
  var drawsChinese: Bool { get }
  /// The least side of a picture that what it draws fits into.
  var leastSide: Int { get }
  /// Draws a sample of one of its skills.
  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft
}

extension SynthTask {
  var drawsChinese: Bool { false }
  var leastSide: Int { 56 }
}

/// Something that a task asks for.
public struct SynthSkill: Sendable, Hashable {
  /// Its name within the task.
  public let name: String
  /// How often, relative to the task's others; 0 for one that is drawn only when it is asked for by its name.
  public let weight: Double

  init(_ name: String, _ weight: Double = 1) {
    self.name = name
    self.weight = weight
  }
}

/// What a task draws with.
struct Desk {
  let studio: Studio
  let settings: SynthSettings
  var difficulty: Double { settings.difficulty }

  /// The size of a picture whose width is `aspect` times its height, within the settings' sides; near squares when
  /// it is nil.
  ///
  /// `large` draws from the upper half of the sides, for documents.
  func pictureSize(
    _ random: inout SynthRandom, aspect: ClosedRange<Double>? = nil, large: Bool = false
  ) -> PixelSize {
    let (least, most) = (Double(settings.sides.lowerBound), Double(settings.sides.upperBound))
    let aspect = aspect ?? (random.chance(0.4) ? 1...1 : 0.6...1.7)
    let ratio = aspect.lowerBound == aspect.upperBound ? aspect.lowerBound : random.real(aspect)
    // Small pictures are cheap to learn from, so they are the more frequent ones.
    let position = large ? random.real(0.6...1) : random.real(0...1) * random.real(0.3...1)
    let side = least + (most - least) * position
    let root = ratio.squareRoot()
    return PixelSize(width: fitted(side * root, &random), height: fitted(side / root, &random))
  }

  /// A whole number of pixels within the settings; often a multiple of 28, which the encoder takes as it is.
  private func fitted(_ side: Double, _ random: inout SynthRandom) -> Int {
    var pixels = Int(side.rounded())
    if random.chance(0.7) { pixels = (pixels + 14) / 28 * 28 }
    return min(settings.sides.upperBound, max(settings.sides.lowerBound, pixels))
  }

  /// A finished picture, more or less degraded.
  func finish(_ canvas: Canvas, _ random: inout SynthRandom, strength: Double = 1) -> RGBImage {
    var numbers = random
    let image = canvas.image {
      Degradation.apply(&$0, canvas.size, difficulty: difficulty * strength, &numbers)
    }
    random = numbers
    return image
  }
}

/// A sample without its name.
struct Draft {
  var images: [RGBImage]
  var messages: [SynthMessage]
  var keys: [SynthKey]
  var facts: JSONObject

  /// One picture, or a clip, or nothing, and turns about it.
  init(images: [RGBImage], media: [SynthPart], turns: [Turn], facts: JSONObject) {
    self.images = images
    messages = []
    keys = []
    self.facts = facts
    var queries: [JSONValue] = []
    for (index, turn) in turns.enumerated() {
      messages.append(SynthMessage(.user, (index == 0 ? media : []) + turn.question))
      messages.append(SynthMessage(.assistant, turn.answer))
      keys.append(turn.key)
      queries.append(.object(turn.query))
    }
    self.facts["queries"] = .array(queries)
  }

  /// One picture and turns about it.
  init(_ image: RGBImage, _ turns: [Turn], facts: JSONObject) {
    self.init(images: [image], media: [.image(0)], turns: turns, facts: facts)
  }
}

/// A question, its answer, and how to check another answer.
struct Turn {
  var question: [SynthPart]
  var answer: [SynthPart]
  var key: SynthKey
  /// What was asked, for an independent check.
  var query: JSONObject

  init(_ question: [SynthPart], _ answer: [SynthPart], _ key: SynthKey, query: JSONObject) {
    self.question = question
    self.answer = answer
    self.key = key
    self.query = query
  }

  /// A question in words that is answered in words, this way or one of the others.
  init(_ question: String, _ answer: String, or others: [String] = [], query: JSONObject) {
    self.init([.text(question)], [.text(answer)], .exact([answer] + others), query: query)
  }
}

extension JSONObject {
  /// An object with these members in this order.
  init(_ members: KeyValuePairs<String, JSONValue>) {
    self.init()
    for (key, value) in members { self[key] = value }
  }
}

extension Frame {
  /// Left, top, right and bottom in pixels, to hundredths.
  var json: JSONValue {
    .array([left, top, right, bottom].map { .number(($0 * 100).rounded() / 100) })
  }
}
