internal import VLJSON

/// The pairs of tokens that were ever neighbours, numbered as they come, with how often they are.
struct PairTable {
  private var slots: [UInt32] = [UInt32](repeating: 0, count: 1 << 12)
  /// The pair of each number, `left << 32 | right`: comparing these compares left, then right.
  private(set) var keys: [UInt64] = []
  /// How often each pair occurs, by number; not kept up for pairs that were merged.
  var counts: [Int] = []

  /// A pair as one number.
  @inline(__always)
  static func key(_ left: UInt32, _ right: UInt32) -> UInt64 { UInt64(left) << 32 | UInt64(right) }

  /// The number of the pair; a new one if it has none.
  @inline(__always)
  mutating func number(_ left: UInt32, _ right: UInt32) -> Int {
    let key = Self.key(left, right)
    let mask = slots.count - 1
    var slot = Self.firstSlot(key) & mask
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if keys[number] == key { return number }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(keys.count + 1)
    keys.append(key)
    counts.append(0)
    if 2 * keys.count > slots.count { grow() }
    return keys.count - 1
  }

  @inline(__always)
  private static func firstSlot(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: ByteHash.fold(key ^ 0x9E37_79B9_7F4A_7C15, 0xA076_1D64_78BD_642F))
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: 2 * slots.count)
    let mask = slots.count - 1
    for (number, key) in keys.enumerated() {
      var slot = Self.firstSlot(key) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number + 1)
    }
  }
}

/// Candidates for the next merge: the most frequent first, of equals the pair with the lower ids.
struct MergeQueue {
  /// A pair, and the words it was seen in when this candidate was made.
  struct Candidate {
    /// How often the pair occurred when the candidate was last looked at.
    var count: Int
    /// The pair as one number.
    var key: UInt64
    /// The pair's number in its table.
    var pair: Int
    /// Where its words are listed.
    var words: Range<Int>

    /// Whether this goes before `other`.
    @inline(__always)
    func precedes(_ other: Candidate) -> Bool {
      count != other.count ? count > other.count : key < other.key
    }
  }

  private var heap: [Candidate] = []

  /// The candidate to look at next.
  var top: Candidate? { heap.first }

  /// Adds a candidate.
  mutating func insert(_ candidate: Candidate) {
    heap.append(candidate)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 4
      if !candidate.precedes(heap[parent]) { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = candidate
  }

  /// Removes the first candidate.
  mutating func removeTop() {
    guard let last = heap.popLast(), !heap.isEmpty else { return }
    sink(last)
  }

  /// Gives the first candidate another count, and its place accordingly.
  mutating func updateTop(count: Int) {
    guard var top = heap.first else { return }
    top.count = count
    sink(top)
  }

  /// Puts `candidate` where the first one was, and lets it sink.
  private mutating func sink(_ candidate: Candidate) {
    var parent = 0
    while true {
      let first = 4 * parent + 1
      if first >= heap.count { break }
      var best = first
      for child in first + 1..<max(first + 1, min(first + 4, heap.count))
      where heap[child].precedes(heap[best]) {
        best = child
      }
      if !heap[best].precedes(candidate) { break }
      heap[parent] = heap[best]
      parent = best
    }
    heap[parent] = candidate
  }
}
