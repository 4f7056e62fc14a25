import Glibc
import Testing
import VLTensor

extension KernelTests {
  /// Not a test: `VLM_TIME=1 ./test --filter OperationTimes` prints what the operations of a training step cost.
  @Suite(.enabled(if: getenv("VLM_TIME") != nil)) struct OperationTimes {
    @Test func operationTimes() {
      let compute = Compute()
      let peak = compute.measureCeilings(seconds: 1, reading: compute.zeros([1 << 24])).flops
      print("\(compute.threads) threads, \(compute.instructionSet), FMA peak \(Int(peak / 1e9)) GFLOP/s")
      print("forward ms, GFLOP/s, of peak; backward ms, GFLOP/s, of peak; medians")
      for record in OperationRecord.timed {
        let variables = zip(record.operands, record.values).map { Variable(compute.tensor($1, $0)) }
        let operands = variables.map { $0.value.tracked(by: $0) }
        let count = record.apply(compute, operands).count
        let cotangent = OperationRecord.cotangent(count)
        var (forward, backward): ([Double], [Double]) = ([], [])
        let end = now() + 0.4
        while now() < end || forward.count < 5 {
          let start = now()
          let result = record.apply(compute, operands)
          let middle = now()
          let gradient = compute.tensor(cotangent, result.shape)
          for variable in variables { variable.clearGradient() }
          let later = now()
          compute.backward(result, gradient: gradient)
          forward.append(middle - start)
          backward.append(now() - later)
        }
        func column(_ times: [Double], _ factor: Double) -> String {
          let median = times.sorted()[times.count / 2]
          let rate = 2 * Double(record.multiplyAdds) * factor / median
          let time = padded((median * 1e3 * 1000).rounded() / 1000, 8)
          if record.multiplyAdds == 0 { return time + "              " }
          return time + padded((rate / 1e9).rounded(), 8) + padded((rate / peak * 100).rounded(), 5) + "%"
        }
        print(column(forward, 1) + column(backward, record.backwardFactor) + "  " + record.name)
      }
    }

    private func padded(_ value: Double, _ width: Int) -> String {
      let text = value == value.rounded() && abs(value) < 1e9 && value > 9 ? "\(Int(value))" : "\(value)"
      return String(repeating: " ", count: max(1, width - text.count)) + text
    }

    private func now() -> Double {
      var time = timespec()
      clock_gettime(CLOCK_MONOTONIC, &time)
      return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
  }
}
