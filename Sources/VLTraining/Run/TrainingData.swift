public import VLJSON
internal import VLMedia
public import VLModels
internal import VLSynth

/// The data that a recipe names, opened and checked.
public struct TrainingData {
  /// What is trained on: for ever where the recipe counts steps, for its passes where it counts epochs.
  public let training: MixtureStream
  /// What the loss is measured on, source by source.
  public let heldOut: [HeldOutSource]

  /// Opens everything.
  /// - Throws: `DataError` or `SynthError` for data that cannot be used.
  public init(_ recipe: Recipe, processor: any VisionLanguageProcessor) throws {
    let batch = recipe.batch
    let encoder = SampleEncoder(
      processor,
      options: SampleEncoder.Options(
        maxTokens: min(batch.tokens, processor.contextLength), maxPatches: batch.patches,
        truncation: batch.truncation == .end ? .end : .drop))
    let packing = Packer.Limits(tokens: batch.tokens, patches: batch.patches, samples: batch.samples)
    let bad: DataMixture.BadSamples = batch.badSamples == .skip ? .skip : .stop
    var passes: Int?
    if case .epochs(let count) = recipe.length { passes = count }
    let entries = try recipe.data.map { data in
      DataMixture.Entry(
        try data.open(seed: recipe.seed, split: .train), weight: data.weight, shuffle: data.shuffle,
        passes: passes, resize: data.resize)
    }
    training = MixtureStream(
      try DataMixture(entries, encoder: encoder, packing: packing, seed: recipe.seed, badSamples: bad))

    let measured = recipe.evaluation?.data ?? []
    let total = measured.reduce(0) { $0 + $1.weight }
    heldOut = try measured.enumerated().map { index, data in
      let share = Double(recipe.evaluation?.samples ?? 0) * data.weight / total
      let source = LimitedSource(
        try data.open(seed: recipe.seed, split: .heldOut), limit: max(1, Int(share.rounded())))
      let entry = DataMixture.Entry(source, shuffle: .none, passes: 1, resize: data.resize)
      let name = data.label
      let isRepeated = measured[..<index].contains { $0.label == name }
      return HeldOutSource(name: isRepeated ? "\(name) (\(index))" : name) {
        MixtureStream(
          try DataMixture([entry], encoder: encoder, packing: packing, seed: recipe.seed, badSamples: bad))
      }
    }
  }
}

/// The batches of a mixture.
public struct MixtureStream: BatchStream {
  private let mixture: DataMixture

  init(_ mixture: DataMixture) { self.mixture = mixture }

  /// The next batch; nil at the end.
  public mutating func next() throws -> NamedBatch? {
    guard let batch = try mixture.next() else { return nil }
    return NamedBatch(
      batch, names: mixture.lastSamples, dropped: mixture.takeDrops().map(\.description))
  }

  /// Where the mixture stands.
  public var position: JSONValue { mixture.position.json }

  /// Goes on from a position.
  public mutating func seek(to position: JSONValue) throws {
    try mixture.seek(to: DataPosition(position, place: "the snapshot"))
  }

  /// The share of all samples that was given or left out; nil for endless data.
  public var progress: Double? {
    mixture.sampleCount.map { total in
      Double(mixture.position.samples + mixture.position.dropped) / Double(max(1, total))
    }
  }
}

extension Recipe.Data {
  /// What reports call it: the file's own name, or the tasks.
  var label: String {
    switch source {
    case .file(let path): path.split(separator: "/").last.map(String.init) ?? path
    case .synth(let tasks): tasks.isEmpty ? "all tasks" : tasks
    }
  }

  var resize: ResizeRequest { ResizeRequest(minPixels: minPixels, maxPixels: maxPixels) }

  var shuffle: Shuffle {
    switch (source, order) {
    case (.synth, _), (_, .stored): .none
    case (_, .random): .full
    case (_, .windows(let size)): .windows(size)
    }
  }

  func open(seed: UInt64, split: SynthSplit) throws -> any SampleSource {
    switch source {
    case .file(let pattern):
      let format = try format.map { name in
        guard let format = DataFormat(rawValue: name) else {
          let known = DataFormat.allCases.map(\.rawValue)
          let meant = nearest(to: name, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
          throw RecipeError(
            place: place, key: "format",
            reason: "\"\(name)\" is not one of \(known.joined(separator: ", "))\(meant)")
        }
        return format
      }
      return try DataFiles.open(pattern, format: format, media: media)
    case .synth(let tasks):
      do {
        return SynthSource(try stream(tasks, seed: seed, split: split), tasks: tasks)
      } catch {
        throw RecipeError(place: place, key: "synth", reason: "\(error)")
      }
    }
  }

  /// What draws the samples; nil for data that is read.
  func stream(seed: UInt64, split: SynthSplit) throws(SynthError) -> SynthStream? {
    guard case .synth(let tasks) = source else { return nil }
    return try stream(tasks, seed: seed, split: split)
  }

  private func stream(_ tasks: String, seed: UInt64, split: SynthSplit) throws(SynthError) -> SynthStream {
    let settings =
      if let sides { try SynthSettings(sides: sides, difficulty: difficulty, frames: frames) } else {
        try SynthSettings(difficulty: difficulty, frames: frames)
      }
    return try SynthStream(tasks: tasks, seed: seed, split: split, settings: settings)
  }
}

/// The first samples of a source.
struct LimitedSource: SampleSource {
  private let source: any SampleSource
  private let limit: Int

  init(_ source: any SampleSource, limit: Int) {
    self.source = source
    self.limit = limit
  }

  var name: String { source.name }
  var count: Int? { min(limit, source.count ?? limit) }
  func sample(at index: Int) throws -> TrainingSample { try source.sample(at: index) }
}
