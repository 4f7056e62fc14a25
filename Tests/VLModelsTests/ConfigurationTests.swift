import TestKit
import Testing
import VLJSON
import VLModels
import VLNN

/// `value` with what lies at `path` replaced, or taken out for nil.
private func edited(_ value: JSONValue, _ path: ArraySlice<Substring>, _ new: JSONValue?) -> JSONValue {
  guard let key = path.first.map(String.init), var object = value.objectValue else { return value }
  object[key] =
    path.count == 1 ? new : edited(object[key] ?? .object(JSONObject()), path.dropFirst(), new)
  return .object(object)
}

private func configuration(_ value: JSONValue) throws -> Qwen2VLConfiguration {
  try Qwen2VLConfiguration(ConfigReader(try #require(value.objectValue), file: "config.json"))
}

@Suite struct ConfigurationTests {
  private func golden(_ name: String) throws -> JSONValue {
    try JSONValue(parsing: Scratch.read(Goldens.directory + "/\(name)/config.json"))
  }

  @Test func thePublishedLayout() throws {
    let c = try configuration(golden("tiny"))
    #expect(c.text.width == 64 && c.text.depth == 2 && c.text.heads == 4 && c.text.kvHeads == 2)
    #expect(c.text.headDim == 16 && c.text.mlpWidth == 88 && c.text.vocabularySize == 808)
    #expect(c.text.normEpsilon == 1e-6 && c.text.ropeTheta == 1e6 && c.text.mropeSections == [2, 3, 3])
    #expect(c.text.contextLength == 4096 && c.text.tiedHead)
    #expect(c.vision.depth == 2 && c.vision.width == 32 && c.vision.heads == 2 && c.vision.mlpWidth == 128)
    #expect(c.vision.patchSize == 14 && c.vision.temporalPatchSize == 2 && c.vision.mergeSize == 2)
    #expect(c.vision.outputWidth == 64 && c.vision.patchValues == 1176)
    #expect(c.imageToken == 798 && c.videoToken == 799)
    #expect(c.visionStartToken == 795 && c.visionEndToken == 796 && c.eosTokens == [788])
  }

  @Test func theNestedLayout() throws {
    let c = try configuration(golden("tiny-untied"))
    #expect(c.text.width == 40 && c.text.headDim == 20 && c.text.kvHeads == 1 && !c.text.tiedHead)
    #expect(c.text.normEpsilon == 1e-5 && c.text.ropeTheta == 1e4 && c.text.mropeSections == [2, 4, 4])
    #expect(c.vision.width == 24 && c.vision.mlpWidth == 72 && c.vision.outputWidth == 40)
  }

  /// The spelling of the newest savers: `rope_parameters`, with the base inside.
  @Test func ropeParameters() throws {
    let old = try golden("tiny-untied")
    var new = edited(old, ["text_config", "rope_scaling"], nil)
    new = edited(new, ["text_config", "rope_theta"], nil)
    new = edited(
      new, ["text_config", "rope_parameters"],
      ["rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 4, 4]])
    #expect(try configuration(new) == configuration(old))
  }

  /// One value that cannot be honoured each (nil: taken out), and the key that the error must name.
  static let wrong: [(path: String, value: JSONValue?, key: String)] = [
    ("hidden_size", nil, "hidden_size"), ("hidden_size", 0, "hidden_size"),
    ("hidden_size", 63, "hidden_size"), ("hidden_size", 64.5, "hidden_size"),
    ("hidden_size", "64", "hidden_size"), ("hidden_size", .unsigned(1 << 63), "hidden_size"),
    ("num_attention_heads", 3, "hidden_size"), ("num_attention_heads", 64, "hidden_size"),
    ("num_attention_heads", 0, "num_attention_heads"), ("num_key_value_heads", 3, "num_key_value_heads"),
    ("num_hidden_layers", 0, "num_hidden_layers"), ("num_hidden_layers", 100_000, "num_hidden_layers"),
    ("intermediate_size", -1, "intermediate_size"), ("intermediate_size", [], "intermediate_size"),
    ("vocab_size", nil, "vocab_size"), ("vocab_size", .integer(.max), "vocab_size"),
    ("rms_norm_eps", -1.0, "rms_norm_eps"), ("rms_norm_eps", "small", "rms_norm_eps"),
    ("rope_theta", 1, "rope_theta"), ("rope_theta", true, "rope_theta"),
    ("rope_scaling", nil, "rope_scaling"), ("rope_scaling", [], "rope_scaling"),
    ("rope_scaling.type", "yarn", "rope_scaling.type"),
    ("rope_scaling.rope_type", "linear", "rope_scaling.rope_type"),
    ("rope_scaling.mrope_section", nil, "rope_scaling.mrope_section"),
    ("rope_scaling.mrope_section", [2, 3, 4], "rope_scaling.mrope_section"),
    ("rope_scaling.mrope_section", [2, 6], "rope_scaling.mrope_section"),
    ("rope_scaling.mrope_section", [8, 3, -3], "rope_scaling.mrope_section[2]"),
    ("hidden_act", "gelu", "hidden_act"), ("use_sliding_window", true, "use_sliding_window"),
    ("use_sliding_window", 1, "use_sliding_window"), ("tie_word_embeddings", "yes", "tie_word_embeddings"),
    ("max_position_embeddings", 0, "max_position_embeddings"),
    ("vision_config", nil, "vision_config"), ("vision_config", 1, "vision_config"),
    ("vision_config.embed_dim", 30, "vision_config.embed_dim"),
    ("vision_config.num_heads", 0, "vision_config.num_heads"),
    ("vision_config.mlp_ratio", 0, "vision_config.mlp_ratio"),
    ("vision_config.mlp_ratio", 1000, "vision_config.mlp_ratio"),
    ("vision_config.depth", 1025, "vision_config.depth"),
    ("vision_config.hidden_size", 32, "vision_config.hidden_size"),
    ("vision_config.hidden_act", "gelu", "vision_config.hidden_act"),
    ("vision_config.in_chans", 1, "vision_config.in_chans"),
    ("vision_config.patch_size", 0, "vision_config.patch_size"),
    ("vision_config.spatial_merge_size", 17, "vision_config.spatial_merge_size"),
    ("vision_config.temporal_patch_size", -2, "vision_config.temporal_patch_size"),
    ("image_token_id", 808, "image_token_id"), ("video_token_id", nil, "video_token_id"),
    ("vision_start_token_id", -1, "vision_start_token_id"),
    ("eos_token_id", [788, 808], "eos_token_id[1]"),
    ("quantization_config", ["bits": 4], "quantization_config"),
  ]

  @Test(arguments: wrong.indices) func wrongValuesNameTheirKey(index: Int) throws {
    let (path, value, key) = Self.wrong[index]
    let changed = edited(try golden("tiny"), path.split(separator: ".")[...], value)
    let error = #expect(throws: ConfigError.self) { _ = try configuration(changed) }
    #expect(error?.file == "config.json")
    #expect(error?.key == key, "\(error?.description ?? "accepted")")
    #expect(error?.description.contains("\n") == false)
  }

  /// In the nested layout the keys are named with where they lie.
  @Test func nestedKeysAreNamedInFull() throws {
    let changed = edited(try golden("tiny-untied"), ["text_config", "hidden_act"], "gelu")
    let error = #expect(throws: ConfigError.self) { _ = try configuration(changed) }
    #expect(error?.key == "text_config.hidden_act")
  }
}
