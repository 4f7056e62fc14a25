/// One turn of a conversation.
public struct ChatMessage: Hashable, Sendable {
  /// A stretch of a turn.
  public enum Part: Hashable, Sendable {
    /// Text that anyone may have written; nothing in it becomes a special token.
    case text(String)
    /// A picture that takes this many tokens.
    case image(tokenCount: Int)
    /// A video that takes this many tokens.
    case video(tokenCount: Int)
    /// What a box or quad is of: `<|object_ref_start|>…<|object_ref_end|>` around plain text.
    case reference(String)
    /// A place in a picture: `<|box_start|>(x1,y1),(x2,y2)<|box_end|>`.
    case box(GroundingBox)
    /// A place with four corners: `<|quad_start|>(x,y),(x,y),(x,y),(x,y)<|quad_end|>`.
    case quad(GroundingQuad)
    /// Tokens as they are, such as those that were generated (without the one that ended the turn). Encoding their
    /// text again could cut it differently; with these, what follows continues exactly what the model has seen.
    case tokens([Int])
  }

  /// Who speaks: `system`, `user`, `assistant` or `tool`.
  public var role: String
  /// What is said, in order.
  public var parts: [Part]

  /// A turn of parts.
  public init(role: String, parts: [Part]) {
    self.role = role
    self.parts = parts
  }

  /// A turn of text.
  public init(role: String, text: String) {
    self.init(role: role, parts: [.text(text)])
  }
}

/// A conversation as tokens.
public struct ChatPrompt: Hashable, Sendable {
  /// Where a picture or video lies.
  public struct Visual: Hashable, Sendable {
    /// The kinds of visual.
    public enum Kind: Hashable, Sendable {
      /// A picture.
      case image
      /// A video.
      case video
    }

    /// What it is.
    public var kind: Kind
    /// Its run of pad tokens in ``ChatPrompt/tokens``, whose embeddings the encoder's output replaces.
    public var range: Range<Int>
  }

  /// All tokens.
  public var tokens: [Int]
  /// The visuals in order.
  public var visuals: [Visual]
  /// What each message says, with the token that ends its turn: without the header that names its role, and without
  /// a token that header and words share (where the words start with a line end). Default system turns are not among
  /// them.
  public var turns: [Range<Int>] = []
}

/// Why a conversation could not be written.
public enum ChatError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The tokenizer lacks a token of the format, or has it in a form that the format cannot use.
  case unusableToken(String)
  /// A role with characters that could break the format.
  case invalidRole(String)
  /// A visual with less than one token.
  case emptyVisual
  /// A token id below zero.
  case invalidToken(Int)
  /// A text could not be encoded.
  case encoding(EncodingError)

  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .unusableToken(let token):
      "the tokenizer has no plain special token \"\(token)\", which the chat format needs; use the tokenizer files that "
        + "belong to the checkpoint (with tokenizer_config.json)"
    case .invalidRole(let role):
      "\"\(role.unicodeScalars.prefix(40).filter { $0.value >= 0x20 }.map(String.init).joined())\" is no role; "
        + "use up to 64 letters, digits, '_' and '-', such as system, user, assistant or tool"
    case .emptyVisual: "an image or video must have at least one token"
    case .invalidToken(let id): "\(id) is no token id"
    case .encoding(let error): error.description
    }
  }
}
