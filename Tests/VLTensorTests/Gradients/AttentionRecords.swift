import VLTensor

extension OperationRecord {
  /// A shape of attention.
  struct Attention {
    var heads, kvHeads, headDim: Int
    /// Queries of each segment.
    var cuts: [Int]
    var causal = true
    /// q, k and v are columns of one tensor.
    var fused = false
    /// Keys of each segment that come before its queries.
    var earlier = 0
    /// Rows at the end that lie in no segment.
    var uncovered = 0
  }

  /// q, k and v in three tensors or in one.
  static func attention(_ a: Attention) -> OperationRecord {
    var segments: [AttentionSegment] = []
    var (row, key) = (0, 0)
    for cut in a.cuts {
      segments.append(
        AttentionSegment(queries: row..<row + cut, keys: key..<key + cut + a.earlier, causal: a.causal))
      (row, key) = (row + cut, key + cut + a.earlier)
    }
    let (rows, keys) = (row + a.uncovered, key + a.uncovered)
    let (width, kvWidth) = (a.heads * a.headDim, a.kvHeads * a.headDim)
    let all = segments
    let fusedWidth = width + 2 * kvWidth
    let kinds = "\(a.causal ? "causal" : "full")\(a.fused ? ", fused" : "")"
    let most = a.cuts.max() ?? 1
    // Chains: a score over d, its exponential, sums over the keys or over the queries of a group.
    let roundings = 3 * a.headDim + (most + a.earlier) * (1 + a.heads / a.kvHeads) + 60
    let covered = row * width
    return OperationRecord(
      "attention \(a.heads)/\(a.kvHeads) of \(a.headDim), \(a.cuts) + \(a.earlier), \(kinds)",
      a.fused ? [[rows, fusedWidth]] : [[rows, width], [keys, kvWidth], [keys, kvWidth]],
      amplitudes: a.fused ? [2] : [2, 2, 1], roundings: roundings,
      multiplyAdds: segments.reduce(0) {
        $0 + 2 * $1.queries.count * $1.keys.count * width / (a.causal ? 2 : 1)
      },
      backwardFactor: 2.5,
      apply: { compute, x in
        let y = compute.attention(
          q: HeadColumns(x[0]), k: a.fused ? HeadColumns(x[0], column: width) : HeadColumns(x[1]),
          v: a.fused ? HeadColumns(x[0], column: width + kvWidth) : HeadColumns(x[2]), heads: a.heads,
          kvHeads: a.kvHeads, headDim: a.headDim, segments: all)
        // Rows outside the segments are not set: they are cut off, as whoever has them must.
        return a.uncovered == 0 ? y : compute.gatherRows(y, Array(0..<rows - a.uncovered))
      },
      reference: { x in
        let q = Reference.Heads(elements: x[0], width: a.fused ? fusedWidth : width)
        let k =
          a.fused
          ? Reference.Heads(elements: x[0], width: fusedWidth, column: width)
          : Reference.Heads(elements: x[1], width: kvWidth)
        let v =
          a.fused
          ? Reference.Heads(elements: x[0], width: fusedWidth, column: width + kvWidth)
          : Reference.Heads(elements: x[2], width: kvWidth)
        return Array(
          Reference.attention(
            q, k, v, heads: a.heads, kvHeads: a.kvHeads, headDim: a.headDim, segments: all)[..<covered])
      })
  }
}
