internal import VLJSON

/// Every token by id and by bytes.
///
/// The bytes of all tokens lie in one array, so that a hundred thousand tokens cost a few allocations.
struct Vocabulary: Sendable {
  /// Ids above this are refused: tables are indexed by id, so a hostile id must not decide how large they get.
  static let maximumID = 1 << 22

  /// Where a token's bytes lie in `arena`.
  private struct Entry {
    var start: UInt32 = 0
    var count: UInt32 = .max  // .max: no such id

    var isAbsent: Bool { count == .max }
  }

  private var arena: [UInt8] = []
  private var entries: [Entry] = []
  /// Ids of tokens whose text is not in the byte alphabet: what lies in `arena` is their text as it is.
  private var rawIDs: Set<Int> = []
  /// Open addressing over the model's byte-level tokens: id + 1, 0 for free.
  private var slots: [UInt32] = []
  /// What the hash table does not hold: raw tokens and added tokens, by their text.
  private var idsByText: [[UInt8]: Int] = [:]
  private let seed = ByteHash.processSeed

  /// One more than the largest id.
  var count: Int { entries.count }

  /// The bytes that a token contributes to decoded text; empty for an unknown id.
  func withBytes<Result>(of id: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    guard id >= 0, id < entries.count, !entries[id].isAbsent else {
      return body(UnsafeBufferPointer(start: nil, count: 0))
    }
    let entry = entries[id]
    return arena.withUnsafeBufferPointer {
      body(UnsafeBufferPointer(rebasing: $0[Int(entry.start)..<Int(entry.start + entry.count)]))
    }
  }

  /// Whether `id` is a token.
  func contains(_ id: Int) -> Bool { id >= 0 && id < entries.count && !entries[id].isAbsent }

  /// A token as its file spells it.
  func text(of id: Int) -> String? {
    guard contains(id) else { return nil }
    return withBytes(of: id) {
      rawIDs.contains(id) ? String(decoding: $0, as: UTF8.self) : ByteLevel.encode($0)
    }
  }

  // MARK: Building

  /// Adds a token of the model, as its file spells it; false if the id is taken.
  mutating func insert(_ text: UnsafeBufferPointer<UInt8>, id: Int) -> Bool {
    guard reserve(id) else { return false }
    let start = arena.count
    if !ByteLevel.decode(text, appendingTo: &arena) {
      arena.append(contentsOf: text)
      rawIDs.insert(id)
      idsByText[Array(text)] = id
    }
    entries[id] = Entry(start: UInt32(start), count: UInt32(arena.count - start))
    return true
  }

  /// Adds a token that is not the model's, or gives one that is a second way in; false if the id is another token's.
  mutating func insertAdded(_ text: [UInt8], id: Int) -> Bool {
    if let known = self.id(ofText: text) { return known == id }
    let isNew = text.withUnsafeBufferPointer { insert($0, id: id) }
    idsByText[text] = id
    return isNew
  }

  private mutating func reserve(_ id: Int) -> Bool {
    if id >= entries.count {
      entries.append(contentsOf: repeatElement(Entry(), count: id + 1 - entries.count))
    }
    return entries[id].isAbsent
  }

  /// Builds the table by bytes once all tokens of the model are in.
  mutating func index() {
    let slotCount = max(16, (2 * entries.count).nextPowerOfTwo)
    let mask = slotCount - 1
    slots = [UInt32](repeating: 0, count: slotCount)
    let isAnyRaw = !rawIDs.isEmpty
    arena.withUnsafeBufferPointer { arena in
      slots.withUnsafeMutableBufferPointer { slots in
        for (id, entry) in entries.enumerated() where !entry.isAbsent {
          if isAnyRaw && rawIDs.contains(id) { continue }
          let bytes = UnsafeBufferPointer(rebasing: arena[Int(entry.start)..<Int(entry.start + entry.count)])
          var slot = Int(truncatingIfNeeded: ByteHash.hash(bytes, seed: seed)) & mask
          while slots[slot] != 0 { slot = (slot + 1) & mask }
          slots[slot] = UInt32(id + 1)
        }
      }
    }
  }

  // MARK: Looking up

  /// The model's byte-level token of exactly these bytes.
  func id(ofBytes bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    let mask = slots.count - 1
    guard mask > 0 else { return nil }
    var slot = Int(truncatingIfNeeded: ByteHash.hash(bytes, seed: seed)) & mask
    return arena.withUnsafeBufferPointer { arena in
      slots.withUnsafeBufferPointer { slots in
        while slots[slot] != 0 {
          let entry = entries[Int(slots[slot]) - 1]
          if Int(entry.count) == bytes.count {
            let start = Int(entry.start)
            var index = 0
            while index < bytes.count && arena[start + index] == bytes[index] { index += 1 }
            if index == bytes.count { return Int(slots[slot]) - 1 }
          }
          slot = (slot + 1) & mask
        }
        return nil
      }
    }
  }

  /// The token that a file spells `text`.
  func id(ofText text: [UInt8]) -> Int? {
    if let id = idsByText[text] { return id }
    var bytes: [UInt8] = []
    return text.withUnsafeBufferPointer { text in
      guard ByteLevel.decode(text, appendingTo: &bytes) else { return nil }
      return bytes.withUnsafeBufferPointer { id(ofBytes: $0) }
    }
  }
}
