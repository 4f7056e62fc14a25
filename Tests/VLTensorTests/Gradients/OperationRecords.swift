import Glibc
import VLTensor

// The list of operations. A maker per operation, so that the same record exists at sizes that are quick to check
// (odd ones, around the widths of registers and tiles), at sizes that are spread over threads, and at those of a
// training step.

extension OperationRecord {
  /// Small and odd: values and gradients are compared with Float64.
  static let small: [OperationRecord] =
    linears([(1, 1, 1), (3, 5, 7), (15, 33, 18), (33, 17, 40)])
    + [.frozenLinear(9, 19, 35), .linearGroup(7, 11, 13), .twice(6, 10)]
    + norms([(1, 1), (3, 7), (5, 33), (19, 48)]) + [.rotary(rows: 5, heads: 3, headDim: 6, width: 23)]
    + [.rotary(rows: 9, heads: 2, headDim: 20, width: 40)]
    + elements([1, 15, 67]) + attentions + lookups
    + losses([(1, 3, 2), (7, 5, 11), (20, 18, 37)])
    + [.lossInChunks(21, 9, 35, kept: true), .lossInChunks(21, 9, 35, kept: false)]
    + [.recomputedBlock(7, 12), .recomputedTwice(5, 9)]

  /// Large enough that the work is cut: over threads, over blocks of 512, over key tiles.
  static let wide: [OperationRecord] =
    linears([(150, 129, 260), (5, 70, 1100), (1100, 40, 33)])
    + [.frozenLinear(100, 90, 600), .linearGroup(100, 96, 64), .twice(90, 64)]
    + norms([(600, 100), (1100, 40)]) + [.rotary(rows: 120, heads: 6, headDim: 32, width: 400)]
    + elements([40_001]) + [.attention(.init(heads: 6, kvHeads: 2, headDim: 32, cuts: [150, 40]))]
    + [.attention(.init(heads: 2, kvHeads: 2, headDim: 80, cuts: [130], causal: false, fused: true))]
    + [.lookup(rows: 60, width: 40, places: 900), .splice(rows: 70, width: 500)]
    + losses([(90, 40, 420)])
    + [.lossInChunks(90, 40, 420, kept: true), .lossInChunks(90, 40, 420, kept: false)]
    + [.recomputedBlock(130, 64)]

  /// The shapes of one step of a small model (`vlm bench train`): 8 pictures of 256 patches, 8 × 130 tokens.
  static let timed: [OperationRecord] = [
    .linear(2048, 192, 1176, activation: .none), .layerNorm(2048, 192),
    .linear(2048, 576, 192, activation: .none),
    .rotary(rows: 2048, heads: 12, headDim: 32, width: 576),
    .attention(
      .init(
        heads: 6, kvHeads: 6, headDim: 32, cuts: [Int](repeating: 256, count: 8), causal: false, fused: true)),
    .linear(2048, 192, 192, activation: .none), .linear(2048, 768, 192, activation: .quickGELU),
    .linear(2048, 192, 768, activation: .none), .linear(512, 768, 768, activation: .gelu),
    .lookup(rows: 4096, width: 256, places: 1040), .rmsNorm(1040, 256),
    .linear(1040, 256, 256, activation: .none),
    .linear(1040, 128, 256, activation: .none),
    .attention(.init(heads: 4, kvHeads: 2, headDim: 64, cuts: [Int](repeating: 130, count: 8))),
    .linearGroup(1040, 1024, 256), .siluProduct(1040 * 1024), .linear(1040, 256, 1024, activation: .none),
    .crossEntropy(512, 256, 4096),
  ]

  private static func linears(_ sizes: [(m: Int, n: Int, k: Int)]) -> [OperationRecord] {
    sizes.flatMap { m, n, k in
      [Activation.none, .quickGELU, .gelu].map { .linear(m, n, k, activation: $0) }
    }
  }
  private static func norms(_ sizes: [(rows: Int, width: Int)]) -> [OperationRecord] {
    sizes.flatMap { [.layerNorm($0.rows, $0.width), .rmsNorm($0.rows, $0.width)] }
  }
  private static func elements(_ sizes: [Int]) -> [OperationRecord] {
    sizes.flatMap { count in
      [.add(count), .scale(count), .siluProduct(count)]
        + [Activation.none, .quickGELU, .gelu].map { .activation(count, $0) }
    }
  }
  private static let attentions: [OperationRecord] = [
    .init(heads: 1, kvHeads: 1, headDim: 1, cuts: [1]),
    .init(heads: 2, kvHeads: 1, headDim: 8, cuts: [3, 1, 5]),
    .init(heads: 4, kvHeads: 2, headDim: 20, cuts: [13, 8]),
    .init(heads: 2, kvHeads: 2, headDim: 80, cuts: [9], causal: false),
    .init(heads: 3, kvHeads: 3, headDim: 20, cuts: [6, 7], causal: false, fused: true),
    .init(heads: 3, kvHeads: 1, headDim: 9, cuts: [70]),
    .init(heads: 1, kvHeads: 1, headDim: 17, cuts: [66], causal: false),
    .init(heads: 2, kvHeads: 1, headDim: 40, cuts: [4], earlier: 67),
    .init(heads: 2, kvHeads: 1, headDim: 6, cuts: [3], earlier: 2, uncovered: 2),
    .init(heads: 2, kvHeads: 2, headDim: 6, cuts: [3, 4], fused: true, uncovered: 2),
  ].map { .attention($0) }
  private static let lookups: [OperationRecord] = [
    .lookup(rows: 1, width: 1, places: 3), .lookup(rows: 7, width: 19, places: 24),
    .splice(rows: 5, width: 3), .splice(rows: 11, width: 17), .tied(rows: 13, width: 6, places: 9),
  ]
  private static func losses(_ sizes: [(rows: Int, width: Int, vocabulary: Int)]) -> [OperationRecord] {
    sizes.map { .crossEntropy($0.rows, $0.width, $0.vocabulary) }
  }
}

// MARK: Products

extension OperationRecord {
  /// Everything that a linear map can have: input, weight, bias, activation, residual.
  static func linear(_ m: Int, _ n: Int, _ k: Int, activation: Activation) -> OperationRecord {
    OperationRecord(
      "linear [\(m), \(k)] → \(n), \(activation)", [[m, k], [n, k], [n], [m, n]],
      roundings: max(m, n, k) + 20, multiplyAdds: m * n * k,
      apply: { $0.linear($1[0], $1[1], bias: $1[2], activation: activation, residual: $1[3]) },
      reference: {
        sum(Reference.activation(Reference.linear($0[0], $0[1], bias: $0[2], k: k), activation), $0[3])
      })
  }

  /// A weight that does not learn, in bfloat16.
  static func frozenLinear(_ m: Int, _ n: Int, _ k: Int) -> OperationRecord {
    let weight = narrow(randomFloats(n * k, seed: 55), [n, k], .bfloat16)
    let wide = weight.array().map(Double.init)
    return OperationRecord(
      "frozen bfloat16 linear [\(m), \(k)] → \(n)", [[m, k], [n]], roundings: max(n, k) + 4,
      multiplyAdds: m * n * k, apply: { $0.linear($1[0], weight, bias: $1[1]) },
      reference: { Reference.linear($0[0], wide, bias: $0[1], k: k) })
  }

  /// Two maps of one input, whose gradients meet.
  static func linearGroup(_ m: Int, _ n: Int, _ k: Int) -> OperationRecord {
    OperationRecord(
      "linear group [\(m), \(k)] → 2 × \(n)", [[m, k], [n, k], [n, k], [n]],
      roundings: 2 * max(m, n, k) + 20, multiplyAdds: 2 * m * n * k,
      apply: {
        let both = $0.linear($1[0], [LinearMap($1[1]), LinearMap($1[2], bias: $1[3])])
        return $0.siluProduct(gate: both[0], up: both[1])
      },
      reference: {
        let gate = Reference.linear($0[0], $0[1], k: k)
        let up = Reference.linear($0[0], $0[2], bias: $0[3], k: k)
        return zip(gate, up).map { $0 * Reference.sigmoid($0) * $1 }
      })
  }

  /// One tensor read four times: by a norm, as a residual, twice by one sum.
  static func twice(_ m: Int, _ n: Int) -> OperationRecord {
    OperationRecord(
      "used several times [\(m), \(n)]", [[m, n], [n, n], [n]], roundings: 4 * n + m + 40,
      apply: { compute, x in
        let normed = compute.rmsNorm(x[0], weight: x[2], epsilon: 1e-3)
        let y = compute.linear(normed.reshaped([m, n]), x[1], residual: x[0])
        return compute.add(compute.add(y, y), x[0])
      },
      reference: { x in
        let normed = Reference.rmsNorm(x[0], x[2], epsilon: Double(Float(1e-3)))
        let y = sum(Reference.linear(normed, x[1], k: n), x[0])
        return sum(sum(y, y), x[0])
      })
  }
}

// MARK: Rows and elements

extension OperationRecord {
  static func layerNorm(_ rows: Int, _ width: Int) -> OperationRecord {
    OperationRecord(
      "layerNorm [\(rows), \(width)]", [[rows, width], [width], [width]], amplitudes: [3, 1, 1],
      roundings: 3 * width / 16 + min(rows, 512) + rows / 512 + 30,
      apply: { $0.layerNorm($1[0], weight: $1[1], bias: $1[2], epsilon: 0.01) },
      reference: { Reference.layerNorm($0[0], $0[1], $0[2], epsilon: Double(Float(0.01))) })
  }

  static func rmsNorm(_ rows: Int, _ width: Int) -> OperationRecord {
    OperationRecord(
      "rmsNorm [\(rows), \(width)]", [[rows, width], [width]], amplitudes: [3, 1],
      roundings: 3 * width / 16 + min(rows, 512) + rows / 512 + 30,
      apply: { $0.rmsNorm($1[0], weight: $1[1], epsilon: 0.01) },
      reference: { Reference.rmsNorm($0[0], $0[1], epsilon: Double(Float(0.01))) })
  }

  /// Rotary turns what it is given in place, so a copy goes in.
  static func rotary(rows: Int, heads: Int, headDim: Int, width: Int) -> OperationRecord {
    let half = headDim / 2
    let angles = randomFloats(rows * half, seed: 56).map { Double($0 * 4) }
    let (cos, sin) = (angles.map { Float(Glibc.cos($0)) }, angles.map { Float(Glibc.sin($0)) })
    return OperationRecord(
      "rotary \(heads) heads of \(headDim) in [\(rows), \(width)]", [[rows, width]], roundings: 4,
      apply: { compute, x in
        let table = RotaryTable(
          cos: compute.tensor(cos, [rows, half]), sin: compute.tensor(sin, [rows, half]))
        return compute.rotary(compute.scale(x[0], by: 1), heads: heads, headDim: headDim, table: table)
      },
      reference: {
        Reference.rotary($0[0], width: width, heads: heads, headDim: headDim, cos: cos, sin: sin)
      })
  }

  static func add(_ count: Int) -> OperationRecord {
    OperationRecord(
      "add [\(count)]", [[count], [count]], roundings: 2, apply: { $0.add($1[0], $1[1]) },
      reference: { sum($0[0], $0[1]) })
  }

  static func scale(_ count: Int) -> OperationRecord {
    OperationRecord(
      "scale [\(count)]", [[count]], roundings: 2, apply: { $0.scale($1[0], by: -0.37) },
      reference: { $0[0].map { $0 * Double(Float(-0.37)) } })
  }

  static func siluProduct(_ count: Int) -> OperationRecord {
    OperationRecord(
      "siluProduct [\(count)]", [[count], [count]], amplitudes: [8, 2], roundings: 12,
      apply: { $0.siluProduct(gate: $1[0], up: $1[1]) },
      reference: { zip($0[0], $0[1]).map { $0 * Reference.sigmoid($0) * $1 } })
  }

  static func activation(_ count: Int, _ activation: Activation) -> OperationRecord {
    OperationRecord(
      "activation \(activation) [\(count)]", [[count]], amplitudes: [6], roundings: 12,
      apply: { $0.activation($1[0], activation) },
      reference: { Reference.activation($0[0], activation) })
  }
}

// MARK: Lookups and the loss

extension OperationRecord {
  /// Ids that repeat, some never.
  private static func ids(_ count: Int, below bound: Int) -> [Int] {
    (0..<count).map { ($0 * $0 * 7 + 3 * $0) % max(1, bound - 1) }
  }

  static func lookup(rows: Int, width: Int, places: Int) -> OperationRecord {
    let ids = ids(places, below: rows)
    return OperationRecord(
      "embedding \(places) of [\(rows), \(width)]", [[rows, width]], roundings: places + 1,
      apply: { $0.embedding(ids, table: $1[0]) }, reference: { Reference.rows($0[0], ids, width: width) })
  }

  /// A table that embeds and scores.
  static func tied(rows: Int, width: Int, places: Int) -> OperationRecord {
    let ids = ids(places, below: rows)
    let targets = ids.map { rows - 1 - $0 }
    return OperationRecord(
      "tied head, \(places) of [\(rows), \(width)]", [[rows, width]], amplitudes: [2],
      roundings: places + rows + width + 30,
      apply: { compute, x in
        compute.crossEntropy(
          compute.gatherRows(compute.embedding(ids, table: x[0]), [2, 0, 5]), head: x[0],
          targets: [2, 0, 5].map { targets[$0] })
      },
      reference: { x in
        let chosen = Reference.rows(Reference.rows(x[0], ids, width: width), [2, 0, 5], width: width)
        return Reference.crossEntropy(chosen, x[0], targets: [2, 0, 5].map { targets[$0] }, width: width)
      })
  }

  /// Two runs of rows, put into the middle and the end.
  static func splice(rows: Int, width: Int) -> OperationRecord {
    let ranges = [1..<2, rows - 2..<rows]
    return OperationRecord(
      "splice 3 into [\(rows), \(width)]", [[3, width], [rows, width]], roundings: 2,
      apply: { $0.splice($1[0], into: $1[1], at: ranges) },
      reference: { x in
        var y = x[1]
        for (from, to) in [1, rows - 2, rows - 1].enumerated() {
          for i in 0..<width { y[to * width + i] = x[0][from * width + i] }
        }
        return y
      })
  }

  static func crossEntropy(_ rows: Int, _ width: Int, _ vocabulary: Int) -> OperationRecord {
    loss("crossEntropy", rows, width, vocabulary) { compute, x, targets in
      compute.crossEntropy(x[0], head: x[1], targets: targets)
    }
  }

  /// Scores in chunks of five rows, kept or computed again.
  static func lossInChunks(_ rows: Int, _ width: Int, _ vocabulary: Int, kept: Bool) -> OperationRecord {
    let memory = ScoreMemory(chunkBytes: 5 * 4 * vocabulary, keptBytes: kept ? 1 << 30 : 0)
    return loss("crossEntropy in chunks, \(kept ? "kept" : "computed again")", rows, width, vocabulary) {
      compute, x, targets in
      compute.crossEntropy(x[0], head: x[1], targets: targets, memory: memory)
    }
  }

  private static func loss(
    _ name: String, _ rows: Int, _ width: Int, _ vocabulary: Int,
    _ apply: @escaping @Sendable (Compute, [Tensor], [Int]) -> Tensor
  ) -> OperationRecord {
    let targets = (0..<rows).map { ($0 * 5 + 1) % vocabulary }
    return OperationRecord(
      "\(name) [\(rows), \(width)] · [\(vocabulary), \(width)]", [[rows, width], [vocabulary, width]],
      amplitudes: [2, 2], roundings: 2 * width + vocabulary / 16 + max(vocabulary, rows) + 30,
      multiplyAdds: rows * width * vocabulary, apply: { apply($0, $1, targets) },
      reference: { Reference.crossEntropy($0[0], $0[1], targets: targets, width: width) })
  }
}

// MARK: Checkpointing

extension OperationRecord {
  /// A part that is computed again; its input is read once more outside.
  static func recomputedBlock(_ rows: Int, _ width: Int) -> OperationRecord {
    OperationRecord(
      "recomputed [\(rows), \(width)]", [[rows, width], [width], [width, width]],
      roundings: 2 * width + rows + 60,
      apply: { compute, x in
        let y = compute.recomputed(x[0], variables: [x[1], x[2]]) { input, isRecorded in
          let w = isRecorded ? (x[1], x[2]) : (x[1].untracked, x[2].untracked)
          return compute.linear(
            compute.rmsNorm(input, weight: w.0, epsilon: 0.01), w.1, activation: .quickGELU, residual: input)
        }
        return compute.add(y, x[0])
      },
      reference: { x in
        let normed = Reference.rmsNorm(x[0], x[1], epsilon: Double(Float(0.01)))
        let inner = Reference.activation(Reference.linear(normed, x[2], k: width), .quickGELU)
        return sum(sum(inner, x[0]), x[0])
      })
  }

  /// One such part after another with the same weight, the first on an input that does not learn.
  static func recomputedTwice(_ rows: Int, _ width: Int) -> OperationRecord {
    let input = randomFloats(rows * width, seed: 57)
    return OperationRecord(
      "recomputed after recomputed [\(rows), \(width)]", [[width, width]],
      roundings: 3 * width + 2 * rows + 60,
      apply: { compute, x in
        func part(_ input: Tensor) -> Tensor {
          compute.recomputed(input, variables: [x[0]]) { input, isRecorded in
            compute.linear(input, isRecorded ? x[0] : x[0].untracked, activation: .gelu)
          }
        }
        return part(part(compute.tensor(input, [rows, width])))
      },
      reference: { x in
        let first = Reference.activation(Reference.linear(input.map(Double.init), x[0], k: width), .gelu)
        return Reference.activation(Reference.linear(first, x[0], k: width), .gelu)
      })
  }
}
