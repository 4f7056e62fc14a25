public import VLMedia

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
}
