internal import Dispatch
internal import VLJSON
internal import Synchronization

/// Learns a byte-level BPE tokenizer with Qwen2's pattern and NFC from files of text.
///
/// ```swift
/// var trainer = BytePairTrainer(vocabularySize: 4096)
/// let trained = try trainer.train(files: ["corpus.txt"])
/// try trained.write(to: "tokenizer")
/// ```
///
/// The vocabulary and the merges are those of `tokenizers`' `BpeTrainer` on the same texts (docs/tokenizer.md says where
/// not): special tokens first, then the 256 bytes in the order of their letters, then merges. They do not depend on
/// the number of threads. Memory grows with the number of different pieces, not with the size of the corpus.
public struct BytePairTrainer: Sendable {
  /// How many tokens there will be at most, special ones and the 256 bytes included.
  public var vocabularySize: Int
  /// A pair that occurs less often does not become a token.
  public var minimumCount = 0
  /// The special tokens, in the order of their ids from 0 on.
  public var specialTokens = Self.qwen2VLTokens
  /// No token gets longer than this many bytes; pairs of single bytes are always allowed. nil for no limit.
  public var maximumTokenBytes: Int?
  /// How much of the corpus is one text.
  public var unit = TextUnit.file
  /// Threads that read and count; what is learnt does not depend on it.
  public var threads = 1
  /// Bytes that a thread takes at a time.
  package var blockSize = 1 << 20

  /// The special tokens of Qwen2-VL, in the order of their ids.
  public static let qwen2VLTokens = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
  ]

  /// How far the work is.
  public enum Progress: Sendable {
    /// Bytes of the corpus that were read, of how many if that is known.
    case counting(bytes: Int, of: Int?)
    /// Tokens that there are, of how many.
    case merging(tokens: Int, of: Int)
  }

  /// A trainer with everything but the size of the vocabulary at its default.
  public init(vocabularySize: Int) { self.vocabularySize = vocabularySize }

  /// Learns from files.
  ///
  /// - Parameters:
  ///   - files: paths of UTF-8 text; `-` is standard input.
  ///   - progress: is told now and then, by one thread at a time.
  /// - Throws: ``TokenizerTrainingError`` for settings that make no sense (before anything is read), for a file that
  ///   cannot be read or is not UTF-8, and when there is no text at all.
  /// - Returns: vocabulary and merges.
  public func train(
    files: [String], progress: @Sendable (Progress) -> Void = { _ in }
  ) throws(TokenizerTrainingError) -> TrainedTokenizer {
    try checkSettings()
    let reader = try CorpusReader(files, unit: unit, blockSize: max(64, blockSize))
    let (words, bytes) = try count(reader, progress)
    guard words.count > 0 else { throw TokenizerTrainingError(.emptyCorpus, file: files.first) }
    return try learn(words, corpusBytes: bytes, progress)
  }

  private func checkSettings() throws(TokenizerTrainingError) {
    func invalid(_ what: String) -> TokenizerTrainingError { TokenizerTrainingError(.invalidSetting(what)) }
    let least = 256 + specialTokens.count
    guard (least...Vocabulary.maximumID + 1).contains(vocabularySize) else {
      throw invalid(
        "a vocabulary of \(vocabularySize) is outside \(least)...\(Vocabulary.maximumID + 1): "
          + "256 bytes and \(specialTokens.count) special tokens are always in it")
    }
    if minimumCount < 0 { throw invalid("a minimum count of \(minimumCount) is negative; 0 sets no minimum") }
    if let maximumTokenBytes, maximumTokenBytes < 2 {
      throw invalid("tokens of at most \(maximumTokenBytes) bytes leave nothing to merge; allow 2 or more")
    }
    var seen: Set<[UInt8]> = []
    for token in specialTokens {
      let content = Array(token.utf8)
      guard (1...TokenizerParts.maximumAddedLength).contains(content.count) else {
        throw invalid(
          "the special token \"\(token.prefix(20))\" is empty or longer than \(TokenizerParts.maximumAddedLength) bytes"
        )
      }
      if !seen.insert(content).inserted { throw invalid("the special token \"\(token)\" is listed twice") }
    }
    let isNoText = isNoSpecialToken()
    for byte in Self.alphabet { try isNoText([byte]) }
  }

  // MARK: Counting

  private struct Count {
    var words = PieceCounts()
    var bytes = 0
    /// The error in the block of the lowest number, whichever thread came first.
    var failure: (block: Int, error: TokenizerTrainingError)?
  }

  private func count(
    _ reader: CorpusReader, _ progress: @Sendable (Progress) -> Void
  ) throws(TokenizerTrainingError) -> (PieceCounts, bytes: Int) {
    let pattern: Pattern
    do { pattern = try Pattern(PreTokenizer.qwen2Source) } catch {
      throw TokenizerTrainingError(.invalidSetting(error.description))
    }
    let whole = Mutex(Count())
    let threads = max(1, min(threads, 1024))
    DispatchQueue.concurrentPerform(iterations: threads) { _ in
      var counter = PieceCounter(pattern, unit)
      while true {
        var block = Int.max
        do throws(TokenizerTrainingError) {
          guard let next = try reader.next() else { break }
          block = next.number
          try counter.count(next, file: reader.files[next.file])
          whole.withLock {
            $0.bytes += next.bytes.count
            progress(.counting(bytes: $0.bytes, of: reader.totalBytes))
          }
        } catch {
          // Blocks are handed out in order, so all before this one are in work or done, and will be reported too.
          reader.stop()
          whole.withLock { count in
            if count.failure.map({ block < $0.block }) ?? true { count.failure = (block, error) }
          }
          break
        }
      }
      whole.withLock {
        if $0.words.count == 0 { $0.words = counter.pieces } else { $0.words.add(counter.pieces) }
      }
    }
    let count = whole.withLock { $0 }
    if let failure = count.failure { throw failure.error }
    return (count.words, count.bytes)
  }

  // MARK: Merging

  /// The bytes as tokens, in the order of the letters that spell them.
  private static let alphabet = ByteLevel.letters.enumerated().sorted { $0.element < $1.element }
    .map { UInt8($0.offset) }

  /// The bytes that a file would spell like this special token; none if no bytes are.
  private static func spelled(_ content: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    return content.withUnsafeBufferPointer { ByteLevel.decode($0, appendingTo: &bytes) } ? bytes : []
  }

  /// A check that refuses bytes whose token a file would spell like a special token: text could become that token.
  private func isNoSpecialToken() -> ([UInt8]) throws(TokenizerTrainingError) -> Void {
    var tokens: [[UInt8]: String] = [:]
    for token in specialTokens { tokens[Self.spelled(Array(token.utf8))] = token }
    return { (bytes) throws(TokenizerTrainingError) in
      if let token = tokens[bytes] { throw TokenizerTrainingError(.specialTokenFromText(token)) }
    }
  }

  private func learn(
    _ words: PieceCounts, corpusBytes: Int, _ progress: (Progress) -> Void
  ) throws(TokenizerTrainingError) -> TrainedTokenizer {
    let isNoText = isNoSpecialToken()
    var merging = PairMerging(words, alphabet: Self.alphabet)
    let wanted = vocabularySize - specialTokens.count
    while merging.tokens.count < wanted,
      try merging.step(
        minimumCount: minimumCount, maximumLength: maximumTokenBytes ?? .max, isForbidden: isNoText)
    {
      if merging.merges.count % 64 == 0 {
        progress(.merging(tokens: merging.tokens.count + specialTokens.count, of: vocabularySize))
      }
    }
    let offset = specialTokens.count
    let merges = merging.merges.map { ($0.left + offset, $0.right + offset) }
    return TrainedTokenizer(
      specialTokens: specialTokens, tokens: merging.tokens, merges: merges,
      statistics: .init(
        corpusBytes: corpusBytes, pieces: words.total, differentPieces: words.count,
        corpusTokens: merging.encodedLength, lastCount: merging.merges.isEmpty ? nil : merging.lastCount))
  }
}

/// Cuts blocks of a corpus into pieces and counts them; one thread's own.
private struct PieceCounter {
  private let matcher: PatternMatcher
  private let unit: TextUnit
  private(set) var pieces = PieceCounts()

  init(_ pattern: Pattern, _ unit: TextUnit) {
    matcher = PatternMatcher(pattern)
    self.unit = unit
  }

  mutating func count(_ block: CorpusBlock, file: String) throws(TokenizerTrainingError) {
    var failure: TokenizerTrainingError?
    block.bytes.withUnsafeBufferPointer { text in
      if let fault = UTF8Scanner.firstFault(in: text) {
        failure = TokenizerTrainingError(.notUTF8(offset: block.offset + fault), file: file)
        return
      }
      do throws(EncodingError) {
        switch unit {
        case .file: try count(text)
        case .line:
          var start = 0
          while start < text.count {
            let feed = text[start...].firstIndex(of: UInt8(ascii: "\n"))
            let end = feed.map { $0 + 1 } ?? text.count
            try count(UnsafeBufferPointer(rebasing: text[start..<end]))
            start = end
          }
        }
      } catch {
        failure = TokenizerTrainingError(.encoding(error, offset: block.offset), file: file)
      }
    }
    if let failure { throw failure }
  }

  private mutating func count(_ text: UnsafeBufferPointer<UInt8>) throws(EncodingError) {
    try Normalizer.nfc.withNormalized(text) { (normalized) throws(EncodingError) in
      try matcher.split(normalized) { (piece, _) throws(EncodingError) in pieces.add(piece) }
    }
  }
}
