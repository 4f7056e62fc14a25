/// A byte-level BPE tokenizer: text to token ids and back, exactly as the checkpoint's own tokenizer does it.
///
/// ```swift
/// let tokenizer = try Tokenizer(directory: "Qwen2-VL-2B-Instruct")
/// let ids = try tokenizer.encode("What is in this picture?")
/// let text = tokenizer.decode(ids, skipSpecialTokens: true)
/// ```
///
/// One tokenizer serves any number of threads.
public final class Tokenizer: Sendable {
  private let model: BytePairModel
  private let normalizer: Normalizer
  private let preTokenizer: PreTokenizer
  private let finder: AddedTokenFinder
  private let normalizedFinder: AddedTokenFinder
  /// The tokens that are looked for in text itself, special ones and others, in the files' order.
  public let addedTokens: [AddedToken]

  // MARK: Loading

  /// Loads the tokenizer of a checkpoint directory.
  ///
  /// Reads `tokenizer.json`, or else `vocab.json` and `merges.txt` (with Qwen2's pre-tokenizer pattern and NFC, which
  /// those files take for granted); `tokenizer_config.json`, if there is one, may name further added tokens.
  ///
  /// - Throws: ``TokenizerError`` for a file that is missing, damaged, contradictory or asks for what is not supported.
  public convenience init(directory: String) throws(TokenizerError) {
    var base = directory
    while base.count > 1 && base.hasSuffix("/") { base.removeLast() }
    func path(_ name: String) -> String { base + "/" + name }

    var parts: TokenizerParts
    if let bytes = try WholeFile.read(path("tokenizer.json")) {
      parts = try TokenizerJSON.read(bytes, file: path("tokenizer.json"))
    } else if let vocabulary = try WholeFile.read(path("vocab.json")),
      let merges = try WholeFile.read(path("merges.txt"))
    {
      parts = try VocabularyAndMerges.read(
        vocabulary: vocabulary, vocabularyFile: path("vocab.json"), merges: merges,
        mergesFile: path("merges.txt"))
    } else {
      throw TokenizerError(.missing, file: directory)
    }
    if let configuration = try WholeFile.read(path("tokenizer_config.json")) {
      try VocabularyAndMerges.addTokens(
        ofConfiguration: configuration, file: path("tokenizer_config.json"), to: &parts)
    }
    try self.init(parts)
  }

  /// Loads a tokenizer from the content of a `tokenizer.json`; `file` is what errors call it.
  ///
  /// - Throws: ``TokenizerError``.
  public convenience init(tokenizerJSON bytes: [UInt8], file: String) throws(TokenizerError) {
    try self.init(TokenizerJSON.read(bytes, file: file))
  }

  private init(_ parts: TokenizerParts) throws(TokenizerError) {
    guard let preTokenizer = parts.preTokenizer else {
      throw TokenizerError(.unsupported("a tokenizer without a pre-tokenizer"), file: parts.file)
    }
    self.preTokenizer = preTokenizer
    normalizer = parts.normalizer
    (model, addedTokens) = try parts.assemble()
    var finder = AddedTokenFinder()
    var normalizedFinder = AddedTokenFinder()
    // Where two look the same, special ones win.
    for token in addedTokens.filter(\.isSpecial) + addedTokens.filter({ !$0.isSpecial }) {
      let content = Array(token.content.utf8)
      if token.isNormalized {
        do {
          let normalizer = parts.normalizer
          let normalized = try content.withUnsafeBufferPointer { (bytes) throws(EncodingError) in
            try normalizer.withNormalized(bytes) { Array($0) }
          }
          normalizedFinder.insert(token, as: normalized)
        } catch {
          throw TokenizerError(.invalid("the added token \(token.id): \(error)"), file: parts.file)
        }
      } else {
        finder.insert(token, as: content)
      }
    }
    self.finder = finder
    self.normalizedFinder = normalizedFinder
  }

  // MARK: Tokens

  /// One more than the largest id. A model's embedding table may have more rows than this.
  public var vocabularySize: Int { model.vocabulary.count }

  /// The id of a token as the files spell it (`Ġthe`, `<|im_end|>`).
  public func id(of token: String) -> Int? { model.vocabulary.id(ofText: Array(token.utf8)) }

  /// A token as the files spell it.
  public func token(of id: Int) -> String? { model.vocabulary.text(of: id) }

  /// Whether `id` is a special token.
  public func isSpecial(_ id: Int) -> Bool { model.specialIDs.contains(id) }

  /// The ids of all special tokens.
  public var specialTokenIDs: Set<Int> { model.specialIDs }

  /// The bytes that `id` contributes to decoded text; none if there is no such token.
  public func bytes(of id: Int) -> [UInt8] { model.vocabulary.withBytes(of: id) { Array($0) } }

  // MARK: Encoding

  /// The ids of a text that anyone may have written: what looks like a special token in it is encoded as plain text.
  ///
  /// - Throws: ``EncodingError`` if the files' pattern or vocabulary cannot cope with the text.
  public func encode(_ text: String) throws(EncodingError) -> [Int] {
    try encode(text, parsingSpecial: false)
  }

  /// The ids of a text from a trusted source, such as a rendered chat template: special tokens in it become
  /// themselves. Never call this with text from outside: whoever writes it could end their own turn.
  ///
  /// - Throws: ``EncodingError`` if the files' pattern or vocabulary cannot cope with the text.
  public func encodeParsingSpecialTokens(_ text: String) throws(EncodingError) -> [Int] {
    try encode(text, parsingSpecial: true)
  }

  private static let maximumTextLength = 1 << 30

  private func encode(_ text: String, parsingSpecial: Bool) throws(EncodingError) -> [Int] {
    // Places in a piece are 32-bit numbers.
    guard text.utf8.count <= Self.maximumTextLength else { throw .textTooLong(limit: Self.maximumTextLength) }
    let bytes = Array(text.utf8)
    let pass = EncodingPass(model, preTokenizer)
    pass.output.reserveCapacity(bytes.count / 3 + 1)
    try bytes.withUnsafeBufferPointer { (bytes) throws(EncodingError) in
      try finder.segments(of: bytes, parsingSpecial: parsingSpecial) { (segment) throws(EncodingError) in
        switch segment {
        case .token(let id): pass.output.append(id)
        case .text(let raw):
          try normalizer.withNormalized(raw) { (normalized) throws(EncodingError) in
            try normalizedFinder.segments(of: normalized, parsingSpecial: parsingSpecial) {
              (segment) throws(EncodingError) in
              switch segment {
              case .token(let id): pass.output.append(id)
              case .text(let plain): try pass.encode(plain)
              }
            }
          }
        }
      }
    }
    return pass.output
  }

  // MARK: Decoding

  /// The text of `ids`. Bytes that are no UTF-8 become U+FFFD, and ids without a token nothing, as in the reference
  /// (with its clean-up of spaces off).
  public func decode(_ ids: [Int], skipSpecialTokens: Bool) -> String {
    var bytes: [UInt8] = []
    for id in ids { appendBytes(of: id, skipSpecialTokens: skipSpecialTokens, to: &bytes) }
    return String(decoding: bytes, as: UTF8.self)
  }

  func appendBytes(of id: Int, skipSpecialTokens: Bool, to bytes: inout [UInt8]) {
    if skipSpecialTokens && isSpecial(id) { return }
    model.vocabulary.withBytes(of: id) { bytes.append(contentsOf: $0) }
  }
}
