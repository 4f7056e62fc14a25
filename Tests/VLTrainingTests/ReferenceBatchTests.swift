import TestKit
import Testing
import VLMedia
import VLModels
import VLNN
import VLTensor

/// A packed batch of the tiny model against PyTorch: the loss, every gradient, ten steps of AdamW.
@Suite struct ReferenceBatchTests {
  private let golden: SafetensorsFile
  private let training: TinyTraining
  private let batch: TrainingBatch

  init() throws {
    golden = try SafetensorsFile(path: Goldens.directory + "/training/batch.safetensors")
    training = try TinyTraining()
    let golden = golden
    func integers(_ name: String) throws -> [Int] { try golden.int64s(name).map(Int.init) }
    let tokens = try integers("input_ids")
    let positions = try integers("position_ids")
    var samples: [Range<Int>] = []
    for length in try integers("samples") {
      let start = samples.last?.upperBound ?? 0
      samples.append(start..<start + length)
    }
    let sizes = try integers("image_grid_thw")
    var visuals: [VisualSpan] = []
    var place = 0
    for index in 0..<sizes.count / 3 {
      let grid = GridTHW(t: sizes[3 * index], h: sizes[3 * index + 1], w: sizes[3 * index + 2])
      let imageToken = training.model.configuration.imageToken
      let start = try #require(tokens[place...].firstIndex(of: imageToken))
      visuals.append(VisualSpan(range: start..<start + grid.tokens(mergeSize: 2), grid: grid))
      place = start + grid.tokens(mergeSize: 2)
    }
    batch = TrainingBatch(
      tokens: tokens,
      positions: (0..<3).map { Array(positions[$0 * tokens.count..<($0 + 1) * tokens.count]) },
      samples: samples, targets: try integers("targets"), visuals: visuals,
      patches: training.model.compute.float32(try golden.tensor("pixel_values")))
  }

  /// The reference's own float32 run is `rounding` away from its float64 run at most; ours sums in another order, so it
  /// has errors of the same size, and the largest of a few thousand normal deviates rarely exceeds another by a factor
  /// of four.
  private func bound(_ rounding: Double, _ largest: Double) -> Double { 4 * max(rounding, largest * 0x1p-23) }

  @Test func lossAndEveryGradientAgreeWithPyTorch() throws {
    #expect(batch.samples.count == 3 && batch.visuals.count == 2)
    let found = training.run(batch)
    let loss = try doubles("loss")[0]
    #expect(abs(Double(found.loss) - loss) <= bound(try doubles("loss_rounding")[0], loss))
    #expect(training.variables.count == 57)
    for (name, gradient) in found.gradients {
      let expected = try doubles(name + ".gradient")
      let rounding = try doubles(name + ".rounding")[0]
      let largest = gradient.reduce(0) { max($0, Double(abs($1))) }
      let limit = bound(rounding, largest)
      let isWhole = expected.count == gradient.count
      for (index, value) in expected.enumerated() {
        let one = Double(gradient[isWhole ? index : index * gradient.count / expected.count])
        #expect(abs(one - value) <= limit, "\(name)[\(index)]: \(one), PyTorch has \(value), bound \(limit)")
      }
      if isWhole { continue }
      // Errors of n elements in a sum with random signs: √n of one.
      let projections = try doubles(name + ".projections")
      let spread = Double(gradient.count).squareRoot() * limit
      let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
      #expect(abs(norm - projections[0]) <= spread, "\(name): norm \(norm), PyTorch has \(projections[0])")
      for (index, value) in projections.dropFirst().enumerated() {
        let signs = randomFloats(gradient.count, seed: UInt64(200 + index))
        let sum = zip(gradient, signs).reduce(0.0) { $0 + ($1.1 < 0 ? -1 : 1) * Double($1.0) }
        #expect(abs(sum - value) <= spread, "\(name): projection \(sum), PyTorch has \(value)")
      }
    }
  }

  /// Ten steps: losses before each of them. Differences grow along the way, since a step divides small gradients by
  /// their own size. The bound is twice the spread of eight float32 runs of the reference from weights that differ by
  /// roundings.
  @Test func tenStepsAgreeWithPyTorch() throws {
    let expected = try doubles("steps")
    let roundings = try doubles("steps_rounding")
    let compute = training.model.compute
    let moments = training.variables.map {
      AdamWMoments(
        first: compute.zeros($0.variable.value.shape), second: compute.zeros($0.variable.value.shape))
    }
    let share = 1 / Float(batch.supervisedCount)
    var largest = 0.0
    for step in expected.indices {
      let loss = training.model.loss(of: batch, checkpointing: .none)
      let mean = Double(loss.array()[0]) / Double(batch.supervisedCount)
      largest = max(largest, roundings[step])
      let limit = 2 * largest
      #expect(abs(mean - expected[step]) <= limit, "step \(step): \(mean), PyTorch has \(expected[step])")
      compute.backward(loss, seed: share)
      let gradients = try training.variables.map { try #require($0.variable.gradient) }
      let norm = compute.sumOfSquares(gradients).squareRoot()
      compute.adamW(
        zip(zip(training.variables, gradients), moments).map { pair, moments in
          let terms = AdamWTerms(
            step: step + 1, rate: 1e-3, decay: pair.0.variable.value.shape.rank > 1 ? 0.1 : 0, beta1: 0.9,
            beta2: 0.95,
            epsilon: 1e-8)
          return (pair.0.variable, pair.1, moments, terms)
        }, gradientScale: Float(min(1, 1 / (norm + 1e-6))))
      for (_, variable) in training.variables { variable.clearGradient() }
    }
  }

  private func doubles(_ name: String) throws -> [Double] { try golden.floats(name).map(Double.init) }
}
