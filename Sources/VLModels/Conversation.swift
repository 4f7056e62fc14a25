public import VLMedia
public import VLText

/// One message of a conversation.
public struct Message: Sendable {
  /// `system`, `user`, `assistant` or `tool`.
  public var role: String
  /// What it says and shows, in order.
  public var parts: [Part]

  /// A piece of a message.
  public enum Part: Sendable {
    /// Plain text: whatever it contains, it never becomes a special token.
    case text(String)
    /// A picture.
    case image(ImageInput)
    /// A clip, as frames.
    case video(VideoInput)
    /// What a box or quad is of, between `<|object_ref_start|>` and `<|object_ref_end|>`; plain text inside.
    case reference(String)
    /// A place in a picture, between `<|box_start|>` and `<|box_end|>`.
    case box(GroundingBox)
    /// A place with four corners, between `<|quad_start|>` and `<|quad_end|>`.
    case quad(GroundingQuad)
    /// Tokens as they were generated, so that a conversation's cache can be continued exactly.
    case tokens([Int])
  }

  /// A message.
  public init(role: String, parts: [Part]) {
    self.role = role
    self.parts = parts
  }

  /// A message of text alone.
  public init(role: String, _ text: String) { self.init(role: role, parts: [.text(text)]) }

  /// The pictures and clips in it, in order.
  public var visuals: [VisualInput] {
    parts.compactMap { part in
      switch part {
      case .image(let image): .image(image)
      case .video(let video): .video(video)
      default: nil
      }
    }
  }
}

/// Something to look at.
public enum VisualInput: Sendable {
  /// A picture.
  case image(ImageInput)
  /// A clip.
  case video(VideoInput)

  /// Where the bytes of its picture or of its frames come from.
  public var sources: [MediaSource] {
    switch self {
    case .image(let image): [image.source]
    case .video(let video): video.frames
    }
  }

  /// Overrides of the checkpoint's resizing.
  public var resize: ResizeRequest {
    switch self {
    case .image(let image): image.resize
    case .video(let video): video.resize
    }
  }

  /// The bytes of its files, one per source.
  /// - Throws: `MediaError`.
  public func load() throws -> [[UInt8]] { try sources.map { try $0.load() } }
}

/// A clip to look at, as frames of one size in order. Two frames make one temporal step; the last of an odd count is
/// repeated.
public struct VideoInput: Sendable {
  /// Where the frames come from, at least one.
  public var frames: [MediaSource]
  /// How many of these frames show a second, if that is known. Qwen2-VL's positions do not depend on it.
  public var framesPerSecond: Double?
  /// Overrides of the checkpoint's resizing; the limits are for each frame.
  public var resize: ResizeRequest

  /// A clip, each frame resized as the checkpoint resizes a picture unless `resize` overrides that.
  public init(
    frames: [MediaSource], framesPerSecond: Double? = nil, resize: ResizeRequest = ResizeRequest()
  ) {
    self.frames = frames
    self.framesPerSecond = framesPerSecond
    self.resize = resize
  }

  /// What error messages call it.
  public var name: String {
    guard let first = frames.first else { return "video" }
    return frames.count == 1 ? first.name : "\(first.name) and \(frames.count - 1) more frames"
  }
}

/// A picture to look at, and how finely.
public struct ImageInput: Sendable {
  /// Where its bytes come from.
  public var source: MediaSource
  /// Overrides of the checkpoint's resizing.
  public var resize: ResizeRequest

  /// A picture, resized as the checkpoint says unless `resize` overrides it.
  public init(_ source: MediaSource, resize: ResizeRequest = ResizeRequest()) {
    self.source = source
    self.resize = resize
  }
}

/// An image as it will be seen.
public struct ImageReport: Sendable, Equatable {
  /// The file's name, or `data:` and the like.
  public var name: String
  /// `jpeg`, `png`, `webp`…
  public var format: String
  /// As stored in the file.
  public var originalWidth: Int
  /// As stored in the file.
  public var originalHeight: Int
  /// EXIF orientation, 1...8; 1 is upright.
  public var orientation: Int
  /// After resizing.
  public var resizedWidth: Int
  /// After resizing.
  public var resizedHeight: Int
  /// Patches over time, height and width.
  public var grid: GridTHW
  /// Places it takes in the sequence.
  public var tokens: Int
  /// How many frames a clip has; nil for a picture.
  public var frames: Int? = nil
}

/// An image ready for the encoder.
public struct EncoderImage: Sendable {
  /// What was done to it.
  public var report: ImageReport
  /// The resized frames and their grid.
  public var prepared: PreparedImage
}

/// A conversation as the text model sees it.
public struct Prompt: Sendable {
  /// The sequence.
  public var tokens: [Int]
  /// Where the images lie in it, in order.
  public var visuals: [VisualSpan]
  /// The ids of its places.
  public var positions: MRoPEPositions
  /// Where each message's words lie, with the token that ends its turn and without the header that names its role.
  public var turns: [Range<Int>]
}
