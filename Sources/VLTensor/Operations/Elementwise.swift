internal import CKernels

extension Compute {
  /// a + b, element by element; equal shapes.
  public func add(_ a: Tensor, _ b: Tensor) -> Tensor {
    precondition(a.shape == b.shape, "add: \(a.shape) and \(b.shape)")
    let y = uninitialized(a.shape)
    withExtendedLifetime((a, b)) { ck_add(pool.handle, a.floats, b.floats, y.floats, Int64(a.count)) }
    let sources = [a.node, b.node]
    return y.recorded(a, b) { [self] dy in
      for source in sources { source?.accumulate(shared: dy, self) }
    }
  }

  /// x · factor, element by element.
  public func scale(_ x: Tensor, by factor: Float) -> Tensor {
    let y = uninitialized(x.shape)
    withExtendedLifetime(x) { ck_scale(pool.handle, factor, x.floats, y.floats, Int64(x.count)) }
    let source = x.node
    return y.recorded(x) { [self] dy in
      source?.accumulate(self) { sum($0, plus: scale(dy, by: factor)) }
    }
  }

  /// A gradient sum with one more addend: in place if there is a sum already.
  func sum(_ old: Tensor?, plus new: Tensor) -> Tensor {
    guard let old else { return new }
    withExtendedLifetime((old, new)) { ck_accumulate(pool.handle, new.floats, old.floats, Int64(old.count)) }
    return old
  }

  /// silu(gate) · up, element by element (SwiGLU's product); equal shapes.
  public func siluProduct(gate: Tensor, up: Tensor) -> Tensor {
    precondition(gate.shape == up.shape, "siluProduct: \(gate.shape) and \(up.shape)")
    let y = uninitialized(gate.shape)
    withExtendedLifetime((gate, up)) {
      ck_silu_mul(pool.handle, gate.floats, up.floats, y.floats, Int64(gate.count))
    }
    return y.recorded(gate, up) { [self] dy in
      let dGate = uninitialized(gate.shape)
      let dUp = uninitialized(gate.shape)
      withExtendedLifetime((gate, up, dy)) {
        ck_silu_mul_backward(
          pool.handle, gate.floats, up.floats, dy.floats, dGate.floats, dUp.floats, Int64(gate.count))
      }
      gate.addGradient(on: self) { sum($0, plus: dGate) }
      up.addGradient(on: self) { sum($0, plus: dUp) }
    }
  }

  /// An activation by itself, element by element.
  public func activation(_ x: Tensor, _ activation: Activation) -> Tensor {
    let y = uninitialized(x.shape)
    withExtendedLifetime(x) {
      switch activation {
      case .none: x.convertToFloat32(into: y.floats)
      case .quickGELU: ck_quick_gelu(pool.handle, x.floats, y.floats, Int64(x.count))
      case .gelu: ck_gelu(pool.handle, x.floats, y.floats, Int64(x.count))
      }
    }
    return y.recorded(x) { [self] dy in
      let dx = uninitialized(x.shape)
      withExtendedLifetime((x, dy)) {
        ck_activation_backward(
          pool.handle, activation.kernel, x.floats, dy.floats, dx.floats, Int64(x.count))
      }
      x.addGradient(on: self) { sum($0, plus: dx) }
    }
  }

  /// Softmax over the last axis. Not recorded: attention and the loss have their own.
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
