internal import VLJSON

/// Reads `vocab.json` and `merges.txt`, and what `tokenizer_config.json` adds to either form.
enum VocabularyAndMerges {
  /// A tokenizer with Qwen2's normalizer and pattern, which this form of files takes for granted.
  static func read(
    vocabulary: [UInt8], vocabularyFile: String, merges: [UInt8], mergesFile: String
  ) throws(TokenizerError) -> TokenizerParts {
    var parts = TokenizerParts(file: mergesFile)
    do {
      try JSONReader.read(vocabulary) { reader in
        try TokenizerJSON.readVocabulary(&reader, &parts.model.vocabulary, file: vocabularyFile)
      }
    } catch let error as TokenizerError {
      throw error
    } catch let error as JSONError {
      throw TokenizerError(.json(error), file: vocabularyFile)
    } catch {
      throw TokenizerError(.invalid("\(error)"), file: vocabularyFile)
    }
    try readMerges(merges, &parts.model.merges, file: mergesFile)
    parts.normalizer = .nfc
    let pattern = try TokenizerJSON.compile(PreTokenizer.qwen2Source, isLiteral: false, mergesFile)
    parts.preTokenizer = PreTokenizer(
      splits: [.init(pattern: pattern, behavior: .isolated, isInverted: false)], addsPrefixSpace: false,
      byteLevelPattern: nil)
    return parts
  }

  /// A merge a line, `a b`; lines that start with `#version` are skipped, and so is an empty last one.
  private static func readMerges(
    _ bytes: [UInt8], _ merges: inout TokenizerParts.MergeList, file: String
  ) throws(TokenizerError) {
    var lineNumber = 0
    var rest = bytes[...]
    while !rest.isEmpty {
      lineNumber += 1
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? rest.endIndex
      var line = rest[..<end]
      rest = rest[min(end + 1, rest.endIndex)...]
      if line.last == UInt8(ascii: "\r") { line = line.dropLast() }
      if line.starts(with: "#version".utf8) { continue }
      let start = merges.text.count
      merges.text.append(contentsOf: line)
      guard merges.splitLast(from: start) else {
        throw TokenizerError(.invalid("line \(lineNumber) is no merge of two parts"), file: file)
      }
    }
    if merges.ends.isEmpty { throw TokenizerError(.invalid("there are no merges"), file: file) }
  }

  /// Adds the tokens of `tokenizer_config.json` that are not known yet.
  static func addTokens(
    ofConfiguration bytes: [UInt8], file: String, to parts: inout TokenizerParts
  ) throws(TokenizerError) {
    do {
      guard let configuration = try JSONValue(parsing: bytes).objectValue else {
        throw JSONError(.mismatch(expected: "an object", found: "another value"), path: "")
      }
      let known = Set(parts.addedTokens.map { Array($0.content.utf8) })
      let decoder = try configuration.object("added_tokens_decoder") ?? JSONObject()
      for (key, value) in decoder.members {
        let path = "added_tokens_decoder.\(key)"
        guard let id = Int(key), let object = value.objectValue else {
          throw JSONError(
            .mismatch(expected: "an id and an object", found: value.kindDescription), path: path)
        }
        let token = try TokenizerJSON.addedToken(object, id: id, path: path)
        if !known.contains(Array(token.content.utf8)) { parts.addedTokens.append(token) }
      }
    } catch let error as JSONError {
      throw TokenizerError(.json(error), file: file)
    } catch {
      throw TokenizerError(.invalid("\(error)"), file: file)
    }
  }
}
