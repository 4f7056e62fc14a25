/// Qwen2-VL's chat format: turns between `<|im_start|>` and `<|im_end|>`, visuals as runs of pad tokens between
/// `<|vision_start|>` and `<|vision_end|>`.
///
/// Token for token the published template, except that text never becomes a special token, whatever it looks like.
/// Text of the template and of the parts is joined between special tokens before it is cut into pieces, as in the
/// reference. A conversation that grows by a turn keeps its tokens as a prefix.
public struct ChatML: Sendable {
  /// The words of the default system turn, which is there unless the conversation starts with one of its own.
  public static let defaultSystemText = "You are a helpful assistant."

  /// The tokenizer that the prompts are for.
  public let tokenizer: Tokenizer
  /// The id of `<|im_start|>`.
  public let turnStart: Int
  /// The id of `<|im_end|>`.
  public let turnEnd: Int
  /// The id of `<|vision_start|>`.
  public let visionStart: Int
  /// The id of `<|vision_end|>`.
  public let visionEnd: Int
  /// The id of `<|image_pad|>`.
  public let imagePad: Int
  /// The id of `<|video_pad|>`.
  public let videoPad: Int
  /// The ids of the grounding tokens, by spelling; those that the tokenizer lacks are not there.
  private let grounding: [String: Int]

  /// The format with a tokenizer's ids.
  ///
  /// - Throws: ``ChatError/unusableToken(_:)`` if a token of the format is missing, not special, or not plain (one that
  ///   takes white space with it would change the text around it).
  public init(_ tokenizer: Tokenizer) throws(ChatError) {
    func id(_ content: String) throws(ChatError) -> Int {
      guard let token = tokenizer.addedTokens.first(where: { $0.content == content }), token.isSpecial,
        !token.stripsLeft, !token.stripsRight, !token.isSingleWord
      else { throw .unusableToken(content) }
      return token.id
    }
    self.tokenizer = tokenizer
    turnStart = try id("<|im_start|>")
    turnEnd = try id("<|im_end|>")
    visionStart = try id("<|vision_start|>")
    visionEnd = try id("<|vision_end|>")
    imagePad = try id("<|image_pad|>")
    videoPad = try id("<|video_pad|>")
    var grounding: [String: Int] = [:]
    for kind in ["object_ref", "box", "quad"] {
      for end in ["start", "end"] {
        let content = "<|\(kind)_\(end)|>"
        // Only a conversation that has boxes needs them.
        do { grounding[content] = try id(content) } catch {}
      }
    }
    self.grounding = grounding
  }

  /// Writes a conversation.
  ///
  /// - Parameters:
  ///   - messages: the turns.
  ///   - addVisionIDs: whether `Picture 1: `, `Video 1: ` and so on, counted through the conversation, come before
  ///     the visuals.
  ///   - addGenerationPrompt: whether the assistant's turn is opened at the end.
  /// - Throws: ``ChatError``.
  /// - Returns: token ids, and where visuals lie in them.
  public func encode(
    _ messages: [ChatMessage], addVisionIDs: Bool = false, addGenerationPrompt: Bool = true
  ) throws(ChatError) -> ChatPrompt {
    var writer = Writer(tokenizer: tokenizer)
    var counts: [ChatPrompt.Visual.Kind: Int] = [:]
    if let first = messages.first, first.role != "system" {
      try writer.special(turnStart)
      writer.text("system\n" + Self.defaultSystemText)
      try writer.special(turnEnd)
      writer.text("\n")
    }
    for message in messages {
      guard Self.isRole(message.role) else { throw .invalidRole(message.role) }
      try writer.special(turnStart)
      writer.header(message.role + "\n")
      for part in message.parts {
        switch part {
        case .text(let text): writer.text(text)
        case .tokens(let ids): try writer.verbatim(ids)
        case .image(let count), .video(let count):
          guard count >= 1 else { throw .emptyVisual }
          let kind: ChatPrompt.Visual.Kind = if case .image = part { .image } else { .video }
          counts[kind, default: 0] += 1
          if addVisionIDs {
            writer.text("\(kind == .image ? "Picture" : "Video") \(counts[kind, default: 0]): ")
          }
          try writer.special(visionStart)
          writer.visual(kind, pad: kind == .image ? imagePad : videoPad, count: count)
          try writer.special(visionEnd)
        case .reference(let text): try writeGrounding("object_ref", text, to: &writer)
        case .box(let box): try writeGrounding("box", box.description, to: &writer)
        case .quad(let quad): try writeGrounding("quad", quad.description, to: &writer)
        }
      }
      try writer.endTurn(turnEnd)
      writer.text("\n")
    }
    if addGenerationPrompt {
      try writer.special(turnStart)
      writer.text("assistant\n")
    }
    return try writer.finish()
  }

  private func writeGrounding(_ kind: String, _ text: String, to writer: inout Writer) throws(ChatError) {
    func id(_ content: String) throws(ChatError) -> Int {
      guard let id = grounding[content] else { throw .unusableToken(content) }
      return id
    }
    try writer.special(id("<|\(kind)_start|>"))
    writer.text(text)
    try writer.special(id("<|\(kind)_end|>"))
  }

  private static func isRole(_ role: String) -> Bool {
    (1...64).contains(role.utf8.count)
      && role.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  /// Collects text until a special token ends it, then encodes it as one.
  private struct Writer {
    let tokenizer: Tokenizer
    private var pending = ""
    /// Bytes at the start of `pending` that are a turn's header.
    private var headerBytes = 0
    /// Where the words of the open turn start.
    private var turnStart: Int?
    private var prompt = ChatPrompt(tokens: [], visuals: [])

    init(tokenizer: Tokenizer) { self.tokenizer = tokenizer }

    mutating func text(_ text: String) { pending += text }

    /// Comes right behind a special token.
    mutating func header(_ text: String) {
      pending += text
      headerBytes = text.utf8.count
    }

    mutating func endTurn(_ id: Int) throws(ChatError) {
      try special(id)
      prompt.turns.append((turnStart ?? prompt.tokens.count - 1)..<prompt.tokens.count)
      turnStart = nil
    }

    mutating func special(_ id: Int) throws(ChatError) {
      try flush()
      prompt.tokens.append(id)
    }

    mutating func verbatim(_ ids: [Int]) throws(ChatError) {
      if let id = ids.first(where: { $0 < 0 }) { throw .invalidToken(id) }
      try flush()
      prompt.tokens += ids
    }

    /// Comes right behind a special token, so there is no text to encode first.
    mutating func visual(_ kind: ChatPrompt.Visual.Kind, pad: Int, count: Int) {
      let start = prompt.tokens.count
      prompt.tokens += repeatElement(pad, count: count)
      prompt.visuals.append(.init(kind: kind, range: start..<start + count))
    }

    mutating func finish() throws(ChatError) -> ChatPrompt {
      try flush()
      return prompt
    }

    private mutating func flush() throws(ChatError) {
      if pending.isEmpty { return }
      let start = prompt.tokens.count
      do { prompt.tokens += try tokenizer.encode(pending) } catch { throw .encoding(error) }
      pending = ""
      guard headerBytes > 0 else { return }
      // A role is plain letters, which no normalization changes: bytes of tokens count bytes of text.
      var bytes = 0
      var place = start
      while place < prompt.tokens.count && bytes < headerBytes {
        bytes += tokenizer.bytes(of: prompt.tokens[place]).count
        place += 1
      }
      turnStart = place
      headerBytes = 0
    }
  }
}
