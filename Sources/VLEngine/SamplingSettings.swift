/// How the next token is chosen. Every value is as applied: nothing else influences the choice.
public struct SamplingSettings: Sendable, Equatable {
  /// Always the likeliest token (after the repetition penalty); the other settings then do nothing.
  public var greedy: Bool
  /// Divides the scores; above 0. Small values sharpen.
  public var temperature: Double
  /// Keeps the k likeliest tokens; 0 keeps all.
  public var topK: Int
  /// Keeps the smallest set of likeliest tokens whose probabilities reach this, in (0, 1]; 1 keeps all.
  public var topP: Double
  /// Keeps tokens at least this share as likely as the likeliest, in [0, 1]; 0 keeps all.
  public var minP: Double
  /// Divides positive and multiplies negative scores of tokens already in the sequence; 1 changes nothing.
  public var repetitionPenalty: Double
  /// Where the random numbers start: equal seeds and requests give equal tokens.
  public var seed: UInt64

  /// Greedy by default.
  public init(
    greedy: Bool = true, temperature: Double = 1, topK: Int = 0, topP: Double = 1, minP: Double = 0,
    repetitionPenalty: Double = 1, seed: UInt64 = 0
  ) {
    self.greedy = greedy
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.minP = minP
    self.repetitionPenalty = repetitionPenalty
    self.seed = seed
  }

  /// The first setting that is out of its range, as a sentence; nil when all are possible.
  public var problem: String? {
    if !greedy && !(temperature > 0 && temperature.isFinite) {
      return "temperature \(temperature) is not a number above 0 (greedy decoding takes the likeliest token)"
    }
    if topK < 0 { return "top-k \(topK) is negative (0 keeps all tokens)" }
    if !(topP > 0 && topP <= 1) { return "top-p \(topP) is outside (0, 1]" }
    if !(minP >= 0 && minP <= 1) { return "min-p \(minP) is outside [0, 1]" }
    if !(repetitionPenalty > 0 && repetitionPenalty.isFinite) {
      return "repetition penalty \(repetitionPenalty) is not a number above 0 (1 changes nothing)"
    }
    return nil
  }
}
