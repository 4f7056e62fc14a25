internal import VLJSON

/// What a ``BytePairTrainer`` learnt.
public struct TrainedTokenizer: Sendable {
  /// What was seen on the way.
  public struct Statistics: Sendable {
    /// The size of the corpus.
    public var corpusBytes: Int
    /// Into how many pieces the pattern cuts it.
    public var pieces: Int
    /// How many of them are different.
    public var differentPieces: Int
    /// Into how many tokens the vocabulary divides it.
    public var corpusTokens: Int
    /// How often the pair of the last merge occurred; nil if nothing was merged.
    public var lastCount: Int?
  }

  /// The special tokens; their ids count from 0.
  public let specialTokens: [String]
  /// The bytes of the other tokens, whose ids go on from there: single bytes first, then what merges made.
  public let tokens: [[UInt8]]
  /// The merges as pairs of ids, in order.
  public let merges: [(left: Int, right: Int)]
  /// What was seen on the way.
  public let statistics: Statistics

  /// All tokens.
  public var vocabularySize: Int { specialTokens.count + tokens.count }

  /// A token as files spell it.
  func spelling(_ id: Int) -> String {
    id < specialTokens.count ? specialTokens[id] : ByteLevel.encode(tokens[id - specialTokens.count])
  }

  // MARK: Files

  /// `tokenizer.json`, byte for byte as `tokenizers` writes it.
  public func tokenizerJSON() -> String {
    let byteLevel: JSONValue = [
      "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
    ]
    let split: JSONValue = [
      "type": "Split", "pattern": ["Regex": .string(PreTokenizer.qwen2Source)], "behavior": "Isolated",
      "invert": false,
    ]
    let whole: JSONValue = [
      "version": "1.0", "truncation": nil, "padding": nil,
      "added_tokens": .array(
        specialTokens.enumerated().map { .object(Self.description(of: $0.element, id: $0.offset)) }),
      "normalizer": ["type": "NFC"],
      "pre_tokenizer": ["type": "Sequence", "pretokenizers": [split, byteLevel]],
      "post_processor": byteLevel, "decoder": byteLevel,
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
        "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
        "vocab": vocabulary,
        "merges": .array(merges.map { [.string(spelling($0.left)), .string(spelling($0.right))] }),
      ],
    ]
    return whole.serialized(.pretty)
  }

  /// `vocab.json`, byte for byte as `tokenizers` writes it.
  public func vocabularyJSON() -> String { vocabulary.serialized() }

  /// `merges.txt`, byte for byte as `tokenizers` writes it.
  public func mergesText() -> String {
    var text = "#version: 0.2\n"
    for merge in merges { text += spelling(merge.left) + " " + spelling(merge.right) + "\n" }
    return text
  }

  /// `tokenizer_config.json`, as published checkpoints of Qwen2-VL have it, with ``ChatTemplate/qwen2VL`` where the
  /// tokens of the chat format are there.
  public func configurationJSON() -> String {
    func present(_ token: String) -> JSONValue { specialTokens.contains(token) ? .string(token) : nil }
    var added = JSONObject()
    for (id, content) in specialTokens.enumerated() {
      added["\(id)"] = .object(Self.description(of: content, id: nil))
    }
    let endOfText = "<|endoftext|>"
    var whole = JSONObject()
    whole["add_prefix_space"] = false
    whole["added_tokens_decoder"] = .object(added)
    whole["additional_special_tokens"] = .array(
      specialTokens.filter { $0 != endOfText }.map { .string($0) })
    whole["bos_token"] = nil as JSONValue
    if hasChatTokens { whole["chat_template"] = .string(ChatTemplate.qwen2VL) }
    whole["clean_up_tokenization_spaces"] = false
    whole["eos_token"] = specialTokens.contains("<|im_end|>") ? "<|im_end|>" : present(endOfText)
    whole["errors"] = "replace"
    whole["model_max_length"] = 32768
    whole["pad_token"] = present(endOfText)
    whole["split_special_tokens"] = false
    whole["tokenizer_class"] = "Qwen2Tokenizer"
    whole["unk_token"] = nil as JSONValue
    return JSONValue.object(whole).serialized(.pretty) + "\n"
  }

  /// Whether all tokens that the chat format writes are special tokens.
  private var hasChatTokens: Bool {
    Set([
      "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
    ])
    .isSubset(of: specialTokens)
  }

  private var vocabulary: JSONValue {
    var object = JSONObject()
    for id in 0..<vocabularySize { object[spelling(id)] = .integer(id) }
    return .object(object)
  }

  private static func description(of content: String, id: Int?) -> JSONObject {
    var object = JSONObject()
    if let id { object["id"] = .integer(id) }
    object["content"] = .string(content)
    object["single_word"] = false
    object["lstrip"] = false
    object["rstrip"] = false
    object["normalized"] = false
    object["special"] = true
    return object
  }
}
