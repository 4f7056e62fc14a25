/// A hash of byte strings that outsiders cannot aim collisions at: its seed changes with every process.
package enum ByteHash {
  private static let seed = UInt64.random(in: .min ... .max)

  /// The seed of this process; fetch it once and pass it to ``hash(_:seed:)``.
  package static var processSeed: UInt64 { seed }

  /// Hashes `bytes`, eight at a time, by folded 128-bit products.
  @inlinable
  package static func hash(_ bytes: UnsafeBufferPointer<UInt8>, seed: UInt64) -> UInt64 {
    var state = seed ^ UInt64(truncatingIfNeeded: bytes.count) &* 0x9E37_79B9_7F4A_7C15
    guard let base = UnsafeRawPointer(bytes.baseAddress) else { return state }
    var index = 0
    while index + 8 <= bytes.count {
      state = fold(state ^ base.loadUnaligned(fromByteOffset: index, as: UInt64.self), 0xA076_1D64_78BD_642F)
      index += 8
    }
    var tail: UInt64 = 0
    while index < bytes.count {
      tail = tail << 8 | UInt64(bytes[index])
      index += 1
    }
    return fold(state ^ tail, 0xE703_7ED1_A0B4_28DB ^ seed)
  }

  /// The two halves of a 128-bit product, exclusive-ored.
  @inlinable
  package static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }
}

/// The keys of all objects that a reader is inside of, to notice one that appears twice.
struct KeyLedger: ~Copyable {
  private struct Key {
    var hash: UInt64
    var bytes: UnsafeBufferPointer<UInt8>
  }

  /// Objects up to this size are searched key by key.
  private static let smallObject = 16

  private var entries: [Key] = []
  private var starts: [Int] = []
  /// One table per open object: entry numbers plus one, 0 for a free slot; empty while the object is small.
  private var tables: [[UInt32]] = []
  /// Copies of keys that hold escapes; freed with the ledger.
  private var copies: [UnsafeMutableBufferPointer<UInt8>] = []
  private let seed = ByteHash.processSeed

  deinit { for copy in copies { copy.deallocate() } }

  /// How many keys of open objects are held.
  var count: Int { entries.count }

  /// Starts an object.
  mutating func open() {
    starts.append(entries.count)
    tables.append([])
  }

  /// Ends the innermost object and forgets its keys, back to `count` of them.
  mutating func close(to count: Int) {
    entries.removeSubrange(count...)
    starts.removeLast()
    tables.removeLast()
  }

  /// Adds a key whose bytes outlive the ledger; false if the innermost object has it already.
  mutating func insert(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let key = Key(hash: ByteHash.hash(bytes, seed: seed), bytes: bytes)
    let object = starts.count - 1
    let start = starts[object]
    let size = entries.count - start
    if size < Self.smallObject {
      for other in entries[start...] where Self.equal(other, key) { return false }
      entries.append(key)
      return true
    }
    // At most half of the slots are taken.
    if tables[object].count < 2 * (size + 1) {
      rebuildTable(of: object, slots: max(64, 4 * size.nextPowerOfTwo))
    }
    let mask = tables[object].count - 1
    var slot = Int(truncatingIfNeeded: key.hash) & mask
    while true {
      let entry = tables[object][slot]
      if entry == 0 { break }
      if Self.equal(entries[start + Int(entry) - 1], key) { return false }
      slot = (slot + 1) & mask
    }
    tables[object][slot] = UInt32(size + 1)
    entries.append(key)
    return true
  }

  /// Adds a key that the ledger must keep a copy of; returns the copy and whether the key is new.
  mutating func insertCopy(of bytes: [UInt8]) -> (UnsafeBufferPointer<UInt8>, Bool) {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(bytes.count, 1))
    _ = copy.initialize(from: bytes)
    copies.append(copy)
    let kept = UnsafeBufferPointer(rebasing: copy[..<bytes.count])
    return (kept, insert(kept))
  }

  private mutating func rebuildTable(of object: Int, slots: Int) {
    var table = [UInt32](repeating: 0, count: slots)
    for (number, key) in entries[starts[object]...].enumerated() {
      var slot = Int(truncatingIfNeeded: key.hash) & (slots - 1)
      while table[slot] != 0 { slot = (slot + 1) & (slots - 1) }
      table[slot] = UInt32(number + 1)
    }
    tables[object] = table
  }

  private static func equal(_ a: Key, _ b: Key) -> Bool {
    a.hash == b.hash && a.bytes.elementsEqual(b.bytes)
  }
}

extension Int {
  /// The smallest power of two that is not below this.
  package var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
