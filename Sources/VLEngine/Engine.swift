public import VLModels
internal import VLMedia
internal import VLNN
internal import VLTensor
internal import VLText

/// Serves requests on one model: submit a request, read its events.
///
/// The engine is one actor on a thread of its own. It performs the actions that a pure ``Scheduler`` names, one at a
/// time, and never suspends inside one. A request's tokens do not depend on what else is being served.
public actor Engine {
  /// Limits of an engine.
  public struct Options: Sendable {
    /// Prompt tokens per step of the text model: bounds the activations' memory and how long others wait.
    public var chunk = 512
    /// Patches per step of the encoder; a larger image is encoded alone.
    public var patchesPerBatch = 16384
    /// Bytes of image embeddings and files that are kept for later requests.
    public var imageCacheBytes = 512 << 20
    /// How many finished conversations keep their KV cache for a continuation.
    public var retainedConversations = 2
    /// How many sequences are served at once.
    public var maximumRunning = 8
    /// Bytes that a request may need, where that is less than what the system has available.
    public var memoryLimit: Int?

    /// The defaults.
    public init() {}
  }

  /// The model.
  public nonisolated let model: any VisionLanguageModel
  private let options: Options
  private let thread = EngineThread()
  private var scheduler: Scheduler
  private var sequences: [Scheduler.ID: GenerationSequence] = [:]
  private var images: VisionCache
  private var retained: [RetainedPrefix] = []
  private var nextID: Scheduler.ID = 0
  private var running = false
  private let clock = ContinuousClock()

  /// The actor's own thread.
  public nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// An engine for a loaded model.
  public init(_ model: any VisionLanguageModel, options: Options = Options()) {
    self.model = model
    self.options = options
    scheduler = Scheduler(maximumRunning: options.maximumRunning)
    images = VisionCache(limit: options.imageCacheBytes)
  }

  /// Serves a request. Its events come as they happen; dropping the stream cancels the request.
  public nonisolated func submit(_ request: GenerationRequest) -> AsyncThrowingStream<
    GenerationEvent, any Error
  > {
    let cancelled = CancellationFlag()
    let (stream, continuation) = AsyncThrowingStream.makeStream(
      of: GenerationEvent.self, throwing: (any Error).self)
    if let problem = request.problem {
      continuation.finish(throwing: EngineError(problem))
      return stream
    }
    continuation.onTermination = { _ in cancelled.set() }
    Task { await self.accept(request, cancelled, continuation) }
    return stream
  }

  /// Serves a request to its end.
  public nonisolated func generate(_ request: GenerationRequest) async throws -> GenerationResult {
    for try await event in submit(request) {
      if case .finished(let result) = event { return result }
    }
    throw CancellationError()
  }

  private func accept(
    _ request: GenerationRequest, _ cancelled: CancellationFlag,
    _ continuation: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
  ) async {
    nextID += 1
    sequences[nextID] = GenerationSequence(
      id: nextID, request: request, cancelled: cancelled, continuation: continuation)
    scheduler.add(nextID)
    guard !running else { return }
    running = true
    while let action = nextAction() {
      perform(action)
      await Task.yield()
    }
    running = false
  }

  private func nextAction() -> Scheduler.Action? {
    for (id, sequence) in sequences where sequence.cancelled.isSet { scheduler.cancel(id) }
    return scheduler.next()
  }

  private func perform(_ action: Scheduler.Action) {
    switch action {
    case .prepare(let id): step(id, prepare)
    case .encode(let id): step(id, encode)
    case .prefill(let id): step(id, prefill)
    case .decode(let id): step(id, decode)
    case .retire(let id): retire(id)
    }
  }

  /// Runs a step of one sequence; an error ends that sequence and no other.
  private func step(_ id: Scheduler.ID, _ body: (GenerationSequence) throws -> Scheduler.Phase) {
    guard let sequence = sequences[id] else { return }
    do {
      scheduler.advance(id, to: try body(sequence))
    } catch {
      sequence.continuation.finish(throwing: error)
      scheduler.advance(id, to: .over)
    }
  }

  private func seconds(_ body: () throws -> Void) rethrows -> Double {
    let duration = try clock.measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }

  // MARK: Steps

  private func prepare(_ sequence: GenerationSequence) throws -> Scheduler.Phase {
    let request = sequence.request
    sequence.timings.prepare += try seconds {
      for message in request.messages {
        for input in message.visuals {
          sequence.visuals.append(try visual(input, earlier: sequence.visuals))
        }
      }
      let prompt = try model.prompt(
        request.messages, images: sequence.visuals.map(\.report), visionIDs: request.visionIDs)
      sequence.prompt = prompt
      let room = model.contextLength - prompt.tokens.count
      guard room > 0 else {
        throw EngineError(
          "the prompt takes \(prompt.tokens.count) tokens and the checkpoint's context holds \(model.contextLength); "
            + "shorten it, or lower --max-pixels")
      }
      sequence.limit = min(request.maxTokens ?? room, room)
      sequence.usage.promptTokens = prompt.tokens.count
      sequence.usage.imageTokens = prompt.visuals.reduce(0) { $0 + $1.range.count }
    }
    guard let prompt = sequence.prompt else { return .over }
    sequence.detokenizer = StreamingDetokenizer(model.tokenizer)
    sequence.sampler.note(prompt.tokens)
    sequence.usage.cachedTokens = adoptPrefix(sequence, prompt)
    try checkMemory(sequence, prompt)
    sequence.continuation.yield(.prepared(sequence.usage, sequence.visuals.map(\.report)))
    return sequence.visuals.contains { $0.pending != nil } ? .encoding : .prefilling
  }

  private func visual(_ input: VisualInput, earlier: [SequenceVisual]) throws -> SequenceVisual {
    let files = try input.load()
    var isVideo = false
    if case .video = input { isVideo = true }
    let key = VisionCache.Key(files: files, isVideo: isVideo, resize: input.resize)
    if let found = images.find(key) {
      return SequenceVisual(key: key, report: found.report, embeddings: found.embeddings)
    }
    if let same = earlier.first(where: { $0.key == key }) { return same }
    let prepared = try model.prepare(input, files: files)
    return SequenceVisual(key: key, report: prepared.report, pending: prepared)
  }

  /// Takes over the cache of the retained conversation that shares the longest beginning; returns how many places.
  private func adoptPrefix(_ sequence: GenerationSequence, _ prompt: Prompt) -> Int {
    let keys = sequence.visuals.map(\.key)
    let lengths = retained.map { min($0.common(with: prompt, keys: keys), prompt.tokens.count - 1) }
    guard let best = lengths.indices.max(by: { lengths[$0] < lengths[$1] }), lengths[best] > 0 else {
      sequence.box = CacheBox(model.makeCache(capacity: prompt.tokens.count + min(sequence.limit, 256)))
      return 0
    }
    let box = retained.remove(at: best).box
    box.cache.truncate(to: lengths[best])
    sequence.box = box
    // Images that lie wholly in the reused part are not needed again.
    for (index, span) in prompt.visuals.enumerated() where span.range.upperBound <= lengths[best] {
      sequence.visuals[index].pending = nil
    }
    return lengths[best]
  }

  private func checkMemory(_ sequence: GenerationSequence, _ prompt: Prompt) throws {
    let images = sequence.visuals.compactMap(\.pending).map(\.report.grid)
    let costs = model.costs
    // Places that are reserved and not yet filled take no memory so far, and will.
    let newPlaces = max(0, prompt.tokens.count + sequence.limit - (sequence.box?.cache.count ?? 0))
    let need =
      max(
        images.isEmpty ? 0 : costs.encodeMemory(patches: largestBatch(images.map(\.patches))),
        costs.prefillMemory(chunk: min(options.chunk, prompt.tokens.count))) + newPlaces
      * costs.cacheBytesPerToken
    guard let available = [availableMemory(), options.memoryLimit].compactMap(\.self).min(), need > available
    else { return }
    throw EngineError(
      "the request needs about \(gibibytes(need)) GiB more memory and \(gibibytes(available)) GiB are available; "
        + "lower --max-pixels or --max-tokens")
  }

  private func largestBatch(_ patches: [Int]) -> Int {
    max(patches.max() ?? 0, min(patches.reduce(0, +), options.patchesPerBatch))
  }

  private func encode(_ sequence: GenerationSequence) throws -> Scheduler.Phase {
    // As many of the images that are next in line as fit one batch; equal ones once.
    var batch: [Int] = []
    var patches = 0
    for index in sequence.visuals.indices {
      guard let pending = sequence.visuals[index].pending else { continue }
      if let found = images.find(sequence.visuals[index].key) {
        sequence.visuals[index].embeddings = found.embeddings
        sequence.visuals[index].pending = nil
        continue
      }
      if batch.contains(where: { sequence.visuals[$0].key == sequence.visuals[index].key }) { continue }
      patches += pending.report.grid.patches
      if !batch.isEmpty && patches > options.patchesPerBatch { break }
      batch.append(index)
    }
    guard !batch.isEmpty else { return .prefilling }
    let tokens = batch.reduce(0) { $0 + sequence.visuals[$1].report.tokens }
    var encoded: [Tensor]?
    sequence.timings.encode += seconds {
      encoded = model.encode(batch.compactMap { sequence.visuals[$0].pending }) { share in
        sequence.continuation.yield(.encoding(share: share, tokens: tokens))
        return !sequence.cancelled.isSet
      }
    }
    guard let encoded else { return .over }
    for (index, embeddings) in zip(batch, encoded) {
      guard embeddings.isFinite else {
        throw EngineError(
          "image \(sequence.visuals[index].report.name): the encoder produced values that are not finite; "
            + "the checkpoint's weights are damaged")
      }
      images.store(
        sequence.visuals[index].key, report: sequence.visuals[index].report, embeddings: embeddings)
      sequence.visuals[index].embeddings = embeddings
      sequence.visuals[index].pending = nil
    }
    return sequence.visuals.contains { $0.pending != nil } ? .encoding : .prefilling
  }

  private func prefill(_ sequence: GenerationSequence) throws -> Scheduler.Phase {
    guard let prompt = sequence.prompt, let box = sequence.box else { return .over }
    let start = box.cache.count
    let range = start..<min(prompt.tokens.count, start + options.chunk)
    let isLast = range.upperBound == prompt.tokens.count
    sequence.timings.prefill += seconds {
      if start == sequence.usage.cachedTokens {
        box.cache.reserve(prompt.tokens.count - start, on: model.compute)
      }
      let hidden = model.forward(
        sequence.embeddings(range, model: model), positions: prompt.positions[range], cache: &box.cache)
      if isLast { sequence.logits = model.logits(hidden[rows: range.count - 1..<range.count]) }
    }
    let cached = sequence.usage.cachedTokens
    sequence.continuation.yield(
      .prefilling(done: range.upperBound - cached, total: prompt.tokens.count - cached))
    guard isLast else { return .prefilling }
    return sequence.limit > 0 ? .decoding : finish(sequence, .length)
  }

  private func decode(_ sequence: GenerationSequence) throws -> Scheduler.Phase {
    guard let prompt = sequence.prompt, let box = sequence.box, let logits = sequence.logits else {
      return .over
    }
    var phase = Scheduler.Phase.decoding
    sequence.timings.decode += try seconds {
      guard logits.isFinite else {
        throw EngineError(
          "the model's scores are not finite after \(sequence.generated.count) tokens; the checkpoint's weights are "
            + "damaged")
      }
      let token = sequence.sampler.next(
        logits.reshaped([logits.count]), limit: model.tokenizer.vocabularySize)
      sequence.sampler.note(CollectionOfOne(token))
      sequence.generated.append(token)
      sequence.usage.completionTokens += 1
      sequence.continuation.yield(.token(token))
      let isEnd = model.generationDefaults.eosTokens.contains(token)
      if isEnd && !sequence.request.ignoresEndToken {
        phase = finish(sequence, .stop)
        return
      }
      if say(sequence, sequence.detokenizer?.append(token) ?? "") {
        phase = finish(sequence, .stop, atStopText: true)
        return
      }
      if sequence.generated.count >= sequence.limit {
        phase = finish(sequence, .length)
        return
      }
      let place = prompt.positions.next + sequence.generated.count - 1
      box.cache.reserve(1, on: model.compute)
      let hidden = model.forward(
        model.embed([token]), positions: [[place], [place], [place]], cache: &box.cache)
      sequence.logits = model.logits(hidden)
    }
    return phase
  }

  /// Hands out what of a piece is certain; true when a stop text was found.
  private func say(_ sequence: GenerationSequence, _ piece: String) -> Bool {
    let (text, found) = sequence.stops.take(piece)
    if !text.isEmpty {
      sequence.text += text
      sequence.continuation.yield(.text(text))
    }
    return found
  }

  private func finish(_ sequence: GenerationSequence, _ reason: FinishReason, atStopText: Bool = false)
    -> Scheduler.Phase
  {
    var reason = reason
    // What the detokenizer still holds back belongs to the answer, unless it completes a stop text.
    if !atStopText && say(sequence, sequence.detokenizer?.finish() ?? "") { reason = .stop }
    let rest = sequence.stops.finish()
    if !rest.isEmpty {
      sequence.text += rest
      sequence.continuation.yield(.text(rest))
    }
    sequence.continuation.yield(
      .finished(
        GenerationResult(
          text: sequence.text, tokens: sequence.generated, finishReason: reason, usage: sequence.usage,
          images: sequence.visuals.map(\.report), sampling: sequence.request.sampling,
          timings: sequence.timings)))
    sequence.continuation.finish()
    return .over
  }

  private func retire(_ id: Scheduler.ID) {
    scheduler.retired(id)
    guard let sequence = sequences.removeValue(forKey: id) else { return }
    sequence.continuation.finish()
    guard options.retainedConversations > 0, let prompt = sequence.prompt, let box = sequence.box else {
      return
    }
    let held = box.cache.count
    guard held > 0 else { return }
    retained.append(
      RetainedPrefix(
        tokens: Array((prompt.tokens + sequence.generated).prefix(held)),
        visuals: zip(prompt.visuals, sequence.visuals).map { ($0.range, $1.key) }.filter {
          $0.range.lowerBound < held
        },
        box: box))
    if retained.count > options.retainedConversations { retained.removeFirst() }
  }
}
