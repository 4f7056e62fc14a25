public import VLNN
public import VLTensor

extension Qwen2VLModel: TrainableModel {
  /// Visits every parameter under its published name.
  public mutating func visitParameters<V: ParameterVisitor>(_ visitor: inout V) throws {
    try vision.visitParameters("visual.", &visitor)
    try language.visitParameters("", &visitor)
  }

  /// Where a parameter lies: `visual.blocks.3.…` is in the encoder's block 3.
  public func place(of name: String) -> ParameterPlace {
    let part: ModelPart =
      name.hasPrefix("visual.merger.") ? .merger : name.hasPrefix("visual.") ? .encoder : .text
    let words = name.split(separator: ".")
    let layer = zip(words, words.dropFirst()).first { $0.0 == "blocks" || $0.0 == "layers" }
    return ParameterPlace(part, layer: layer.flatMap { Int($0.1) })
  }

  /// How many blocks a part has.
  public func layerCount(of part: ModelPart) -> Int {
    switch part {
    case .encoder: configuration.vision.depth
    case .merger: 0
    case .text: configuration.text.depth
    }
  }

  /// The patch embedding is published as a convolution's kernel, `[E, channels, frames, side, side]`.
  public func publishedShape(of name: String, _ shape: Shape) -> Shape {
    guard name == "visual.patch_embed.proj.weight" else { return shape }
    let vision = configuration.vision
    return [shape[0], vision.channels, vision.temporalPatchSize, vision.patchSize, vision.patchSize]
  }

  /// The sum of the cross-entropies of all supervised places.
  public func loss(of batch: TrainingBatch, checkpointing: ActivationCheckpointing) -> Tensor {
    var embeddings = language.embedding(batch.tokens, on: compute)
    if let patches = batch.patches,
      let visual = vision(
        patches, grids: batch.visuals.map(\.grid), recomputeEvery: checkpointing.encoderEvery, on: compute)
    {
      embeddings = compute.splice(visual, into: embeddings, at: batch.visuals.map(\.range))
    }
    let hidden = language(
      embeddings, positions: batch.positions, samples: batch.samples,
      recomputeEvery: checkpointing.textEvery, on: compute)
    return language.loss(hidden, targets: batch.targets, on: compute)
  }
}
