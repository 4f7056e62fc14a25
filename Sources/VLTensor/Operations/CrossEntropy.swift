internal import CKernels

extension Compute {
  /// Bytes of scores that are kept from the forward to the backward pass of a loss; more are computed again.
  static let keptScoreBytes = 256 << 20
  /// Bytes of scores in work at once.
  static let scoreChunkBytes = 64 << 20

  /// The sum of cross-entropies −log softmax(x · weightᵀ)[target] of rows: the head and the loss in one, so that scores
  /// of all rows at once are never needed.
  /// - Parameters:
  ///   - x: `[rows, H]`
  ///   - weight: `[V, H]`, the head.
  ///   - targets: per row an id in 0..<V.
  /// - Returns: `[1]`
  public func crossEntropy(_ x: Tensor, head weight: Tensor, targets: [Int]) -> Tensor {
    let rows = x.shape.rows
    let vocabulary = weight.shape[0]
    precondition(
      targets.count == rows && targets.allSatisfy { (0..<vocabulary).contains($0) },
      "crossEntropy: \(targets.count) targets for \(x.shape) and \(weight.shape)")
    let isTracked = x.isTracked || weight.isTracked
    let chunk = max(1, Self.scoreChunkBytes / (4 * vocabulary))
    let ranges = stride(from: 0, to: rows, by: chunk).map { $0..<min(rows, $0 + chunk) }
    let isKept = isTracked && rows * vocabulary * 4 <= Self.keptScoreBytes
    let plainX = x.untracked
    let plainWeight = weight.untracked
    var kept: [Tensor] = []
    var total = 0.0
    for range in ranges {
      let (scores, losses) = lossGradients(plainX[rows: range], plainWeight, targets[range], scale: 1)
      for loss in losses { total += Double(loss) }
      if isKept { kept.append(scores) }
    }
    let result = tensor([Float(total)], [1])
    return result.recorded(x, weight) { [self] dy in
      let seed = dy.array()[0]
      let dx = x.isTracked ? uninitialized(x.shape) : nil
      for (index, range) in ranges.enumerated() {
        let scores =
          isKept
          ? scale(kept[index], by: seed)
          : lossGradients(plainX[rows: range], plainWeight, targets[range], scale: seed).scores
        let (m, h) = (Int64(range.count), Int64(x.shape.last))
        if let dx {
          withExtendedLifetime((scores, dx)) {
            ck_matmul_nn(
              pool.handle, scores.floats, plainWeight.raw, plainWeight.dtype.kernel, dx[rows: range].floats,
              m,
              Int64(vocabulary), h, Int64(vocabulary), h, h, false)
          }
        }
        weight.addGradient(on: self) { old in
          let dw = old ?? uninitialized(weight.shape)
          withExtendedLifetime((scores, dw)) {
            ck_matmul_tn(
              pool.handle, scores.floats, plainX[rows: range].floats, dw.floats, Int64(vocabulary), m, h,
              Int64(vocabulary), h, h, old != nil)
          }
          return dw
        }
      }
      kept = []
      if let dx { x.addGradient(on: self) { sum($0, plus: dx) } }
    }
  }

  /// Per row the loss, and the gradients of its scores times `scale`.
  private func lossGradients(_ x: Tensor, _ weight: Tensor, _ targets: ArraySlice<Int>, scale: Float) -> (
    scores: Tensor, losses: [Float]
  ) {
    let scores = linear(x, weight)
    let ids = targets.map(Int64.init)
    let losses = [Float](unsafeUninitializedCapacity: ids.count) { buffer, initialized in
      if let base = buffer.baseAddress {
        withExtendedLifetime(scores) {
          ck_cross_entropy(
            pool.handle, scores.floats, ids, scale, base, Int64(ids.count), Int64(weight.shape[0]))
        }
      }
      initialized = ids.count
    }
    return (scores, losses)
  }
}
