/// One sample to come: which source, and its how-manieth from there.
struct Draw: Hashable, Sendable {
  var source: Int
  var ordinal: Int
}

/// Which source comes next: the one whose next sample is the furthest behind its share. Shares are kept to within one
/// sample at every moment, and the order is a function of the counts alone, so a place in it is a few numbers.
struct DrawSchedule: Sendable {
  /// Each source's share and how many samples it gives in all (nil: without an end).
  let sources: [(weight: Double, total: Int?)]
  /// What comes before everything else: samples that were read ahead when the position was taken.
  private(set) var first: ArraySlice<Draw>
  /// How many of each source have come, ``first`` included.
  private(set) var counts: [Int]

  init(_ sources: [(weight: Double, total: Int?)], counts: [Int], first: [Draw] = []) {
    self.sources = sources
    self.counts = counts
    self.first = first[...]
  }

  /// What comes next; nil when every source is at its end.
  mutating func next() -> Draw? {
    if let draw = first.popFirst() { return draw }
    var best: (source: Int, key: Double)?
    for (index, source) in sources.enumerated() where counts[index] < source.total ?? .max {
      let key = (Double(counts[index]) + 0.5) / source.weight
      if best.map({ key < $0.key }) ?? true { best = (index, key) }
    }
    guard let source = best?.source else { return nil }
    defer { counts[source] += 1 }
    return Draw(source: source, ordinal: counts[source])
  }
}
