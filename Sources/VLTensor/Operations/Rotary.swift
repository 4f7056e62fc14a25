internal import CKernels
internal import Glibc

/// The cosines and sines that rotate each row: `[rows, headDim / 2]` each.
public struct RotaryTable: Sendable {
  /// cos of each row's angles.
  public let cos: Tensor
  /// sin of each row's angles.
  public let sin: Tensor

  /// A table from its two halves.
  public init(cos: Tensor, sin: Tensor) {
    self.cos = cos
    self.sin = sin
  }
}

/// The inverse frequencies 1 / base^(2i/dim) of rotary embedding, i in 0..<dim/2, with the roundings of the
/// reference: the power and the quotient are each rounded to float32.
public func rotaryFrequencies(dim: Int, base: Double) -> [Float] {
  (0..<dim / 2).map { i in
    let exponent = Float(2 * i) / Float(dim)
    return 1 / Float(pow(base, Double(exponent)))
  }
}

extension Compute {
  /// Cosines and sines for rows of positions.
  ///
  /// The angle is the float32 product position · frequency, as in the reference; its cosine is the correctly rounded
  /// one.
  /// - Parameters:
  ///   - positions: per axis one position per row: `positions[axis][row]`.
  ///   - axes: per frequency column, which axis it reads.
  ///   - frequencies: per column the inverse frequency.
  /// - Returns: a row per position, a column per frequency.
  public func rotaryTable(positions: [[Int]], axes: [Int], frequencies: [Float]) -> RotaryTable {
    precondition(
      axes.count == frequencies.count, "rotaryTable: \(axes.count) axes, \(frequencies.count) frequencies")
    let rows = positions[0].count
    let columns = frequencies.count
    let table = RotaryTable(cos: uninitialized([rows, columns]), sin: uninitialized([rows, columns]))
    let chunk = 64
    let body: @Sendable (Int) -> Void = { part in
      let cosines = table.cos.floats
      let sines = table.sin.floats
      for row in part * chunk..<min(rows, (part + 1) * chunk) {
        for column in 0..<columns {
          let angle = Double(Float(positions[axes[column]][row]) * frequencies[column])
          cosines[row * columns + column] = Float(Glibc.cos(angle))
          sines[row * columns + column] = Float(Glibc.sin(angle))
        }
      }
    }
    let parts = (rows + chunk - 1) / chunk
    if parts == 1 { body(0) } else { pool.parallelFor(parts, body) }
    return table
  }

  /// Rotates halves: for each row and each of the first `heads` heads, (a, b) → (a·cos − b·sin, b·cos + a·sin), where
  /// a and b are the two halves of the head.
  /// - Parameters:
  ///   - x: `[rows, width]`; consumed, and changed in place (no operation keeps what it handed out as a linear map's
  ///     result, so this holds while recording too).
  ///   - heads: how many heads of each row to rotate.
  ///   - headDim: columns of a head, even.
  ///   - table: `headDim / 2` columns, a row per row of `x`.
  /// - Returns: `x`, rotated.
  public func rotary(_ x: consuming Tensor, heads: Int, headDim: Int, table: RotaryTable) -> Tensor {
    let rows = x.shape.rows
    precondition(
      table.cos.shape == [rows, headDim / 2] && heads * headDim <= x.shape.last,
      "rotary: \(heads) heads of \(headDim) in \(x.shape), table \(table.cos.shape)")
    rotate(x, heads: heads, headDim: headDim, cos: table.cos, sin: table.sin)
    let source = x.node
    return x.untracked.recordedInPlace(x) { [self] dy, isOwned in
      // The inverse of a rotation turns the other way.
      let dx = isOwned ? dy : copy(dy)
      rotate(dx, heads: heads, headDim: headDim, cos: table.cos, sin: scale(table.sin, by: -1))
      source?.accumulate(self) { sum($0, plus: dx) }
    }
  }

  private func rotate(_ x: Tensor, heads: Int, headDim: Int, cos: Tensor, sin: Tensor) {
    withExtendedLifetime((x, cos, sin)) {
      ck_rotary(
        pool.handle, x.floats, Int64(x.shape.rows), Int64(x.shape.last), Int64(heads), Int64(headDim),
        cos.floats, sin.floats)
    }
  }
}
