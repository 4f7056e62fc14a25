internal import VLModels
internal import VLNN
internal import VLTensor
internal import VLText

/// A KV cache with an owner that can be handed on.
final class CacheBox {
  var cache: KVCache
  init(_ cache: consuming KVCache) { self.cache = cache }
}

/// One image of a sequence.
struct SequenceVisual {
  let key: VisionCache.Key
  let report: ImageReport
  /// nil once the embeddings are there.
  var pending: EncoderImage?
  var embeddings: Tensor?
}

/// A request that is being served: all of its state. Only the engine touches it.
final class GenerationSequence {
  let id: Scheduler.ID
  let request: GenerationRequest
  let continuation: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
  let cancelled: CancellationFlag

  var prompt: Prompt?
  var visuals: [SequenceVisual] = []
  var box: CacheBox?
  var logits: Tensor?
  var sampler: Sampler
  var detokenizer: StreamingDetokenizer?
  var stops: StopMatcher
  var generated: [Int] = []
  var text = ""
  var limit = 0
  var usage = Usage()
  var timings = Timings()

  init(
    id: Scheduler.ID, request: GenerationRequest, cancelled: CancellationFlag,
    continuation: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
  ) {
    self.id = id
    self.request = request
    self.cancelled = cancelled
    self.continuation = continuation
    sampler = Sampler(request.sampling)
    stops = StopMatcher(request.stop)
  }

  /// The embeddings of places `range` of the prompt: tokens', with images' rows in their places.
  func embeddings(_ range: Range<Int>, model: any VisionLanguageModel) -> Tensor {
    guard let prompt else { preconditionFailure("embeddings before prepare") }
    let result = model.embed(Array(prompt.tokens[range]))
    for (span, visual) in zip(prompt.visuals, visuals) {
      let part = span.range.clamped(to: range)
      guard !part.isEmpty, let rows = visual.embeddings else { continue }
      model.compute.replaceRows(
        part.lowerBound - range.lowerBound..<part.upperBound - range.lowerBound, of: result,
        with: rows[rows: part.lowerBound - span.range.lowerBound..<part.upperBound - span.range.lowerBound])
    }
    return result
  }
}

/// What is kept of a finished sequence, for the next request that begins with the same tokens and images.
struct RetainedPrefix {
  let tokens: [Int]
  let visuals: [(range: Range<Int>, key: VisionCache.Key)]
  let box: CacheBox

  /// How many leading places are the same in a new prompt.
  func common(with prompt: Prompt, keys: [VisionCache.Key]) -> Int {
    var count = 0
    let limit = min(tokens.count, prompt.tokens.count)
    while count < limit && tokens[count] == prompt.tokens[count] { count += 1 }
    for (index, visual) in visuals.enumerated() where visual.range.lowerBound < count {
      let same =
        index < prompt.visuals.count && prompt.visuals[index].range == visual.range
        && keys[index] == visual.key
      if !same { return visual.range.lowerBound }
    }
    return count
  }
}
