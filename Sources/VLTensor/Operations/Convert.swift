internal import CKernels

extension Tensor {
  /// Writes the elements as float32 to `destination`, which has room for ``count`` of them. Exact.
  public func convertToFloat32(into destination: UnsafeMutablePointer<Float>) {
    ck_to_f32(raw, dtype.kernel, destination, Int64(count))
  }
}

extension Compute {
  /// A float32 copy of a tensor. For small weights (norms, biases) only: large ones are used where they lie.
  public func float32(_ x: Tensor) -> Tensor {
    let result = uninitialized(x.shape)
    x.convertToFloat32(into: result.floats)
    return result
  }

  /// A copy of a float32 tensor, without its history.
  public func copy(_ x: Tensor) -> Tensor { float32(x) }
}
