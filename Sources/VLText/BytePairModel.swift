/// Byte-pair encoding of one piece of text: its bytes are tokens at first, and the pair with the lowest rank
/// (the leftmost of equals) becomes one token until no pair can.
struct BytePairModel: Sendable {
  /// All tokens.
  var vocabulary: Vocabulary
  /// All merges.
  var merges: BytePairMerges
  /// The token of each single byte, -1 where the vocabulary has none.
  var byteIDs: [Int32]
  /// What a byte without a token becomes.
  var unknownID: Int?
  /// Whether unknown neighbours become one unknown token.
  var fusesUnknown = false
  /// Whether a piece that is a token as a whole is that token, whatever the merges say.
  var ignoresMerges = false
  /// Ids that no text may become unless it is parsed as trusted.
  var specialIDs: Set<Int> = []

  /// Buffers that one call after the other reuses.
  struct Workspace {
    fileprivate var ids: [UInt32] = []
    fileprivate var ranks: [UInt32] = []
    fileprivate var next: [Int32] = []
    fileprivate var previous: [Int32] = []
    fileprivate var queue: [UInt64] = []
  }

  private static let noMerge = UInt32.max
  /// Up to this many bytes, scanning all pairs for the lowest rank beats keeping a queue.
  private static let shortPiece = 48

  /// Appends the tokens of `piece`.
  func encode(
    _ piece: UnsafeBufferPointer<UInt8>, into output: inout [Int], _ workspace: inout Workspace
  ) throws(EncodingError) {
    if ignoresMerges, let id = vocabulary.id(ofBytes: piece), !specialIDs.contains(id) {
      output.append(id)
      return
    }
    try spell(piece, into: &workspace.ids)
    switch workspace.ids.count {
    case 0...1: break
    case ...Self.shortPiece: mergeByScanning(&workspace)
    default: mergeByQueue(&workspace)
    }
    for id in workspace.ids { output.append(Int(id)) }
  }

  /// The tokens of the single bytes.
  private func spell(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [UInt32]) throws(EncodingError) {
    ids.removeAll(keepingCapacity: true)
    var isInUnknown = false
    for byte in piece {
      let id = byteIDs[Int(byte)]
      if id >= 0 {
        ids.append(UInt32(id))
        isInUnknown = false
      } else {
        guard let unknownID else { throw .byteWithoutToken(byte) }
        if !(isInUnknown && fusesUnknown) { ids.append(UInt32(unknownID)) }
        isInUnknown = true
      }
    }
  }

  @inline(__always)
  private func rank(_ left: UInt32, _ right: UInt32) -> UInt32 {
    merges.merge(left, right)?.rank ?? Self.noMerge
  }

  /// Quadratic in the length, with the smallest constant.
  private func mergeByScanning(_ workspace: inout Workspace) {
    var count = workspace.ids.count
    workspace.ranks.removeAll(keepingCapacity: true)
    for index in 0..<count - 1 {
      workspace.ranks.append(rank(workspace.ids[index], workspace.ids[index + 1]))
    }
    workspace.ids.withUnsafeMutableBufferPointer { ids in
      workspace.ranks.withUnsafeMutableBufferPointer { ranks in
        while count > 1 {
          var best = Self.noMerge
          var place = 0
          for index in 0..<count - 1 where ranks[index] < best {
            best = ranks[index]
            place = index
          }
          guard best != Self.noMerge, let merge = merges.merge(ids[place], ids[place + 1]) else { break }
          ids[place] = merge.id
          count -= 1
          for index in place + 1..<count { ids[index] = ids[index + 1] }
          for index in place..<max(place, count - 1) { ranks[index] = ranks[index + 1] }
          if place > 0 { ranks[place - 1] = rank(ids[place - 1], ids[place]) }
          if place < count - 1 { ranks[place] = rank(ids[place], ids[place + 1]) }
        }
      }
    }
    workspace.ids.removeSubrange(count...)
  }

  /// O(n log n): a linked list of tokens, and a queue of pairs by rank and place. A pair that changed since it was
  /// queued is noticed when it comes up.
  private func mergeByQueue(_ workspace: inout Workspace) {
    let count = workspace.ids.count
    workspace.next = (0..<Int32(count)).map { $0 + 1 }
    workspace.next[count - 1] = -1
    workspace.previous = (0..<Int32(count)).map { $0 - 1 }
    var queue = MinimumQueue(storage: workspace.queue)
    workspace.queue = []
    workspace.ids.withUnsafeMutableBufferPointer { ids in
      workspace.next.withUnsafeMutableBufferPointer { next in
        workspace.previous.withUnsafeMutableBufferPointer { previous in
          func enqueue(_ place: Int) {
            let rank = rank(ids[place], ids[Int(next[place])])
            if rank != Self.noMerge { queue.insert(UInt64(rank) << 32 | UInt64(place)) }
          }
          for place in 0..<count - 1 { enqueue(place) }
          while let top = queue.popMinimum() {
            let place = Int(top & 0xFFFF_FFFF)
            guard ids[place] != UInt32.max, next[place] >= 0 else { continue }
            let right = Int(next[place])
            guard let merge = merges.merge(ids[place], ids[right]), UInt64(merge.rank) == top >> 32 else {
              continue
            }
            ids[place] = merge.id
            ids[right] = .max  // gone
            next[place] = next[right]
            if next[place] >= 0 {
              previous[Int(next[place])] = Int32(place)
              enqueue(place)
            }
            if previous[place] >= 0 { enqueue(Int(previous[place])) }
          }
        }
      }
    }
    workspace.queue = queue.storage
    workspace.ids.removeAll { $0 == .max }
  }
}

/// A binary heap of numbers, the smallest first.
private struct MinimumQueue {
  var storage: [UInt64]

  init(storage: [UInt64]) {
    self.storage = storage
    self.storage.removeAll(keepingCapacity: true)
  }

  mutating func insert(_ value: UInt64) {
    storage.append(value)
    var child = storage.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if storage[parent] <= value { break }
      storage[child] = storage[parent]
      child = parent
    }
    storage[child] = value
  }

  mutating func popMinimum() -> UInt64? {
    guard let top = storage.first, let last = storage.popLast() else { return nil }
    let count = storage.count
    if count == 0 { return top }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      if child >= count { break }
      if child + 1 < count && storage[child + 1] < storage[child] { child += 1 }
      if last <= storage[child] { break }
      storage[parent] = storage[child]
      parent = child
    }
    storage[parent] = last
    return top
  }
}
