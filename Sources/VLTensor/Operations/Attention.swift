internal import CKernels

/// A run of query rows and the key rows that they see; nothing crosses segments.
public struct AttentionSegment: Sendable, Equatable {
  /// Rows of the queries.
  public var queries: Range<Int>
  /// Rows of the keys and values.
  public var keys: Range<Int>
  /// Whether query i sees only keys j ≤ i + (keys − queries); otherwise it sees the whole segment.
  public var causal: Bool

  /// A segment.
  public init(queries: Range<Int>, keys: Range<Int>, causal: Bool) {
    self.queries = queries
    self.keys = keys
    self.causal = causal
  }
}

/// Heads that lie side by side in the rows of a wider matrix: `tensor [rows, width]`, from `column` on.
///
/// A fused projection's q, k and v are three of these over one tensor.
public struct HeadColumns: Sendable {
  /// The matrix.
  public var tensor: Tensor
  /// The column of the first head's first element.
  public var column: Int

  /// The heads of `tensor` from `column` on.
  public init(_ tensor: Tensor, column: Int = 0) {
    self.tensor = tensor
    self.column = column
  }

  var start: UnsafeMutablePointer<Float> { tensor.floats + column }
  var stride: Int64 { Int64(tensor.shape.last) }
}

extension Compute {
  /// Scaled dot-product attention, softmax(q·kᵀ/√d)·v per head and segment, in tiles: memory does not grow with
  /// queries × keys.
  /// - Parameters:
  ///   - q: heads of `headDim` columns, a row per query.
  ///   - k: kv heads, a row per key; query head h reads kv head h / (heads / kvHeads).
  ///   - v: as `k`.
  ///   - heads: heads of q.
  ///   - kvHeads: heads of k and v; divides `heads`.
  ///   - headDim: columns of a head.
  ///   - segments: who sees whom. Rows of q outside every segment are left unset. Where operands are tracked, no row
  ///     of keys may lie in two segments.
  /// - Returns: `[query rows, heads · headDim]`.
  public func attention(
    q: HeadColumns, k: HeadColumns, v: HeadColumns, heads: Int, kvHeads: Int, headDim: Int,
    segments: [AttentionSegment]
  ) -> Tensor {
    precondition(heads % kvHeads == 0, "attention: \(heads) heads over \(kvHeads) kv heads")
    precondition(k.stride == v.stride, "attention: k and v rows differ in width")
    let rows = q.tensor.shape.rows
    precondition(
      segments.allSatisfy {
        $0.queries.upperBound <= rows && $0.keys.upperBound <= k.tensor.shape.rows && !$0.keys.isEmpty
      }, "attention: a segment lies outside the rows")
    let out = uninitialized([rows, heads * headDim])
    let isTracked = q.tensor.isTracked || k.tensor.isTracked || v.tensor.isTracked
    let sums = isTracked ? uninitialized([rows, heads]) : nil
    let call = AttentionCall(
      q: q, k: k, v: v, heads: heads, kvHeads: kvHeads, headDim: headDim,
      segments: segments.map {
        ck_segment(
          q_start: Int64($0.queries.lowerBound), q_count: Int64($0.queries.count),
          k_start: Int64($0.keys.lowerBound), k_count: Int64($0.keys.count), causal: $0.causal)
      })
    call.withArguments(out: out, logSums: sums) { arguments in
      withUnsafePointer(to: arguments) { ck_attention(pool.handle, $0) }
    }
    guard let sums else { return out }
    let plain = call.untracked
    return out.recorded(q.tensor, k.tensor, v.tensor) { [self] dOut in
      attentionBackward(plain, out: out, logSums: sums, dOut: dOut, to: (q.tensor, k.tensor, v.tensor))
    }
  }

  /// Gradients of q, k and v, each as wide as the tensor whose columns they are: one tensor for operands that share one.
  private func attentionBackward(
    _ call: AttentionCall, out: Tensor, logSums: Tensor, dOut: Tensor,
    to operands: (q: Tensor, k: Tensor, v: Tensor)
  ) {
    let covered = call.segments.reduce(0) { $0 + Int($1.q_count) }
    let keys = call.segments.reduce(0) { $0 + Int($1.k_count) }
    func room(_ tensor: Tensor, filled: Bool) -> Tensor {
      filled ? uninitialized(tensor.shape) : zeros(tensor.shape)
    }
    let width = call.headDim * (call.heads + 2 * call.kvHeads)
    let isFused = operands.q.raw == operands.k.raw && operands.k.raw == operands.v.raw
    let dq = room(
      operands.q,
      filled: covered == operands.q.shape.rows && (!isFused || keys == covered)
        && operands.q.shape.last == (isFused ? width : call.heads * call.headDim))
    let isFilled = keys == operands.k.shape.rows && operands.k.shape.last == call.kvHeads * call.headDim
    let dk = isFused ? dq : room(operands.k, filled: isFilled)
    let dv = isFused ? dq : room(operands.v, filled: isFilled)
    call.withArguments(out: out, logSums: logSums) { forward in
      var arguments = ck_attention_backward_args()
      arguments.forward = forward
      arguments.dout = UnsafePointer(dOut.floats)
      arguments.dout_stride = Int64(dOut.shape.last)
      arguments.dq = dq.floats + call.q.column
      arguments.dk = dk.floats + call.k.column
      arguments.dv = dv.floats + call.v.column
      arguments.dq_stride = Int64(dq.shape.last)
      arguments.dkv_stride = Int64(dk.shape.last)
      withExtendedLifetime((dOut, dq, dk, dv)) {
        withUnsafePointer(to: arguments) { ck_attention_backward(pool.handle, $0) }
      }
    }
    operands.q.addGradient(on: self) { sum($0, plus: dq) }
    if !isFused {
      operands.k.addGradient(on: self) { sum($0, plus: dk) }
      operands.v.addGradient(on: self) { sum($0, plus: dv) }
    }
  }
}

/// One call of the attention kernels.
private struct AttentionCall {
  var q, k, v: HeadColumns
  let heads, kvHeads, headDim: Int
  let segments: [ck_segment]

  /// The same without what the operands came from.
  var untracked: AttentionCall {
    var copy = self
    copy.q.tensor = q.tensor.untracked
    copy.k.tensor = k.tensor.untracked
    copy.v.tensor = v.tensor.untracked
    return copy
  }

  /// The kernels' form of the call, valid inside `body`.
  func withArguments(out: Tensor, logSums: Tensor?, _ body: (ck_attention_args) -> Void) {
    segments.withUnsafeBufferPointer { segments in
      var arguments = ck_attention_args()
      arguments.q = UnsafePointer(q.start)
      arguments.k = UnsafePointer(k.start)
      arguments.v = UnsafePointer(v.start)
      arguments.out = out.floats
      arguments.lse = logSums?.floats
      arguments.q_stride = q.stride
      arguments.kv_stride = k.stride
      arguments.out_stride = Int64(heads * headDim)
      arguments.heads = Int64(heads)
      arguments.kv_heads = Int64(kvHeads)
      arguments.head_dim = Int64(headDim)
      arguments.scale = 1 / Float(headDim).squareRoot()
      arguments.segments = segments.baseAddress
      arguments.segment_count = Int64(segments.count)
      withExtendedLifetime((self, out, logSums)) { body(arguments) }
    }
  }
}
