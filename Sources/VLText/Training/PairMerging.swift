/// Finds the merges: again and again the most frequent pair of neighbouring tokens becomes one token, until the
/// vocabulary is full or no pair is frequent enough.
///
/// The pairs of a word's tokens are counted once, and afterwards only where a merge changes them. Of equally frequent
/// pairs the one with the lower ids goes first, as in `tokenizers`' `BpeTrainer`; the words that share a pair may be
/// merged in any order, since counts are sums.
///
/// Every merge makes a token that was not there before. For a stretch of text that no token reaches into or out of is
/// divided as it would be if it stood alone (merging from left to right inside it starts afresh at its edge), so bytes
/// that became one token somewhere have become one wherever they could. It follows that a pair comes up in one step
/// only, the one that makes the later of its two tokens, and so needs one list of words and is merged once.
struct PairMerging {
  /// Tokens, by number from the alphabet's first: their bytes.
  private(set) var tokens: [[UInt8]]
  /// The merges in the order in which they were found, the n-th making token 256 + n.
  private(set) var merges: [(left: Int, right: Int)] = []
  /// How often the last merge's pair occurred.
  private(set) var lastCount = 0

  private var lengths: [Int]

  /// The words' tokens, one word behind the other; a word that shrinks leaves a gap.
  private var symbols: [UInt32] = []
  private var starts: [Int] = []
  private var sizes: [Int32] = []
  private var occurrences: [Int] = []

  private var pairs = PairTable()
  private var queue = MergeQueue()
  /// The words of all candidates, one list behind the other.
  private var places: [UInt32] = []

  /// Pairs that the current step brought up, with the words in which it did.
  private var news: [(pair: UInt32, word: UInt32)] = []
  private var newPairs: [UInt32] = []
  /// By pair: how many words in `news`, and the last of them.
  private var newsOfPair: [(count: Int, lastWord: UInt32)] = []

  private static let noWord = UInt32.max

  /// Starts from words over an alphabet.
  ///
  /// - Parameters:
  ///   - words: pieces of text with their counts.
  ///   - alphabet: the bytes in the order of their tokens.
  init(_ words: PieceCounts, alphabet: [UInt8]) {
    tokens = alphabet.map { [$0] }
    lengths = alphabet.map { _ in 1 }
    var numberOfByte = [UInt32](repeating: 0, count: 256)
    for (number, byte) in alphabet.enumerated() {
      numberOfByte[Int(byte)] = UInt32(number)
    }
    words.forEach { piece, count in
      starts.append(symbols.count)
      sizes.append(Int32(piece.count))
      occurrences.append(count)
      for byte in piece { symbols.append(numberOfByte[Int(byte)]) }
    }
    for word in 0..<starts.count {
      let start = starts[word]
      for place in start..<max(start, start + Int(sizes[word]) - 1) {
        bringUp(symbols[place], symbols[place + 1], in: word)
      }
    }
    enqueueNews()
  }

  /// Into how many tokens the words fall by now, each counted as often as it occurs.
  var encodedLength: Int {
    var sum = 0
    for word in 0..<sizes.count { sum += Int(sizes[word]) * occurrences[word] }
    return sum
  }

  /// Makes the next token; false when there is nothing left to merge.
  ///
  /// - Parameters:
  ///   - minimumCount: pairs that occur less often are left alone.
  ///   - maximumLength: no token of more bytes is made, of those that take more than one merge.
  ///   - isForbidden: whether a token of these bytes must not come about.
  /// - Throws: ``TokenizerTrainingError`` for a forbidden token.
  /// - Returns: whether a token was made.
  mutating func step(
    minimumCount: Int, maximumLength: Int, isForbidden: ([UInt8]) throws(TokenizerTrainingError) -> Void
  ) throws(TokenizerTrainingError) -> Bool {
    while let top = queue.top {
      let count = pairs.counts[top.pair]
      if top.count != count {
        queue.updateTop(count: count)
        continue
      }
      if count < max(1, minimumCount) { return false }
      let left = UInt32(truncatingIfNeeded: top.key >> 32)
      let right = UInt32(truncatingIfNeeded: top.key)
      let bytes = tokens[Int(left)] + tokens[Int(right)]
      try isForbidden(bytes)
      queue.removeTop()
      let token = UInt32(tokens.count)
      tokens.append(bytes)
      lengths.append(bytes.count)
      merges.append((Int(left), Int(right)))
      lastCount = count
      for place in top.words { merge(left, right, into: token, in: Int(places[place]), maximumLength) }
      enqueueNews()
      return true
    }
    return false
  }

  /// Merges the pair wherever it occurs in the word, from left to right.
  private mutating func merge(
    _ left: UInt32, _ right: UInt32, into token: UInt32, in word: Int, _ maximumLength: Int
  ) {
    let start = starts[word]
    let end = start + Int(sizes[word])
    let count = occurrences[word]
    let longestNeighbour = maximumLength - lengths[Int(token)]
    var read = start
    var write = start
    while read < end {
      guard symbols[read] == left, read + 1 < end, symbols[read + 1] == right else {
        symbols[write] = symbols[read]
        write += 1
        read += 1
        continue
      }
      if write > start {
        let before = symbols[write - 1]
        pairs.counts[number(before, left)] -= count
        if lengths[Int(before)] <= longestNeighbour { bringUp(before, token, in: word) }
      }
      symbols[write] = token
      write += 1
      read += 2
      if read < end {
        let after = symbols[read]
        pairs.counts[number(right, after)] -= count
        if lengths[Int(after)] <= longestNeighbour { bringUp(token, after, in: word) }
      }
    }
    sizes[word] = Int32(write - start)
  }

  @inline(__always)
  private mutating func number(_ left: UInt32, _ right: UInt32) -> Int {
    let number = pairs.number(left, right)
    if number == newsOfPair.count { newsOfPair.append((0, Self.noWord)) }
    return number
  }

  /// Notes that the pair has come up once more in the word.
  @inline(__always)
  private mutating func bringUp(_ left: UInt32, _ right: UInt32, in word: Int) {
    let pair = number(left, right)
    pairs.counts[pair] += occurrences[word]
    // One word is finished before the next, so a pair's last word tells whether this one is listed.
    if newsOfPair[pair].lastWord == UInt32(word) { return }
    if newsOfPair[pair].count == 0 { newPairs.append(UInt32(pair)) }
    newsOfPair[pair].count += 1
    newsOfPair[pair].lastWord = UInt32(word)
    news.append((UInt32(pair), UInt32(word)))
  }

  /// Makes the pairs that came up candidates, those that have not vanished again.
  private mutating func enqueueNews() {
    for pair in newPairs {
      let pair = Int(pair)
      let count = pairs.counts[pair]
      let size = newsOfPair[pair].count
      if count > 0 {
        let start = places.count
        places.append(contentsOf: repeatElement(0, count: size))
        queue.insert(.init(count: count, key: pairs.keys[pair], pair: pair, words: start..<start + size))
        newsOfPair[pair].count = start  // from here on: where the next word goes
      } else {
        newsOfPair[pair].count = -1
      }
    }
    for (pair, word) in news {
      let place = newsOfPair[Int(pair)].count
      if place < 0 { continue }
      places[place] = word
      newsOfPair[Int(pair)].count = place + 1
    }
    for pair in newPairs { newsOfPair[Int(pair)] = (0, Self.noWord) }
    newPairs.removeAll(keepingCapacity: true)
    news.removeAll(keepingCapacity: true)
  }
}
