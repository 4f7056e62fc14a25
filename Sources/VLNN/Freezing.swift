public import VLTensor

extension Layer {
  /// The same layer with parameters that do not learn: nothing that it computes is recorded.
  public func frozen() -> Self {
    var copy = self
    var freezer = Freezer()
    // A visitor that does not throw cannot make the walk throw.
    try? copy.visitParameters("", &freezer)
    return copy
  }

  /// Computes a part of a network without keeping what lies between: it is computed again in the backward pass.
  /// - Parameters:
  ///   - x: the part's input.
  ///   - compute: what it is computed with.
  ///   - body: computes the part with the layer it is given, this one or its frozen form.
  /// - Returns: the part's output, the same to the bit as `body`'s.
  public func recomputed(
    _ x: Tensor, on compute: Compute, _ body: @escaping (_ layer: Self, _ x: Tensor) -> Tensor
  ) -> Tensor {
    let variables = parameterList().compactMap { $0.parameter.variable == nil ? nil : $0.parameter.tensor }
    let frozen = frozen()
    return compute.recomputed(x, variables: variables) { x, isRecorded in
      body(isRecorded ? self : frozen, x)
    }
  }
}

/// Stops every parameter it sees from learning; the elements stay.
public struct Freezer: ParameterVisitor {
  /// A visitor that freezes.
  public init() {}
  /// Freezes a parameter.
  public mutating func visit(_ parameter: inout Parameter, named name: String) { parameter.freeze() }
  /// Freezes an adapter.
  public mutating func visit(_ linear: inout Linear, named prefix: String) {
    linear.adapter?.down.freeze()
    linear.adapter?.up.freeze()
  }
}
