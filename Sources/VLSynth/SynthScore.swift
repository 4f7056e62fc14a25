/// How right an answer is, as a program can tell.
public struct SynthScore: Sendable, Hashable {
  /// Whether the answer counts as right.
  public var isRight: Bool
  /// How nearly right it is, 0...1: intersection over union for boxes, one minus the character error rate for
  /// transcriptions, the share of items for lists, else 0 or 1.
  public var value: Double
  /// Whether the answer had the form that was asked for (a box where a box was, a number where a number was).
  public var isParsed: Bool

  init(isRight: Bool, value: Double? = nil, isParsed: Bool = true) {
    self.isRight = isRight
    self.value = value ?? (isRight ? 1 : 0)
    self.isParsed = isParsed
  }

  static let unparsed = SynthScore(isRight: false, isParsed: false)

  /// Scores the text of one answer against its key. Special tokens may be spelled out in it or left out.
  public static func score(_ key: SynthKey, _ answer: String) -> SynthScore {
    switch key {
    case .exact(let accepted):
      let given = AnswerText.normalised(answer)
      return SynthScore(
        isRight: accepted.contains { AnswerText.normalised($0) == given }, isParsed: !given.isEmpty)
    case .number(let value, let tolerance):
      guard let given = AnswerText.number(answer) else { return .unparsed }
      return SynthScore(isRight: abs(given - value) <= abs(value) * tolerance + 1e-9)
    case .transcription(let text):
      let given = AnswerText.trimmed(AnswerText.withoutSpecialTokens(answer))
      let errors = AnswerText.distance(Array(text), Array(given))
      return SynthScore(
        isRight: errors == 0, value: max(0, 1 - Double(errors) / Double(max(1, text.count))),
        isParsed: !given.isEmpty)
    case .box(let box):
      guard let given = AnswerText.boxes(answer).first else { return .unparsed }
      let overlap = given.overlap(with: box)
      return SynthScore(isRight: overlap >= 0.5, value: overlap)
    case .boxes(let boxes): return matched(boxes, AnswerText.boxes(answer))
    case .point(let box):
      guard let point = AnswerText.boxes(answer).first?.centre ?? AnswerText.points(answer).first else {
        return .unparsed
      }
      return SynthScore(isRight: box.contains(point))
    case .list(let items):
      let given = AnswerText.items(answer)
      let wanted = items.map(AnswerText.normalised)
      let right = zip(wanted, given).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
      return SynthScore(
        isRight: given == wanted, value: Double(right) / Double(max(1, wanted.count, given.count)),
        isParsed: !given.isEmpty)
    case .set(let items):
      let given = AnswerText.items(answer).sorted()
      let wanted = items.map(AnswerText.normalised).sorted()
      let right = Set(given).intersection(wanted).count
      return SynthScore(
        isRight: given == wanted, value: Double(right) / Double(max(1, wanted.count, given.count)),
        isParsed: !given.isEmpty)
    case .readings(let readings): return read(readings, answer)
    }
  }

  /// Scores the answers of a whole conversation, one for each of the assistant's turns.
  public static func score(_ sample: SynthSample, _ answers: [String]) -> [SynthScore] {
    precondition(
      answers.count == sample.keys.count,
      "SynthScore: \(answers.count) answers to \(sample.keys.count) questions")
    return zip(sample.keys, answers).map(score)
  }

  /// Scores the answer to a sample with one question.
  public static func score(_ sample: SynthSample, _ answer: String) -> SynthScore {
    precondition(sample.keys.count == 1, "SynthScore: one answer to \(sample.keys.count) questions")
    return score(sample.keys[0], answer)
  }

  /// Pairs boxes with those of the answer, the best overlaps first. Value: F1 at an overlap of 0.5.
  private static func matched(_ boxes: [SynthBox], _ given: [SynthBox]) -> SynthScore {
    if given.isEmpty { return boxes.isEmpty ? SynthScore(isRight: true) : .unparsed }
    var pairs: [(overlap: Double, wanted: Int, given: Int)] = []
    for (i, box) in boxes.enumerated() {
      for (j, other) in given.enumerated() { pairs.append((box.overlap(with: other), i, j)) }
    }
    pairs.sort { ($0.overlap, $1.wanted, $1.given) > ($1.overlap, $0.wanted, $0.given) }
    var (taken, used, right) = (Set<Int>(), Set<Int>(), 0)
    for pair in pairs where pair.overlap >= 0.5 && !taken.contains(pair.wanted) && !used.contains(pair.given)
    {
      taken.insert(pair.wanted)
      used.insert(pair.given)
      right += 1
    }
    return SynthScore(
      isRight: right == boxes.count && right == given.count,
      value: 2 * Double(right) / Double(max(1, boxes.count + given.count)))
  }

  /// Texts with places: right if every text is read exactly, in any order, and its place overlaps by half.
  private static func read(_ readings: [SynthReading], _ answer: String) -> SynthScore {
    let given = AnswerText.readings(answer)
    if given.isEmpty { return .unparsed }
    var used = Set<Int>()
    for reading in readings {
      let place = given.indices.first {
        !used.contains($0) && given[$0].text == reading.text
          && given[$0].quad.bounds.overlap(with: reading.quad.bounds) >= 0.5
      }
      if let place { used.insert(place) }
    }
    return SynthScore(
      isRight: used.count == readings.count && used.count == given.count,
      value: 2 * Double(used.count) / Double(max(1, readings.count + given.count)))
  }
}
