internal import Glibc
internal import VLJSON
public import VLModels

/// What a step did: a line of `metrics.jsonl`.
public struct StepReport: Sendable {
  /// Seconds that the step's phases took.
  public struct Seconds: Sendable {
    /// Waiting for data.
    public var data = 0.0
    /// Computing the loss.
    public var forward = 0.0
    /// Computing the gradient.
    public var backward = 0.0
    /// Its norm, clipping, AdamW.
    public var optimizer = 0.0
    /// All of them.
    public var total: Double { data + forward + backward + optimizer }
  }

  /// The step, from 1.
  public var step: Int
  /// The mean cross-entropy of the supervised places.
  public var loss: Double
  /// The learning rate of each part that learns.
  public var rates: [ModelPart: Double]
  /// The gradient's norm before clipping.
  public var gradientNorm: Double
  /// Places, those of images and unsupervised ones included.
  public var tokens = 0
  /// Supervised places.
  public var supervised = 0
  /// Samples.
  public var samples = 0
  /// Images and videos.
  public var visuals = 0
  /// Samples that were left out on the way.
  public var dropped = 0
  /// Where the time went.
  public var seconds = Seconds()
  /// The most memory the process has held, in bytes.
  public var peakMemory = 0
  /// How much of the run is done, 0...1.
  public var progress = 0.0

  /// Places per second.
  public var tokensPerSecond: Double { Double(tokens) / max(seconds.total, 1e-9) }
  /// Samples per second.
  public var samplesPerSecond: Double { Double(samples) / max(seconds.total, 1e-9) }

  var json: JSONValue {
    var rates = JSONObject()
    for part in ModelPart.allCases {
      if let rate = self.rates[part] { rates[part.rawValue] = .number(rate) }
    }
    return [
      "step": .integer(step), "loss": .number(loss), "learning_rate": .object(rates),
      "gradient_norm": .number(gradientNorm), "tokens": .integer(tokens), "supervised": .integer(supervised),
      "samples": .integer(samples), "visuals": .integer(visuals), "dropped": .integer(dropped),
      "tokens_per_second": .number(rounded(tokensPerSecond)),
      "samples_per_second": .number(rounded(samplesPerSecond)),
      "seconds": [
        "data": .number(rounded(seconds.data)), "forward": .number(rounded(seconds.forward)),
        "backward": .number(rounded(seconds.backward)), "optimizer": .number(rounded(seconds.optimizer)),
      ], "peak_memory": .integer(peakMemory),
    ]
  }

  var scalars: [(tag: String, value: Double)] {
    [("loss/train", loss), ("gradient_norm", gradientNorm), ("speed/tokens_per_second", tokensPerSecond)]
      + ModelPart.allCases.compactMap { part in rates[part].map { ("learning_rate/\(part.rawValue)", $0) } }
  }
}

/// The loss on held-out data: a line of `metrics.jsonl`.
public struct EvaluationReport: Sendable {
  /// After which step.
  public var step: Int
  /// The mean cross-entropy of all supervised places.
  public var loss: Double
  /// The same for each source by itself, in the recipe's order.
  public var sources: [(name: String, loss: Double)]
  /// Supervised places.
  public var supervised: Int
  /// How long it took.
  public var seconds: Double
  /// Whether no earlier one was lower.
  public var isBest: Bool

  var json: JSONValue {
    var losses = JSONObject()
    for source in sources { losses[source.name] = .number(source.loss) }
    return [
      "step": .integer(step),
      "evaluation": [
        "loss": .number(loss), "sources": .object(losses), "supervised": .integer(supervised),
        "seconds": .number(rounded(seconds)),
      ],
    ]
  }

  var scalars: [(tag: String, value: Double)] {
    [("loss/held_out", loss)] + sources.map { ("loss/held_out/\($0.name)", $0.loss) }
  }
}

/// To microseconds, for reading.
private func rounded(_ seconds: Double) -> Double { (seconds * 1e6).rounded() / 1e6 }

/// The lines of a run, in its directory.
final class MetricsFile {
  private let descriptor: Int32
  private let path: String
  private let events: EventFile

  /// Opens a run's metrics. Lines about steps after `step`, and a line cut short, are removed: training goes on from
  /// there.
  init(_ run: RunDirectory, after step: Int) throws {
    path = run.metrics
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw DurableFiles.failure(path) }
    do {
      events = try EventFile(directory: run.path, step: step + 1)
      var end = 0
      let bytes = DurableFiles.read(path) ?? []
      while let newline = bytes[end...].firstIndex(of: UInt8(ascii: "\n")) {
        guard let line = try? JSONValue(parsing: Array(bytes[end..<newline])),
          let number = line["step"]?.integerValue, number <= step
        else { break }
        end = newline + 1
      }
      if end < bytes.count, ftruncate(descriptor, off_t(end)) != 0 { throw DurableFiles.failure(path) }
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  func add(_ report: StepReport) throws {
    try add(report.json)
    try events.add(report.scalars, step: report.step)
  }

  func add(_ report: EvaluationReport) throws {
    try add(report.json)
    try events.add(report.scalars, step: report.step)
  }

  private func add(_ line: JSONValue) throws {
    try DurableFiles.write(Array((line.serialized() + "\n").utf8), descriptor, path)
  }
}
