/// Which half of the endless data a sample belongs to.
public enum SynthSplit: String, Sendable, Hashable, CaseIterable {
  /// For training.
  case train
  /// For measuring; never drawn while training.
  case heldOut = "heldout"
}

/// The random numbers of one sample: SplitMix64 (Steele, Lea, Flood 2014) with a gamma of its own.
///
/// The state starts at a bijective function of the index, so two samples of a task and seed never share it. The gamma
/// never changes, and its bit 1 is the split: no (state, gamma) that training data passes through, for any seed, task
/// or index, is ever passed through by held-out data. All ranges are drawn by arithmetic written out here, so that
/// samples do not change with the standard library.
public struct SynthRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64
  /// What is added to the state for each number: odd, and never changed; its bit 1 is set in held-out data only.
  public let gamma: UInt64

  /// The numbers of sample `index` of `domain` (a task's name).
  public init(domain: String, seed: UInt64, split: SynthSplit, index: UInt64) {
    // FNV-1a tells the domains apart.
    let name = domain.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    let base = Self.mix(seed &+ Self.mix(name))
    state = Self.mix(base &+ index)
    let drawn = Self.mix(state ^ 0x5851_F42D_4C95_7F2D)
    gamma = drawn & ~3 | 1 | (split == .heldOut ? 2 : 0)
  }

  /// The next 64 random bits.
  public mutating func next() -> UInt64 {
    state &+= gamma
    return Self.mix(state)
  }

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// A whole number from `range`.
  public mutating func int(_ range: ClosedRange<Int>) -> Int {
    let count = UInt64(range.upperBound - range.lowerBound) + 1
    return range.lowerBound + Int(next().multipliedFullWidth(by: count).high)
  }

  /// A real number from `range`, the upper bound excluded.
  public mutating func real(_ range: ClosedRange<Double>) -> Double {
    let unit = Double(next() >> 11) * 0x1p-53
    return range.lowerBound + unit * (range.upperBound - range.lowerBound)
  }

  /// True with this probability.
  public mutating func chance(_ probability: Double) -> Bool { real(0...1) < probability }

  /// One of the elements, all as likely; there must be some.
  public mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[int(0...elements.count - 1)]
  }

  /// One of the first elements: all of them at difficulty 1, at least `least` at 0.
  mutating func pick<Element>(_ elements: [Element], atMost share: Double, least: Int) -> Element {
    let count = max(least, Int((Double(elements.count) * share).rounded()))
    return elements[int(0...min(count, elements.count) - 1)]
  }

  /// An index, as likely as its weight; the weights must not all be 0.
  public mutating func weighted(_ weights: [Double]) -> Int {
    var rest = real(0...1) * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() where weight > 0 {
      rest -= weight
      if rest < 0 { return index }
    }
    return weights.lastIndex { $0 > 0 } ?? 0
  }

  /// The elements in random order.
  public mutating func shuffled<Element>(_ elements: [Element]) -> [Element] {
    var elements = elements
    for last in stride(from: elements.count - 1, to: 0, by: -1) { elements.swapAt(last, int(0...last)) }
    return elements
  }

  /// `count` different elements in random order; all of them if there are fewer.
  public mutating func some<Element>(_ count: Int, of elements: [Element]) -> [Element] {
    Array(shuffled(elements).prefix(count))
  }
}
