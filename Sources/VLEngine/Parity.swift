internal import VLMedia
public import VLModels
public import VLNN
internal import VLTensor

/// How one stage of a request compares with a reference.
public struct ParityStage: Sendable {
  /// `input_ids`, `hidden_states.3`, `logits`…
  public let name: String
  /// Whether every element is within tolerance (integers: equal).
  public let passed: Bool
  /// The largest |ours − reference|.
  public var largestAbsolute = 0.0
  /// The largest |ours − reference| / |reference| over elements that are not tiny (at least a hundredth of the RMS).
  public var largestRelative = 0.0
  /// Cosine of the angle between the two, all elements taken as one vector.
  public var cosine = 1.0
  /// The absolute part of the tolerance, as applied.
  public var atol = 0.0
  /// The first place out of tolerance, or what else there is to say.
  public var note = ""
}

/// A file of reference values for one request: see docs/verify.md for its form.
public struct ParityReference: Sendable {
  /// The tensors.
  public let file: SafetensorsFile
  /// The request, if the file holds one.
  public let request: ConversationForm?

  /// Opens a reference.
  public init(_ path: String) throws {
    file = try SafetensorsFile(path: path)
    let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
      separator: "/")
    do throws(EngineError) {
      request = try file.metadata["request"].map { text throws(EngineError) in
        try ConversationForm(
          parsing: text, relativeTo: directory.isEmpty && !path.hasPrefix("/") ? "." : directory)
      }
    } catch {
      throw EngineError("\(path): metadata key \"request\": \(error); see docs/verify.md for the form")
    }
  }
}

/// Runs a reference's request stage by stage and compares each stage that the file holds.
///
/// A float element passes when |ours − reference| ≤ atol + rtol·|reference|. Without an `atol`, each stage uses
/// `rtol` times the root mean square of its reference values: float32 errors scale with a row's size, not with the size
/// of one element that happens to be near zero.
public struct ParityCheck {
  /// The model under test.
  public let model: any VisionLanguageModel
  /// What it must match.
  public let reference: ParityReference
  /// Relative tolerance.
  public var rtol = 1e-4
  /// Absolute tolerance; nil derives it per stage.
  public var atol: Double?

  /// A check with the default tolerances.
  public init(_ model: any VisionLanguageModel, _ reference: ParityReference) {
    self.model = model
    self.reference = reference
  }

  /// Runs the stages in order until one is out of tolerance. `report` sees each.
  /// - Returns: whether all passed.
  public func run(report: (ParityStage) -> Void) throws -> Bool {
    let file = reference.file
    var passed = true
    func check(_ stage: @autoclosure () throws -> ParityStage, when name: String) throws {
      guard passed, file.entry(name) != nil else { return }
      let stage = try stage()
      report(stage)
      passed = stage.passed
    }
    let input = try makeInput()
    try check(try integers("input_ids", input.tokens), when: "input_ids")
    for name in ["image_grid_thw", "video_grid_thw"] {
      try check(try integers(name, input.grids.flatMap { [$0.t, $0.h, $0.w] }), when: name)
    }
    try check(try integers("position_ids", input.positions.ids.flatMap { $0 }), when: "position_ids")
    guard passed else { return false }

    var embeddings = model.embed(input.tokens)
    if let patches = input.patches {
      try check(try floats("pixel_values", patches), when: "pixel_values")
      guard passed, let encoded = model.encode(patches: patches, grids: input.grids, progress: { _ in true })
      else {
        return false
      }
      try check(try floats("vision_embeds", encoded), when: "vision_embeds")
      embeddings = spliced(embeddings, encoded, input.visuals)
    }
    guard passed else { return false }

    var cache = model.makeCache(capacity: input.tokens.count + 64)
    var failure: (any Error)?
    let hidden = model.forward(embeddings, positions: input.positions[0..<input.tokens.count], cache: &cache)
    {
      layer, x in
      do { try check(try floats("hidden_states.\(layer)", x), when: "hidden_states.\(layer)") } catch {
        if failure == nil { failure = error }
      }
    }
    if let failure { throw failure }
    guard passed else { return false }
    if file.entry("logits") != nil { try check(try floats("logits", model.logits(hidden)), when: "logits") }
    guard passed, file.entry("generated_ids") != nil else { return passed }
    let stage = try generated(after: hidden, input: input, cache: &cache)
    report(stage)
    return stage.passed
  }

  // MARK: Inputs

  private struct Input {
    var tokens: [Int]
    var visuals: [VisualSpan]
    var positions: MRoPEPositions
    var grids: [GridTHW]
    var patches: Tensor?
  }

  /// The request's own input; without a request, the file's tokens, grids and patches serve as the input.
  private func makeInput() throws -> Input {
    if let request = reference.request {
      var images: [EncoderImage] = []
      for message in request.messages {
        for visual in message.visuals {
          images.append(try model.prepare(visual, files: visual.load()))
        }
      }
      let prompt = try model.prompt(
        request.messages, images: images.map(\.report), visionIDs: request.visionIDs)
      return Input(
        tokens: prompt.tokens, visuals: prompt.visuals, positions: prompt.positions,
        grids: images.map(\.report.grid), patches: images.isEmpty ? nil : model.pixelValues(images))
    }
    let file = reference.file
    guard file.entry("input_ids") != nil else {
      throw EngineError(
        "\(file.path): it holds neither a request nor input_ids; see docs/verify.md for the form")
    }
    let tokens = try file.int64s("input_ids").map { Int($0) }
    var grids: [GridTHW] = []
    for name in ["image_grid_thw", "video_grid_thw"] where file.entry(name) != nil {
      let values = try file.int64s(name).map { Int($0) }
      guard values.count % 3 == 0, values.allSatisfy({ $0 > 0 && $0 < 1 << 20 }) else {
        throw EngineError("\(file.path): \(name) is not made of three positive numbers per image")
      }
      for start in stride(from: 0, to: values.count, by: 3) {
        grids.append(GridTHW(t: values[start], h: values[start + 1], w: values[start + 2]))
      }
    }
    let visuals = try spans(tokens, grids)
    let patches = try file.entry("pixel_values").map { _ in try file.tensor("pixel_values") }
    let count = grids.reduce(0) { $0 + $1.patches }
    guard (patches?.shape[0] ?? 0) == count, patches.map({ $0.dtype == .float32 }) ?? true else {
      throw EngineError("\(file.path): pixel_values must be \(count) float32 rows, as its grids say")
    }
    return Input(
      tokens: tokens, visuals: visuals,
      positions: model.positions(count: tokens.count, visuals: visuals),
      grids: grids,
      patches: patches)
  }

  private func spans(_ tokens: [Int], _ grids: [GridTHW]) throws -> [VisualSpan] {
    var spans: [VisualSpan] = []
    var place = 0
    for grid in grids {
      while place < tokens.count && !model.visualTokens.contains(tokens[place]) { place += 1 }
      let range = place..<place + grid.tokens(mergeSize: model.mergeSize)
      guard range.upperBound <= tokens.count, tokens[range].allSatisfy(model.visualTokens.contains) else {
        throw EngineError(
          "\(reference.file.path): input_ids have no run of \(range.count) placeholders for grid \(grid)")
      }
      spans.append(VisualSpan(range: range, grid: grid))
      place = range.upperBound
    }
    return spans
  }

  private func spliced(_ embeddings: Tensor, _ encoded: Tensor, _ visuals: [VisualSpan]) -> Tensor {
    var start = 0
    for visual in visuals {
      model.compute.replaceRows(
        visual.range, of: embeddings, with: encoded[rows: start..<start + visual.range.count])
      start += visual.range.count
    }
    return embeddings
  }

  // MARK: Comparisons

  private func integers(_ name: String, _ ours: [Int]) throws -> ParityStage {
    let theirs = try reference.file.int64s(name).map { Int($0) }
    var stage = ParityStage(name: name, passed: ours == theirs)
    if ours.count != theirs.count {
      stage.note = "\(ours.count) values, the reference has \(theirs.count)"
    } else if let place = ours.indices.first(where: { ours[$0] != theirs[$0] }) {
      stage.note = "first difference at \(place): \(ours[place]), the reference has \(theirs[place])"
    } else {
      stage.note = "\(ours.count) equal"
    }
    return stage
  }

  private func floats(_ name: String, _ ours: Tensor) throws -> ParityStage {
    let theirs = try reference.file.floats(name)
    guard ours.count == theirs.count else {
      let shape = reference.file.entry(name)?.shape.description ?? ""
      return ParityStage(name: name, passed: false, note: "shape \(ours.shape), the reference has \(shape)")
    }
    let values = ours.array()
    let columns = ours.shape.last
    var squares = (ours: 0.0, theirs: 0.0, product: 0.0)
    for index in values.indices {
      let (a, b) = (Double(values[index]), Double(theirs[index]))
      squares.ours += a * a
      squares.theirs += b * b
      squares.product += a * b
    }
    let rms = (squares.theirs / Double(max(1, theirs.count))).squareRoot()
    let atol = atol ?? rtol * rms
    var absolute = 0.0
    var relative = 0.0
    var first: Int?
    for index in values.indices {
      let (a, b) = (Double(values[index]), Double(theirs[index]))
      let difference = abs(a - b)
      if !(difference <= atol + rtol * abs(b)) && first == nil { first = index }
      absolute = max(absolute, difference)
      if abs(b) >= rms / 100 { relative = max(relative, difference / abs(b)) }
    }
    let norm = (squares.ours * squares.theirs).squareRoot()
    var stage = ParityStage(name: name, passed: first == nil)
    stage.largestAbsolute = absolute
    stage.largestRelative = relative
    stage.cosine = norm > 0 ? squares.product / norm : (squares.ours == squares.theirs ? 1 : 0)
    stage.atol = atol
    if let first {
      stage.note =
        "first out of tolerance at [\(first / columns), \(first % columns)]: \(values[first]), the reference has "
        + "\(theirs[first])"
    }
    return stage
  }

  /// Greedy tokens, each chosen after the reference's own previous ones, so that a near tie does not hide what follows.
  private func generated(after hidden: Tensor, input: Input, cache: inout KVCache) throws -> ParityStage {
    let theirs = try reference.file.int64s("generated_ids").map { Int($0) }
    var logits = model.logits(hidden[rows: hidden.shape[0] - 1..<hidden.shape[0]])
    var ties: [String] = []
    for (index, expected) in theirs.enumerated() {
      let scores = logits.array()
      guard scores.indices.contains(expected) else {
        return ParityStage(
          name: "generated_ids", passed: false, note: "id \(expected) is outside the vocabulary")
      }
      let ours = logits.reshaped([logits.count]).argmax()
      if ours != expected {
        let rms = (scores.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(scores.count)).squareRoot()
        let gap = Double(scores[ours]) - Double(scores[expected])
        // Each of the two scores may be off by the tolerance.
        let allowed = 2 * ((atol ?? rtol * rms) + rtol * abs(Double(scores[expected])))
        guard gap <= allowed else {
          return ParityStage(
            name: "generated_ids", passed: false,
            note: "token \(index) is \(ours), the reference has \(expected); their scores differ by \(gap)")
        }
        ties.append("token \(index): \(ours) for \(expected), scores \(gap) apart")
      }
      guard index + 1 < theirs.count else { break }
      let place = input.positions.next + index
      cache.reserve(1, on: model.compute)
      logits = model.logits(
        model.forward(
          model.embed([expected]), positions: [[place], [place], [place]], cache: &cache))
    }
    let note = "\(theirs.count - ties.count) of \(theirs.count) equal"
    return ParityStage(
      name: "generated_ids", passed: true,
      note: ties.isEmpty ? note : note + "; near ties: " + ties.joined(separator: ", "))
  }
}
