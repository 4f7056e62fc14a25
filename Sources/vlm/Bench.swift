import ArgumentParser
import Glibc
import VLEngine
import VLJSON
import VLMedia
import VLModels
import VLNN
import VLTensor
import VLText

struct BenchInference: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inference",
    abstract: "Measure load, encode, prefill and decode, each as a share of what this machine can do.",
    discussion: """
      Images are random pixels and prompts random tokens, so any checkpoint serves. The machine's ceilings (float32 \
      FMA peak, streaming reads) are measured before, between and after in the same run; shares are of the median. \
      A short untimed run comes before each measurement.
      """)

  enum Phase: String, ExpressibleByArgument, CaseIterable { case load, encode, prefill, decode }

  @Argument(help: "Checkpoint directory (default: the small model inside).") var model: String?
  @OptionGroup var threads: ThreadOptions
  @Option(help: ArgumentHelp("Measure only these; may be given several times.", valueName: "phase")) var only:
    [Phase] = []
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Sides of the square images to encode.", valueName: "pixels")) var side: [Int] =
      [448, 1120]
  @Option(
    parsing: .unconditionalSingleValue, help: ArgumentHelp("Prompt lengths to prefill.", valueName: "tokens"))
  var prompt: [Int] = [
    512, 2048,
  ]
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Lengths after which to decode.", valueName: "tokens")) var after: [Int] = [
      512, 4096,
    ]
  @Option(parsing: .unconditional, help: ArgumentHelp("Tokens to decode per measurement.", valueName: "n"))
  var tokens = 32
  @Option(parsing: .unconditional, help: ArgumentHelp("Runs of each measurement.", valueName: "n")) var runs =
    3
  @Option(help: "text or json.") var format = OutputFormat.text

  func validate() throws {
    for (name, values, range) in [
      ("--side", side, 28...16384), ("--prompt", prompt, 1...1_000_000), ("--after", after, 1...1_000_000),
      ("--tokens", [tokens], 1...100_000), ("--runs", [runs], 1...1000),
    ] {
      if let value = values.first(where: { !range.contains($0) }) {
        throw ValidationError("\(name) \(value) is outside \(range.lowerBound)...\(range.upperBound)")
      }
    }
  }

  func run() throws {
    Interrupt.install()
    var session = try BenchSession(
      directory: try modelDirectory(model), compute: threads.makeCompute(), runs: runs, tokens: tokens,
      terminal: Terminal())
    let phases = only.isEmpty ? Phase.allCases : only
    session.measureCeilings()
    if phases.contains(.load) { try session.load() }
    if phases.contains(.prefill) { for length in prompt { try session.prefill(length) } }
    session.measureCeilings()
    if phases.contains(.decode) { for length in after { try session.decode(after: length) } }
    session.measureCeilings()
    if phases.contains(.encode) { for side in side { try session.encode(side) } }
    session.measureCeilings()
    Terminal.say(format == .json ? session.json.serialized(.pretty) + "\n" : session.table)
  }
}

/// One figure of a bench: its runs, in seconds, and what they moved.
struct BenchFigure {
  var name: String
  var seconds: [Double]
  /// Floating-point operations per run, where arithmetic bounds it.
  var flop: Double?
  /// Bytes read per run, where reading bounds it.
  var bytes: Double?
  /// Tokens per run, where there are any.
  var tokens: Int?
  /// The most memory in use during it, mapped files included.
  var peakBytes: Int

  var median: Double { middle(seconds) }
}

/// The median; the mean of the two middle values of an even count.
func middle(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard let last = sorted.last else { return 0 }
  let half = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[half] : (half == 0 ? last : (sorted[half - 1] + sorted[half]) / 2)
}

struct BenchSession {
  let directory: String
  let compute: Compute
  let runs: Int
  let tokens: Int
  let terminal: Terminal
  private let model: any VisionLanguageModel
  private var figures: [BenchFigure] = []
  private var ceilings: [Ceilings] = []
  private let clock = ContinuousClock()

  init(directory: String, compute: Compute, runs: Int, tokens: Int, terminal: Terminal) throws {
    self.directory = directory
    self.compute = compute
    self.runs = runs
    self.tokens = tokens
    self.terminal = terminal
    model = try Families.load(directory, on: compute)
  }

  private mutating func measure(
    _ name: String, runs: Int? = nil, flop: Double? = nil, bytes: Double? = nil, tokens: Int? = nil,
    _ body: () throws -> Void
  ) throws {
    compute.trim()
    resetPeakMemory()
    var seconds: [Double] = []
    let runs = runs ?? self.runs
    for run in 0..<runs {
      terminal.progress("\(name) \(run + 1)/\(runs)")
      if Interrupt.isPending {
        terminal.clear()
        throw ExitCode(130)
      }
      seconds.append(try clock.measure(body).inSeconds)
    }
    terminal.clear()
    figures.append(
      BenchFigure(
        name: name, seconds: seconds, flop: flop, bytes: bytes, tokens: tokens, peakBytes: currentPeakMemory()
      ))
  }

  mutating func measureCeilings() {
    terminal.progress("ceilings")
    ceilings.append(compute.measureCeilings(seconds: 0.4))
    compute.trim()
    terminal.clear()
  }

  mutating func load() throws {
    let (directory, compute) = (directory, compute)
    try measure("load to ready") { _ = try Families.load(directory, on: compute) }
  }

  private func randomTokens(_ count: Int) -> [Int] {
    var state: UInt64 = 42
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % min(model.tokenizer.vocabularySize, 100_000)
    }
  }

  /// Runs the text model over tokens in the engine's chunks, and scores the last.
  private func read(_ tokens: [Int], from start: Int, cache: inout KVCache) {
    var hidden: Tensor?
    let chunk = Engine.Options().chunk
    for begin in stride(from: 0, to: tokens.count, by: chunk) {
      let range = begin..<min(tokens.count, begin + chunk)
      let places = range.map { start + $0 }
      hidden = model.forward(
        model.embed(Array(tokens[range])), positions: [places, places, places], cache: &cache)
    }
    if let hidden { _ = model.logits(hidden[rows: hidden.shape[0] - 1..<hidden.shape[0]]) }
  }

  /// A short untimed run, so that no measurement contains the first touch of the mapped weights.
  private func warmUp() {
    var cache = model.makeCache(capacity: 64)
    read(randomTokens(64), from: 0, cache: &cache)
  }

  mutating func prefill(_ length: Int) throws {
    let prompt = randomTokens(length)
    let session = self
    warmUp()
    try measure("prefill \(length)", flop: model.costs.prefillFLOPs(tokens: length, past: 0), tokens: length)
    {
      var cache = session.model.makeCache(capacity: length)
      session.read(prompt, from: 0, cache: &cache)
    }
  }

  mutating func decode(after length: Int) throws {
    let prompt = randomTokens(length)
    let session = self
    var cache = model.makeCache(capacity: length + tokens * runs + 1)
    terminal.progress("decode after \(length): reading the prompt")
    read(prompt, from: 0, cache: &cache)
    let bytes = (0..<tokens).reduce(0.0) { $0 + model.costs.decodeBytes(past: length + $1) }
    try measure("decode after \(length)", bytes: bytes, tokens: tokens) {
      cache.truncate(to: length)
      var token = 17
      for index in 0..<session.tokens {
        let place = length + index
        let hidden = session.model.forward(
          session.model.embed([token]), positions: [[place], [place], [place]], cache: &cache)
        token = session.model.logits(hidden).argmax()
      }
    }
  }

  mutating func encode(_ side: Int) throws {
    let size = side / 28 * 28
    let grid = GridTHW(t: 1, h: size / 14, w: size / 14)
    var state: UInt64 = 7
    let values = (0..<grid.patches * 1176).map { _ -> Float in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-30
    }
    let patches = compute.tensor(values, [grid.patches, 1176])
    let model = model
    let small = GridTHW(t: 1, h: 4, w: 4)
    _ = model.encode(patches: compute.zeros([small.patches, 1176]), grids: [small], progress: { _ in true })
    try measure(
      "encode \(size)×\(size)", flop: model.costs.encodeFLOPs([grid]),
      tokens: grid.tokens(mergeSize: model.mergeSize)
    ) {
      _ = model.encode(patches: patches, grids: [grid], progress: { _ in !Interrupt.isPending })
    }
  }

  // MARK: Results

  private var peakFlops: Double { middle(ceilings.map(\.flops)) }
  private var peakRead: Double { middle(ceilings.map(\.readBandwidth)) }

  var table: String {
    var text =
      "\(model.family), \(compute.threads) threads, \(compute.instructionSet); weights "
      + "\(gibibytes(model.costs.weightBytes)) GiB; median of \(runs) runs (least … most)\n"
      + "ceilings: \(fixed(peakFlops / 1e9, 0)) GFLOP/s float32 FMA, \(fixed(peakRead / 1e9, 1)) GB/s reads "
      + "(medians of \(ceilings.count))\n\n"
      + pad("", 20) + pad("seconds", 26) + pad("tokens/s", 11) + pad("rate", 16) + pad("share", 9)
      + "peak memory\n"
    for figure in figures {
      let least = figure.seconds.min() ?? 0
      let most = figure.seconds.max() ?? 0
      var line = pad(figure.name, 20)
      line += pad("\(fixed(figure.median, 3)) (\(fixed(least, 3)) … \(fixed(most, 3)))", 26)
      line += pad(figure.tokens.map { fixed(Double($0) / figure.median, 1) } ?? "", 11)
      if let flop = figure.flop {
        line += pad("\(fixed(flop / figure.median / 1e9, 0)) GFLOP/s", 16)
        line += pad("\(fixed(100 * flop / figure.median / peakFlops, 1)) %", 9)
      } else if let bytes = figure.bytes {
        line += pad("\(fixed(bytes / figure.median / 1e9, 1)) GB/s", 16)
        line += pad("\(fixed(100 * bytes / figure.median / peakRead, 1)) %", 9)
      } else {
        line += pad("", 25)
      }
      text += line + "\(gibibytes(figure.peakBytes)) GiB\n"
    }
    return text
  }

  var json: JSONValue {
    [
      "family": .string(model.family), "threads": .integer(compute.threads),
      "instruction_set": .string(compute.instructionSet), "weight_bytes": .integer(model.costs.weightBytes),
      "ceilings": .array(
        ceilings.map { ["flops": .number($0.flops), "read_bytes_per_second": .number($0.readBandwidth)] }),
      "figures": .array(
        figures.map { figure in
          [
            "name": .string(figure.name), "seconds": .array(figure.seconds.map { .number($0) }),
            "median_seconds": .number(figure.median),
            "tokens_per_second": figure.tokens.map { .number(Double($0) / figure.median) } ?? .null,
            "flops": figure.flop.map { .number($0 / figure.median) } ?? .null,
            "read_bytes_per_second": figure.bytes.map { .number($0 / figure.median) } ?? .null,
            "share_of_ceiling": figure.flop.map { .number($0 / figure.median / peakFlops) }
              ?? figure.bytes.map { .number($0 / figure.median / peakRead) } ?? .null,
            "peak_bytes": .integer(figure.peakBytes),
          ]
        }),
    ]
  }
}
