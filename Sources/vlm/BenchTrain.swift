import ArgumentParser
import Glibc
import VLEngine
import VLJSON
import VLMedia
import VLModels
import VLNN
import VLTensor
import VLText
import VLTraining

struct BenchTrain: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract:
      "Measure optimiser steps: forward, backward, AdamW, each as a share of what this machine can do.",
    discussion: """
      Weights, pixels and tokens are random, so only config.json and the tokenizer are read. Each sample is an image \
      and as many supervised text tokens; all samples of a step are packed. The backward pass counts as twice the \
      forward pass without the image's own gradient; AdamW is bounded by memory: 8 passes over 4 bytes per parameter.
      """)

  @Argument(help: "Directory with config.json and a tokenizer (default: the small model's).") var model:
    String?
  @OptionGroup var threads: ThreadOptions
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Steps to measure, after two to warm up.", valueName: "n"))
  var steps = 10
  @Option(parsing: .unconditional, help: ArgumentHelp("Samples per step.", valueName: "n")) var batch = 8
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Side of each sample's image; 0 for text alone.", valueName: "pixels"))
  var side = 224
  @Option(
    parsing: .unconditional, help: ArgumentHelp("Supervised text tokens per sample.", valueName: "tokens"))
  var text = 64
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Recompute every n-th block's activations; 0 to keep all.", valueName: "n"))
  var checkpointing = 0
  @Flag(help: "Also measure longer sequences and larger models, and how the cost grows.") var growth = false
  @Option(help: "text or json.") var format = OutputFormat.text

  func validate() throws {
    for (name, value, range) in [
      ("--steps", steps, 1...10000), ("--batch", batch, 1...4096), ("--side", side, 0...4096),
      ("--text", text, 1...100_000), ("--checkpointing", checkpointing, 0...1024),
    ] where !range.contains(value) {
      throw ValidationError("\(name) \(value) is outside \(range.lowerBound)...\(range.upperBound)")
    }
    if side != 0 && side < 28 { throw ValidationError("--side \(side) is below 28, one token") }
  }

  func run() throws {
    Interrupt.install()
    guard let directory = model ?? BundledModel.configuration else {
      throw ValidationError(
        "the small model's configuration is not beside the program; name a model's directory")
    }
    let compute = threads.makeCompute()
    let shape = StepShape(batch: batch, side: side / 28 * 28, text: text)
    var cases = [TrainingBench.Case(name: shape.name, directory: directory, shape: shape)]
    let sizes = TemporaryModels()
    if growth { cases += try sizes.growth(from: directory, text: text) }
    var bench = TrainingBench(compute: compute, steps: steps, checkpointing: checkpointing)
    try bench.measure(cases)
    withExtendedLifetime(sizes) {}
    Terminal.say(format == .json ? bench.json.serialized(.pretty) + "\n" : bench.table)
  }
}

/// What one step reads.
struct StepShape {
  var batch: Int
  /// Pixels, a multiple of 28; 0 for none.
  var side: Int
  var text: Int

  var name: String {
    side > 0 ? "\(batch) × (\(side)² image + \(text) tokens)" : "\(batch) × \(text) tokens"
  }

  var grid: GridTHW? { side > 0 ? GridTHW(t: 1, h: side / 14, w: side / 14) : nil }

  /// Packed samples: image, then text, of which every token is predicted.
  func makeBatch(_ model: any TrainableModel) -> TrainingBatch {
    var random = SplitMix64(state: 42)
    let visual = grid.map {
      [Int](repeating: model.visualTokens.min() ?? 0, count: $0.tokens(mergeSize: model.mergeSize))
    }
    var batch = TrainingBatch(
      tokens: [], positions: [[], [], []], samples: [], targets: [], visuals: [], patches: nil)
    let vocabulary = UInt64(min(model.tokenizer.vocabularySize, 3000))
    for _ in 0..<self.batch {
      let start = batch.tokens.count
      var tokens = [1] + (visual ?? [])
      var spans: [VisualSpan] = []
      if let grid { spans = [VisualSpan(range: 1..<tokens.count, grid: grid)] }
      let first = tokens.count
      tokens += (0...text).map { _ in Int(random.next() % vocabulary) }
      let ids = model.positions(count: tokens.count, visuals: spans).ids
      for axis in 0..<3 { batch.positions[axis] += ids[axis] }
      batch.targets += tokens.indices.map {
        $0 >= first && $0 + 1 < tokens.count ? tokens[$0 + 1] : TrainingBatch.ignored
      }
      batch.visuals += spans.map {
        VisualSpan(range: $0.range.lowerBound + start..<$0.range.upperBound + start, grid: $0.grid)
      }
      batch.tokens += tokens
      batch.samples.append(start..<batch.tokens.count)
    }
    if let grid {
      let values = (0..<self.batch * grid.patches * 1176).map { _ in Float(random.nextUnit() * 2 - 1) }
      batch.patches = model.compute.tensor(values, [self.batch * grid.patches, 1176])
    }
    return batch
  }
}

struct TrainingBench {
  struct Case {
    var name: String
    var directory: String
    var shape: StepShape
  }

  struct Figure {
    var name: String
    var parameters: Int
    var tokens: Int
    var forward, backward, optimizer: [Double]
    var forwardFLOP, backwardFLOP: Double
    var optimizerBytes: Double
    var peakBytes: Int
    var loss: (first: Double, last: Double)

    var steps: [Double] { zip(zip(forward, backward), optimizer).map { $0.0 + $0.1 + $1 } }
  }

  let compute: Compute
  let steps: Int
  let checkpointing: Int
  private let terminal = Terminal()
  private let clock = ContinuousClock()
  private var figures: [Figure] = []
  private var ceilings: [Ceilings] = []

  init(compute: Compute, steps: Int, checkpointing: Int) {
    self.compute = compute
    self.steps = steps
    self.checkpointing = checkpointing
  }

  mutating func measure(_ cases: [Case]) throws {
    for item in cases {
      ceilings.append(compute.measureCeilings(seconds: 0.3))
      compute.trim()
      figures.append(try measure(item))
    }
    ceilings.append(compute.measureCeilings(seconds: 0.3))
  }

  private func measure(_ item: Case) throws -> Figure {
    resetPeakMemory()
    let opened = try Families.open(item.directory, weights: .random(seed: 0), on: compute)
    guard var model = opened.model as? any TrainableModel else {
      throw ModelError(
        item.directory, opened.problems, remedy: "give a directory with config.json and a tokenizer")
    }
    let recipe = try Recipe.benchmark(from: item.directory)
    let learners = try model.startLearning(recipe)
    var optimizer = AdamW(learners, recipe, on: compute)
    let batch = item.shape.makeBatch(model)
    let share = 1 / Float(batch.supervisedCount)
    var figure = Figure(
      name: item.name, parameters: learners.reduce(0) { $0 + $1.variable.value.count },
      tokens: batch.tokens.count, forward: [], backward: [], optimizer: [], forwardFLOP: 0, backwardFLOP: 0,
      optimizerBytes: 0, peakBytes: 0, loss: (0, 0))
    let choice = ActivationCheckpointing(encoderEvery: checkpointing, textEvery: checkpointing)
    for step in -2..<steps {
      terminal.progress("\(item.name): step \(step + 3)/\(steps + 2)")
      if Interrupt.isPending {
        terminal.clear()
        throw ExitCode(130)
      }
      let start = clock.now
      let loss = model.loss(of: batch, checkpointing: choice)
      let value = Double(loss.array()[0])
      let middle = clock.now
      compute.backward(loss, seed: share)
      let end = clock.now
      optimizer.step(factor: 1, norm: optimizer.gradientNorm(on: compute), on: compute)
      let done = clock.now
      if step == -2 { figure.loss.first = value * Double(share) }
      figure.loss.last = value * Double(share)
      guard step >= 0 else { continue }
      figure.forward.append((middle - start).inSeconds)
      figure.backward.append((end - middle).inSeconds)
      figure.optimizer.append((done - end).inSeconds)
    }
    terminal.clear()
    figure.peakBytes = currentPeakMemory()
    count(&figure, item.shape, model, opened.sizes, batch)
    return figure
  }

  private func count(
    _ figure: inout Figure, _ shape: StepShape, _ model: any TrainableModel,
    _ sizes: [(name: String, value: Int)],
    _ batch: TrainingBatch
  ) {
    func size(_ name: String) -> Double { Double(sizes.first { $0.name == name }?.value ?? 0) }
    let head = 2 * size("text width") * size("vocabulary")
    var forward = model.costs.encodeFLOPs(batch.visuals.map(\.grid))
    for sample in batch.samples { forward += model.costs.prefillFLOPs(tokens: sample.count, past: 0) - head }
    forward += Double(batch.supervisedCount) * head
    let patches = Double(batch.visuals.reduce(0) { $0 + $1.grid.patches })
    figure.forwardFLOP = forward
    // Of the patches themselves no gradient is asked for.
    figure.backwardFLOP = 2 * forward - 2 * patches * 1176 * size("vision width")
    figure.optimizerBytes = 32 * Double(figure.parameters)
  }

  // MARK: Results

  private var peakFlops: Double { middle(ceilings.map(\.flops)) }
  private var peakRead: Double { middle(ceilings.map(\.readBandwidth)) }

  var table: String {
    var text =
      "\(compute.threads) threads, \(compute.instructionSet); median of \(steps) steps (least … most)\n"
      + "ceilings: \(fixed(peakFlops / 1e9, 0)) GFLOP/s float32 FMA, \(fixed(peakRead / 1e9, 1)) GB/s reads "
      + "(medians of \(ceilings.count))\n"
    for figure in figures {
      let seconds = middle(figure.steps)
      text +=
        "\n\(figure.name), \(fixed(Double(figure.parameters) / 1e6, 2)) M parameters: "
        + "\(fixed(Double(figure.tokens) / seconds, 0)) tokens/s, peak memory \(gibibytes(figure.peakBytes)) GiB\n"
        + pad("", 12) + pad("milliseconds", 30) + pad("rate", 16) + "share\n"
      for (name, times, flop, bytes) in [
        ("forward", figure.forward, figure.forwardFLOP, 0),
        ("backward", figure.backward, figure.backwardFLOP, 0),
        ("AdamW", figure.optimizer, 0, figure.optimizerBytes),
        ("step", figure.steps, figure.forwardFLOP + figure.backwardFLOP, 0),
      ] {
        let time = middle(times)
        text += pad(name, 12)
        text += pad(
          "\(fixed(time * 1e3, 1)) (\(fixed((times.min() ?? 0) * 1e3, 1)) … \(fixed((times.max() ?? 0) * 1e3, 1)))",
          30)
        if flop > 0 {
          text +=
            pad("\(fixed(flop / time / 1e9, 0)) GFLOP/s", 16)
            + "\(fixed(100 * flop / time / peakFlops, 1)) %\n"
        } else {
          text +=
            pad("\(fixed(bytes / time / 1e9, 1)) GB/s", 16) + "\(fixed(100 * bytes / time / peakRead, 1)) %\n"
        }
      }
    }
    return text
  }

  var json: JSONValue {
    [
      "threads": .integer(compute.threads), "instruction_set": .string(compute.instructionSet),
      "ceilings": .array(
        ceilings.map { ["flops": .number($0.flops), "read_bytes_per_second": .number($0.readBandwidth)] }),
      "figures": .array(
        figures.map { figure in
          let seconds = middle(figure.steps)
          return [
            "name": .string(figure.name), "parameters": .integer(figure.parameters),
            "tokens": .integer(figure.tokens), "median_seconds": .number(seconds),
            "seconds": .array(figure.steps.map { .number($0) }),
            "forward_seconds": .array(figure.forward.map { .number($0) }),
            "backward_seconds": .array(figure.backward.map { .number($0) }),
            "optimizer_seconds": .array(figure.optimizer.map { .number($0) }),
            "tokens_per_second": .number(Double(figure.tokens) / seconds),
            "forward_flop": .number(figure.forwardFLOP), "backward_flop": .number(figure.backwardFLOP),
            "forward_share": .number(figure.forwardFLOP / middle(figure.forward) / peakFlops),
            "backward_share": .number(figure.backwardFLOP / middle(figure.backward) / peakFlops),
            "optimizer_share": .number(figure.optimizerBytes / middle(figure.optimizer) / peakRead),
            "peak_bytes": .integer(figure.peakBytes), "first_loss": .number(figure.loss.first),
            "last_loss": .number(figure.loss.last),
          ]
        }),
    ]
  }
}
