internal import VLJSON

/// What the files of a tokenizer say, before it is put together.
struct TokenizerParts {
  /// A byte-pair model as it is listed.
  struct Model {
    var vocabulary = Vocabulary()
    var merges = MergeList()
    var unknownToken: String?
    var fusesUnknown = false
    var ignoresMerges = false
    var fallsBackToBytes = false
  }

  /// Merges in order, as pairs of texts that lie one behind the other.
  struct MergeList {
    /// All texts.
    var text: [UInt8] = []
    /// For each merge, where its left and its right text end.
    var ends: [(left: Int, right: Int)] = []
  }

  /// The file that errors are about.
  var file: String
  var model = Model()
  var normalizer = Normalizer.none
  var preTokenizer: PreTokenizer?
  var addedTokens: [AddedToken] = []

  /// Puts the model together and checks that its parts agree.
  func assemble() throws(TokenizerError) -> (BytePairModel, [AddedToken]) {
    func invalid(_ how: String) -> TokenizerError { TokenizerError(.invalid(how), file: file) }
    var vocabulary = model.vocabulary
    vocabulary.index()

    var specialIDs: Set<Int> = []
    var byID: [Int: AddedToken] = [:]
    for token in addedTokens {
      if let other = byID[token.id], other.content != token.content {
        throw invalid(
          "the added tokens \"\(other.content)\" and \"\(token.content)\" share the id \(token.id)")
      }
      guard (0...Vocabulary.maximumID).contains(token.id) else {
        throw invalid("the added token \"\(token.content)\" has the impossible id \(token.id)")
      }
      guard (1...Self.maximumAddedLength).contains(token.content.utf8.count) else {
        throw invalid("the added token \(token.id) is empty or longer than \(Self.maximumAddedLength) bytes")
      }
      guard vocabulary.insertAdded(Array(token.content.utf8), id: token.id) else {
        throw invalid("the added token \"\(token.content)\" with id \(token.id) contradicts the vocabulary")
      }
      byID[token.id] = token
      if token.isSpecial { specialIDs.insert(token.id) }
    }

    var byteIDs = [Int32](repeating: -1, count: 256)
    for byte in 0..<256 {
      let single = [UInt8(byte)]
      if let id = single.withUnsafeBufferPointer({ vocabulary.id(ofBytes: $0) }) { byteIDs[byte] = Int32(id) }
    }
    if model.fallsBackToBytes && byteIDs.contains(-1) {
      throw TokenizerError(
        .unsupported("byte_fallback with bytes that have no token of their own"), file: file)
    }
    var unknownID: Int?
    if let unknown = model.unknownToken {
      guard let id = vocabulary.id(ofText: Array(unknown.utf8)) else {
        throw invalid("the unknown token \"\(unknown)\" is not in the vocabulary")
      }
      unknownID = id
    }
    return (
      BytePairModel(
        vocabulary: vocabulary, merges: try merges(vocabulary, specialIDs), byteIDs: byteIDs,
        unknownID: unknownID,
        fusesUnknown: model.fusesUnknown, ignoresMerges: model.ignoresMerges, specialIDs: specialIDs),
      addedTokens
    )
  }

  /// A longer one would make looking for it slow, and none is.
  static let maximumAddedLength = 1024

  /// Resolves the listed merges to ids.
  private func merges(
    _ vocabulary: Vocabulary, _ specialIDs: Set<Int>
  ) throws(TokenizerError) -> BytePairMerges {
    let list = model.merges
    var merges = BytePairMerges(capacity: list.ends.count)
    var bytes: [UInt8] = []
    var start = 0
    for (rank, end) in list.ends.enumerated() {
      defer { start = end.right }
      bytes.removeAll(keepingCapacity: true)
      let ids: (left: Int?, right: Int?, whole: Int?) = list.text.withUnsafeBufferPointer { text in
        guard ByteLevel.decode(UnsafeBufferPointer(rebasing: text[start..<end.left]), appendingTo: &bytes)
        else {
          return (nil, nil, nil)
        }
        let middle = bytes.count
        guard ByteLevel.decode(UnsafeBufferPointer(rebasing: text[end.left..<end.right]), appendingTo: &bytes)
        else {
          return (nil, nil, nil)
        }
        return bytes.withUnsafeBufferPointer {
          (
            vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: $0[..<middle])),
            vocabulary.id(ofBytes: UnsafeBufferPointer(rebasing: $0[middle...])), vocabulary.id(ofBytes: $0)
          )
        }
      }
      guard let left = ids.left, let right = ids.right, let whole = ids.whole else {
        let texts = (
          String(decoding: list.text[start..<end.left], as: UTF8.self),
          String(decoding: list.text[end.left..<end.right], as: UTF8.self)
        )
        let unknown = ids.left == nil ? texts.0 : ids.right == nil ? texts.1 : texts.0 + texts.1
        throw TokenizerError(
          .invalid(
            "merge \(rank + 1) (\"\(texts.0)\" and \"\(texts.1)\") needs \"\(unknown)\", which is not in the vocabulary"
          ),
          file: file)
      }
      // Otherwise a user's text could become a control token.
      if specialIDs.contains(whole) {
        throw TokenizerError(.invalid("merge \(rank + 1) makes the special token \(whole)"), file: file)
      }
      merges.insert(left, right, .init(rank: UInt32(rank), id: UInt32(whole)))
    }
    return merges
  }
}
