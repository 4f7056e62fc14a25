import TestKit
import Testing
import VLJSON
import VLMedia
import VLModels
import VLTensor
import VLTraining

/// Samples that say their own number, of lengths that differ; some are broken or too long.
struct NumberSource: SampleSource {
  var name: String
  var count: Int?
  var bad: Set<Int> = []
  var long: Set<Int> = []

  func sample(at index: Int) throws -> TrainingSample {
    if bad.contains(index) {
      throw DataError(.malformed, "\(name):\(index)", "it is broken", remedy: "mend it")
    }
    let words = long.contains(index) ? 400 : index * 7 % 23
    return TinyData.sample(
      index % 3 == 0 ? [.image(TinyData.picture(28 * (1 + index % 4), 56))] : [.text("number")],
      "\(index)" + String(repeating: " a", count: words), name: "\(name):\(index)")
  }
}

@Suite struct DataMixtures {
  private func mixture(
    _ entries: [DataMixture.Entry], seed: UInt64 = 3, threads: Int = 0, lookahead: Int = 8,
    badSamples: DataMixture.BadSamples = .stop
  ) throws -> DataMixture {
    try DataMixture(
      entries, encoder: TinyData.encoder(maxTokens: 160), packing: .init(tokens: 160, patches: 200),
      seed: seed,
      threads: threads, lookahead: lookahead, badSamples: badSamples)
  }

  private func entries(passes: Int? = 1) -> [DataMixture.Entry] {
    [
      .init(NumberSource(name: "a", count: 37, long: [5]), weight: 2, passes: passes),
      .init(NumberSource(name: "b", count: 20), weight: 1, shuffle: .windows(6), passes: passes),
    ]
  }

  /// What tells batches apart, from a mixture's place to its end or for some batches.
  private func run(_ mixture: DataMixture, _ limit: Int = .max) throws -> [[String]] {
    var batches: [[String]] = []
    while batches.count < limit, let batch = try mixture.next() {
      #expect(batch.tokens.count <= 160 && batch.supervisedCount > 0)
      #expect(batch.patches?.shape[0] ?? 0 == batch.visuals.reduce(0) { $0 + $1.grid.patches })
      batches.append(mixture.lastSamples + ["\(batch.tokens.hashValue)"])
    }
    return batches
  }

  private func names(_ batches: [[String]]) -> [String] { batches.flatMap { $0.dropLast() } }

  @Test func permutationsAreBijections() {
    for count in [1, 2, 3, 5, 16, 17, 100, 1000] {
      for shuffle in [Shuffle.none, .full, .windows(7), .windows(1), .windows(5000)] {
        for pass in 0..<3 {
          let source = NumberSource(name: "n", count: count)
          let order = (0..<count).map { Self.index(shuffle, pass * count + $0, source.count) }
          #expect(Set(order) == Set(0..<count), "\(shuffle) of \(count)")
          if shuffle == .none { #expect(order == Array(0..<count)) }
        }
      }
    }
    let orders = (0..<3).map { pass in (0..<1000).map { Self.index(.full, pass * 1000 + $0, 1000) } }
    #expect(orders[0] != orders[1] && orders[1] != orders[2])
    // Neighbours are far apart on average (a third of the length, for a random order).
    let distance = zip(orders[0], orders[0].dropFirst()).map { abs($0 - $1) }.reduce(0, +) / 999
    #expect((250...420).contains(distance))
  }

  private static func index(_ shuffle: Shuffle, _ ordinal: Int, _ count: Int?) -> Int {
    shuffle.index(of: ordinal, count: count, seed: 9, stream: "test")
  }

  @Test func everySampleComesOncePerPass() throws {
    let all = try run(mixture(entries()))
    #expect(Set(names(all)).count == 56 && names(all).count == 56)  // 57, and one is too long
    let twice = try run(mixture(entries(passes: 2)))
    #expect(names(twice).count == 112)
    #expect(Dictionary(grouping: names(twice), by: { $0 }).values.allSatisfy { $0.count == 2 })
  }

  @Test func threadsAndSeeds() throws {
    let alone = try run(mixture(entries(passes: 2)))
    for (threads, lookahead) in [(1, 1), (2, 3), (5, 40)] {
      #expect(try run(mixture(entries(passes: 2), threads: threads, lookahead: lookahead)) == alone)
    }
    #expect(try run(mixture(entries(passes: 2), seed: 4)) != alone)
  }

  /// From every position, and through JSON, the rest is the same as without the interruption.
  @Test func resumesEverywhere() throws {
    let all = try run(mixture(entries(passes: 2)))
    let first = try mixture(entries(passes: 2))
    for step in 0...all.count {
      let text = first.position.json.serialized()
      let position = try DataPosition(JSONValue(parsing: text), place: "snapshot")
      #expect(position == first.position && position.batches == step)
      let second = try mixture(entries(passes: 2), threads: step % 3)
      try second.seek(to: position)
      #expect(try run(second) == Array(all[step...]))
      #expect(second.position.dropped == 2)
      // Going on in the same one after a look back as well.
      try second.seek(to: position)
      #expect(second.position == position)
      _ = try first.next()
    }
  }

  @Test func sharesAreKept() throws {
    let endless = try mixture([
      .init(NumberSource(name: "a", count: nil), weight: 3),
      .init(NumberSource(name: "b", count: 10), weight: 1),
    ])
    let drawn = names(try run(endless, 60))
    let share = Double(drawn.count { $0.hasPrefix("a") }) / Double(drawn.count)
    // What waits in the packer belongs to neither.
    #expect(abs(share - 0.75) < 0.05)
    #expect(endless.sampleCount == nil)
  }

  /// What is left of a batch is less than the shortest sample, as long as others wait: under a tenth here.
  @Test func packingLeavesLittleRoom() throws {
    let mixture = try DataMixture(
      entries(passes: 10), encoder: TinyData.encoder(maxTokens: 160), packing: .init(tokens: 800), seed: 3,
      threads: 0)
    var (tokens, batches) = (0, 0)
    while let batch = try mixture.next() {
      tokens += batch.tokens.count
      batches += 1
    }
    #expect(Double(tokens) / Double(batches * 800) > 0.9)
  }

  @Test func badSamplesStopOrAreSkippedInOrder() throws {
    let source = NumberSource(name: "n", count: 30, bad: [11])
    for threads in [0, 3] {
      let stopping = try mixture([.init(source, shuffle: .none, passes: 1)], threads: threads)
      var seen: [String] = []
      var failure: (any Error)?
      while failure == nil {
        do {
          guard try stopping.next() != nil else { break }
          seen += stopping.lastSamples
        } catch { failure = error }
      }
      #expect(failure as? DataError == DataError(.malformed, "n:11", "it is broken", remedy: "mend it"))
      // It stays the next, and the position lies before it.
      #expect(throws: DataError.self) { try stopping.next() }
      let mended = try mixture([.init(NumberSource(name: "n", count: 30), shuffle: .none, passes: 1)])
      try mended.seek(to: stopping.position)
      #expect(Set(names(try run(mended)) + seen).count == 30)

      let skipping = try mixture(
        [.init(source, shuffle: .none, passes: 1)], threads: threads, badSamples: .skip)
      #expect(names(try run(skipping)).count == 29 && skipping.position.dropped == 1)
      let drops = skipping.takeDrops()
      #expect(drops.map(\.category) == ["malformed"] && drops[0].description.hasPrefix("n:11: "))
      #expect(skipping.takeDrops().isEmpty)
    }
    let long = try mixture([.init(NumberSource(name: "l", count: 3, long: [1]), passes: 1)])
    #expect(names(try run(long)).count == 2)
    #expect(long.takeDrops().map(\.category) == ["too long"])
  }

  @Test func wrongSettingsAndForeignPositions() throws {
    #expect(throws: DataError.self) { try mixture([]) }
    #expect(throws: DataError.self) { try mixture([.init(NumberSource(name: "a", count: 0))]) }
    #expect(throws: DataError.self) { try mixture([.init(NumberSource(name: "a", count: 1), weight: 0)]) }
    #expect(throws: DataError.self) { try mixture([.init(NumberSource(name: "a", count: 1), weight: .nan)]) }
    #expect(throws: DataError.self) { try mixture([.init(NumberSource(name: "a", count: nil), passes: 1)]) }
    #expect(throws: DataError.self) {
      try DataMixture(
        entries(), encoder: TinyData.encoder(maxTokens: 200), packing: .init(tokens: 160), seed: 1)
    }

    let position = try mixture(entries()).position
    for other in [
      try mixture(entries(), seed: 8), try mixture([entries()[0]]),
      try mixture([.init(NumberSource(name: "a", count: 38)), entries()[1]]),
      try mixture([.init(NumberSource(name: "c", count: 37)), entries()[1]]),
    ] { #expect(throws: DataError.self) { try other.seek(to: position) } }
    let json = position.json.serialized()
    for (old, new) in [
      ("\"version\":1", "\"version\":2"), ("\"drawn\":[0,0]", "\"drawn\":[0]"),
      ("\"drawn\":[0,0]", "\"drawn\":[0,-1]"),
      ("\"waiting\":[]", "\"waiting\":[[0,0]]"), ("\"waiting\":[]", "\"waiting\":[[7,0]]"),
      ("\"batches\":0", "\"batch\":0"),
      ("\"seed\":3", "\"seed\":\"x\""),
    ] {
      let text = json.replacing(old, with: new)
      #expect(text != json)
      #expect(throws: DataError.self) { try DataPosition(JSONValue(parsing: text), place: "snapshot") }
    }
  }
}
