import TestKit
import Testing
import VLModels
import VLNN
import VLTensor

/// Copies of the tiny checkpoint with one thing wrong.
@Suite struct DamagedCheckpointTests {
  private let compute = Compute(threads: 1)
  private let scratch = Scratch()

  init() { scratch.copy(golden: "tiny") }

  /// Writes the weights anew after `change`.
  private func rewrite(_ change: (inout [String: Tensor]) throws -> Void) throws {
    let path = scratch.path + "/model.safetensors"
    let file = try SafetensorsFile(path: path)
    var tensors: [String: Tensor] = [:]
    for entry in file.entries { tensors[entry.name] = try file.tensor(entry.name) }
    try change(&tensors)
    try SafetensorsWriter.write(tensors.map { (name: $0, tensor: $1) }, to: path)
  }

  /// The problems of the copy; loading it must fail with one line.
  private func problems() throws -> [String] {
    let opened = try Families.open(scratch.path, on: compute)
    #expect(opened.model == nil)
    let error = #expect(throws: ModelError.self) { _ = try Families.load(scratch.path, on: compute) }
    #expect(error?.description.contains("\n") == false)
    #expect(error?.problems == opened.problems)
    return opened.problems
  }

  @Test func anUnchangedCopyLoads() throws {
    try rewrite { _ in }
    #expect(try Families.open(scratch.path, on: compute).problems == [])
  }

  @Test func missingTensorsAreAllListed() throws {
    let names = ["model.layers.1.mlp.up_proj.weight", "visual.merger.mlp.0.bias", "model.norm.weight"]
    try rewrite { tensors in for name in names { tensors[name] = nil } }
    let problems = try problems()
    #expect(problems.count == names.count)
    for name in names {
      #expect(problems.contains { $0.contains(name) && $0.contains("missing") }, "\(name)")
    }
  }

  @Test func wrongShapesSayBoth() throws {
    try rewrite { tensors in
      tensors["model.norm.weight"] = tensors["model.norm.weight"]?.reshaped([8, 8])
      tensors["model.layers.0.mlp.gate_proj.weight"] =
        tensors["model.layers.0.mlp.gate_proj.weight"]?.reshaped([64, 88])
    }
    let problems = try problems()
    #expect(problems.count == 2)
    #expect(
      problems.contains { $0.contains("gate_proj") && $0.contains("[64, 88]") && $0.contains("[88, 64]") })
  }

  @Test func elementsOfAnotherTypeAreRefused() throws {
    // The header says 16-bit integers where it said bfloat16; a blank keeps its length.
    var bytes = Scratch.read(scratch.path + "/model.safetensors")
    let old = Array("\"BF16\"".utf8)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: old) })
    bytes.replaceSubrange(place..<place + old.count, with: Array("\"I16\" ".utf8))
    scratch.write(bytes, to: "model.safetensors")
    let problems = try problems()
    #expect(problems.count == 1)
    #expect(problems.first?.contains("I16") == true)
  }

  @Test func tensorsThatNothingUsesAreReportedAndHarmless() throws {
    try rewrite { tensors in tensors["model.layers.7.extra"] = compute.zeros([3]) }
    let opened = try Families.open(scratch.path, on: compute)
    #expect(opened.unusedTensors == ["model.layers.7.extra"])
    #expect(opened.model != nil)
  }

  /// Some savers store a tied head a second time.
  @Test func aTiedHeadMayBeStored() throws {
    try rewrite { tensors in tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] }
    let opened = try Families.open(scratch.path, on: compute)
    #expect(opened.problems == [] && opened.unusedTensors == [])
  }

  @Test func tokenIDsMustAgreeWithTheTokenizer() throws {
    scratch.edit("config.json", "\"image_token_id\": 798", "\"image_token_id\": 797")
    #expect(try problems().contains { $0.contains("image_token_id") && $0.contains("797") })
  }

  @Test(arguments: [
    ("preprocessor_config.json", "\"patch_size\": 14", "\"do_resize\": false"),
    ("preprocessor_config.json", "\"patch_size\": 14", "\"do_convert_rgb\": false"),
    ("preprocessor_config.json", "\"patch_size\": 14", "\"resample\": 2"),
    ("preprocessor_config.json", "\"patch_size\": 14", "\"patch_size\": \"14\""),
    ("preprocessor_config.json", "\"temporal_patch_size\": 2", "\"temporal_patch_size\": 1"),
    ("preprocessor_config.json", "\"min_pixels\": 3136", "\"min_pixels\": 0"),
    ("preprocessor_config.json", "\"max_pixels\": 12845056", "\"max_pixels\": 1000"),
    ("preprocessor_config.json", "0.26862954", "0"), ("preprocessor_config.json", "0.26862954,", ""),
    ("preprocessor_config.json", "{", ""), ("generation_config.json", "\"top_k\": 1", "\"top_k\": -1"),
    ("generation_config.json", "\"top_k\": 1", "\"top_k\": \"x\""),
    ("generation_config.json", "788,", "808,"), ("generation_config.json", "{", ""),
    ("tokenizer.json", "\"merges\"", "\"verges\""), ("tokenizer.json", "{", ""),
  ]) func smallFilesAreNamed(file: String, old: String, new: String) throws {
    scratch.edit(file, old, new)
    let problems = try problems()
    #expect(problems.count == 1, "\(problems)")
    #expect(problems.first?.contains(file) == true, "\(problems)")
  }

  @Test func generationDefaultsAreOptional() throws {
    let other = Scratch()
    other.copy(golden: "tiny", except: ["generation_config.json"])
    let defaults = try Families.load(other.path, on: compute).generationDefaults
    #expect(defaults == GenerationDefaults(eosTokens: [788]))
    let given = try Families.load(scratch.path, on: compute).generationDefaults
    #expect(given.eosTokens == [788, 786] && given.topK == 1 && given.sample == true)
  }
}
