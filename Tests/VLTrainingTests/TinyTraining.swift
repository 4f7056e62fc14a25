import TestKit
import Testing
import VLMedia
import VLModels
import VLNN
import VLTensor

/// The tiny golden model with every parameter learning, and batches for it.
struct TinyTraining {
  var model: Qwen2VLModel
  /// Every parameter's name and variable, in visiting order.
  let variables: [(name: String, variable: Variable)]

  init(_ name: String = "tiny", threads: Int = 2) throws {
    try self.init(
      #require(
        try Families.load(Goldens.directory + "/" + name, on: Compute(threads: threads)) as? Qwen2VLModel))
  }

  init(_ model: Qwen2VLModel) throws {
    self.model = model
    var learner = Learner(compute: model.compute)
    try self.model.visitParameters(&learner)
    variables = learner.variables
  }

  private struct Learner: ParameterVisitor {
    let compute: Compute
    var variables: [(name: String, variable: Variable)] = []
    mutating func visit(_ parameter: inout Parameter, named name: String) {
      parameter.makeVariable(on: compute)
      if let variable = parameter.variable { variables.append((name, variable)) }
    }
  }

  /// The loss and every gradient, by name; a parameter that got none has zeros.
  func run(_ batch: TrainingBatch, checkpointing: ActivationCheckpointing = .none) -> (
    loss: Float, gradients: [String: [Float]]
  ) {
    let loss = model.loss(of: batch, checkpointing: checkpointing)
    model.compute.backward(loss)
    var gradients: [String: [Float]] = [:]
    for (name, variable) in variables {
      gradients[name] = variable.gradient?.array() ?? [Float](repeating: 0, count: variable.value.count)
      variable.clearGradient()
    }
    return (loss.array()[0], gradients)
  }

  /// One sample: text, then perhaps a picture or a video, then text, of which the last places are supervised.
  struct Sample {
    var before: Int
    var grid: GridTHW?
    var after: Int
    var supervised: Int
    var seed: UInt64
  }

  /// Samples packed one after another.
  func batch(_ samples: [Sample]) -> TrainingBatch {
    let c = model.configuration
    let patchValues = c.vision.patchValues
    var result = TrainingBatch(
      tokens: [], positions: [[], [], []], samples: [], targets: [], visuals: [], patches: nil)
    var patches: [Float] = []
    for sample in samples {
      let start = result.tokens.count
      func text(_ count: Int, seed: UInt64) -> [Int] {
        randomFloats(count, seed: sample.seed * 10 + seed).map { Int(abs($0) * 780) }
      }
      var tokens = text(sample.before, seed: 1)
      var visuals: [VisualSpan] = []
      if let grid = sample.grid {
        let count = grid.tokens(mergeSize: c.vision.mergeSize)
        tokens.append(c.visionStartToken)
        visuals = [VisualSpan(range: tokens.count..<tokens.count + count, grid: grid)]
        tokens += [Int](repeating: grid.t > 1 ? c.videoToken : c.imageToken, count: count)
        tokens.append(c.visionEndToken)
        patches += randomFloats(grid.patches * patchValues, seed: sample.seed * 10 + 2).map { $0 * 2 }
      }
      tokens += text(sample.after, seed: 3)
      let positions = MRoPEPositions(
        count: tokens.count, visuals: visuals, mergeSize: c.vision.mergeSize)
      for axis in 0..<3 { result.positions[axis] += positions.ids[axis] }
      result.targets += tokens.indices.map { place in
        place + 1 < tokens.count && place + 1 + sample.supervised >= tokens.count
          ? tokens[place + 1] : TrainingBatch.ignored
      }
      result.visuals += visuals.map {
        VisualSpan(range: start + $0.range.lowerBound..<start + $0.range.upperBound, grid: $0.grid)
      }
      result.tokens += tokens
      result.samples.append(start..<result.tokens.count)
    }
    if !patches.isEmpty {
      result.patches = model.compute.tensor(patches, [patches.count / patchValues, patchValues])
    }
    return result
  }
}

/// Numbers in (−1, 1) that depend on the seed alone; the goldens' signs come from the same ones.
func randomFloats(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed &* 2_654_435_761 &+ 12345
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
  }
}
