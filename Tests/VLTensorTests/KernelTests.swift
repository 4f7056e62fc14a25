import CKernels
import Testing
import VLTensor

/// Numbers in (−1, 1) that depend on the seed alone.
func randomFloats(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed &* 2_654_435_761 &+ 12345
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
  }
}

/// The upper halves of float32 values: bfloat16, by cutting.
private func bfloat16(_ values: [Float]) -> [UInt16] { values.map { UInt16($0.bitPattern >> 16) } }

/// A weight of any type over bytes that the test owns.
func narrow(_ values: [Float], _ shape: Shape, _ dtype: DType) -> Tensor {
  let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(4, values.count * dtype.size), alignment: 64)
  switch dtype {
  case .float32: bytes.copyMemory(from: values, byteCount: values.count * 4)
  case .bfloat16: bytes.copyMemory(from: bfloat16(values), byteCount: values.count * 2)
  case .float16: bytes.copyMemory(from: values.map { Float16($0).bitPattern }, byteCount: values.count * 2)
  }
  let storage = Storage(base: bytes, byteCount: max(4, values.count * dtype.size)) { base, _ in
    base.deallocate()
  }
  return Tensor(shape: shape, dtype: dtype, storage: storage, byteOffset: 0)
}

let instructionSets = [CK_ISA_PLAIN, CK_ISA_NEON, CK_ISA_AVX2, CK_ISA_AVX512].filter(ck_isa_available)

/// Selecting an instruction set is global, so everything that does it runs one after the other.
@Suite(.serialized) struct KernelTests {
  static let shapes: [(m: Int, n: Int, k: Int)] = [
    (1, 1, 1), (1, 33, 17), (2, 64, 512), (3, 7, 513), (5, 100, 1176), (13, 31, 70), (14, 32, 64),
    (15, 65, 1025),
    (29, 48, 33), (40, 129, 600), (1, 1000, 96), (64, 16, 16),
  ]

  /// The product against Float64, within the error of its own float32 sums: chains of at most 512 terms and their sum.
  @Test(arguments: shapes, DType.allCases)
  func productsAgreeWithDoublesOnEveryInstructionSet(shape: (m: Int, n: Int, k: Int), dtype: DType) {
    let (m, n, k) = shape
    let x = randomFloats(m * k, seed: 1)
    let w = narrow(randomFloats(n * k, seed: 2), [n, k], dtype)
    let stored = w.array()
    let bias = randomFloats(n, seed: 3)
    var plain: [UInt32] = []
    let best = ck_isa_current()
    defer { _ = ck_isa_select(best) }
    for isa in instructionSets {
      _ = ck_isa_select(isa)
      let compute = Compute(threads: 2)
      let y = compute.linear(compute.tensor(x, [m, k]), w, bias: compute.tensor(bias, [n])).array()
      if isa == CK_ISA_PLAIN {
        plain = y.map(\.bitPattern)
        for row in 0..<m {
          for column in 0..<n {
            var sum = Double(bias[column])
            var size = abs(sum)
            for i in 0..<k {
              let product = Double(x[row * k + i]) * Double(stored[column * k + i])
              sum += product
              size += abs(product)
            }
            let bound = size * Double(min(k, 512) + k / 512 + 2) * 0x1p-24
            #expect(abs(Double(y[row * n + column]) - sum) <= bound, "[\(row), \(column)] of \(shape)")
          }
        }
      } else {
        #expect(y.map(\.bitPattern) == plain, "\(String(cString: ck_isa_name(isa))) of \(shape)")
      }
    }
  }

  @Test func rowsAndThreadsDoNotShow() {
    let (m, n, k) = (37, 75, 1030)
    let x = randomFloats(m * k, seed: 4)
    let w = narrow(randomFloats(n * k, seed: 5), [n, k], .bfloat16)
    let one = Compute(threads: 1)
    let expected = one.linear(one.tensor(x, [m, k]), w, activation: .quickGELU).array().map(\.bitPattern)
    for threads in [2, 3, 7] {
      let compute = Compute(threads: threads)
      #expect(
        compute.linear(compute.tensor(x, [m, k]), w, activation: .quickGELU).array().map(\.bitPattern)
          == expected)
    }
    for row in 0..<m {
      let alone = one.linear(
        one.tensor(Array(x[row * k..<(row + 1) * k]), [1, k]), w, activation: .quickGELU)
      #expect(alone.array().map(\.bitPattern) == Array(expected[row * n..<(row + 1) * n]), "row \(row)")
    }
  }

  /// A few rows are streamed: threads share out the columns of all maps of a group, and help each other out.
  @Test func aStreamedGroupIsTheSameForEveryNumberOfThreads() {
    let k = 1030
    let x = randomFloats(3 * k, seed: 12)
    let weights = [75, 1, 320, 31].enumerated().map { index, n in
      narrow(randomFloats(n * k, seed: 13 + UInt64(index)), [n, k], index == 1 ? .float32 : .bfloat16)
    }
    func run(_ compute: Compute, rows: Int) -> [[UInt32]] {
      let input = compute.tensor(Array(x[..<(rows * k)]), [rows, k])
      return compute.linear(input, weights.map { LinearMap($0) }).map { $0.array().map(\.bitPattern) }
    }
    for rows in 1...3 {
      let expected = weights.map {
        let one = Compute(threads: 1)
        return one.linear(one.tensor(Array(x[..<(rows * k)]), [rows, k]), $0).array().map(\.bitPattern)
      }
      for threads in [1, 2, 3, 7, 40] {
        let compute = Compute(threads: threads)
        for round in 0..<20 {
          #expect(run(compute, rows: rows) == expected, "\(rows) rows, \(threads) threads, round \(round)")
        }
      }
    }
  }

  /// Every bit pattern of both narrow types becomes the float32 it stands for.
  @Test func conversionIsExact() {
    let patterns = (0...UInt16.max).map { $0 }
    var wide = [Float](repeating: 0, count: patterns.count)
    ck_to_f32(patterns, CK_BF16, &wide, Int64(patterns.count))
    for pattern in patterns {
      #expect(wide[Int(pattern)].bitPattern == UInt32(pattern) << 16 || wide[Int(pattern)].isNaN)
    }
    ck_to_f32(patterns, CK_F16, &wide, Int64(patterns.count))
    for pattern in patterns {
      let expected = Float(Float16(bitPattern: pattern))
      let value = wide[Int(pattern)]
      #expect(value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN), "\(pattern)")
    }
  }

  /// Attention against doubles, on every instruction set alike, for full and causal segments with grouped heads.
  @Test(arguments: [(1, 1, 8, 16), (4, 2, 16, 70), (6, 2, 80, 33), (2, 1, 128, 130)])
  func attentionAgrees(heads: Int, kvHeads: Int, headDim: Int, rows: Int) {
    let q = randomFloats(rows * heads * headDim, seed: 6).map { $0 * 4 }
    let k = randomFloats(rows * kvHeads * headDim, seed: 7).map { $0 * 4 }
    let v = randomFloats(rows * kvHeads * headDim, seed: 8)
    let cut = rows / 3
    let segments =
      cut == 0
      ? [AttentionSegment(queries: 0..<rows, keys: 0..<rows, causal: true)]
      : [
        AttentionSegment(queries: 0..<cut, keys: 0..<cut, causal: false),
        AttentionSegment(queries: cut..<rows, keys: cut..<rows, causal: true),
      ]
    func run(_ compute: Compute, _ segments: [AttentionSegment]) -> [Float] {
      compute.attention(
        q: HeadColumns(compute.tensor(q, [rows, heads * headDim])),
        k: HeadColumns(compute.tensor(k, [rows, kvHeads * headDim])),
        v: HeadColumns(compute.tensor(v, [rows, kvHeads * headDim])), heads: heads, kvHeads: kvHeads,
        headDim: headDim, segments: segments
      ).array()
    }
    var plain: [UInt32] = []
    let best = ck_isa_current()
    defer { _ = ck_isa_select(best) }
    for isa in instructionSets {
      _ = ck_isa_select(isa)
      let found = run(Compute(threads: 2), segments)
      if isa != CK_ISA_PLAIN {
        #expect(found.map(\.bitPattern) == plain, "\(String(cString: ck_isa_name(isa)))")
        continue
      }
      plain = found.map(\.bitPattern)
      for segment in segments {
        for query in segment.queries {
          let last =
            segment.causal
            ? segment.keys.lowerBound + (query - segment.queries.lowerBound) : segment.keys.upperBound - 1
          for head in 0..<heads {
            let group = head / (heads / kvHeads)
            let scores = (segment.keys.lowerBound...last).map { key in
              (0..<headDim).reduce(0.0) {
                $0 + Double(q[(query * heads + head) * headDim + $1])
                  * Double(k[(key * kvHeads + group) * headDim + $1])
              } / Double(headDim).squareRoot()
            }
            let most = scores.max() ?? 0
            // e^x for x ≤ 0 by halving: independent of the kernels' polynomial.
            let weights = scores.map { score -> Double in
              var power = 1 + (score - most) / 1_048_576
              for _ in 0..<20 { power *= power }
              return power
            }
            let sum = weights.reduce(0, +)
            for d in 0..<headDim {
              let expected =
                zip(segment.keys.lowerBound...last, weights).reduce(0.0) {
                  $0 + $1.1 * Double(v[($1.0 * kvHeads + group) * headDim + d])
                } / sum
              let value = Double(found[(query * heads + head) * headDim + d])
              // |v| ≤ 1, so the output's error is that of the weights: scores up to 16·√d in float32.
              #expect(abs(value - expected) <= 5e-5, "query \(query) head \(head): \(value), \(expected)")
            }
          }
        }
      }
    }
    // One query at a time, as in decoding, gives the bits of all at once.
    let compute = Compute(threads: 3)
    let whole = run(compute, [AttentionSegment(queries: 0..<rows, keys: 0..<rows, causal: true)])
    for query in stride(from: 0, to: rows, by: 7) {
      let one = run(
        compute, [AttentionSegment(queries: query..<query + 1, keys: 0..<query + 1, causal: true)])
      let range = query * heads * headDim..<(query + 1) * heads * headDim
      #expect(one[range].map(\.bitPattern) == whole[range].map(\.bitPattern), "query \(query)")
    }
  }

  @Test func normsAgreeOnEveryInstructionSet() {
    let (rows, n) = (5, 1283)
    let x = randomFloats(rows * n, seed: 9).map { $0 * 3 + 1 }
    let w = randomFloats(n, seed: 10)
    let b = randomFloats(n, seed: 11)
    var plain: [[UInt32]] = []
    let best = ck_isa_current()
    defer { _ = ck_isa_select(best) }
    for isa in instructionSets {
      _ = ck_isa_select(isa)
      let compute = Compute(threads: 2)
      let tensor = compute.tensor(x, [rows, n])
      let rms = compute.rmsNorm(tensor, weight: compute.tensor(w, [n]), epsilon: 1e-6).array()
      let layer = compute.layerNorm(
        tensor, weight: compute.tensor(w, [n]), bias: compute.tensor(b, [n]), epsilon: 1e-6
      ).array()
      let soft = compute.softmax(tensor).array()
      let silu = compute.siluProduct(gate: tensor, up: tensor).array()
      let bits = [rms, layer, soft, silu].map { $0.map(\.bitPattern) }
      if isa != CK_ISA_PLAIN {
        #expect(bits == plain, "\(String(cString: ck_isa_name(isa)))")
        continue
      }
      plain = bits
      for row in 0..<rows {
        let values = x[row * n..<(row + 1) * n].map(Double.init)
        let mean = values.reduce(0, +) / Double(n)
        let square = values.reduce(0) { $0 + $1 * $1 } / Double(n)
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(n) + 1e-6).squareRoot()
        #expect(abs(Double(soft[row * n..<(row + 1) * n].reduce(0, +)) - 1) < 1e-4)
        for i in 0..<n {
          let one = values[i] / (square + 1e-6).squareRoot() * Double(w[i])
          let other = (values[i] - mean) / deviation * Double(w[i]) + Double(b[i])
          #expect(abs(Double(rms[row * n + i]) - one) <= 1e-6 * (1 + abs(one)))
          #expect(abs(Double(layer[row * n + i]) - other) <= 2e-6 * (1 + abs(other)))
        }
      }
    }
  }

  @Test func choosingBreaksTiesByTheLowerIndex() {
    let compute = Compute(threads: 1)
    let scores = compute.tensor([1, 3, 3, .nan, -2, 3, 0], [7])
    #expect(scores.argmax() == 1)
    #expect(scores.topK(4) == [1, 2, 5, 0])
    #expect(!scores.isFinite)
    #expect(compute.tensor([1, 2], [2]).isFinite)
  }
}
