internal import CKernels

/// What is applied to a linear map's output, after its bias.
public enum Activation: Sendable {
  /// Nothing.
  case none
  /// x · sigmoid(1.702 x): the encoder's activation.
  case quickGELU
  /// x · ½(1 + erf(x/√2)): the merger's activation.
  case gelu

  var kernel: ck_activation {
    switch self {
    case .none: CK_ACT_NONE
    case .quickGELU: CK_ACT_QUICK_GELU
    case .gelu: CK_ACT_GELU
    }
  }
}

/// One map of a group that reads the same input: `activation(x · weightᵀ + bias) + residual`.
public struct LinearMap: Sendable {
  /// `[n, k]`, float32, bfloat16 or float16, used where it lies.
  public var weight: Tensor
  /// `[n]` float32.
  public var bias: Tensor?
  /// Applied after the bias.
  public var activation: Activation
  /// `[rows, n]` float32, added last.
  public var residual: Tensor?

  /// A map of a group.
  public init(_ weight: Tensor, bias: Tensor? = nil, activation: Activation = .none, residual: Tensor? = nil)
  {
    self.weight = weight
    self.bias = bias
    self.activation = activation
    self.residual = residual
  }
}

extension Compute {
  /// Several linear maps of one input in one pass over the threads (q, k and v; gate and up).
  ///
  /// Each output element is summed in one fixed order, so a row's result does not depend on the other rows, on the
  /// number of threads or on the instruction set.
  /// - Parameters:
  ///   - x: `[..., k]` float32.
  ///   - maps: each with a weight `[n, k]`.
  /// - Returns: per map a float32 tensor `[..., n]`.
  public func linear(_ x: Tensor, _ maps: [LinearMap]) -> [Tensor] {
    let k = x.shape.last
    let rows = x.shape.rows
    let outer = Array(x.shape.axes.dropLast())
    var results: [Tensor] = []
    var outputs: [ck_linear_output] = []
    for map in maps {
      precondition(
        map.weight.shape.rank == 2 && map.weight.shape[1] == k,
        "linear: input \(x.shape) does not fit weight \(map.weight.shape)")
      let n = map.weight.shape[0]
      precondition(map.bias.map { $0.count == n } ?? true, "linear: bias of \(n) expected")
      precondition(
        map.residual.map { $0.count == rows * n } ?? true, "linear: residual [\(rows), \(n)] expected")
      let y = uninitialized(Shape(outer + [n]))
      results.append(y)
      outputs.append(
        ck_linear_output(
          weight: UnsafeRawPointer(map.weight.raw), type: map.weight.dtype.kernel, n: Int64(n),
          bias: (map.bias?.floats).map { UnsafePointer($0) },
          activation: isSplit(x, map) ? CK_ACT_NONE : map.activation.kernel,
          residual: isSplit(x, map) ? nil : (map.residual?.floats).map { UnsafePointer($0) }, y: y.floats,
          ldy: Int64(n)))
    }
    withExtendedLifetime((x, maps, results)) {
      ck_linear(pool.handle, x.floats, Int64(rows), Int64(k), Int64(k), outputs, Int32(outputs.count))
    }
    return zip(results, maps).map { y, map in
      guard isSplit(x, map) else { return recordLinear(y, x, map) }
      let activated = activation(recordLinear(y, x, LinearMap(map.weight, bias: map.bias)), map.activation)
      return map.residual.map { add(activated, $0.reshaped(activated.shape)) } ?? activated
    }
  }

  /// Whether a map's activation must be an operation by itself: its gradient needs what goes into it.
  private func isSplit(_ x: Tensor, _ map: LinearMap) -> Bool {
    if case .none = map.activation { return false }
    return x.isTracked || map.weight.isTracked || map.bias?.isTracked == true
  }

  /// dX = dY · W, dW = dYᵀ · X, db = Σ rows of dY; the residual's gradient is dY.
  private func recordLinear(_ y: Tensor, _ x: Tensor, _ map: LinearMap) -> Tensor {
    let kept = map.weight.isTracked ? x.untracked : nil
    // Only what is needed is held: of the residual and a frozen map's input nothing.
    let (source, residual, bias) = (x.node, map.residual?.node, map.bias?.node)
    let weight = map.weight
    let k = x.shape.last
    let shape = x.shape
    return y.recorded(x, map.weight, map.bias, map.residual) { [self] dy in
      let rows = dy.shape.rows
      let n = dy.shape.last
      residual?.accumulate(shared: dy, self)
      source?.accumulate(self) { old in
        let dx = old ?? uninitialized(shape)
        withExtendedLifetime((dy, weight)) {
          ck_matmul_nn(
            pool.handle, dy.floats, weight.raw, weight.dtype.kernel, dx.floats, Int64(rows), Int64(n),
            Int64(k), Int64(n), Int64(k), Int64(k), old != nil)
        }
        return dx
      }
      if let kept {
        weight.addGradient(on: self) { old in
          let dw = old ?? uninitialized(weight.shape)
          withExtendedLifetime((dy, kept)) {
            ck_matmul_tn(
              pool.handle, dy.floats, kept.floats, dw.floats, Int64(n), Int64(rows), Int64(k), Int64(n),
              Int64(k), Int64(k), old != nil)
          }
          return dw
        }
      }
      bias?.accumulate(self) { old in
        let db = old ?? uninitialized([n])
        withExtendedLifetime(dy) {
          ck_column_sums(pool.handle, dy.floats, Int64(rows), Int64(n), db.floats, old != nil)
        }
        return db
      }
    }
  }

  /// `activation(x · weightᵀ + bias) + residual`: x `[..., k]`, weight `[n, k]` → `[..., n]`.
  public func linear(
    _ x: Tensor, _ weight: Tensor, bias: Tensor? = nil, activation: Activation = .none,
    residual: Tensor? = nil
  ) -> Tensor {
    linear(x, [LinearMap(weight, bias: bias, activation: activation, residual: residual)])[0]
  }
}
