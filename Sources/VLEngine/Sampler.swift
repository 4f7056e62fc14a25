internal import Glibc
public import VLTensor

/// Chooses tokens from scores. The order of the steps is the reference's: repetition penalty, temperature, top-k,
/// top-p, min-p, draw.
public struct Sampler: Sendable {
  /// The settings, as applied.
  public let settings: SamplingSettings
  private var random: SplitMix64
  private var seen: Set<Int> = []

  /// A sampler at the start of a sequence. `settings.problem` must be nil.
  public init(_ settings: SamplingSettings) {
    precondition(settings.problem == nil, "Sampler: \(settings.problem ?? "")")
    self.settings = settings
    random = SplitMix64(state: settings.seed)
  }

  /// Notes tokens of the sequence, prompt or generated, for the repetition penalty.
  public mutating func note(_ tokens: some Sequence<Int>) {
    if settings.repetitionPenalty != 1 { seen.formUnion(tokens) }
  }

  /// Chooses a token.
  /// - Parameters:
  ///   - logits: `[vocabulary]`; changed in place by the repetition penalty.
  ///   - limit: tokens from this id on are never chosen (rows that pad the head beyond the vocabulary).
  /// - Returns: its id.
  public mutating func next(_ logits: Tensor, limit: Int) -> Int {
    let scores = logits[rows: 0..<min(limit, logits.count)]
    penalize(scores)
    if settings.greedy { return scores.argmax() }
    return draw(scores)
  }

  private func penalize(_ scores: Tensor) {
    guard settings.repetitionPenalty != 1 else { return }
    let values = scores.floats
    let penalty = Float(settings.repetitionPenalty)
    for id in seen where id < scores.count {
      values[id] = values[id] < 0 ? values[id] * penalty : values[id] / penalty
    }
  }

  private mutating func draw(_ scores: Tensor) -> Int {
    let vocabulary = scores.count
    let kept = settings.topK == 0 ? vocabulary : min(settings.topK, vocabulary)
    let values = scores.floats
    let temperature = settings.temperature
    let largest = Double(values[scores.argmax()])
    func weight(_ id: Int) -> Double { exp((Double(values[id]) - largest) / temperature) }
    if kept == vocabulary && settings.topP >= 1 && settings.minP <= 0 {
      var total = 0.0
      for id in 0..<vocabulary { total += weight(id) }
      var target = random.nextUnit() * total
      for id in 0..<vocabulary {
        target -= weight(id)
        if target < 0 { return id }
      }
      return scores.argmax()
    }
    // The likeliest first. With top-p or min-p alone a short list nearly always reaches the bound; where it does not,
    // it grows.
    var listed = min(kept, 256)
    // The mass over which top-p is counted: that of the k kept, or of all.
    var total = 0.0
    if kept == vocabulary { for id in 0..<vocabulary { total += weight(id) } }
    while true {
      let ids = scores.topK(listed)
      let weights = ids.map(weight)
      let mass = kept == vocabulary ? total : (listed == kept ? weights.reduce(0, +) : nil)
      guard let mass else {
        listed = kept
        continue
      }
      var end = 0
      var sum = 0.0
      while end < ids.count {
        if end > 0 && (sum >= settings.topP * mass || weights[end] < settings.minP * weights[0]) { break }
        sum += weights[end]
        end += 1
      }
      if end == ids.count && listed < kept {
        listed = min(kept, listed * 8)
        continue
      }
      var target = random.nextUnit() * sum
      for index in 0..<end {
        target -= weights[index]
        if target < 0 { return ids[index] }
      }
      return ids[end - 1]
    }
  }
}
