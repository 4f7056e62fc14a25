public import VLTensor

/// y = x · Wᵀ + b, W `[outputs, inputs]`.
public struct Linear: Layer {
  /// `[outputs, inputs]`
  public var weight: Parameter
  /// `[outputs]`, where the map has one.
  public var bias: Parameter?
  /// What is added to a frozen weight, where it is being adapted.
  public var adapter: LowRankAdapter?

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
    try visitor.visit(&self, named: prefix)
  }

  /// Several maps of one input in one pass: per map `x · Wᵀ + b`.
  public static func group(_ x: Tensor, _ maps: [Linear], on compute: Compute) -> [Tensor] {
    compute.linear(
      x,
      maps.map {
        LinearMap($0.weight.tensor, bias: $0.bias?.tensor, residual: $0.adapter?(x, on: compute))
      })
  }

  /// `activation(x · Wᵀ + b) + residual`: x `[rows, inputs]` → `[rows, outputs]`.
  public func callAsFunction(
    _ x: Tensor, activation: Activation = .none, residual: Tensor? = nil, on compute: Compute
  ) -> Tensor {
    guard let adapter else {
      return compute.linear(
        x, weight.tensor, bias: bias?.tensor, activation: activation, residual: residual)
    }
    let y = compute.linear(x, weight.tensor, bias: bias?.tensor, residual: adapter(x, on: compute))
    let activated: Tensor
    if case .none = activation { activated = y } else { activated = compute.activation(y, activation) }
    return residual.map { compute.add(activated, $0) } ?? activated
  }
}
