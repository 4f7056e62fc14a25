import Glibc
import VLTensor

// The operations in Float64, in the plainest form: what the kernels are compared with.

enum Reference {
  static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  static func activation(_ x: [Double], _ activation: Activation) -> [Double] {
    switch activation {
    case .none: x
    case .quickGELU: x.map { $0 * sigmoid(1.702 * $0) }
    case .gelu: x.map { $0 * 0.5 * (1 + erf($0 / 2.0.squareRoot())) }
    }
  }

  /// x [m, k] · w [n, k]ᵀ + bias
  static func linear(_ x: [Double], _ w: [Double], bias: [Double]? = nil, k: Int) -> [Double] {
    let (m, n) = (x.count / k, w.count / k)
    var y = [Double](repeating: 0, count: m * n)
    for row in 0..<m {
      for column in 0..<n {
        var sum = bias?[column] ?? 0
        for i in 0..<k { sum += x[row * k + i] * w[column * k + i] }
        y[row * n + column] = sum
      }
    }
    return y
  }

  static func layerNorm(_ x: [Double], _ w: [Double], _ b: [Double], epsilon: Double) -> [Double] {
    let n = w.count
    var y = x
    for row in 0..<x.count / n {
      let range = row * n..<(row + 1) * n
      let mean = x[range].reduce(0, +) / Double(n)
      let variance = x[range].reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n)
      for i in range { y[i] = (x[i] - mean) / (variance + epsilon).squareRoot() * w[i % n] + b[i % n] }
    }
    return y
  }

  static func rmsNorm(_ x: [Double], _ w: [Double], epsilon: Double) -> [Double] {
    let n = w.count
    var y = x
    for row in 0..<x.count / n {
      let range = row * n..<(row + 1) * n
      let square = x[range].reduce(0) { $0 + $1 * $1 } / Double(n)
      for i in range { y[i] = x[i] / (square + epsilon).squareRoot() * w[i % n] }
    }
    return y
  }

  static func rotary(
    _ x: [Double], width: Int, heads: Int, headDim: Int, cos: [Float], sin: [Float]
  ) -> [Double] {
    var y = x
    let half = headDim / 2
    for row in 0..<x.count / width {
      for head in 0..<heads {
        for i in 0..<half {
          let at = row * width + head * headDim + i
          let (c, s) = (Double(cos[row * half + i]), Double(sin[row * half + i]))
          y[at] = x[at] * c - x[at + half] * s
          y[at + half] = x[at + half] * c + x[at] * s
        }
      }
    }
    return y
  }

  /// One of q, k and v: heads side by side from a column of a matrix.
  struct Heads {
    var elements: [Double]
    var width: Int
    var column = 0
    func callAsFunction(_ row: Int, _ head: Int, _ d: Int, _ headDim: Int) -> Double {
      elements[row * width + column + head * headDim + d]
    }
  }

  static func attention(
    _ q: Heads, _ k: Heads, _ v: Heads, heads: Int, kvHeads: Int, headDim: Int,
    segments: [AttentionSegment]
  ) -> [Double] {
    let rows = q.elements.count / q.width
    var out = [Double](repeating: 0, count: rows * heads * headDim)
    for segment in segments {
      for query in segment.queries {
        let seen =
          segment.causal
          ? segment.keys.count - segment.queries.count + (query - segment.queries.lowerBound) + 1
          : segment.keys.count
        for head in 0..<heads {
          let group = head / (heads / kvHeads)
          let scores = (0..<seen).map { key in
            var sum = 0.0
            for d in 0..<headDim {
              sum += q(query, head, d, headDim) * k(segment.keys.lowerBound + key, group, d, headDim)
            }
            return sum / Double(headDim).squareRoot()
          }
          let most = scores.max() ?? 0
          let powers = scores.map { exp($0 - most) }
          let total = powers.reduce(0, +)
          for (key, power) in powers.enumerated() {
            for d in 0..<headDim {
              out[(query * heads + head) * headDim + d] +=
                power / total * v(segment.keys.lowerBound + key, group, d, headDim)
            }
          }
        }
      }
    }
    return out
  }

  static func rows(_ x: [Double], _ ids: [Int], width: Int) -> [Double] {
    ids.flatMap { x[$0 * width..<($0 + 1) * width] }
  }

  /// Σ −log softmax(x · headᵀ)[target]
  static func crossEntropy(_ x: [Double], _ head: [Double], targets: [Int], width: Int) -> [Double] {
    let scores = linear(x, head, k: width)
    let vocabulary = head.count / width
    var loss = 0.0
    for (row, target) in targets.enumerated() {
      let one = scores[row * vocabulary..<(row + 1) * vocabulary]
      let most = one.max() ?? 0
      loss += log(one.reduce(0) { $0 + exp($1 - most) }) + most - one[one.startIndex + target]
    }
    return [loss]
  }
}

/// a + b
func sum(_ a: [Double], _ b: [Double]) -> [Double] { zip(a, b).map(+) }
