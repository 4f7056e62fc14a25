import CKernels
import Testing
import VLTensor

extension KernelTests {
  /// Every operation's value and gradients, driven by the records.
  @Suite struct GradientTests {
    /// The value against the Float64 reference; the gradient of every operand against central differences of the
    /// reference, element by element and along one direction through all of them.
    @Test(arguments: OperationRecord.small + OperationRecord.wide)
    func agreesWithDoubles(record: OperationRecord) {
      let compute = Compute(threads: 2)
      let values = record.values.map { $0.map(Double.init) }
      let found = record.run(compute, cotangent: OperationRecord.cotangent)
      let expected = record.reference(values)
      #expect(expected.count == found.result.count)
      let cotangent = OperationRecord.cotangent(expected.count).map(Double.init)
      let unit = Double(record.roundings) * 0x1p-24

      let largest = expected.reduce(0) { max($0, abs($1)) }
      for (index, pair) in zip(found.result, expected).enumerated() {
        let bound = unit * largest
        #expect(abs(Double(pair.0) - pair.1) <= bound, "value \(index): \(pair), bound \(bound)")
      }

      func objective(_ values: [[Double]]) -> Double {
        zip(record.reference(values), cotangent).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let h = 1e-5
      for (operand, gradient) in found.gradients.enumerated() {
        #expect(gradient.count == record.operands[operand].count)
        let largest = gradient.reduce(0) { max($0, abs(Double($1))) }
        // Differences are exact to about h² of the third derivative and 1e-16 / h of the objective.
        let differences = 2e-10 * (1 + zip(expected, cotangent).reduce(0) { $0 + abs($1.0 * $1.1) })
        let step = max(1, gradient.count / (record.multiplyAdds > 100_000 ? 6 : 48))
        for element in stride(from: 0, to: gradient.count, by: step) {
          var (up, down) = (values, values)
          up[operand][element] += h
          down[operand][element] -= h
          let difference = (objective(up) - objective(down)) / (2 * h)
          let bound = unit * max(largest, abs(difference)) + differences
          #expect(
            abs(Double(gradient[element]) - difference) <= bound,
            "operand \(operand)[\(element)]: \(gradient[element]), \(difference), bound \(bound)")
        }
        let direction = randomFloats(gradient.count, seed: 78).map(Double.init)
        var (up, down) = (values, values)
        for i in direction.indices {
          up[operand][i] += h * direction[i]
          down[operand][i] -= h * direction[i]
        }
        let difference = (objective(up) - objective(down)) / (2 * h)
        let along = zip(gradient, direction).reduce(0.0) { $0 + Double($1.0) * $1.1 }
        let size = zip(gradient, direction).reduce(0.0) { $0 + abs(Double($1.0) * $1.1) }
        let bound = unit * size + differences + 1e-8 * size
        #expect(
          abs(along - difference) <= bound, "operand \(operand): \(along), \(difference), bound \(bound)")
      }
    }

    /// Values and gradients are the same bits on every instruction set and for any number of threads.
    @Test(arguments: OperationRecord.small + OperationRecord.wide)
    func bitsDoNotDependOnTheMachine(record: OperationRecord) {
      let best = ck_isa_current()
      defer { _ = ck_isa_select(best) }
      func bits(_ threads: Int) -> [[UInt32]] {
        let found = record.run(Compute(threads: threads), cotangent: OperationRecord.cotangent)
        return ([found.result] + found.gradients).map { $0.map(\.bitPattern) }
      }
      let expected = bits(1)
      for isa in instructionSets {
        #expect(ck_isa_select(isa))
        for threads in [1, 2, 3, 7] where threads > 1 || isa != best {
          let found = bits(threads)
          for (index, pair) in zip(found, expected).enumerated() where pair.0 != pair.1 {
            let first = zip(pair.0, pair.1).enumerated().first { $0.element.0 != $0.element.1 }
            Issue.record(
              "\(String(cString: ck_isa_name(isa))), \(threads) threads: \(index == 0 ? "value" : "operand \(index - 1)") from element \(first?.offset ?? -1) on"
            )
          }
        }
      }
    }
  }
}
