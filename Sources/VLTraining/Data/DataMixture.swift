public import VLMedia
public import VLModels
internal import VLTensor

/// Batches from several sources, endless or for some passes.
///
/// The sequence of batches is a function of the sources, the seed and the limits: not of the number of threads, and not
/// of interruptions, for it goes on exactly from a ``position``. To be used by one thread at a time.
public final class DataMixture {
  /// A source in the mixture.
  public struct Entry: Sendable {
    /// Where samples come from.
    public var source: any SampleSource
    /// How often it is drawn from, relative to the others; above 0.
    public var weight: Double
    /// In which order its samples come.
    public var shuffle: Shuffle
    /// How often its samples come round; nil for ever. A generator without an end has none.
    public var passes: Int?
    /// Limits for pictures that have none of their own.
    public var resize: ResizeRequest

    /// An entry; by default shuffled, for ever.
    public init(
      _ source: any SampleSource, weight: Double = 1, shuffle: Shuffle = .full, passes: Int? = nil,
      resize: ResizeRequest = ResizeRequest()
    ) {
      self.source = source
      self.weight = weight
      self.shuffle = shuffle
      self.passes = passes
      self.resize = resize
    }
  }

  /// What to do about a sample that cannot be read.
  public enum BadSamples: String, Sendable, CaseIterable {
    /// ``DataMixture/next()`` throws its error, every time it is called, until the sample is mended.
    case stop
    /// It is left out, counted and named like one that does not fit.
    case skip
  }

  /// A sample that was left out.
  public struct Drop: Sendable, Equatable {
    /// Which and why, one line.
    public var description: String
    /// Why, for counting: `too long`, `media`.
    public var category: String
  }

  private let entries: [Entry]
  private let encoder: SampleEncoder
  private let badSamples: BadSamples
  private let threads: Int
  private let lookahead: Int
  private let totals: [(weight: Double, total: Int?)]
  private var pipeline: EncodingPipeline
  /// The same schedule as the pipeline's, as far as samples were taken over.
  private var consumed: DrawSchedule
  private var packer: Packer
  private var current: DataPosition
  /// Since they were taken last.
  private var recentDrops: [Drop] = []
  private var dropCount = 0
  /// The names of the samples in the last batch, for messages about it.
  public private(set) var lastSamples: [String] = []

  /// A mixture at its beginning.
  ///
  /// - Parameters:
  ///   - entries: at least one.
  ///   - encoder: how samples become tokens; its limit must not be above the packing's.
  ///   - packing: how much goes into a batch.
  ///   - seed: what the orders follow from.
  ///   - threads: how many work ahead; with 0 the caller's thread does everything.
  ///   - lookahead: how many encoded samples are held ready at most.
  ///   - badSamples: what to do about samples that cannot be read.
  /// - Throws: ``DataError`` for a source without samples or settings out of range.
  public init(
    _ entries: [Entry], encoder: SampleEncoder, packing: Packer.Limits, seed: UInt64, threads: Int = 1,
    lookahead: Int = 32, badSamples: BadSamples = .stop
  ) throws {
    guard !entries.isEmpty else {
      throw DataError(.invalid, "data", "there is no source", remedy: "name at least one")
    }
    guard encoder.options.maxTokens <= packing.tokens else {
      throw DataError(
        .invalid, "data",
        "samples may have \(encoder.options.maxTokens) tokens and a batch holds \(packing.tokens)",
        remedy: "raise the batch's tokens or lower the samples'")
    }
    for entry in entries {
      let name = entry.source.name
      guard entry.weight > 0, entry.weight.isFinite else {
        throw DataError(
          .invalid, name, "the weight \(entry.weight) is not above 0", remedy: "give a positive one")
      }
      guard entry.source.count != 0 else {
        throw DataError(.invalid, name, "it has no samples", remedy: "leave it out")
      }
      if let passes = entry.passes, passes < 1 || entry.source.count == nil {
        throw DataError(
          .invalid, name,
          entry.source.count == nil ? "it has no end to pass by" : "\(passes) passes are none",
          remedy: "give steps instead of epochs")
      }
    }
    self.entries = entries
    self.encoder = encoder
    self.badSamples = badSamples
    self.threads = threads
    self.lookahead = lookahead
    packer = Packer(packing)
    totals = entries.map { entry in
      (entry.weight, entry.source.count.flatMap { count in entry.passes.map { count * $0 } })
    }
    consumed = DrawSchedule(totals, counts: entries.map { _ in 0 })
    current = DataPosition(
      seed: seed,
      sources: entries.map { .init(name: Self.lastComponent($0.source.name), count: $0.source.count) })
    pipeline = Self.makePipeline(entries, encoder, consumed, seed, threads, lookahead)
  }

  /// How many samples there are in all; nil if there is no end to them.
  public var sampleCount: Int? {
    totals.reduce(0) { sum, source in sum.flatMap { sum in source.total.map { sum + $0 } } }
  }

  /// Where the sequence stands: what comes is what has not been given out.
  public var position: DataPosition { current }

  /// The next batch; nil at the end.
  /// - Throws: ``DataError``; the position stays in front of the bad sample.
  public func next() throws -> TrainingBatch? {
    guard let samples = try nextSamples() else { return nil }
    return TrainingBatch(packing: samples, processor: encoder.processor)
  }

  /// The samples of the next batch, not put together yet; nil at the end.
  /// - Throws: ``DataError``; the position stays in front of the bad sample.
  public func nextSamples() throws -> [EncodedSample]? {
    while packer.wantsMore, let (draw, result) = pipeline.next() {
      switch result {
      case .success(let sample): packer.add(sample, draw: draw)
      case .failure(let rejection as SampleRejection):
        drop(rejection.description, rejection.category)
      case .failure(let error):
        guard badSamples == .skip else { throw error }
        let category = (error as? DataError)?.kind.rawValue ?? "unusable"
        drop("\(error)", category)
      }
      pipeline.consume()
      _ = consumed.next()
    }
    let samples = packer.take()
    if let samples {
      current.batches += 1
      current.samples += samples.count
      lastSamples = samples.map(\.name)
    }
    current.drawn = consumed.counts
    current.dropped = dropCount
    // Samples that were waiting at an earlier position and have not come yet wait on.
    current.waiting = packer.waiting.map(\.draw) + consumed.first
    return samples
  }

  private func drop(_ description: String, _ category: String) {
    recentDrops.append(Drop(description: description, category: category))
    dropCount += 1
  }

  /// What was left out since this was asked last.
  public func takeDrops() -> [Drop] {
    defer { recentDrops = [] }
    return recentDrops
  }

  /// Goes on from a position of this mixture or of one that is made of the same.
  /// - Throws: ``DataError`` when it belongs to other data.
  public func seek(to position: DataPosition) throws {
    guard position.seed == current.seed else {
      throw DataError(
        .invalid, "data", "the position is of the seed \(position.seed), not \(current.seed)",
        remedy: "resume with the recipe of the snapshot")
    }
    for (old, new) in zip(position.sources, current.sources) where old != new {
      throw DataError(
        .invalid, new.name,
        "the position is of \(old.name) with \(old.count.map(String.init) ?? "endless") samples, not of this with "
          + "\(new.count.map(String.init) ?? "endless")", remedy: "resume with the data of the snapshot")
    }
    guard position.sources.count == current.sources.count else {
      throw DataError(
        .invalid, "data",
        "the position is of \(position.sources.count) sources, not \(current.sources.count)",
        remedy: "resume with the recipe of the snapshot")
    }
    current = position
    packer = Packer(packer.limits)
    recentDrops = []
    dropCount = position.dropped
    lastSamples = []
    consumed = DrawSchedule(totals, counts: position.drawn, first: position.waiting)
    pipeline = Self.makePipeline(entries, encoder, consumed, position.seed, threads, lookahead)
  }

  private static func makePipeline(
    _ entries: [Entry], _ encoder: SampleEncoder, _ schedule: DrawSchedule, _ seed: UInt64, _ threads: Int,
    _ lookahead: Int
  ) -> EncodingPipeline {
    // A thread that shared the network's threads would wait for them.
    let encoders = (0..<max(1, threads)).map { _ in
      threads == 0
        ? encoder
        : SampleEncoder(encoder.processor.on(Compute(threads: 1)), options: encoder.options)
    }
    return EncodingPipeline(schedule, threads: threads, lookahead: lookahead) { draw, thread in
      let entry = entries[draw.source]
      return Result {
        let index = entry.shuffle.index(
          of: draw.ordinal, count: entry.source.count, seed: seed, stream: "source \(draw.source)")
        return try encoders[thread].encode(entry.source.sample(at: index).resized(by: entry.resize))
      }
    }
  }

  /// A file may be moved, not exchanged for another.
  private static func lastComponent(_ path: String) -> String {
    path.split(separator: "/").last.map(String.init) ?? path
  }
}
