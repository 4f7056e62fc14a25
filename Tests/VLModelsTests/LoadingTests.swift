import TestKit
import Testing
import VLModels
import VLNN
import VLTensor

@Suite struct LoadingTests {
  private let compute = Compute(threads: 1)

  @Test func bothLayoutsAreWhole() throws {
    for name in ["tiny", "tiny-untied"] {
      let opened = try Families.open(Goldens.directory + "/" + name, on: compute)
      #expect(opened.problems == [])
      #expect(opened.unusedTensors == [])
      #expect(opened.model != nil)
      #expect(opened.parameters.allSatisfy { $0.parameter.isBound })
    }
  }

  /// What one edit of config.json must be answered with: the key it concerns.
  static let wrongConfigurations: [(old: String, new: String, names: String)] = [
    ("\"qwen2_vl\"", "\"llava\"", "model_type"), ("\"silu\"", "\"gelu\"", "hidden_act"),
    ("\"use_sliding_window\": false", "\"use_sliding_window\": true", "use_sliding_window"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": -2", "num_hidden_layers"),
    ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": \"two\"", "num_hidden_layers"),
    ("\"vision_config\"", "\"seeing_config\"", "vision_config"),
    ("\"model_type\"", "\"quantization_config\": {\"bits\": 4}, \"model_type\"", "quantization_config"),
    ("\"mrope\"", "\"yarn\"", "type"), ("{", "[", "at byte"),
  ]

  @Test(arguments: wrongConfigurations.indices) func wrongConfigurationsNameTheKey(index: Int) throws {
    let (old, new, name) = Self.wrongConfigurations[index]
    let scratch = Scratch()
    scratch.copy(golden: "tiny")
    scratch.edit("config.json", old, new)
    do {
      _ = try Families.load(scratch.path, on: compute)
      Issue.record("\(new) was accepted")
    } catch {
      #expect("\(error)".contains("config.json"))
      #expect("\(error)".contains(name), "\(error)")
      #expect(!"\(error)".contains("\n"))
    }
  }

  @Test func aConfigurationThatContradictsTheWeightsListsThemAll() throws {
    let scratch = Scratch()
    scratch.copy(golden: "tiny")
    scratch.edit("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3")
    let opened = try Families.open(scratch.path, on: compute)
    #expect(opened.model == nil)
    // A text layer has 12 tensors: two norms, three projections with biases, one without, three of the MLP.
    #expect(opened.problems.filter { $0.contains("model.layers.2.") && $0.contains("missing") }.count == 12)
    #expect(throws: ModelError.self) { try Families.load(scratch.path, on: compute) }
  }

  @Test(arguments: ["config.json", "model.safetensors", "preprocessor_config.json", "tokenizer.json"])
  func aMissingFileIsNamed(file: String) throws {
    let scratch = Scratch()
    // Without tokenizer.json, vocab.json and merges.txt would serve.
    scratch.copy(
      golden: "tiny", except: file == "tokenizer.json" ? [file, "vocab.json", "merges.txt"] : [file])
    do {
      _ = try Families.load(scratch.path, on: compute)
      Issue.record("it loaded without \(file)")
    } catch {
      #expect("\(error)".contains(file), "\(error)")
    }
  }

  @Test func preprocessingThatCannotBeHonouredIsRefused() throws {
    for (old, new) in [
      ("\"patch_size\": 14", "\"patch_size\": 16"), ("\"merge_size\": 2", "\"merge_size\": 4"),
    ] {
      let scratch = Scratch()
      scratch.copy(golden: "tiny")
      scratch.edit("preprocessor_config.json", old, new)
      #expect(throws: (any Error).self) { try Families.load(scratch.path, on: compute) }
    }
  }

  /// Parameters and shapes of the published sizes, from their configurations alone.
  @Test(arguments: [
    (1536, 28, 12, 2, 8960, 151936, true, 2_208_985_600),
    (3584, 28, 28, 4, 18944, 152064, false, 8_291_375_616),
    (8192, 80, 64, 8, 29568, 152064, false, 73_405_560_320),
  ]) func publishedSizes(
    width: Int, depth: Int, heads: Int, kvHeads: Int, mlp: Int, vocabulary: Int, tied: Bool, parameters: Int
  ) throws {
    let scratch = Scratch()
    scratch.write(
      Array(
        """
        {"model_type": "qwen2_vl", "hidden_size": \(width), "num_hidden_layers": \(depth),
         "num_attention_heads": \(heads), "num_key_value_heads": \(kvHeads), "intermediate_size": \(mlp),
         "vocab_size": \(vocabulary), "tie_word_embeddings": \(tied), "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
         "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]}, "hidden_act": "silu",
         "image_token_id": 151655, "video_token_id": 151656, "vision_start_token_id": 151652,
         "vision_end_token_id": 151653,
         "vision_config": {"depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "in_chans": 3,
           "hidden_size": \(width), "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2}}
        """.utf8), to: "config.json")
    let configuration = try Qwen2VLConfiguration(ConfigReader(file: scratch.path + "/config.json"))
    let vision = VisionEncoder(configuration.vision).parameterList("visual.")
    let language = LanguageModel(configuration.text).parameterList()
    #expect((vision + language).reduce(0) { $0 + $1.parameter.shape.count } == parameters)
    #expect(Set((vision + language).map(\.name)).count == vision.count + language.count)
    #expect(language.contains { $0.name == "lm_head.weight" } == !tied)
  }
}
