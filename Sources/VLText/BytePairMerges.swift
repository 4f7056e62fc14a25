internal import VLJSON

/// The merges of a byte-pair model: which two neighbouring tokens become one, and which go first.
struct BytePairMerges: Sendable {
  /// What a pair becomes.
  struct Merge {
    /// Lower goes first.
    var rank: UInt32
    /// The token that takes the pair's place.
    var id: UInt32
  }

  private struct Slot {
    var pair: UInt64 = .max  // .max: free
    var merge = Merge(rank: 0, id: 0)
  }

  private var slots: [Slot]
  private let mask: Int

  /// Room for `count` merges.
  init(capacity count: Int) {
    let slotCount = max(16, (count + count / 2).nextPowerOfTwo)
    slots = [Slot](repeating: Slot(), count: slotCount)
    mask = slotCount - 1
  }

  @inline(__always)
  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 { UInt64(left) << 32 | UInt64(right) }

  @inline(__always)
  private func firstSlot(_ key: UInt64) -> Int {
    Int(truncatingIfNeeded: ByteHash.fold(key ^ 0x9E37_79B9_7F4A_7C15, 0xA076_1D64_78BD_642F)) & mask
  }

  /// Adds a merge; a pair that is listed twice keeps its last rank, as in the reference.
  mutating func insert(_ left: Int, _ right: Int, _ merge: Merge) {
    let key = Self.key(UInt32(left), UInt32(right))
    var slot = firstSlot(key)
    while slots[slot].pair != .max && slots[slot].pair != key { slot = (slot + 1) & mask }
    slots[slot] = Slot(pair: key, merge: merge)
  }

  /// What the pair becomes, if anything.
  @inline(__always)
  func merge(_ left: UInt32, _ right: UInt32) -> Merge? {
    let key = Self.key(left, right)
    var slot = firstSlot(key)
    return slots.withUnsafeBufferPointer { slots in
      while slots[slot].pair != .max {
        if slots[slot].pair == key { return slots[slot].merge }
        slot = (slot + 1) & mask
      }
      return nil
    }
  }
}
