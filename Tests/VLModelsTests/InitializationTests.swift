import TestKit
import Testing
import VLMedia
import VLModels
import VLNN
import VLTensor

/// Weights that come from elsewhere than the model's own directory, and low-rank adapters.
@Suite struct InitializationTests {
  private let compute = Compute(threads: 2)

  private func model(_ weights: WeightSource) throws -> Qwen2VLModel {
    let scratch = Scratch()
    scratch.copy(golden: "tiny", except: ["model.safetensors"])
    return try #require(try Families.load(scratch.path, weights: weights, on: compute) as? Qwen2VLModel)
  }

  private func values(_ model: Qwen2VLModel, _ name: String) throws -> [Float] {
    let all = model.vision.parameterList("visual.") + model.language.parameterList()
    return try #require(all.first { $0.name == name }).parameter.tensor.array()
  }

  @Test func randomWeightsFollowTheTable() throws {
    let model = try model(.random(seed: 7))
    #expect(try values(model, "model.norm.weight").allSatisfy { $0 == 1 })
    #expect(try values(model, "visual.blocks.1.attn.qkv.bias").allSatisfy { $0 == 0 })
    for (name, deviation) in [
      ("model.embed_tokens.weight", 0.02), ("model.layers.0.mlp.gate_proj.weight", 1 / 8.0),
      ("model.layers.0.self_attn.o_proj.weight", 1 / 8.0 / 2), ("visual.blocks.0.mlp.fc1.weight", 1 / 5.657),
    ] {
      let all = try values(model, name).map(Double.init)
      let mean = all.reduce(0, +) / Double(all.count)
      let spread = (all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(all.count)).squareRoot()
      // The deviation of n draws is known to deviation / √(2n), the mean to deviation / √n; five of them are allowed.
      #expect(abs(mean) < 5 * deviation / Double(all.count).squareRoot(), "\(name)")
      #expect(abs(spread - deviation) < 5 * deviation / Double(2 * all.count).squareRoot(), "\(name)")
    }
    #expect(
      try values(model, "model.embed_tokens.weight")
        == values(self.model(.random(seed: 7)), "model.embed_tokens.weight"))
    #expect(
      try values(model, "model.embed_tokens.weight")
        != values(self.model(.random(seed: 8)), "model.embed_tokens.weight"))
  }

  @Test func publishedWeightsTakeTheirPlaces() throws {
    let scratch = Scratch()
    let donor = try #require(try Families.load(Goldens.directory + "/tiny", on: compute) as? Qwen2VLModel)
    let textFile = scratch.path + "/text.safetensors"
    try SafetensorsWriter.write(
      donor.language.parameterList().map { ($0.name, $0.parameter.tensor) }, to: textFile)
    let encoder = PlainEncoder.tensors(on: compute)
    let encoderFile = scratch.path + "/encoder.safetensors"
    try SafetensorsWriter.write(encoder, to: encoderFile)

    let model = try model(.published(text: textFile, encoder: encoderFile, seed: 1))
    #expect(
      try values(model, "model.layers.1.mlp.up_proj.weight")
        == values(donor, "model.layers.1.mlp.up_proj.weight"))
    // The patch convolution was the second tensor written: halves of 2.
    #expect(try values(model, "visual.patch_embed.proj.weight").allSatisfy { $0 == 1 })
    let value = { (name: String) in encoder.first { $0.name == "vision_model." + name }?.tensor.array()[0] }
    let qkv = try values(model, "visual.blocks.1.attn.qkv.weight")
    for (index, part) in ["q", "k", "v"].enumerated() {
      let rows = qkv[index * 32 * 32..<(index + 1) * 32 * 32]
      #expect(rows.allSatisfy { $0 == value("encoder.layers.1.self_attn.\(part)_proj.weight") })
    }
    #expect(
      try values(model, "visual.blocks.0.mlp.fc2.bias").allSatisfy {
        $0 == value("encoder.layers.0.mlp.fc2.bias")
      })

    let opened = try Families.open(
      Goldens.directory + "/tiny", weights: .published(text: textFile, encoder: encoderFile, seed: 1),
      on: compute)
    #expect(opened.notes.count == 2)
    #expect(
      opened.notes[1].contains("class_embedding") && opened.notes[1].contains("visual.merger.mlp.2.weight"))
    try SafetensorsWriter.write(Array(encoder.dropLast()), to: encoderFile)
    #expect(throws: ModelError.self) { try self.model(.published(text: nil, encoder: encoderFile, seed: 1)) }
  }

  /// One sample of text and one with a picture.
  private func batch(_ model: Qwen2VLModel) -> TrainingBatch {
    let image = model.configuration.imageToken
    let tokens =
      [5, 6, 7, 8, 9] + [3, model.configuration.visionStartToken] + [Int](repeating: image, count: 4) + [
        11, 12, 13,
      ]
    let visual = VisualSpan(range: 7..<11, grid: GridTHW(t: 1, h: 4, w: 4))
    let second = MRoPEPositions(
      count: 9, visuals: [VisualSpan(range: 2..<6, grid: visual.grid)], mergeSize: 2)
    var random = SplitMix64(state: 3)
    let patches = compute.tensor((0..<16 * 1176).map { _ in Float(random.nextNormal()) }, [16, 1176])
    return TrainingBatch(
      tokens: tokens, positions: (0..<3).map { [0, 1, 2, 3, 4] + second.ids[$0] }, samples: [0..<5, 5..<14],
      targets: [6, 7, 8, 9, -1] + [Int](repeating: -1, count: 6) + [12, 13, -1], visuals: [visual],
      patches: patches)
  }

  private struct Learner: ParameterVisitor {
    let compute: Compute
    let onlyAdapters: Bool
    var variables: [Variable] = []
    mutating func visit(_ parameter: inout Parameter, named name: String) {
      if !onlyAdapters { learn(&parameter) }
    }
    mutating func visit(_ linear: inout Linear, named prefix: String) {
      guard var adapter = linear.adapter, onlyAdapters else { return }
      learn(&adapter.down)
      learn(&adapter.up)
      linear.adapter = adapter
    }
    private mutating func learn(_ parameter: inout Parameter) {
      parameter.makeVariable(on: compute)
      if let variable = parameter.variable { variables.append(variable) }
    }
  }

  /// Plain gradient descent on one batch: the loss must fall well below where it began.
  private func descend(_ model: Qwen2VLModel, _ variables: [Variable], rate: Float, steps: Int) -> [Float] {
    let batch = batch(model)
    return (0..<steps).map { _ in
      let loss = model.loss(of: batch, checkpointing: .none)
      compute.backward(loss, seed: 1 / Float(batch.supervisedCount))
      for variable in variables {
        guard let gradient = variable.gradient else { continue }
        for index in 0..<gradient.count { variable.value.floats[index] -= rate * gradient.floats[index] }
        variable.clearGradient()
      }
      return loss.array()[0] / Float(batch.supervisedCount)
    }
  }

  @Test func gradientDescentLearnsABatch() throws {
    var model = try model(.random(seed: 1))
    var learner = Learner(compute: compute, onlyAdapters: false)
    try model.visitParameters(&learner)
    let losses = descend(model, learner.variables, rate: 0.1, steps: 60)
    #expect(losses[0] > 5 && losses[59] < 1, "\(losses)")
  }

  @Test func adaptersChangeNothingUntilTheyLearn() throws {
    var model = try model(.random(seed: 1))
    let before = model.loss(of: batch(model), checkpointing: .none).array()
    var attacher = AdapterAttacher(rank: 4, alpha: 8, seed: 5, on: compute) { name in
      name.hasSuffix("_proj") || name.hasSuffix(".qkv") || name.hasSuffix(".fc1")
    }
    try model.visitParameters(&attacher)
    #expect(attacher.attached.count == 2 * 7 + 2 * 2)
    #expect(model.loss(of: batch(model), checkpointing: .none).array() == before)
    var learner = Learner(compute: compute, onlyAdapters: true)
    try model.visitParameters(&learner)
    #expect(learner.variables.count == 36)
    let losses = descend(model, learner.variables, rate: 0.3, steps: 60)
    #expect(losses[59] < losses[0] - 1, "\(losses)")
  }
}
