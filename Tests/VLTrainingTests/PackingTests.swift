import CKernels
import TestKit
import Testing
import VLMedia
import VLModels
import VLTensor

/// Packed samples are the samples apart; checkpointing, threads and instruction sets do not show.
@Suite(.serialized) struct PackingTests {
  private typealias Sample = TinyTraining.Sample

  /// Batches of every kind.
  private static let batches: [String: [Sample]] = [
    "two images of different sizes": [
      Sample(before: 3, grid: GridTHW(t: 1, h: 4, w: 6), after: 9, supervised: 5, seed: 1),
      Sample(before: 1, grid: GridTHW(t: 1, h: 2, w: 4), after: 12, supervised: 12, seed: 2),
    ],
    "an image in one sample only": [
      Sample(before: 14, after: 0, supervised: 6, seed: 3),
      Sample(before: 2, grid: GridTHW(t: 1, h: 4, w: 4), after: 5, supervised: 4, seed: 4),
      Sample(before: 7, after: 0, supervised: 3, seed: 5),
    ],
    "no image": [
      Sample(before: 20, after: 0, supervised: 7, seed: 6),
      Sample(before: 5, after: 0, supervised: 4, seed: 7),
    ],
    "a video and an image": [
      Sample(before: 4, grid: GridTHW(t: 3, h: 4, w: 2), after: 8, supervised: 5, seed: 8),
      Sample(before: 3, grid: GridTHW(t: 1, h: 2, w: 2), after: 6, supervised: 5, seed: 9),
    ],
  ]

  @Test(arguments: batches.keys.sorted(), ["tiny", "tiny-untied"])
  func packedEqualsApart(name: String, model: String) throws {
    let samples = try #require(Self.batches[name])
    let training = try TinyTraining(model)
    let packed = training.run(training.batch(samples))
    let apart = samples.map { training.run(training.batch([$0])) }
    // Losses of places are the same bits; only their sum rounds, once more per sample.
    let loss = apart.reduce(0.0) { $0 + Double($1.loss) }
    #expect(abs(Double(packed.loss) - loss) <= loss * 0x1p-23, "\(packed.loss), apart \(loss)")
    for (name, gradient) in packed.gradients {
      let parts = apart.compactMap { $0.gradients[name] }
      let largest = parts.joined().reduce(0) { max($0, Double(abs($1))) }
      // The gradients of activations are the same bits; a weight's is a chain over the rows, here cut in other places:
      // fewer than 128 rows of one sample after another, each term below the largest sum by the number of rows.
      let bound = largest * 128 * 0x1p-24
      for index in gradient.indices {
        let sum = parts.reduce(0.0) { $0 + Double($1[index]) }
        #expect(
          abs(Double(gradient[index]) - sum) <= bound, "\(name)[\(index)]: \(gradient[index]), apart \(sum)")
      }
    }
  }

  /// The gradient of a sample does not feel its neighbours: with the others unsupervised, the bits are those of the
  /// sample alone wherever a sum over rows meets only zeros besides.
  @Test func neighboursThatPredictNothingAddNothing() throws {
    let training = try TinyTraining()
    let samples = try #require(Self.batches["two images of different sizes"])
    var batch = training.batch(samples)
    for place in batch.samples[1] { batch.targets[place] = TrainingBatch.ignored }
    let packed = training.run(batch)
    let alone = training.run(training.batch([samples[0]]))
    #expect(packed.loss == alone.loss)
    for (name, gradient) in packed.gradients { #expect(gradient == alone.gradients[name], "\(name)") }
  }

  @Test func aBatchThatPredictsNothingHasNoLossAndNoGradient() throws {
    let training = try TinyTraining()
    let found = training.run(
      training.batch([Sample(before: 5, grid: GridTHW(t: 1, h: 2, w: 2), after: 4, supervised: 0, seed: 12)]))
    #expect(found.loss == 0)
    for (name, gradient) in found.gradients { #expect(gradient.allSatisfy { $0 == 0 }, "\(name)") }
  }

  /// Every choice of blocks to compute again gives the same bits as keeping everything; so does every number of threads
  /// on every instruction set.
  @Test(arguments: batches.keys.sorted())
  func checkpointingThreadsAndInstructionSetsDoNotShow(name: String) throws {
    let samples = try #require(Self.batches[name])
    let training = try TinyTraining(threads: 1)
    let expected = training.run(training.batch(samples))
    for (encoder, text) in [(1, 0), (2, 0), (0, 1), (0, 2), (1, 1), (2, 2)] {
      let found = training.run(
        training.batch(samples),
        checkpointing: ActivationCheckpointing(encoderEvery: encoder, textEvery: text))
      #expect(found.loss == expected.loss)
      #expect(
        found.gradients == expected.gradients, "every \(encoder) of the encoder, \(text) of the text model")
    }
    let best = ck_isa_current()
    defer { _ = ck_isa_select(best) }
    for isa in [CK_ISA_PLAIN, CK_ISA_NEON, CK_ISA_AVX2, CK_ISA_AVX512] where ck_isa_available(isa) {
      #expect(ck_isa_select(isa))
      for threads in [1, 2, 3, 7] {
        let other = try TinyTraining(threads: threads)
        let found = other.run(
          other.batch(samples), checkpointing: ActivationCheckpointing(encoderEvery: 2, textEvery: 1))
        #expect(found.loss == expected.loss)
        #expect(
          found.gradients == expected.gradients, "\(String(cString: ck_isa_name(isa))), \(threads) threads")
      }
    }
  }

  /// What checkpointing is for: the peak of what tensors hold falls, and nothing stays behind.
  @Test func checkpointingSavesMemory() throws {
    let training = try TinyTraining(threads: 1)
    let batch = training.batch([
      Sample(before: 200, grid: GridTHW(t: 1, h: 20, w: 20), after: 200, supervised: 10, seed: 10)
    ])
    let compute = training.model.compute
    func peak(_ checkpointing: ActivationCheckpointing) -> Int {
      for (_, variable) in training.variables { variable.clearGradient() }
      let before = compute.liveBytes
      compute.forgetPeak()
      _ = training.run(batch, checkpointing: checkpointing)
      #expect(compute.liveBytes == before)
      return compute.peakBytes - before
    }
    let everything = peak(.none)
    let encoder = peak(ActivationCheckpointing(encoderEvery: 1))
    let both = peak(ActivationCheckpointing(encoderEvery: 1, textEvery: 1))
    #expect(encoder < everything)
    // Of two blocks in each part one is alive at a time; embeddings, scores and gradients stay.
    #expect(both * 4 < everything * 3, "\(both) bytes of \(everything)")
  }
}
