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
    return y
  }

  /// RMSNorm over the last axis: x / √(mean(x²) + ε) · weight, x `[..., n]`, weight `[n]`.
  public func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Float) -> Tensor {
    precondition(weight.count == x.shape.last, "rmsNorm: \(x.shape) with a weight of \(weight.shape)")
    let y = uninitialized(x.shape)
    withExtendedLifetime((x, weight)) {
      ck_rms_norm(
        pool.handle, x.floats, weight.floats, epsilon, y.floats, Int64(x.shape.rows), Int64(x.shape.last))
    }
    return y
  }
}
