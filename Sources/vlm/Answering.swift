import VLEngine
import VLJSON
import VLMedia
import VLModels

/// Follows a request's events: progress to standard error, text to standard output as it becomes certain.
struct Answering: Sendable {
  let terminal: Terminal
  /// Whether the text is printed while it comes.
  let streams: Bool

  /// The result, or nil if Ctrl-C was pressed.
  func follow(_ request: GenerationRequest, on engine: Engine) async throws -> GenerationResult? {
    try await Interrupt.cancelling {
      var result: GenerationResult?
      var prefillStart: ContinuousClock.Instant?
      let clock = ContinuousClock()
      for try await event in engine.submit(request) {
        switch event {
        case .prepared(let usage, _):
          terminal.progress("prompt of \(usage.promptTokens) tokens")
          prefillStart = clock.now
        case .encoding(let share, let tokens):
          terminal.progress("encoding images (\(tokens) tokens) \(Int(share * 100)) %")
          prefillStart = clock.now
        case .prefilling(let done, let total):
          if let start = prefillStart, done > 0 {
            let rate = Double(done) / max(1e-9, (clock.now - start).inSeconds)
            terminal.progress("reading \(done)/\(total) tokens, \(Int(rate)) tokens/s")
          }
          if done == total { terminal.clear() }
        case .token: break
        case .text(let text): if streams { Terminal.sayAnswer(text) }
        case .finished(let value): result = value
        }
      }
      terminal.clear()
      guard let result else { throw CancellationError() }
      return result
    }
  }
}

extension Duration {
  /// As a floating-point number of seconds.
  var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

extension SamplingSettings {
  /// One line for a person.
  var summary: String {
    let penalty = repetitionPenalty == 1 ? "" : ", repetition penalty \(repetitionPenalty)"
    if greedy { return "greedy" + penalty }
    return "temperature \(temperature), top-p \(topP), top-k \(topK), min-p \(minP), seed \(seed)" + penalty
  }

  /// As applied, for `--format json`.
  var json: JSONValue {
    [
      "greedy": .bool(greedy), "temperature": .number(temperature), "top_p": .number(topP),
      "top_k": .integer(topK),
      "min_p": .number(minP), "repetition_penalty": .number(repetitionPenalty),
      "seed": .integer(Int(clamping: seed)),
    ]
  }
}

extension ImageReport {
  /// For `--format json`.
  var json: JSONValue {
    [
      "name": .string(name), "format": .string(format),
      "original": ["width": .integer(originalWidth), "height": .integer(originalHeight)],
      "orientation": .integer(orientation),
      "resized": ["width": .integer(resizedWidth), "height": .integer(resizedHeight)],
      "grid_thw": .array([.integer(grid.t), .integer(grid.h), .integer(grid.w)]), "tokens": .integer(tokens),
    ]
  }
}

extension GenerationResult {
  /// For `--format json`: one object.
  func json(loadSeconds: Double) -> JSONValue {
    func rate(_ tokens: Int, _ seconds: Double) -> JSONValue {
      seconds > 0 ? .number(Double(tokens) / seconds) : .null
    }
    return [
      "text": .string(text), "tokens": .array(tokens.map { .integer($0) }),
      "finish_reason": .string(finishReason.rawValue),
      "usage": [
        "prompt_tokens": .integer(usage.promptTokens), "image_tokens": .integer(usage.imageTokens),
        "cached_tokens": .integer(usage.cachedTokens), "completion_tokens": .integer(usage.completionTokens),
      ],
      "images": .array(images.map(\.json)), "sampling": sampling.json,
      "timings": [
        "load_seconds": .number(loadSeconds), "prepare_seconds": .number(timings.prepare),
        "encode_seconds": .number(timings.encode), "prefill_seconds": .number(timings.prefill),
        "decode_seconds": .number(timings.decode),
        "prefill_tokens_per_second": rate(usage.promptTokens - usage.cachedTokens, timings.prefill),
        "decode_tokens_per_second": rate(max(0, tokens.count - 1), timings.decode),
      ],
    ]
  }
}
