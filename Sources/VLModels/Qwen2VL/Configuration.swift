public import VLNN

/// The sizes and constants of a Qwen2-VL checkpoint, from its `config.json`.
///
/// Both layouts are read: the text fields on top (published checkpoints) or under `text_config`. A value that this
/// implementation cannot honour is an error, never ignored.
public struct Qwen2VLConfiguration: Sendable, Equatable {
  /// The vision encoder and its merger.
  public struct Vision: Sendable, Equatable {
    /// How many blocks.
    public var depth: Int
    /// E: the width of the encoder.
    public var width: Int
    /// Attention heads.
    public var heads: Int
    /// The width of the MLP's hidden layer.
    public var mlpWidth: Int
    /// Pixels per side of a patch.
    public var patchSize: Int
    /// Frames per patch.
    public var temporalPatchSize: Int
    /// Patches per side that merge into one token.
    public var mergeSize: Int
    /// Colour channels.
    public var channels: Int
    /// H: the width of the tokens it produces, the text model's.
    public var outputWidth: Int

    /// Values per patch: channels · frames · side².
    public var patchValues: Int { channels * temporalPatchSize * patchSize * patchSize }
  }

  /// The text model.
  public struct Text: Sendable, Equatable {
    /// H
    public var width: Int
    /// How many blocks.
    public var depth: Int
    /// Query heads.
    public var heads: Int
    /// Key and value heads.
    public var kvHeads: Int
    /// The width of the MLP's hidden layer.
    public var mlpWidth: Int
    /// V: rows of the embedding and of the head.
    public var vocabularySize: Int
    /// Added to the mean square in RMSNorm.
    public var normEpsilon: Float
    /// The base of the rotary frequencies.
    public var ropeTheta: Double
    /// How many frequencies read the temporal, the height and the width position; they add up to headDim / 2.
    public var mropeSections: [Int]
    /// The longest sequence the checkpoint was made for.
    public var contextLength: Int
    /// Whether the head is the embedding.
    public var tiedHead: Bool

    /// Columns per head.
    public var headDim: Int { width / heads }
  }

  /// The vision encoder.
  public var vision: Vision
  /// The text model.
  public var text: Text
  /// The id that stands for a piece of an image.
  public var imageToken: Int
  /// The id that stands for a piece of a video.
  public var videoToken: Int
  /// The id before an image or video.
  public var visionStartToken: Int
  /// The id after an image or video.
  public var visionEndToken: Int
  /// How the places of images are counted: the key `position_style`, which only models trained here to compare have.
  public var positions: MRoPEPositions.Style
  /// Where generation stops, if `generation_config.json` does not say.
  public var eosTokens: [Int]

  /// Reads a `config.json`.
  public init(_ top: ConfigReader) throws {
    if top.has("quantization_config") {
      throw top.error(
        "quantization_config",
        "quantised checkpoints of this form are not supported; use the bfloat16, float16 or float32 one")
    }
    let nested = try top.optionalObject("text_config")
    let t = nested ?? top
    let v = try top.object("vision_config")

    let width = try t.int("hidden_size", in: 1...65536)
    let heads = try t.int("num_attention_heads", in: 1...1024)
    let kvHeads = try t.optionalInt("num_key_value_heads", in: 1...1024) ?? heads
    guard width % heads == 0 else {
      throw t.error("hidden_size", "\(width) is not a multiple of num_attention_heads \(heads)")
    }
    guard heads % kvHeads == 0 else {
      throw t.error("num_key_value_heads", "\(heads) query heads cannot share \(kvHeads) kv heads evenly")
    }
    let headDim = width / heads
    guard headDim % 2 == 0 && headDim <= 256 else {
      throw t.error("hidden_size", "a head of \(headDim) columns is not even or wider than 256")
    }
    try t.require("hidden_act", is: "silu")
    if try t.optionalBool("use_sliding_window") == true {
      throw t.error("use_sliding_window", "sliding-window attention is not supported")
    }

    // Three spellings: rope_scaling {type|rope_type, mrope_section}, and the newer rope_parameters with rope_theta.
    let parameters = try t.optionalObject("rope_parameters")
    guard let rope = try parameters ?? t.optionalObject("rope_scaling") ?? top.optionalObject("rope_scaling")
    else {
      throw t.error("rope_scaling", "missing; a Qwen2-VL checkpoint names its mrope_section there")
    }
    for key in ["type", "rope_type"] {
      if let kind = try rope.optionalString(key), kind != "mrope" && kind != "default" {
        throw rope.error(key, "rotary scaling \"\(kind)\" is not supported; \"mrope\" and \"default\" are")
      }
    }
    let sections = try rope.ints("mrope_section", in: 0...256)
    guard sections.count == 3 && sections.reduce(0, +) == headDim / 2 else {
      throw rope.error(
        "mrope_section", "\(sections) must be three counts that add up to half a head, \(headDim / 2)")
    }
    let theta =
      try parameters?.optionalDouble("rope_theta") ?? t.optionalDouble("rope_theta") ?? 1_000_000
    guard theta > 1 && theta.isFinite else { throw t.error("rope_theta", "\(theta) is not above 1") }

    let tied =
      try top.optionalBool("tie_word_embeddings") ?? nested?.optionalBool("tie_word_embeddings") ?? false
    text = Text(
      width: width, depth: try t.int("num_hidden_layers", in: 1...1024), heads: heads, kvHeads: kvHeads,
      mlpWidth: try t.int("intermediate_size", in: 1...1_048_576),
      vocabularySize: try t.int("vocab_size", in: 1...16_777_216),
      normEpsilon: Float(try t.optionalDouble("rms_norm_eps", in: 0...1) ?? 1e-5), ropeTheta: theta,
      mropeSections: sections,
      contextLength: try t.optionalInt("max_position_embeddings", in: 1...16_777_216) ?? 32768, tiedHead: tied
    )

    let visionWidth = try v.int("embed_dim", in: 1...65536)
    let visionHeads = try v.int("num_heads", in: 1...1024)
    guard
      visionWidth % visionHeads == 0 && (visionWidth / visionHeads) % 4 == 0
        && visionWidth / visionHeads <= 256
    else {
      throw v.error(
        "embed_dim", "\(visionWidth) over \(visionHeads) heads is not a multiple of 4 columns up to 256")
    }
    let ratio = try v.optionalDouble("mlp_ratio") ?? 4
    guard ratio > 0 && ratio <= 64 else { throw v.error("mlp_ratio", "\(ratio) is outside (0, 64]") }
    try v.require("hidden_act", is: "quick_gelu")
    vision = Vision(
      depth: try v.int("depth", in: 1...1024), width: visionWidth, heads: visionHeads,
      mlpWidth: Int(Double(visionWidth) * ratio),
      patchSize: try v.optionalInt("patch_size", in: 1...256) ?? 14,
      temporalPatchSize: try v.optionalInt("temporal_patch_size", in: 1...16) ?? 2,
      mergeSize: try v.optionalInt("spatial_merge_size", in: 1...16) ?? 2,
      channels: try v.optionalInt("in_chans", in: 1...16) ?? v.optionalInt("in_channels", in: 1...16) ?? 3,
      outputWidth: try v.int("hidden_size", in: 1...65536))
    guard vision.outputWidth == width else {
      throw v.error(
        "hidden_size", "the encoder produces \(vision.outputWidth) columns, the text model takes \(width)")
    }
    guard vision.channels == 3 else {
      throw v.error("in_chans", "\(vision.channels) channels; only 3 (RGB) can be fed")
    }

    let ids = 0...text.vocabularySize - 1
    imageToken = try top.optionalInt("image_token_id", in: ids) ?? t.int("image_token_id", in: ids)
    videoToken = try top.optionalInt("video_token_id", in: ids) ?? t.int("video_token_id", in: ids)
    visionStartToken =
      try top.optionalInt("vision_start_token_id", in: ids) ?? t.int("vision_start_token_id", in: ids)
    visionEndToken =
      try top.optionalInt("vision_end_token_id", in: ids) ?? t.int("vision_end_token_id", in: ids)
    let style = try top.optionalString("position_style") ?? MRoPEPositions.Style.multimodal.rawValue
    guard let positions = MRoPEPositions.Style(rawValue: style) else {
      throw top.error(
        "position_style", "\"\(style)\" is unknown; \"multimodal\" and \"sequential\" are known")
    }
    self.positions = positions
    eosTokens =
      try top.optionalInts("eos_token_id", in: ids) ?? nested?.optionalInts("eos_token_id", in: ids) ?? []
  }
}
