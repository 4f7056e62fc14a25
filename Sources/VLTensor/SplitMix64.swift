internal import Glibc

/// SplitMix64 (Steele, Lea, Flood 2014): a small generator with a 64-bit state, the same on every machine.
public struct SplitMix64: RandomNumberGenerator, Sendable, Equatable {
  /// All that it remembers: a generator with the same state goes on alike.
  public var state: UInt64

  /// A generator that starts from `state`, any number.
  public init(state: UInt64) { self.state = state }

  /// A generator for one of many named streams of a seed, independent of the others.
  public init(seed: UInt64, stream: String) {
    // FNV-1a of the name, mixed with the seed by one step.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in stream.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    var mixer = SplitMix64(state: seed)
    state = mixer.next() ^ hash
    state = next()
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  public mutating func nextUnit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// Standard normal (Box–Muller, one of the pair).
  public mutating func nextNormal() -> Double {
    let radius = (-2 * log(1 - nextUnit())).squareRoot()
    return radius * cos(2 * .pi * nextUnit())
  }
}
