internal import CKernels
internal import Glibc

extension Compute {
  /// Rows `ids` of a table `[rows, n]` as float32 `[ids, n]`. Every id must be a row.
  public func embedding(_ ids: [Int], table: Tensor) -> Tensor {
    precondition(
      ids.allSatisfy { $0 >= 0 && $0 < table.shape[0] },
      "embedding: an id lies outside the table \(table.shape)")
    let y = uninitialized([ids.count, table.shape[1]])
    let wide = ids.map(Int64.init)
    withExtendedLifetime(table) {
      ck_embedding(
        pool.handle, table.raw, table.dtype.kernel, wide, Int64(ids.count), Int64(table.shape[1]), y.floats)
    }
    let source = table.node
    let shape = table.shape
    return y.recorded(table) { [self] dy in
      // Equal ids side by side, each in the order of its places: the order of the sum.
      let order = wide.indices.sorted { (wide[$0], $0) < (wide[$1], $1) }.map(Int64.init)
      source?.accumulate(self) { old in
        let gradient = old ?? zeros(shape)
        withExtendedLifetime((dy, gradient)) {
          ck_embedding_backward(
            pool.handle, dy.floats, wide, order, Int64(wide.count), Int64(shape[1]), gradient.floats)
        }
        return gradient
      }
    }
  }

  /// Rows `places` of `x [rows, n]`, in that order: `[places, n]`.
  public func gatherRows(_ x: Tensor, _ places: [Int]) -> Tensor { embedding(places, table: x) }

  /// `x [T, n]` with the rows of `ranges`, taken together, replaced by `rows [M, n]`: the splice of visual tokens into
  /// a text's embeddings. A new tensor.
  /// - Parameters:
  ///   - rows: `[M, n]`.
  ///   - x: `[T, n]`.
  ///   - ranges: ascending, not overlapping; M places in all.
  /// - Returns: `[T, n]`.
  public func splice(_ rows: Tensor, into x: Tensor, at ranges: [Range<Int>]) -> Tensor {
    precondition(
      ranges.reduce(0) { $0 + $1.count } == rows.shape[0] && rows.shape.last == x.shape.last
        && (ranges.last?.upperBound ?? 0) <= x.shape[0],
      "splice: \(rows.shape) at \(ranges) of \(x.shape)")
    let y = copy(x)
    var next = 0
    for range in ranges {
      replaceRows(range, of: y, with: rows[rows: next..<next + range.count])
      next += range.count
    }
    let (inner, outer) = (rows.node, x.node)
    let shape = rows.shape
    return y.recorded(rows, x) { [self] dy in
      var start = 0
      let dRows = uninitialized(shape)
      let dx = copy(dy)
      for range in ranges {
        replaceRows(start..<start + range.count, of: dRows, with: dy[rows: range])
        let hidden = dx[rows: range]
        withExtendedLifetime(dx) { _ = memset(hidden.raw, 0, hidden.byteCount) }
        start += range.count
      }
      inner?.accumulate(self) { sum($0, plus: dRows) }
      outer?.accumulate(self) { sum($0, plus: dx) }
    }
  }

  /// `x` with the rows `range` replaced by `rows`; in place, for a tensor nobody else reads yet; not
  /// recorded (``splice(_:into:at:)`` is).
  public func replaceRows(_ range: Range<Int>, of x: Tensor, with rows: Tensor) {
    precondition(
      rows.shape.rows == range.count && rows.shape.last == x.shape.last && range.upperBound <= x.shape.rows,
      "replaceRows: \(rows.shape) at \(range) of \(x.shape)")
    withExtendedLifetime((x, rows)) {
      _ = memcpy(x[rows: range].raw, rows.raw, rows.byteCount)
    }
  }
}
