import Testing
import VLTensor

/// One operation at one size: what values, gradients, bit equality and timing are all driven by.
struct OperationRecord: Sendable, CustomTestStringConvertible {
  /// The operation and its size.
  let name: String
  /// The shapes of the float32 operands that learn.
  let operands: [Shape]
  /// Operand i is uniform in (−amplitudes[i], amplitudes[i]).
  var amplitudes: [Float]
  /// A bound on the roundings between an operand and its gradient: lengths of the chains of sums, and what is
  /// computed around them.
  let roundings: Int
  /// Multiply-adds of a forward pass, for timing; 0 where memory is the limit.
  var multiplyAdds = 0
  /// Multiply-adds of a backward pass for each of the forward pass.
  var backwardFactor = 2.0
  /// The operation.
  let apply: @Sendable (Compute, [Tensor]) -> Tensor
  /// The same in Float64, written out plainly.
  let reference: @Sendable ([[Double]]) -> [Double]

  init(
    _ name: String, _ operands: [Shape], amplitudes: [Float]? = nil, roundings: Int, multiplyAdds: Int = 0,
    backwardFactor: Double = 2, apply: @escaping @Sendable (Compute, [Tensor]) -> Tensor,
    reference: @escaping @Sendable ([[Double]]) -> [Double]
  ) {
    self.name = name
    self.operands = operands
    self.amplitudes = amplitudes ?? operands.map { _ in 1 }
    self.roundings = roundings
    self.multiplyAdds = multiplyAdds
    self.backwardFactor = backwardFactor
    self.apply = apply
    self.reference = reference
  }

  var testDescription: String { name }

  /// The operands' elements, the same every time.
  var values: [[Float]] {
    zip(operands, amplitudes).enumerated().map { index, operand in
      randomFloats(operand.0.count, seed: UInt64(100 + index)).map { $0 * operand.1 }
    }
  }

  /// The result and the gradients of all operands for a cotangent.
  func run(_ compute: Compute, cotangent: (Int) -> [Float]) -> (result: [Float], gradients: [[Float]]) {
    let variables = zip(operands, values).map { Variable(compute.tensor($1, $0)) }
    let result = apply(compute, variables.map { $0.value.tracked(by: $0) })
    let elements = result.array()
    compute.backward(result, gradient: compute.tensor(cotangent(result.count), result.shape))
    return (elements, variables.map { $0.gradient?.array() ?? [Float](repeating: 0, count: $0.value.count) })
  }

  /// The cotangent of the tests: a number of its own for every element of the result.
  static func cotangent(_ count: Int) -> [Float] { randomFloats(count, seed: 77) }
}
