import ArgumentParser
import VLEngine
import VLJSON
import VLMedia
import VLModels
import VLTensor

struct Plan: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What a request would cost: sizes, tokens, memory, operations, time. Nothing is run.",
    discussion: """
      Only image headers are read. The time is what this machine's measured ceilings (a fraction of a second of \
      arithmetic and of reading memory) allow at the shares of them that `vlm bench` reports as typical.
      """)

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Image file, data: URL, or \"-\" for standard input; may be given several times.", valueName: "file"))
  var image: [String] = []
  @OptionGroup var perImage: PerImageOptions
  @OptionGroup var model: ModelOptions
  @OptionGroup var imageOptions: ImageOptions
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Find the largest --max-pixels that fits this much memory: 8G, 900M.", valueName: "size"))
  var memory: String?
  @Option(
    parsing: .unconditional, help: ArgumentHelp("The question's tokens, besides the images.", valueName: "n"))
  var textTokens =
    64
  @Option(parsing: .unconditional, help: ArgumentHelp("Tokens to be generated.", valueName: "n"))
  var maxTokens = 512
  @Option(help: "text or json.") var format = OutputFormat.text

  /// Shares of the ceilings that the work reaches: see docs/performance.md.
  private static let arithmeticShare = 0.8
  private static let readShare = 0.8

  func validate() throws {
    if let memory, Self.bytes(memory) == nil {
      throw ValidationError("--memory \(memory) is not a size like 8G, 900M or a number of bytes")
    }
    if memory != nil && imageOptions.maxPixels != nil {
      throw ValidationError("--memory finds --max-pixels: give one of them")
    }
    if image.isEmpty { throw ValidationError("give at least one --image") }
    try perImage.validate(count: image.count, imageOptions)
    if textTokens < 0 || maxTokens < 0 {
      throw ValidationError("--text-tokens and --max-tokens must not be negative")
    }
  }

  static func bytes(_ text: String) -> Int? {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    guard let last = text.last else { return nil }
    let unit = units[Character(last.uppercased())]
    guard let number = Double(unit == nil ? text : String(text.dropLast())), number > 0, number < 1e15 else {
      return nil
    }
    return Int(number * Double(unit ?? 1))
  }

  func run() throws {
    let model = try model.load(Terminal())
    let sources = try perImage.inputs(image, imageOptions)
    let bytes = try sources.map { try $0.source.load() }
    func reports(maxPixels: Int?) throws -> [ImageReport] {
      try zip(sources, bytes).map { input, bytes in
        var input = input
        // What is set for one picture stays, as it would when the result is given as --max-pixels.
        if let maxPixels, input.resize.maxPixels == nil { input.resize.maxPixels = maxPixels }
        return try model.plan(.image(input), files: [bytes])
      }
    }
    var chosen: Int?
    var images = try reports(maxPixels: nil)
    if let memory, let limit = Self.bytes(memory), peak(images, model) > limit {
      // The grid grows with --max-pixels, and a value below the least number of pixels is refused.
      func tried(_ tokens: Int) -> [ImageReport]? { try? reports(maxPixels: tokens * 784) }
      let most = max(1, images.map { $0.resizedWidth * $0.resizedHeight / 784 }.max() ?? 1)
      let least = min(most, (largest(in: 1...most) { tried($0) == nil } ?? 0) + 1)
      let largestFitting = largest(in: least...most) { tried($0).map { peak($0, model) <= limit } ?? false }
      guard let tokens = largestFitting, let fitting = tried(tokens) else {
        let needed = memorySize(tried(least).map { peak($0, model) } ?? peak(images, model))
        throw Failure("--memory \(memory): even the smallest images need \(needed); allow more memory")
      }
      chosen = tokens * 784
      images = fitting
    }
    let ceilings = model.compute.measureCeilings(seconds: 0.2)
    try printPlan(images, model, ceilings, chosen)
  }

  private func promptTokens(_ images: [ImageReport]) -> Int {
    images.reduce(textTokens) { $0 + $1.tokens + 2 }
  }

  /// Weights that are mapped, the KV cache, and the larger of the encoder's and the text model's working memory.
  private func peak(_ images: [ImageReport], _ model: any VisionLanguageModel) -> Int {
    let options = Engine.Options()
    let patches = images.map(\.grid.patches)
    let batch = max(patches.max() ?? 0, min(patches.reduce(0, +), options.patchesPerBatch))
    let costs = model.costs
    let tokens = promptTokens(images)
    return costs.weightBytes + (tokens + maxTokens) * costs.cacheBytesPerToken
      + max(costs.encodeMemory(patches: batch), costs.prefillMemory(chunk: min(options.chunk, tokens)))
  }

  private func printPlan(
    _ images: [ImageReport], _ model: any VisionLanguageModel, _ ceilings: Ceilings, _ maxPixels: Int?
  ) throws {
    let costs = model.costs
    let tokens = promptTokens(images)
    let encode = costs.encodeFLOPs(images.map(\.grid))
    let prefill = costs.prefillFLOPs(tokens: tokens, past: 0)
    let step = costs.decodeBytes(past: tokens)
    let arithmetic = ceilings.flops * Self.arithmeticShare
    let seconds = (
      encode: encode / arithmetic, prefill: prefill / arithmetic,
      token: step / (ceilings.readBandwidth * Self.readShare)
    )
    let memory = peak(images, model)
    if format == .json {
      var object: [(String, JSONValue)] = [
        ("images", .array(images.map(\.json))), ("prompt_tokens", .integer(tokens)),
        ("fits_context", .bool(tokens + maxTokens <= model.contextLength)), ("peak_bytes", .integer(memory)),
        ("encode_flop", .number(encode)), ("prefill_flop", .number(prefill)),
        ("decode_bytes_per_token", .number(step)),
        ("ceiling_flops", .number(ceilings.flops)),
        ("ceiling_read_bytes_per_second", .number(ceilings.readBandwidth)),
        ("encode_seconds", .number(seconds.encode)), ("prefill_seconds", .number(seconds.prefill)),
        ("seconds_per_token", .number(seconds.token)),
      ]
      if let maxPixels { object.insert(("max_pixels", .integer(maxPixels)), at: 0) }
      var json = JSONObject()
      for (key, value) in object { json[key] = value }
      Terminal.say(JSONValue.object(json).serialized(.pretty) + "\n")
      return
    }
    for image in images {
      let turned = image.orientation == 1 ? "" : ", EXIF orientation \(image.orientation)"
      Terminal.say(
        "\(image.name): \(image.format) \(image.originalWidth)×\(image.originalHeight)\(turned) → "
          + "\(image.resizedWidth)×\(image.resizedHeight), grid \(image.grid), \(image.tokens) tokens\n")
    }
    if let maxPixels { Terminal.say("largest that fits:  --max-pixels \(maxPixels)\n") }
    let room =
      tokens + maxTokens <= model.contextLength ? "" : "; MORE than the context of \(model.contextLength)"
    Terminal.say(
      """
      prompt:             \(tokens) tokens (\(textTokens) of text), up to \(maxTokens) generated\(room)
      peak memory:        \(memorySize(memory)) (\(memorySize(costs.weightBytes)) of it the mapped weights)
      encode:             \(fixed(encode / 1e12, 2)) TFLOP, about \(fixed(seconds.encode, 1)) s
      prefill:            \(fixed(prefill / 1e12, 2)) TFLOP, about \(fixed(seconds.prefill, 1)) s
      decode:             \(fixed(step / 1e9, 2)) GB per token, about \(fixed(1 / seconds.token, 1)) tokens/s
      this machine now:   \(fixed(ceilings.flops / 1e9, 0)) GFLOP/s, \(fixed(ceilings.readBandwidth / 1e9, 1)) GB/s, \
      \(model.compute.threads) threads, \(model.compute.instructionSet)

      """)
  }
}

/// The largest number of a range for which a condition holds that holds up to some number and not beyond; nil if it holds for
/// none.
private func largest(in range: ClosedRange<Int>, where holds: (Int) -> Bool) -> Int? {
  guard holds(range.lowerBound) else { return nil }
  var (low, beyond) = (range.lowerBound, range.upperBound + 1)
  while beyond - low > 1 {
    let middle = low + (beyond - low) / 2
    if holds(middle) { low = middle } else { beyond = middle }
  }
  return low
}

/// Bytes as a person reads them: GiB, or MiB below one.
private func memorySize(_ bytes: Int) -> String {
  bytes >= 1 << 30 ? "\(gibibytes(bytes)) GiB" : "\(fixed(Double(bytes) / 1_048_576, 1)) MiB"
}
