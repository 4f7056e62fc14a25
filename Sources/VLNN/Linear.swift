public import VLTensor

/// y = x · Wᵀ + b, W `[outputs, inputs]`.
public struct Linear: Layer {
  /// `[outputs, inputs]`
  public var weight: Parameter
  /// `[outputs]`, where the map has one.
  public var bias: Parameter?

  /// A map without elements yet.
  public init(_ inputs: Int, _ outputs: Int, bias: Bool) {
    weight = Parameter([outputs, inputs], .matrix)
    self.bias = bias ? Parameter([outputs], .vector) : nil
  }

  /// Visits `weight` and, where there is one, `bias`.
  public mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try visitor.visit(&weight, named: prefix + "weight")
    if var bias {
      try visitor.visit(&bias, named: prefix + "bias")
      self.bias = bias
    }
  }

  /// This map as one of a group that reads the same input.
  public func map(activation: Activation = .none, residual: Tensor? = nil) -> LinearMap {
    LinearMap(weight.tensor, bias: bias?.tensor, activation: activation, residual: residual)
  }

  /// `activation(x · Wᵀ + b) + residual`: x `[rows, inputs]` → `[rows, outputs]`.
  public func callAsFunction(
    _ x: Tensor, activation: Activation = .none, residual: Tensor? = nil, on compute: Compute
  ) -> Tensor {
    compute.linear(x, [map(activation: activation, residual: residual)])[0]
  }
}
