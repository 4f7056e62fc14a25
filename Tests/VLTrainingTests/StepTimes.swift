import Glibc
import TestKit
import Testing
import VLMedia
import VLModels
import VLNN
import VLTensor

/// Not a test: `VLM_TIME=1 ./test --filter StepTimes` prints what one step of a small model takes, forward and backward.
@Suite(.enabled(if: getenv("VLM_TIME") != nil)) struct StepTimes {
  @Test func stepTimes() throws {
    let scratch = Scratch()
    scratch.copy(golden: "tiny", except: ["model.safetensors"])
    for (old, new) in [
      ("\"vocab_size\": 808", "\"vocab_size\": 4096"),
      ("\"hidden_size\": 64,\n  \"init", "\"hidden_size\": 256,\n  \"init"),
      ("\"intermediate_size\": 88", "\"intermediate_size\": 1024"),
      ("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 6"),
      ("      2,\n      3,\n      3", "      8,\n      12,\n      12"), ("\"depth\": 2", "\"depth\": 6"),
      ("\"embed_dim\": 32,\n    \"hidden_size\": 64", "\"embed_dim\": 192,\n    \"hidden_size\": 256"),
      ("\"num_heads\": 2", "\"num_heads\": 6"),
    ] { scratch.edit("config.json", old, new) }
    let compute = Compute()
    let training = try TinyTraining(
      try #require(Families.load(scratch.path, weights: .random(seed: 1), on: compute) as? Qwen2VLModel))
    let batch = training.batch(
      (0..<8).map { .init(before: 0, grid: GridTHW(t: 1, h: 16, w: 16), after: 64, supervised: 64, seed: $0) }
    )
    let count = training.variables.reduce(0) { $0 + $1.variable.value.count }
    print("\(batch.tokens.count) tokens, \(batch.supervisedCount) supervised, \(count) parameters")
    let moments = training.variables.map {
      AdamWMoments(
        first: compute.zeros($0.variable.value.shape), second: compute.zeros($0.variable.value.shape))
    }
    var times: [[Double]] = [[], [], [], []]
    for step in 1...(Int(getenv("VLM_STEPS").map { String(cString: $0) } ?? "12") ?? 12) {
      let start = now()
      let loss = training.model.loss(of: batch, checkpointing: .none)
      let forward = now()
      compute.backward(loss, seed: 1 / Float(batch.supervisedCount))
      let backward = now()
      let gradients = training.variables.map {
        $0.variable.gradient ?? compute.zeros($0.variable.value.shape)
      }
      let terms = AdamWTerms(
        step: step, rate: 3e-4, decay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)
      compute.adamW(
        zip(training.variables.indices, moments).map {
          (training.variables[$0].variable, gradients[$0], $1, terms)
        },
        gradientScale: 1)
      for (_, variable) in training.variables { variable.clearGradient() }
      if step > 2 {
        for (i, time) in [now() - start, forward - start, backward - forward, now() - backward].enumerated() {
          times[i].append(time * 1e3)
        }
      }
    }
    for (name, all) in zip(["step", "forward", "backward", "AdamW"], times) {
      let sorted = all.sorted()
      print(
        "\(name) \(sorted[sorted.count / 2].rounded()) ms (min \(sorted[0].rounded()), max \(sorted[sorted.count - 1].rounded()))"
      )
    }
    print("peak of tensors \(compute.peakBytes >> 20) MiB")
    let peak = compute.measureCeilings(seconds: 1, reading: compute.zeros([1 << 24])).flops
    print("FMA peak \((peak / 1e9).rounded()) GFLOP/s")
  }

  private func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
