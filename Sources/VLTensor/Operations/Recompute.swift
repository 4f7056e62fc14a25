extension Compute {
  /// A part of a network that keeps nothing but its input, and is computed again in the backward pass (selective
  /// activation checkpointing). The result and all gradients are those of `body(x, true)`, to the bit.
  /// - Parameters:
  ///   - x: the input; may be tracked.
  ///   - variables: what else that is tracked goes into the result.
  ///   - body: computes the part from `x`. With `false` it must use untracked forms of the variables.
  /// - Returns: what `body` computes.
  public func recomputed(
    _ x: Tensor, variables: [Tensor], _ body: @escaping (_ x: Tensor, _ isRecorded: Bool) -> Tensor
  ) -> Tensor {
    let y = body(x.untracked, false)
    let sources = ([x] + variables).compactMap(\.node)
    guard !sources.isEmpty else { return y }
    let input = x.untracked
    let node = x.node
    return y.with(
      GradientNode(y.shape, sources: sources) { [self] dy, _ in
        guard let node else { return backward(body(input, true), gradient: dy) }
        let variable = Variable(input)
        backward(body(input.tracked(by: variable), true), gradient: dy)
        if let gradient = variable.gradient { node.accumulate(self) { sum($0, plus: gradient) } }
      })
  }
}
