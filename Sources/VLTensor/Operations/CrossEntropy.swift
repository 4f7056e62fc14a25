internal import CKernels

/// How much memory the scores of a loss may take. The choice does not show in the results, but for the order in which
/// the rows of different chunks are added up in the head's gradient.
public struct ScoreMemory: Sendable {
  /// Bytes of scores in work at once, at least one row's.
  public var chunkBytes: Int
  /// Bytes of scores that are kept from the forward to the backward pass; more are computed again.
  public var keptBytes: Int

  /// A choice; 64 and 256 MiB by default.
  public init(chunkBytes: Int = 64 << 20, keptBytes: Int = 256 << 20) {
    self.chunkBytes = chunkBytes
    self.keptBytes = keptBytes
  }
}

extension Compute {
  /// The sum of cross-entropies −log softmax(x · weightᵀ)[target] of rows: the head and the loss in one, so that scores
  /// of all rows at once are never needed.
  /// - Parameters:
  ///   - x: `[rows, H]`
  ///   - weight: `[V, H]`, the head.
  ///   - targets: per row an id in 0..<V.
  ///   - memory: what the scores may take.
  /// - Returns: `[1]`
  public func crossEntropy(
    _ x: Tensor, head weight: Tensor, targets: [Int], memory: ScoreMemory = ScoreMemory()
  ) -> Tensor {
    let rows = x.shape.rows
    let vocabulary = weight.shape[0]
    precondition(
      targets.count == rows && targets.allSatisfy { (0..<vocabulary).contains($0) },
      "crossEntropy: \(targets.count) targets for \(x.shape) and \(weight.shape)")
    let isTracked = x.isTracked || weight.isTracked
    let chunk = max(1, memory.chunkBytes / (4 * vocabulary))
    let ranges = stride(from: 0, to: rows, by: chunk).map { $0..<min(rows, $0 + chunk) }
    let isKept = isTracked && rows * vocabulary * 4 <= memory.keptBytes
    let plainX = x.untracked
    let plainWeight = weight.untracked
    var kept: [Tensor] = []
    var total = 0.0
    for range in ranges {
      let (scores, losses) = lossGradients(plainX[rows: range], plainWeight, targets[range])
      for loss in losses { total += Double(loss) }
      if isKept { kept.append(scores) }
    }
    let result = tensor([Float(total)], [1])
    return result.recorded(x, weight) { [self] dy in
      let seed = dy.array()[0]
      let dx = x.isTracked ? uninitialized(x.shape) : nil
      for (index, range) in ranges.enumerated() {
        let unscaled =
          isKept ? kept[index] : lossGradients(plainX[rows: range], plainWeight, targets[range]).scores
        // Nobody else reads them: in place. Kept or not, it is the same product of the same two roundings.
        withExtendedLifetime(unscaled) {
          ck_scale(pool.handle, seed, unscaled.floats, unscaled.floats, Int64(unscaled.count))
        }
        let scores = unscaled
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

  /// Per row the loss, and the gradients of its scores.
  private func lossGradients(_ x: Tensor, _ weight: Tensor, _ targets: ArraySlice<Int>) -> (
    scores: Tensor, losses: [Float]
  ) {
    let scores = linear(x, weight)
    let ids = targets.map(Int64.init)
    let losses = [Float](unsafeUninitializedCapacity: ids.count) { buffer, initialized in
      if let base = buffer.baseAddress {
        withExtendedLifetime(scores) {
          ck_cross_entropy(
            pool.handle, scores.floats, ids, 1, base, Int64(ids.count), Int64(weight.shape[0]))
        }
      }
      initialized = ids.count
    }
    return (scores, losses)
  }
}
