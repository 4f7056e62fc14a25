internal import CKernels

extension Compute {
  /// a + b, element by element; equal shapes.
  public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "add: \(a.shape) and \(b.shape)")
    let y = uninitialized(a.shape)
    withExtendedLifetime((a, b)) { ck_add(pool.handle, a.floats, b.floats, y.floats, Int64(a.count)) }
    return y
  }

  /// silu(gate) · up, element by element (SwiGLU's product); equal shapes.
  public func siluProduct(gate: Tensor, up: Tensor) -> Tensor {
    precondition(gate.shape == up.shape, "siluProduct: \(gate.shape) and \(up.shape)")
    let y = uninitialized(gate.shape)
    withExtendedLifetime((gate, up)) {
      ck_silu_mul(pool.handle, gate.floats, up.floats, y.floats, Int64(gate.count))
    }
    return y
  }

  /// Softmax over the last axis.
  public func softmax(_ x: Tensor) -> Tensor {
    let y = uninitialized(x.shape)
    withExtendedLifetime(x) {
      ck_softmax(pool.handle, x.floats, y.floats, Int64(x.shape.rows), Int64(x.shape.last))
    }
    return y
  }
}

extension Tensor {
  /// The index of the largest element, the first of equals.
  public func argmax() -> Int { withExtendedLifetime(self) { Int(ck_argmax(floats, Int64(count))) } }

  /// The indices of the `k` largest elements, largest first, ties by lower index.
  public func topK(_ k: Int) -> [Int] {
    [Int64](unsafeUninitializedCapacity: min(k, count)) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      initialized = Int(ck_top_k(floats, Int64(count), Int64(k), base))
    }.map(Int.init)
  }

  /// Whether every element is a finite number.
  public var isFinite: Bool { withExtendedLifetime(self) { ck_all_finite(floats, Int64(count)) } }
}
