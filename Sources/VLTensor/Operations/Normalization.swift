internal import CKernels

extension Compute {
  /// LayerNorm over the last axis: (x − mean) / √(var + ε) · weight + bias, x `[..., n]`, weight and bias `[n]`.
  public func layerNorm(_ x: Tensor, weight: Tensor, bias: Tensor, epsilon: Float) -> Tensor {
    precondition(weight.count == x.shape.last && bias.count == x.shape.last, "layerNorm: \(x.shape)")
    let y = uninitialized(x.shape)
    withExtendedLifetime((x, weight, bias)) {
      ck_layer_norm(
        pool.handle, x.floats, weight.floats, bias.floats, epsilon, y.floats, Int64(x.shape.rows),
        Int64(x.shape.last))
    }
    return y.recorded(x, weight, bias) { [self] dy in
      let gradients = normGradients(dy, x, weight, bias: bias) { dx, dw, db, accumulate, stats in
        ck_layer_norm_backward(
          pool.handle, x.floats, weight.floats, dy.floats, epsilon, dx?.floats, dw?.floats, db?.floats,
          accumulate, stats.floats, Int64(x.shape.rows), Int64(x.shape.last))
      }
      pass(gradients, x, weight, bias: bias)
    }
  }

  /// RMSNorm over the last axis: x / √(mean(x²) + ε) · weight, x `[..., n]`, weight `[n]`.
  public func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
    precondition(weight.count == x.shape.last, "rmsNorm: \(x.shape) with a weight of \(weight.shape)")
    let y = uninitialized(x.shape)
    withExtendedLifetime((x, weight)) {
      ck_rms_norm(
        pool.handle, x.floats, weight.floats, epsilon, y.floats, Int64(x.shape.rows), Int64(x.shape.last))
    }
    return y.recorded(x, weight) { [self] dy in
      let gradients = normGradients(dy, x, weight, bias: nil) { dx, dw, _, accumulate, stats in
        ck_rms_norm_backward(
          pool.handle, x.floats, weight.floats, dy.floats, epsilon, dx?.floats, dw?.floats, accumulate,
          stats.floats, Int64(x.shape.rows), Int64(x.shape.last))
      }
      pass(gradients, x, weight, bias: nil)
    }
  }

  private struct NormGradients {
    var x, weight, bias: Tensor?
  }

  /// Makes room for the gradients that are wanted and has them written.
  private func normGradients(
    _ dy: Tensor, _ x: Tensor, _ weight: Tensor, bias: Tensor?,
    _ body: (Tensor?, Tensor?, Tensor?, Bool, Tensor) -> Void
  ) -> NormGradients {
    func room(_ operand: Tensor?) -> Tensor? {
      operand.flatMap { $0.isTracked ? uninitialized($0.shape) : nil }
    }
    let gradients = NormGradients(x: room(x), weight: room(weight), bias: room(bias))
    withExtendedLifetime((dy, x, weight)) {
      body(gradients.x, gradients.weight, gradients.bias, false, uninitialized([2, x.shape.rows]))
    }
    return gradients
  }

  private func pass(_ gradients: NormGradients, _ x: Tensor, _ weight: Tensor, bias: Tensor?) {
    for (operand, gradient) in [(x, gradients.x), (weight, gradients.weight), (bias, gradients.bias)] {
      guard let operand, let gradient else { continue }
      operand.addGradient(on: self) { sum($0, plus: gradient) }
    }
  }
}
