internal import VLJSON

/// How often each piece of text occurs.
///
/// The bytes of all pieces lie in one array and their numbers in one table, so that a million of them cost a few
/// allocations and about fifty bytes each.
struct PieceCounts: Sendable {
  private struct Entry {
    var start: Int
    var length: Int
    var hash: UInt64
    var count: Int
  }

  private var arena: [UInt8] = []
  private var entries: [Entry] = []
  /// Open addressing: entry + 1, 0 for free.
  private var slots = [UInt32](repeating: 0, count: 1 << 12)
  private let seed = ByteHash.processSeed

  /// How many different pieces there are.
  var count: Int { entries.count }

  /// How often any piece occurs.
  private(set) var total = 0

  /// Counts `piece`, `times` times.
  mutating func add(_ piece: UnsafeBufferPointer<UInt8>, times: Int = 1) {
    total += times
    let hash = ByteHash.hash(piece, seed: seed)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      let number = Int(slots[slot]) - 1
      if entries[number].hash == hash && isEntry(number, piece) {
        entries[number].count += times
        return
      }
      slot = (slot + 1) & mask
    }
    slots[slot] = UInt32(entries.count + 1)
    entries.append(Entry(start: arena.count, length: piece.count, hash: hash, count: times))
    arena.append(contentsOf: piece)
    if 2 * entries.count > slots.count { grow() }
  }

  /// Adds everything that `other` counted.
  mutating func add(_ other: PieceCounts) {
    other.forEach { add($0, times: $1) }
  }

  /// Calls `body` with each piece and its count.
  func forEach(_ body: (_ piece: UnsafeBufferPointer<UInt8>, _ count: Int) -> Void) {
    arena.withUnsafeBufferPointer { arena in
      for entry in entries {
        body(UnsafeBufferPointer(rebasing: arena[entry.start..<entry.start + entry.length]), entry.count)
      }
    }
  }

  private func isEntry(_ number: Int, _ piece: UnsafeBufferPointer<UInt8>) -> Bool {
    let entry = entries[number]
    guard entry.length == piece.count else { return false }
    return arena.withUnsafeBufferPointer { arena in
      for index in 0..<piece.count where arena[entry.start + index] != piece[index] { return false }
      return true
    }
  }

  private mutating func grow() {
    slots = [UInt32](repeating: 0, count: 2 * slots.count)
    let mask = slots.count - 1
    for (number, entry) in entries.enumerated() {
      var slot = Int(truncatingIfNeeded: entry.hash) & mask
      while slots[slot] != 0 { slot = (slot + 1) & mask }
      slots[slot] = UInt32(number + 1)
    }
  }
}
