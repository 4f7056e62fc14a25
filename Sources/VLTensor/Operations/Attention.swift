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
  ///   - segments: who sees whom. Rows of q outside every segment are left unset.
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
    let kernelSegments = segments.map {
      ck_segment(
        q_start: Int64($0.queries.lowerBound), q_count: Int64($0.queries.count),
        k_start: Int64($0.keys.lowerBound), k_count: Int64($0.keys.count), causal: $0.causal)
    }
    kernelSegments.withUnsafeBufferPointer { segments in
      var arguments = ck_attention_args()
      arguments.q = UnsafePointer(q.start)
      arguments.k = UnsafePointer(k.start)
      arguments.v = UnsafePointer(v.start)
      arguments.out = out.floats
      arguments.lse = nil
      arguments.q_stride = q.stride
      arguments.kv_stride = k.stride
      arguments.out_stride = Int64(heads * headDim)
      arguments.heads = Int64(heads)
      arguments.kv_heads = Int64(kvHeads)
      arguments.head_dim = Int64(headDim)
      arguments.scale = 1 / Float(headDim).squareRoot()
      arguments.segments = segments.baseAddress
      arguments.segment_count = Int64(segments.count)
      withExtendedLifetime((q, k, v)) { ck_attention(pool.handle, &arguments) }
    }
    return out
  }
}
