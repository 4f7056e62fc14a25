public import VLMedia
public import VLTensor
public import VLText

/// Qwen2-VL's way from conversations to input.
public struct Qwen2VLProcessor: VisionLanguageProcessor {
  /// How images become patches.
  public let preprocessor: VisionPreprocessor
  /// The chat format, with the vocabulary.
  public let chat: ChatML
  /// The longest sequence the checkpoint was made for.
  public let contextLength: Int
  /// How positions are counted.
  public let positionStyle: MRoPEPositions.Style
  /// Where it works.
  public private(set) var compute: Compute

  /// The vocabulary.
  public var tokenizer: Tokenizer { chat.tokenizer }
  /// Patches per side that one token stands for.
  public var mergeSize: Int { preprocessor.mergeSize }
  /// The ids of `<|image_pad|>` and `<|video_pad|>`.
  public var visualTokens: Set<Int> { [chat.imagePad, chat.videoPad] }

  /// The same, working elsewhere.
  public func on(_ compute: Compute) -> Qwen2VLProcessor {
    var copy = self
    copy.compute = compute
    return copy
  }

  /// Decodes, turns upright and resizes a picture or the frames of a clip.
  public func prepare(_ visual: VisualInput, files: [[UInt8]]) throws -> EncoderImage {
    let (name, frames) = identify(visual, files)
    var images: [RGBImage] = []
    var first: ImageHeader?
    for (source, bytes) in zip(visual.sources, files) {
      let decoded = try ImageDecoder.decode(bytes, name: source.name)
      if first == nil { first = decoded.header }
      images.append(decoded.image)
    }
    let prepared = try preprocessor.prepare(
      frames: images, request: visual.resize, name: name, pool: compute.pool)
    guard let first else { preconditionFailure("prepare: no frames came through") }
    return EncoderImage(
      report: report(name, first, prepared.size, prepared.grid, frames: frames), prepared: prepared)
  }

  /// What ``prepare(_:files:)`` would do, from the headers alone.
  public func plan(_ visual: VisualInput, files: [[UInt8]]) throws -> ImageReport {
    let (name, frames) = identify(visual, files)
    guard let source = visual.sources.first, let bytes = files.first else {
      throw MediaError(.empty, name: name, problem: "there are no frames", remedy: "give at least one")
    }
    let header = try ImageDecoder.header(of: bytes, name: source.name)
    let size = try preprocessor.resizedSize(
      of: ImageSize(width: header.width, height: header.height), request: visual.resize,
      frames: files.count, name: name)
    return report(name, header, size, preprocessor.grid(of: size, frames: files.count), frames: frames)
  }

  /// What to call a visual, and how many frames a clip has.
  private func identify(_ visual: VisualInput, _ files: [[UInt8]]) -> (name: String, frames: Int?) {
    precondition(
      files.count == visual.sources.count, "prepare: \(files.count) files for \(visual.sources.count) sources"
    )
    return switch visual {
    case .image(let image): (image.source.name, nil)
    case .video(let video): (video.name, video.frames.count)
    }
  }

  private func report(
    _ name: String, _ header: ImageHeader, _ size: ImageSize, _ grid: GridTHW, frames: Int?
  ) -> ImageReport {
    ImageReport(
      name: name, format: header.format.rawValue, originalWidth: header.storedWidth,
      originalHeight: header.storedHeight, orientation: header.orientation.rawValue, resizedWidth: size.width,
      resizedHeight: size.height, grid: grid, tokens: grid.tokens(mergeSize: mergeSize), frames: frames)
  }

  /// Writes a conversation as ChatML, visuals in their places, and gives every place its position.
  public func prompt(
    _ messages: [Message], visuals reports: [ImageReport], visionIDs: Bool, opensAnswer: Bool
  ) throws -> Prompt {
    var next = reports.makeIterator()
    let turns = messages.map { message in
      ChatMessage(
        role: message.role,
        parts: message.parts.map { part in
          switch part {
          case .text(let text): .text(text)
          case .tokens(let tokens): .tokens(tokens)
          case .image: .image(tokenCount: next.next()?.tokens ?? 0)
          case .video: .video(tokenCount: next.next()?.tokens ?? 0)
          case .reference(let text): .reference(text)
          case .box(let box): .box(box)
          case .quad(let quad): .quad(quad)
          }
        })
    }
    let encoded = try chat.encode(turns, addVisionIDs: visionIDs, addGenerationPrompt: opensAnswer)
    let visuals = zip(encoded.visuals, reports).map { VisualSpan(range: $0.range, grid: $1.grid) }
    return Prompt(
      tokens: encoded.tokens, visuals: visuals,
      positions: positions(count: encoded.tokens.count, visuals: visuals), turns: encoded.turns)
  }

  /// The position ids of a sequence.
  public func positions(count: Int, visuals: [VisualSpan]) -> MRoPEPositions {
    MRoPEPositions(count: count, visuals: visuals, mergeSize: mergeSize, style: positionStyle)
  }

  /// The normalised patches of all pictures and clips in order.
  public func pixelValues(_ images: [EncoderImage]) -> Tensor {
    preprocessor.pixelValues(images.map(\.prepared), compute: compute)
  }
}
