public import VLTensor

/// LayerNorm with weight and bias over the last axis.
public struct LayerNorm: Layer {
  /// `[width]`
  public var weight: Parameter
  /// `[width]`
  public var bias: Parameter
  /// Added to the variance.
  public let epsilon: Float

  /// A norm without elements yet.
  public init(_ width: Int, epsilon: Float) {
    weight = Parameter([width], .vector)
    bias = Parameter([width], .vector)
    self.epsilon = epsilon
  }

  /// Visits `weight` and `bias`.
  public mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try visitor.visit(&weight, named: prefix + "weight")
    try visitor.visit(&bias, named: prefix + "bias")
  }

  /// x `[rows, width]` → the same shape.
  public func callAsFunction(_ x: Tensor, on compute: Compute) -> Tensor {
    compute.layerNorm(x, weight: weight.tensor, bias: bias.tensor, epsilon: epsilon)
  }
}

/// RMSNorm over the last axis.
public struct RMSNorm: Layer {
  /// `[width]`
  public var weight: Parameter
  /// Added to the mean square.
  public let epsilon: Float

  /// A norm without elements yet.
  public init(_ width: Int, epsilon: Float) {
    weight = Parameter([width], .vector)
    self.epsilon = epsilon
  }

  /// Visits `weight`.
  public mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try visitor.visit(&weight, named: prefix + "weight")
  }

  /// x `[rows, width]` → the same shape.
  public func callAsFunction(_ x: Tensor, on compute: Compute) -> Tensor {
    compute.rmsNorm(x, weight: weight.tensor, epsilon: epsilon)
  }
}

/// A table of vectors, one per id.
public struct Embedding: Layer {
  /// `[ids, width]`
  public var weight: Parameter

  /// A table without elements yet.
  public init(_ ids: Int, _ width: Int) { weight = Parameter([ids, width], .matrix) }

  /// Visits `weight`.
  public mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try visitor.visit(&weight, named: prefix + "weight")
  }

  /// ids → `[ids, width]` float32.
  public func callAsFunction(_ ids: [Int], on compute: Compute) -> Tensor {
    compute.embedding(ids, table: weight.tensor)
  }
}
