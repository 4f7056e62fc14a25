internal import VLJSON

/// Reads `tokenizer.json`.
enum TokenizerJSON {
  /// The longest chain of pre-tokenizers that is followed.
  private static let maximumSteps = 16

  /// What the file says.
  static func read(_ bytes: [UInt8], file: String) throws(TokenizerError) -> TokenizerParts {
    var parts = TokenizerParts(file: file)
    var others = JSONObject()
    do {
      try JSONReader.read(bytes) { reader in
        var hasModel = false
        try reader.beginObject()
        while let key = try reader.nextKey() {
          switch key {
          case "model":
            try readModel(&reader, &parts)
            hasModel = true
          case "normalizer", "pre_tokenizer", "post_processor", "decoder", "added_tokens":
            others[key] = try reader.readValue()
          default:
            // "version", and "truncation" and "padding", which are for batches.
            try reader.skipValue()
          }
        }
        if !hasModel { throw JSONObject.missing("model") }
      }
      parts.normalizer = try normalizer(others["normalizer"], file)
      parts.preTokenizer = try preTokenizer(others["pre_tokenizer"], file)
      try checkPostProcessor(others["post_processor"], file)
      try checkDecoder(others["decoder"], file)
      parts.addedTokens = try addedTokens(others)
    } catch let error as JSONError {
      throw TokenizerError(.json(error), file: file)
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw TokenizerError(.invalid("\(error)"), file: file)
    }
    return parts
  }

  private static func unsupported(_ what: String, _ file: String) -> TokenizerError {
    TokenizerError(.unsupported(what), file: file)
  }

  // MARK: Model

  private static func readModel(_ reader: inout JSONReader, _ parts: inout TokenizerParts) throws {
    var settings = JSONObject()
    var hasVocabulary = false
    var hasMerges = false
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "vocab":
        // Other kinds of model list theirs as an array; the kind is what the error should name then.
        if try reader.peek() == .object {
          try readVocabulary(&reader, &parts.model.vocabulary, file: parts.file)
        } else {
          try reader.skipValue()
        }
        hasVocabulary = true
      case "merges":
        try readMerges(&reader, &parts.model.merges)
        hasMerges = true
      default: settings[key] = try reader.readValue()
      }
    }
    let file = parts.file
    let type = try settings.string("type", path: "model") ?? (hasMerges ? "BPE" : "of unknown type")
    if type != "BPE" { throw unsupported("the model \(type)", file) }
    if !hasVocabulary { throw JSONObject.missing("vocab", path: "model") }
    if !hasMerges { throw JSONObject.missing("merges", path: "model") }

    for key in settings.keys {
      switch key {
      case "type": break
      case "dropout":
        if try settings.double(key, path: "model") ?? 0 != 0 { throw unsupported("dropout", file) }
      case "unk_token": parts.model.unknownToken = try settings.string(key, path: "model")
      case "continuing_subword_prefix", "end_of_word_suffix":
        if try settings.string(key, path: "model") ?? "" != "" {
          throw unsupported("\(key) of the model", file)
        }
      case "fuse_unk": parts.model.fusesUnknown = try settings.bool(key, path: "model") ?? false
      case "byte_fallback": parts.model.fallsBackToBytes = try settings.bool(key, path: "model") ?? false
      case "ignore_merges": parts.model.ignoresMerges = try settings.bool(key, path: "model") ?? false
      default: throw unsupported("the setting \"\(key)\" of the model", file)
      }
    }
  }

  /// Reads an object of texts and ids.
  static func readVocabulary(
    _ reader: inout JSONReader, _ vocabulary: inout Vocabulary, file: String
  ) throws {
    var text: [UInt8] = []
    try reader.beginObject()
    while try reader.nextKey(appendingTo: &text) {
      let id = try reader.readInteger()
      guard (0...Vocabulary.maximumID).contains(id) else {
        throw TokenizerError(
          .invalid("the token \"\(String(decoding: text, as: UTF8.self))\" has the impossible id \(id)"),
          file: file)
      }
      guard text.withUnsafeBufferPointer({ vocabulary.insert($0, id: id) }) else {
        throw TokenizerError(
          .invalid("the token \"\(String(decoding: text, as: UTF8.self))\" has the id \(id) of another"),
          file: file)
      }
      text.removeAll(keepingCapacity: true)
    }
  }

  /// Reads merges in either of their forms: `"a b"` or `["a", "b"]`.
  private static func readMerges(
    _ reader: inout JSONReader, _ merges: inout TokenizerParts.MergeList
  ) throws {
    try reader.beginArray()
    while try reader.nextElement() {
      let start = merges.text.count
      switch try reader.peek() {
      case .string:
        try reader.readString(appendingTo: &merges.text)
        guard merges.splitLast(from: start) else {
          throw reader.error(.mismatch(expected: "a merge of two parts", found: "another string"))
        }
      case .array:
        try reader.beginArray()
        guard try reader.nextElement() else {
          throw reader.error(.mismatch(expected: "a merge of two parts", found: "none"))
        }
        try reader.readString(appendingTo: &merges.text)
        let middle = merges.text.count
        guard try reader.nextElement() else {
          throw reader.error(.mismatch(expected: "a merge of two parts", found: "one"))
        }
        try reader.readString(appendingTo: &merges.text)
        merges.ends.append((middle, merges.text.count))
        if try reader.nextElement() {
          throw reader.error(.mismatch(expected: "a merge of two parts", found: "more"))
        }
      case let kind:
        throw reader.error(.mismatch(expected: "a merge", found: kind.description))
      }
    }
  }

  // MARK: The other parts

  private static func normalizer(_ value: JSONValue?, _ file: String) throws -> Normalizer {
    guard let value, value != .null else { return .none }
    let (type, settings) = try typed(value, "normalizer")
    switch type {
    case "NFC": return .nfc
    case "Sequence":
      let inner = try settings.array("normalizers", path: "normalizer") ?? []
      // Composing twice is composing once.
      return try inner.map { try normalizer($0, file) }.contains(.nfc) ? .nfc : .none
    default: throw unsupported("the normalizer \(type)", file)
    }
  }

  private static func preTokenizer(_ value: JSONValue?, _ file: String) throws -> PreTokenizer {
    var steps: [JSONValue] = []
    try flatten(value, into: &steps, file)
    var result = PreTokenizer(splits: [], addsPrefixSpace: false, byteLevelPattern: nil)
    for (index, step) in steps.enumerated() {
      let (type, settings) = try typed(step, "pre_tokenizer")
      let isLast = index == steps.count - 1
      switch type {
      case "Split" where !isLast: result.splits.append(try split(settings, file))
      case "ByteLevel" where isLast:
        result.addsPrefixSpace = try settings.bool("add_prefix_space", path: "pre_tokenizer") ?? true
        if try settings.bool("use_regex", path: "pre_tokenizer") ?? true {
          result.byteLevelPattern = try compile(PreTokenizer.byteLevelSource, isLiteral: false, file)
        }
        return result
      case "Split": throw unsupported("a pre-tokenizer that does not end with ByteLevel", file)
      case "ByteLevel": throw unsupported("a pre-tokenizer behind ByteLevel", file)
      default: throw unsupported("the pre-tokenizer \(type)", file)
      }
    }
    throw unsupported("a tokenizer without the pre-tokenizer ByteLevel", file)
  }

  /// Lists the steps of a sequence of sequences.
  private static func flatten(_ value: JSONValue?, into steps: inout [JSONValue], _ file: String) throws {
    guard let value, value != .null else { return }
    let (type, settings) = try typed(value, "pre_tokenizer")
    if type == "Sequence" {
      for inner in try settings.array("pretokenizers", path: "pre_tokenizer") ?? [] {
        try flatten(inner, into: &steps, file)
      }
    } else {
      steps.append(value)
    }
    if steps.count > maximumSteps {
      throw unsupported("a chain of more than \(maximumSteps) pre-tokenizers", file)
    }
  }

  private static func split(_ settings: JSONObject, _ file: String) throws -> PreTokenizer.Split {
    let path = "pre_tokenizer"
    guard let pattern = try settings.object("pattern", path: path) else {
      throw JSONObject.missing("pattern", path: path)
    }
    let behavior: PreTokenizer.Behavior
    switch try settings.string("behavior", path: path) {
    case "Isolated": behavior = .isolated
    case "Removed": behavior = .removed
    case let name?: throw unsupported("the behavior \(name) of the pre-tokenizer Split", file)
    case nil: throw JSONObject.missing("behavior", path: path)
    }
    let compiled: Pattern
    if let source = try pattern.string("Regex", path: path + ".pattern") {
      compiled = try compile(source, isLiteral: false, file)
    } else if let source = try pattern.string("String", path: path + ".pattern") {
      compiled = try compile(source, isLiteral: true, file)
    } else {
      throw JSONObject.missing("Regex", path: path + ".pattern")
    }
    let isInverted = try settings.bool("invert", path: path) ?? false
    return PreTokenizer.Split(pattern: compiled, behavior: behavior, isInverted: isInverted)
  }

  /// Compiles a pattern on behalf of `file`.
  static func compile(_ source: String, isLiteral: Bool, _ file: String) throws(TokenizerError) -> Pattern {
    do { return try Pattern(source, isLiteral: isLiteral) } catch {
      throw TokenizerError(
        error.isUnsupported ? .unsupported(error.description) : .invalid(error.description), file: file)
    }
  }

  /// Post-processors that only move offsets are without effect here; those that add tokens are refused.
  private static func checkPostProcessor(_ value: JSONValue?, _ file: String) throws {
    guard let value, value != .null else { return }
    let (type, settings) = try typed(value, "post_processor")
    switch type {
    case "ByteLevel": break
    case "Sequence":
      for inner in try settings.array("processors", path: "post_processor") ?? [] {
        try checkPostProcessor(inner, file)
      }
    default: throw unsupported("the post-processor \(type)", file)
    }
  }

  private static func checkDecoder(_ value: JSONValue?, _ file: String) throws {
    guard let value, value != .null else {
      throw unsupported("a tokenizer without the decoder ByteLevel", file)
    }
    let (type, settings) = try typed(value, "decoder")
    if type == "Sequence", let inner = try settings.array("decoders", path: "decoder"), inner.count == 1 {
      return try checkDecoder(inner[0], file)
    }
    if type != "ByteLevel" { throw unsupported("the decoder \(type)", file) }
  }

  private static func typed(_ value: JSONValue, _ path: String) throws -> (String, JSONObject) {
    guard let object = value.objectValue else {
      throw JSONError(.mismatch(expected: "an object", found: value.kindDescription), path: path)
    }
    guard let type = try object.string("type", path: path) else {
      throw JSONObject.missing("type", path: path)
    }
    return (type, object)
  }

  private static func addedTokens(_ others: JSONObject) throws -> [AddedToken] {
    try (others.array("added_tokens") ?? []).map { value in
      guard let object = value.objectValue else {
        throw JSONError(.mismatch(expected: "an object", found: value.kindDescription), path: "added_tokens")
      }
      guard let id = try object.integer("id", path: "added_tokens") else {
        throw JSONObject.missing("id", path: "added_tokens")
      }
      return try addedToken(object, id: id, path: "added_tokens")
    }
  }

  /// An added token as both `tokenizer.json` and `tokenizer_config.json` describe it.
  static func addedToken(_ object: JSONObject, id: Int, path: String) throws -> AddedToken {
    guard let content = try object.string("content", path: path) else {
      throw JSONObject.missing("content", path: path)
    }
    let isSpecial = try object.bool("special", path: path) ?? false
    return AddedToken(
      content: content, id: id, isSpecial: isSpecial,
      isSingleWord: try object.bool("single_word", path: path) ?? false,
      stripsLeft: try object.bool("lstrip", path: path) ?? false,
      stripsRight: try object.bool("rstrip", path: path) ?? false,
      isNormalized: try object.bool("normalized", path: path) ?? !isSpecial)
  }
}

extension TokenizerParts.MergeList {
  /// Takes the text from `start` on as a merge written `a b`, and drops the space; false if it is none.
  mutating func splitLast(from start: Int) -> Bool {
    guard let space = text[start...].firstIndex(of: UInt8(ascii: " ")),
      text[(space + 1)...].firstIndex(of: UInt8(ascii: " ")) == nil, space > start, space + 1 < text.count
    else { return false }
    text.remove(at: space)
    ends.append((space, text.count))
    return true
  }
}
