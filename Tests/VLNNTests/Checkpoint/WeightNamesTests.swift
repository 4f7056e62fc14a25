import TestKit
import Testing
import VLNN

@Suite struct Naming {
  private func checkpoint(_ names: [String]) throws -> Checkpoint {
    let scratch = Scratch()
    try writeShard(scratch, "model.safetensors", Dictionary(uniqueKeysWithValues: names.map { ($0, 0) }))
    return try Checkpoint(directory: scratch.path)
  }

  @Test func layoutsOfTheReferences() throws {
    #expect(try WeightNames(of: Checkpoint(directory: Goldens.directory + "/tiny")).layout == .published)
    #expect(try WeightNames(of: Checkpoint(directory: Goldens.directory + "/tiny-untied")).layout == .nested)
  }

  /// Canonical names are the stored ones of the published layout, and translate to the other one and back.
  @Test func translation() {
    let pairs = [
      ("visual.blocks.3.attn.qkv.weight", "model.visual.blocks.3.attn.qkv.weight"),
      ("model.embed_tokens.weight", "model.language_model.embed_tokens.weight"),
      ("model.layers.0.mlp.up_proj.weight", "model.language_model.layers.0.mlp.up_proj.weight"),
      ("model.norm.weight", "model.language_model.norm.weight"), ("lm_head.weight", "lm_head.weight"),
      ("unknown", "unknown"),
    ]
    for (published, nested) in pairs {
      #expect(WeightNames(.published).stored(published) == published)
      #expect(WeightNames(.published).canonical(published) == published)
      #expect(WeightNames(.nested).stored(published) == nested)
      #expect(WeightNames(.nested).canonical(nested) == published)
    }
  }

  /// Two savers, one model: every tensor has the same canonical name.
  @Test func theTinyModelsAgree() throws {
    let published = try Checkpoint(directory: Goldens.directory + "/tiny")
    let nested = try Checkpoint(directory: Goldens.directory + "/tiny-untied")
    let names = try WeightNames(of: nested)
    #expect(Set(nested.names.map(names.canonical)) == Set(published.names).union(["lm_head.weight"]))
  }

  @Test func detection() throws {
    #expect(try WeightNames(of: checkpoint(["visual.a"])).layout == .published)
    #expect(try WeightNames(of: checkpoint(["model.visual.a", "lm_head.weight", "z"])).layout == .nested)
    #expect(try WeightNames(of: checkpoint(["model.norm.weight", "z"])).layout == .published)
    func problem(_ names: [String]) throws -> CheckpointError.Problem? {
      let checkpoint = try checkpoint(names)
      return checkpointError { _ = try WeightNames(of: checkpoint) }?.problem
    }
    #expect(
      try problem(["model.layers.0.a", "model.visual.b"]) == .mixedNames("model.layers.0.a", "model.visual.b")
    )
    #expect(try problem(["transformer.h.0.a"]) == .unknownNames("transformer.h.0.a"))
    #expect(try problem([]) == .noTensors)
  }
}
