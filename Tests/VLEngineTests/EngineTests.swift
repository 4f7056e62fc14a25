import TestKit
import Testing
import VLEngine
import VLMedia
import VLModels
import VLNN
import VLTensor

private func tiny(threads: Int = 2) throws -> any VisionLanguageModel {
  try Families.load(Goldens.directory + "/tiny", on: Compute(threads: threads))
}

private let scene = Goldens.directory + "/references/images/scene.png"
private let other = Goldens.directory + "/references/images/other.png"

private func question(_ text: String, images: [String] = [scene]) -> Message {
  Message(role: "user", parts: images.map { .image(ImageInput(.file($0))) } + [.text(text)])
}

@Suite struct EngineTests {
  @Test func tokensDoNotDependOnThreadsOrChunks() async throws {
    let request = GenerationRequest(
      messages: [question("What is this?", images: [scene, other])], maxTokens: 20)
    let expected = try await Engine(tiny(threads: 1)).generate(request)
    #expect(expected.tokens.count == 20 || expected.finishReason == .stop)
    for threads in [2, 3, 5] {
      #expect(try await Engine(tiny(threads: threads)).generate(request).tokens == expected.tokens)
    }
    for chunk in [1, 5, 16] {
      var options = Engine.Options()
      options.chunk = chunk
      #expect(try await Engine(tiny(), options: options).generate(request).tokens == expected.tokens)
    }
  }

  /// Refused before it starts, and what is refused depends on the request: less of it fits.
  @Test func tooLittleMemoryIsAnError() async throws {
    func problem(_ limit: Int, _ request: GenerationRequest) async throws -> String? {
      var options = Engine.Options()
      options.memoryLimit = limit
      do {
        _ = try await Engine(tiny(), options: options).generate(request)
        return nil
      } catch let error as EngineError { return error.description }
    }
    let short = GenerationRequest(messages: [question("What is this?")], maxTokens: 2)
    let refused = try #require(try await problem(1000, short))
    #expect(refused.contains("memory") && refused.contains("--max-pixels") && !refused.contains("\n"))
    // Two layers of keys and values, 2 heads of 16, four bytes: 512 bytes a place, so the limit lies between the two.
    let long = GenerationRequest(messages: [question("What is this?")], maxTokens: 4000)
    let costs = try tiny().costs
    #expect(costs.cacheBytesPerToken == 512)
    let work = max(costs.encodeMemory(patches: 24), costs.prefillMemory(chunk: 64))
    #expect(try await problem(work + 512 * 500, short) == nil)
    #expect(try await problem(work + 512 * 500, long) != nil)
  }

  @Test(arguments: [
    GenerationRequest(messages: [], maxTokens: -1), GenerationRequest(messages: [], stop: [""]),
    GenerationRequest(messages: [], sampling: SamplingSettings(greedy: false, temperature: .nan)),
  ]) func settingsOutOfRangeAreErrors(_ request: GenerationRequest) async throws {
    await #expect(throws: EngineError.self) { try await Engine(tiny()).generate(request) }
  }

  /// The promise behind it: the same bits however the rows are cut and whatever number of threads.
  @Test func logitsAreTheSameBits() throws {
    func logits(threads: Int, chunk: Int) throws -> [UInt32] {
      let model = try tiny(threads: threads)
      let tokens = (0..<37).map { ($0 * 31) % 700 }
      var cache = model.makeCache(capacity: 4)
      var last: [UInt32] = []
      for start in stride(from: 0, to: tokens.count, by: chunk) {
        let places = Array(start..<min(tokens.count, start + chunk))
        cache.reserve(places.count, on: model.compute)
        let hidden = model.forward(
          model.embed(places.map { tokens[$0] }), positions: [places, places, places], cache: &cache)
        last = model.logits(hidden[rows: places.count - 1..<places.count]).array().map(\.bitPattern)
      }
      return last
    }
    let expected = try logits(threads: 1, chunk: 37)
    for (threads, chunk) in [(2, 37), (3, 37), (1, 1), (2, 8), (7, 13)] {
      #expect(
        try logits(threads: threads, chunk: chunk) == expected, "\(threads) threads, chunks of \(chunk)")
    }
  }

  @Test func concurrentRequestsDoNotDisturbEachOther() async throws {
    let texts = ["one", "two words", "and three more", "4"]
    var alone: [[Int]] = []
    for text in texts {
      alone.append(
        try await Engine(tiny()).generate(GenerationRequest(messages: [question(text)], maxTokens: 12)).tokens
      )
    }
    let engine = Engine(try tiny())
    let together = try await withThrowingTaskGroup(of: (Int, [Int]).self) { group in
      for (index, text) in texts.enumerated() {
        group.addTask {
          (
            index,
            try await engine.generate(GenerationRequest(messages: [question(text)], maxTokens: 12)).tokens
          )
        }
      }
      var result = [[Int]](repeating: [], count: texts.count)
      for try await (index, tokens) in group { result[index] = tokens }
      return result
    }
    #expect(together == alone)
  }

  @Test func aSecondTurnReusesCacheAndImages() async throws {
    let engine = Engine(try tiny())
    let first = question("What is this?")
    let answer = try await engine.generate(GenerationRequest(messages: [first], maxTokens: 6))
    let isEnd = answer.tokens.last.map(engine.model.generationDefaults.eosTokens.contains) ?? false
    let history = [
      first, Message(role: "assistant", parts: [.tokens(isEnd ? answer.tokens.dropLast() : answer.tokens)]),
      question("And this?", images: []),
    ]
    var encodings = 0
    var second: GenerationResult?
    for try await event in engine.submit(GenerationRequest(messages: history, maxTokens: 8)) {
      if case .encoding = event { encodings += 1 }
      if case .finished(let result) = event { second = result }
    }
    let reused = try #require(second)
    #expect(encodings == 0)
    #expect(reused.usage.cachedTokens >= answer.usage.promptTokens)
    let fresh = try await Engine(tiny()).generate(GenerationRequest(messages: history, maxTokens: 8))
    #expect(fresh.usage.cachedTokens == 0)
    #expect(reused.tokens == fresh.tokens)
  }

  @Test func anotherImageInTheSamePlaceIsNotTheSamePrefix() async throws {
    let engine = Engine(try tiny())
    // Both resize to one grid, so that the token ids are equal and only the content tells them apart.
    let resize = ResizeRequest(resizedHeight: 56, resizedWidth: 56)
    func ask(_ path: String, on engine: Engine) async throws -> GenerationResult {
      let message = Message(
        role: "user", parts: [.image(ImageInput(.file(path), resize: resize)), .text("What is this?")])
      return try await engine.generate(GenerationRequest(messages: [message], maxTokens: 10))
    }
    _ = try await ask(scene, on: engine)
    let second = try await ask(other, on: engine)
    let fresh = try await ask(other, on: Engine(tiny()))
    #expect(second.tokens == fresh.tokens)
    #expect(second.usage.cachedTokens < second.usage.promptTokens - second.usage.imageTokens)
  }

  @Test func droppingTheStreamCancelsAndTheEngineGoesOn() async throws {
    let engine = Engine(try tiny())
    var request = GenerationRequest(messages: [question("Talk.")], maxTokens: 5000)
    request.ignoresEndToken = true
    for try await event in engine.submit(request) {
      if case .token = event { break }
    }
    let next = try await engine.generate(GenerationRequest(messages: [question("Hello")], maxTokens: 4))
    let fresh = try await Engine(tiny()).generate(
      GenerationRequest(messages: [question("Hello")], maxTokens: 4))
    #expect(next.tokens == fresh.tokens)
  }

  @Test func stopTextsEndTheAnswerAndAreNotPartOfIt() async throws {
    let engine = Engine(try tiny())
    var request = GenerationRequest(messages: [question("Say something.")], maxTokens: 40)
    request.ignoresEndToken = true
    let whole = try await engine.generate(request)
    let characters = Array(whole.text.unicodeScalars)
    try #require(characters.count > 12)
    // A piece from the middle, which begins and ends wherever tokens do not.
    var piece = String.UnicodeScalarView()
    piece.append(contentsOf: characters[6..<9])
    let stop = String(piece)
    request.stop = [stop]
    var streamed = ""
    var result: GenerationResult?
    for try await event in engine.submit(request) {
      if case .text(let text) = event { streamed += text }
      if case .finished(let value) = event { result = value }
    }
    let stopped = try #require(result)
    #expect(stopped.finishReason == .stop)
    #expect(stopped.text == streamed)
    #expect(Array(whole.text.utf8).starts(with: Array(stopped.text.utf8)))
    #expect(stopped.text.utf8.count <= String(String.UnicodeScalarView(characters[0..<6])).utf8.count)
    #expect(!stopped.text.contains(stop))
  }

  @Test func limitsAndImpossibleSettingsAreErrors() async throws {
    let engine = Engine(try tiny())
    let two = try await engine.generate(GenerationRequest(messages: [question("x")], maxTokens: 2))
    #expect(two.tokens.count <= 2)
    #expect(two.tokens.count < 2 || two.finishReason == .length || two.finishReason == .stop)
    await #expect(throws: EngineError.self) {
      _ = try await engine.generate(
        GenerationRequest(
          messages: [question("x")], sampling: SamplingSettings(greedy: false, temperature: 0), maxTokens: 2))
    }
    await #expect(throws: EngineError.self) {
      let long = String(repeating: "word ", count: engine.model.contextLength)
      _ = try await engine.generate(GenerationRequest(messages: [Message(role: "user", long)]))
    }
    await #expect(throws: MediaError.self) {
      _ = try await engine.generate(GenerationRequest(messages: [question("x", images: ["/nowhere.png"])]))
    }
  }

  @Test func samplingIsReproducible() async throws {
    func sample(seed: UInt64) async throws -> [Int] {
      var request = GenerationRequest(
        messages: [question("Tell.")], sampling: SamplingSettings(greedy: false, temperature: 3, seed: seed),
        maxTokens: 24)
      request.ignoresEndToken = true
      return try await Engine(tiny()).generate(request).tokens
    }
    #expect(try await sample(seed: 1) == sample(seed: 1))
    #expect(try await sample(seed: 1) != sample(seed: 2))
  }
}
