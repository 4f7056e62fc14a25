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
    return y
  }

  /// `x` with the rows `range` replaced by `rows`; in place, for a tensor nobody else reads yet.
  public func replaceRows(_ range: Range<Int>, of x: Tensor, with rows: Tensor) {
    precondition(
      rows.shape.rows == range.count && rows.shape.last == x.shape.last && range.upperBound <= x.shape.rows,
      "replaceRows: \(rows.shape) at \(range) of \(x.shape)")
    withExtendedLifetime((x, rows)) {
      _ = memcpy(x[rows: range].raw, rows.raw, rows.byteCount)
    }
  }
}
