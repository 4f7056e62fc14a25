import CKernels
import TestKit
import Testing
import VLTensor

extension KernelTests {
  /// Sums of squares and AdamW give the same bits on every instruction set, for every number of threads.
  @Test func theOptimizerDoesNotDependOnTheMachine() {
    let counts = [1, 15, 16, 17, 40000, 0, 3]
    var reference: [UInt32] = []
    let best = ck_isa_current()
    defer { _ = ck_isa_select(best) }
    for isa in [CK_ISA_PLAIN, CK_ISA_NEON, CK_ISA_AVX2, CK_ISA_AVX512].filter(ck_isa_available) {
      _ = ck_isa_select(isa)
      for threads in [1, 2, 5] {
        let compute = Compute(threads: threads)
        var updates = counts.enumerated().map { index, count in
          (
            variable: Variable(compute.tensor(randomFloats(count, seed: UInt64(index)), [count])),
            gradient: compute.tensor(randomFloats(count, seed: UInt64(100 + index)), [count]),
            moments: AdamWMoments(first: compute.zeros([count]), second: compute.zeros([count])),
            terms: AdamWTerms(step: 1, rate: 0.01, decay: 0.1, beta1: 0.9, beta2: 0.95, epsilon: 1e-8)
          )
        }
        let norm = compute.sumOfSquares(updates.map(\.gradient))
        for step in 1...3 {
          for index in updates.indices { updates[index].terms.step = step }
          compute.adamW(updates, gradientScale: 0.7)
        }
        let bits =
          [UInt32(truncatingIfNeeded: norm.bitPattern), UInt32(norm.bitPattern >> 32)]
          + updates.flatMap {
            $0.variable.value.array() + $0.moments.first.array() + $0.moments.second.array()
          }
          .map(\.bitPattern)
        if reference.isEmpty { reference = bits }
        #expect(bits == reference, "\(String(cString: ck_isa_name(isa))), \(threads) threads")
      }
    }
  }

  /// The sum of squares against one in the order of the elements: at most n roundings in double.
  @Test func sumsOfSquaresAreDouble() {
    let compute = Compute(threads: 2)
    let values = [randomFloats(50000, seed: 1), randomFloats(7, seed: 2).map { $0 * 1e18 }]
    let sum = compute.sumOfSquares(values.map { compute.tensor($0, [$0.count]) })
    let exact = values.joined().reduce(0.0) { $0 + Double($1) * Double($1) }
    #expect(abs(sum - exact) <= exact * 50007 * 0x1p-53)
    #expect(compute.sumOfSquares([]) == 0)
    #expect(!compute.sumOfSquares([compute.tensor([1, .infinity], [2])]).isFinite)
    #expect(compute.sumOfSquares([compute.tensor([1, .nan], [2])]).isNaN)
  }

  /// The check value of CRC-32C (RFC 3720 and the catalogues of CRCs), by instruction and by table, in one piece
  /// and in two.
  @Test func checksums() {
    let best = ck_isa_current()
    defer { _ = ck_isa_select(best) }
    for isa in [CK_ISA_PLAIN, best] {
      _ = ck_isa_select(isa)
      #expect(CRC32C(Array("123456789".utf8)).value == 0xE306_9283)
      #expect(CRC32C([UInt8](repeating: 0, count: 32)).value == 0x8A91_36AA)
      #expect(CRC32C([UInt8](repeating: 0xFF, count: 32)).value == 0x62A8_AB43)
      #expect(CRC32C([]).value == 0)
      var parts = CRC32C(Array("12345678".utf8))
      Array("9".utf8).withUnsafeBytes { parts.update($0) }
      #expect(parts.value == 0xE306_9283)
    }
  }
}
