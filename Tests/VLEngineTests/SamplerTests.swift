import Testing
import VLEngine
import VLTensor

@Suite struct SamplerTests {
  private let compute = Compute(threads: 1)

  /// How often each token is drawn in `count` draws from these scores.
  private func frequencies(_ scores: [Float], _ settings: SamplingSettings, count: Int = 20000) -> [Double] {
    var sampler = Sampler(settings)
    var hits = [Double](repeating: 0, count: scores.count)
    for _ in 0..<count {
      hits[sampler.next(compute.tensor(scores, [scores.count]), limit: scores.count)] += 1
    }
    return hits.map { $0 / Double(count) }
  }

  private func softmax(_ scores: [Float], temperature: Double = 1, keeping: Set<Int>? = nil) -> [Double] {
    let weights = scores.enumerated().map { index, score in
      keeping?.contains(index) ?? true ? expDouble(Double(score) / temperature) : 0
    }
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum }
  }

  /// e^x by its series: an independent way to the expected probabilities.
  private func expDouble(_ x: Double) -> Double {
    var term = 1.0
    var sum = 1.0
    for n in 1..<60 {
      term *= x / Double(n)
      sum += term
    }
    return sum
  }

  /// Five standard deviations of a frequency in 20000 draws: a true sampler fails once in millions.
  private func expectClose(_ found: [Double], _ expected: [Double]) {
    for (index, (a, b)) in zip(found, expected).enumerated() {
      let bound = 5 * (b * (1 - b) / 20000).squareRoot()
      #expect(abs(a - b) <= bound, "token \(index): \(a), expected \(b)")
    }
  }

  private let scores: [Float] = [0.5, 2.0, -1.0, 1.5, 0.0, 1.9, -3.0]

  @Test func drawsFollowTheSoftmax() {
    for temperature in [0.5, 1, 2.5] {
      expectClose(
        frequencies(scores, SamplingSettings(greedy: false, temperature: temperature, seed: 11)),
        softmax(scores, temperature: temperature))
    }
  }

  @Test func topKKeepsTheLikeliest() {
    expectClose(
      frequencies(scores, SamplingSettings(greedy: false, topK: 3, seed: 5)),
      softmax(scores, keeping: [1, 5, 3]))
  }

  @Test func topPKeepsTheSmallestSufficientSet() {
    // Probabilities, likeliest first: 0.344 (1), 0.311 (5), 0.209 (3), 0.077 (0) …: 0.6 is reached by the first two.
    expectClose(
      frequencies(scores, SamplingSettings(greedy: false, topP: 0.6, seed: 5)),
      softmax(scores, keeping: [1, 5]))
    expectClose(
      frequencies(scores, SamplingSettings(greedy: false, topP: 0.8, seed: 6)),
      softmax(scores, keeping: [1, 5, 3]))
  }

  @Test func minPIsAShareOfTheLikeliest() {
    // exp(0.5 − 2) = 0.22 and exp(0 − 2) = 0.135 of the likeliest.
    expectClose(
      frequencies(scores, SamplingSettings(greedy: false, minP: 0.2, seed: 8)),
      softmax(scores, keeping: [1, 5, 3, 0]))
  }

  @Test func aLongVocabularyGrowsItsList() {
    // 1000 equal scores: top-p 0.5 needs more than the first list of candidates.
    let equal = [Float](repeating: 1, count: 1000)
    let hits = frequencies(equal, SamplingSettings(greedy: false, topP: 0.5, seed: 3))
    #expect(hits.filter { $0 > 0 }.count == 500)
  }

  @Test func greedyAndPenalty() {
    var sampler = Sampler(SamplingSettings())
    #expect(sampler.next(compute.tensor(scores, [7]), limit: 7) == 1)
    #expect(sampler.next(compute.tensor(scores, [7]), limit: 1) == 0)
    var penalized = Sampler(SamplingSettings(repetitionPenalty: 2))
    penalized.note([1, 2])
    // 2.0 / 2 = 1.0 falls behind 1.9; −1.0 · 2 stays behind.
    #expect(penalized.next(compute.tensor(scores, [7]), limit: 7) == 5)
  }

  @Test func impossibleSettingsAreNamed() {
    #expect(SamplingSettings(greedy: false, temperature: -1).problem?.contains("temperature") == true)
    #expect(SamplingSettings(topP: 0).problem?.contains("top-p") == true)
    #expect(SamplingSettings(topK: -1).problem?.contains("top-k") == true)
    #expect(SamplingSettings(minP: 2).problem?.contains("min-p") == true)
    #expect(SamplingSettings(repetitionPenalty: 0).problem?.contains("repetition") == true)
    #expect(SamplingSettings().problem == nil)
  }
}

@Suite struct SchedulerTests {
  @Test func requestsGoThroughTheirPhases() {
    var scheduler = Scheduler(maximumRunning: 2)
    #expect(scheduler.next() == nil && scheduler.isIdle)
    scheduler.add(1)
    #expect(scheduler.next() == .prepare(1))
    scheduler.advance(1, to: .encoding)
    #expect(scheduler.next() == .encode(1))
    scheduler.advance(1, to: .prefilling)
    #expect(scheduler.next() == .prefill(1))
    scheduler.advance(1, to: .decoding)
    #expect(scheduler.next() == .decode(1))
    scheduler.advance(1, to: .over)
    #expect(scheduler.next() == .retire(1))
    scheduler.retired(1)
    #expect(scheduler.isIdle && scheduler.next() == nil)
  }

  @Test func decodingAlternatesWithReading() {
    var scheduler = Scheduler(maximumRunning: 3)
    for id in [1, 2, 3] as [Scheduler.ID] { scheduler.add(id) }
    scheduler.advance(1, to: .decoding)
    scheduler.advance(2, to: .decoding)
    scheduler.advance(3, to: .prefilling)
    var actions: [Scheduler.Action] = []
    for _ in 0..<6 { if let action = scheduler.next() { actions.append(action) } }
    #expect(actions.filter { $0 == .prefill(3) }.count == 2)
    #expect(actions.filter { $0 == .decode(1) }.count == 2)
    #expect(actions.filter { $0 == .decode(2) }.count == 2)
  }

  @Test func onlySoManyRunAtOnce() {
    var scheduler = Scheduler(maximumRunning: 1)
    scheduler.add(1)
    scheduler.add(2)
    scheduler.advance(1, to: .decoding)
    for _ in 0..<4 { #expect(scheduler.next() == .decode(1)) }
    scheduler.advance(1, to: .over)
    #expect(scheduler.next() == .retire(1))
    scheduler.retired(1)
    #expect(scheduler.next() == .prepare(2))
  }

  @Test func aCancelledRequestStaysOver() {
    var scheduler = Scheduler()
    scheduler.add(1)
    scheduler.cancel(1)
    scheduler.advance(1, to: .decoding)
    #expect(scheduler.phase(1) == .over)
    #expect(scheduler.next() == .retire(1))
    scheduler.retired(1)
    scheduler.cancel(1)
    #expect(scheduler.isIdle)
  }
}
