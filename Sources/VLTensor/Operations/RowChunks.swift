internal import Glibc

extension Compute {
  /// How many rows ``inRowChunks(_:_:)`` hands on at once: enough for the products to run at full speed, few enough
  /// that a wide hidden layer of a very long sequence stays within a few hundred megabytes.
  public static let chunkRows = 4096

  /// Applies a row-wise function to `x [rows, n]` in chunks of rows, to bound the memory of what lies between.
  ///
  /// Since a row's result never depends on the other rows, the cut does not show in the result.
  public func inRowChunks(_ x: Tensor, _ body: (Tensor) -> Tensor) -> Tensor {
    let rows = x.shape[0]
    guard rows > Self.chunkRows && !x.isTracked else { return body(x) }
    var result: Tensor?
    for start in stride(from: 0, to: rows, by: Self.chunkRows) {
      let range = start..<min(rows, start + Self.chunkRows)
      let part = body(x[rows: range])
      // What lies between is kept for the backward pass anyway: no chunks then.
      if part.isTracked { return body(x) }
      let whole = result ?? uninitialized([rows, part.shape.last])
      replaceRows(range, of: whole, with: part)
      result = whole
    }
    return result ?? x
  }
}
