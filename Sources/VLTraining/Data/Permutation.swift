internal import VLTensor

/// A random order of `0..<count` that needs no list: a keyed bijection (a balanced Feistel network on the next even
/// number of bits, walking along the cycle past values that are out of range; Black and Rogaway 2002).
struct Permutation: Sendable {
  /// How many there are.
  let count: Int
  private let keys: [UInt64]
  private let halfBits: Int

  init(count: Int, seed: UInt64, stream: String) {
    precondition(count >= 1, "Permutation: of \(count)")
    self.count = count
    var random = SplitMix64(seed: seed, stream: stream)
    keys = (0..<6).map { _ in random.next() }
    let bits = Int.bitWidth - (count - 1).leadingZeroBitCount
    halfBits = max(1, (bits + 1) / 2)
  }

  /// What comes at place `index`.
  subscript(index: Int) -> Int {
    precondition((0..<count).contains(index), "Permutation: place \(index) of \(count)")
    let mask: UInt64 = (1 << UInt64(halfBits)) - 1
    var value = UInt64(index)
    repeat {
      var left = value >> UInt64(halfBits)
      var right = value & mask
      for key in keys {
        var mixer = SplitMix64(state: key ^ right)
        (left, right) = (right, left ^ (mixer.next() & mask))
      }
      value = left << UInt64(halfBits) | right
    } while value >= UInt64(count)
    return Int(value)
  }
}

/// In which order the samples of a source come.
public enum Shuffle: Sendable, Equatable {
  /// As they are stored.
  case none
  /// In another random order each time round.
  case full
  /// Windows of so many neighbours in a random order, and in each window a random order: for storage where jumping is
  /// slow. What does not fill a window comes last.
  case windows(Int)

  /// The index of the `ordinal`-th sample of a source with `count` samples (nil: without an end), in passes without
  /// end. Every pass holds each sample once.
  public func index(of ordinal: Int, count: Int?, seed: UInt64, stream: String) -> Int {
    guard let count else { return ordinal }
    let (pass, place) = ordinal.quotientAndRemainder(dividingBy: count)
    let name = "\(stream)/pass \(pass)"
    switch self {
    case .none: return place
    case .full: return Permutation(count: count, seed: seed, stream: name)[place]
    case .windows(let size):
      let size = max(1, size)
      let full = count / size
      let (window, offset) = place.quotientAndRemainder(dividingBy: size)
      guard window < full else {
        return full * size
          + Permutation(count: count - full * size, seed: seed, stream: name + "/tail")[offset]
      }
      let chosen = Permutation(count: full, seed: seed, stream: name)[window]
      return chosen * size
        + Permutation(count: size, seed: seed, stream: "\(name)/window \(chosen)")[offset]
    }
  }
}
