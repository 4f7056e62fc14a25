import TestKit
import Testing
import VLJSON
import VLTensor

@Suite struct AdamWGoldenTests {
  /// Ten steps with clipping, three learning rates and two decays against PyTorch, element by element.
  @Test func tenStepsAgreeWithPyTorch() throws {
    let golden = try JSONValue(parsing: Scratch.read(Goldens.directory + "/optimizer/adamw.json"))
    func floats(_ value: JSONValue?) throws -> [[Float]] {
      try #require(value?.arrayValue).map {
        $0.arrayValue?.compactMap { $0.doubleValue.map { Float($0) } } ?? []
      }
    }
    let compute = Compute(threads: 2)
    let start = try floats(golden["start"])
    let decay = try #require(golden["decay"]?.arrayValue).compactMap(\.doubleValue)
    let variables = start.map { Variable(compute.tensor($0, [$0.count])) }
    let moments = start.map {
      AdamWMoments(first: compute.zeros([$0.count]), second: compute.zeros([$0.count]))
    }
    let clip = try #require(golden["clip"]?.doubleValue)
    let steps = try #require(golden["steps"]?.arrayValue)
    #expect(steps.count == 10)
    var clipped = 0
    for (index, step) in steps.enumerated() {
      let gradients = try floats(step["gradients"]).map { compute.tensor($0, [$0.count]) }
      let rates = try #require(step["rates"]?.arrayValue).compactMap(\.doubleValue)
      let norm = compute.sumOfSquares(gradients).squareRoot()
      let expectedNorm = try #require(step["norm"]?.doubleValue)
      // PyTorch adds 87 squares and three norms in float32.
      #expect(abs(norm - expectedNorm) <= expectedNorm * 90 * 0x1p-24)
      if norm > clip { clipped += 1 }
      compute.adamW(
        zip(zip(variables, gradients), zip(moments, zip(rates, decay))).map {
          (
            $0.0, $0.1, $1.0,
            AdamWTerms(step: index + 1, rate: $1.1.0, decay: $1.1.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8)
          )
        }, gradientScale: Float(min(1, clip / (norm + 1e-6))))
      // Per step and side: the decay rounds twice (|p| < 4); the update's operands carry 8 roundings, 5 for each step
      // so far and those of the clipping factor, and it is at most 4 rates long (gradients lie within a factor of 4,
      // clipped ones of 8, of each other).
      let time = Double(index + 1)
      let bound = 2 * time * 0x1p-24 * (2 * 4 + 1e-2 * 4 * (8 + 5 * time + 90))
      for (variable, expected) in zip(variables, try floats(step["parameters"])) {
        for (value, expected) in zip(variable.value.array(), expected) {
          #expect(abs(Double(value) - Double(expected)) <= bound, "step \(index)")
        }
      }
    }
    #expect(clipped == 5, "the limit must matter in some steps and not in others")
  }
}
