/// Answers, counted.
public struct Tally: Hashable, Sendable {
  /// How many questions were asked.
  public private(set) var questions = 0
  /// How many answers were right.
  public private(set) var right = 0
  /// How many answers had another form than was asked for.
  public private(set) var unparsed = 0
  /// How many answers were cut off at the limit of tokens.
  public private(set) var cutOff = 0
  /// How many questions could not be answered at all.
  public private(set) var failed = 0
  private var values = 0.0

  /// Nothing yet.
  public init() {}

  /// Counts an answer.
  public mutating func add(_ answer: EvaluatedAnswer) {
    questions += 1
    if answer.score.isRight { right += 1 }
    if answer.failure != nil {
      failed += 1
    } else if !answer.score.isParsed {
      unparsed += 1
    }
    if answer.isCutOff { cutOff += 1 }
    values += answer.score.value
  }

  /// The share of right answers, 0 without questions.
  public var accuracy: Double { questions == 0 ? 0 : Double(right) / Double(questions) }

  /// How nearly right answers are on average, 0 without questions.
  public var meanValue: Double { questions == 0 ? 0 : values / Double(questions) }

  /// The 95 % confidence interval of the share of right answers, by Wilson's score: it stays inside 0...1 and is
  /// honest near the ends, where the usual ± is not.
  ///
  /// With p the share, n the questions and z = 1.96:
  /// (p + z²/2n ± z·√(p(1−p)/n + z²/4n²)) / (1 + z²/n).
  public var interval: ClosedRange<Double> {
    if questions == 0 { return 0...1 }
    let (n, p, z) = (Double(questions), accuracy, 1.959963984540054)
    let middle = p + z * z / (2 * n)
    let half = z * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    let scale = 1 + z * z / n
    // At the ends the formula gives 0 or 1 up to rounding; they are meant exactly.
    let low = right == 0 ? 0 : max(0, (middle - half) / scale)
    let high = right == questions ? 1 : min(1, (middle + half) / scale)
    return low...high
  }
}
