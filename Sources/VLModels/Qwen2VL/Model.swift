public import VLMedia
public import VLNN
public import VLTensor
public import VLText

/// A loaded Qwen2-VL.
public struct Qwen2VLModel: VisionLanguageModel {
  /// The sizes.
  public let configuration: Qwen2VLConfiguration
  /// The vision encoder with its merger.
  public internal(set) var vision: VisionEncoder
  /// The text model.
  public internal(set) var language: LanguageModel
  /// How images become patches.
  public let preprocessor: VisionPreprocessor
  /// The vocabulary.
  public let tokenizer: Tokenizer
  /// What the checkpoint says about generation.
  public let generationDefaults: GenerationDefaults
  /// Where it runs.
  public let compute: Compute
  let chat: ChatML
  let textBytes: Int
  let weightBytes: Int

  /// `qwen2-vl`
  public var family: String { ModelFamily.qwen2VL.name }
  /// The longest sequence the checkpoint was made for.
  public var contextLength: Int { configuration.text.contextLength }
  /// What work costs.
  public var costs: any ModelCosts {
    Qwen2VLCosts(configuration: configuration, textBytes: textBytes, weightBytes: weightBytes)
  }

  /// Decodes, turns upright and resizes an image.
  public func prepare(_ image: ImageInput, bytes: [UInt8]) throws -> EncoderImage {
    let name = image.source.name
    let decoded = try ImageDecoder.decode(bytes, name: name)
    let prepared = try preprocessor.prepare(
      decoded.image, request: image.resize, name: name, pool: compute.pool)
    return EncoderImage(
      report: report(name, decoded.header, prepared.size, prepared.grid), prepared: prepared)
  }

  /// What ``prepare(_:bytes:)`` would do, from the image's header alone.
  public func plan(_ image: ImageInput, bytes: [UInt8]) throws -> ImageReport {
    let name = image.source.name
    let header = try ImageDecoder.header(of: bytes, name: name)
    let size = try preprocessor.resizedSize(
      of: ImageSize(width: header.width, height: header.height), request: image.resize, name: name)
    return report(name, header, size, preprocessor.grid(of: size))
  }

  private func report(_ name: String, _ header: ImageHeader, _ size: ImageSize, _ grid: GridTHW)
    -> ImageReport
  {
    ImageReport(
      name: name, format: header.format.rawValue, originalWidth: header.storedWidth,
      originalHeight: header.storedHeight, orientation: header.orientation.rawValue, resizedWidth: size.width,
      resizedHeight: size.height, grid: grid, tokens: grid.tokens(mergeSize: configuration.vision.mergeSize))
  }

  /// Writes a conversation as ChatML, images in their places, and gives every place its position.
  public func prompt(_ messages: [Message], images: [ImageReport], visionIDs: Bool) throws -> Prompt {
    var next = images.makeIterator()
    let turns = messages.map { message in
      ChatMessage(
        role: message.role,
        parts: message.parts.map { part in
          switch part {
          case .text(let text): .text(text)
          case .tokens(let tokens): .tokens(tokens)
          case .image: .image(tokenCount: next.next()?.tokens ?? 0)
          }
        })
    }
    let encoded = try chat.encode(turns, addVisionIDs: visionIDs)
    let visuals = zip(encoded.visuals, images).map { VisualSpan(range: $0.range, grid: $1.grid) }
    return Prompt(
      tokens: encoded.tokens, visuals: visuals,
      positions: positions(count: encoded.tokens.count, visuals: visuals))
  }

  /// The position ids of a sequence.
  public func positions(count: Int, visuals: [VisualSpan]) -> MRoPEPositions {
    MRoPEPositions(
      count: count, visuals: visuals, mergeSize: configuration.vision.mergeSize,
      style: configuration.positions)
  }

  /// The normalised patches of all images in order.
  public func pixelValues(_ images: [EncoderImage]) -> Tensor {
    preprocessor.pixelValues(images.map(\.prepared), compute: compute)
  }

  /// Encodes packed patches.
  public func encode(patches: Tensor, grids: [GridTHW], progress: (Double) -> Bool) -> Tensor? {
    vision(patches, grids: grids, on: compute) { done, total in progress(Double(done) / Double(total)) }
  }

  /// Patches per side that one token stands for.
  public var mergeSize: Int { configuration.vision.mergeSize }
  /// Ids that stand for pieces of images and of videos.
  public var visualTokens: Set<Int> { [configuration.imageToken, configuration.videoToken] }

  /// The embeddings of tokens.
  public func embed(_ tokens: [Int]) -> Tensor { language.embedding(tokens, on: compute) }

  /// A cache for one sequence.
  public func makeCache(capacity: Int) -> KVCache { language.makeCache(capacity: capacity, on: compute) }

  /// Runs the text model over embeddings that follow what the cache holds.
  public func forward(
    _ embeddings: Tensor, positions: [[Int]], cache: inout KVCache, observe: (Int, Tensor) -> Void
  ) -> Tensor {
    language(embeddings, positions: positions, cache: &cache, on: compute, observe: observe)
  }

  /// Scores of the vocabulary.
  public func logits(_ hidden: Tensor) -> Tensor { language.logits(hidden, on: compute) }
}
