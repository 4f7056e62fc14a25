internal import VLJSON
internal import VLMedia
public import VLModels
public import VLText

/// A conversation written as JSON: what references of `vlm verify` hold and what `vlm chat` saves.
///
///     {"messages": [
///        {"role": "user", "content": [
///           {"type": "image", "image": "cat.jpg", "max_pixels": 50176}, {"type": "text", "text": "What is it?"}]},
///        {"role": "assistant", "content": "A cat.", "tokens": [32, 8251, 13]}],
///      "min_pixels": 3136, "max_pixels": 1003520, "add_vision_id": true}
///
/// `content` is a text or a list of parts (`PartForm`). `min_pixels`, `max_pixels`, `resized_height` and `resized_width` of a picture win
/// over the first two for all. Any other key is an error.
public struct ConversationForm: Sendable {
  /// The messages, in order.
  public var messages: [Message]
  /// Whether `Picture N: ` stands before each picture.
  public var visionIDs: Bool

  /// A conversation.
  public init(messages: [Message], visionIDs: Bool = false) {
    self.messages = messages
    self.visionIDs = visionIDs
  }

  /// Reads a conversation.
  /// - Parameters:
  ///   - text: JSON.
  ///   - directory: what relative paths of pictures are relative to.
  ///   - tokenizer: allows `tokens` beside a text `content`: where they spell it, they are the message's part, so that it
  ///     continues a cache exactly; where they do not (somebody changed the text), the text is.
  /// - Throws: ``EngineError`` that says where in the text and why, without naming the file.
  public init(parsing text: String, relativeTo directory: String, tokenizer: Tokenizer? = nil)
    throws(EngineError)
  {
    let object: JSONObject
    do {
      let value = try JSONValue(parsing: text)
      guard let members = value.objectValue else {
        throw EngineError("it is \(value.kindDescription), not a JSON object with messages")
      }
      object = members
    } catch let error as EngineError { throw error } catch { throw EngineError("\(error)") }
    let reader = FormReader(directory: directory, tokenizer: tokenizer)
    self = try reader.conversation(object)
  }

  /// The conversation as JSON, with the tokens of answers that have them.
  ///
  /// Paths of pictures are written as they are: make them absolute first, or relative to the file's directory.
  /// - Returns: nil if a picture is neither a file nor a `data:` URL.
  public func text(tokenizer: Tokenizer) -> String? {
    var turns: [JSONValue] = []
    for message in messages {
      guard let turn = Self.written(message, tokenizer) else { return nil }
      turns.append(turn)
    }
    var object = JSONObject()
    object["messages"] = .array(turns)
    if visionIDs { object["add_vision_id"] = true }
    return JSONValue.object(object).serialized(.pretty)
  }

  private static func written(_ message: Message, _ tokenizer: Tokenizer) -> JSONValue? {
    var turn = JSONObject()
    turn["role"] = .string(message.role)
    if message.parts.count == 1, case .text(let text) = message.parts[0] {
      turn["content"] = .string(text)
      return .object(turn)
    }
    if message.parts.count == 1, case .tokens(let tokens) = message.parts[0] {
      turn["content"] = .string(tokenizer.decode(tokens, skipSpecialTokens: true))
      turn["tokens"] = .array(tokens.map { .integer($0) })
      return .object(turn)
    }
    var parts: [JSONValue] = []
    for part in message.parts {
      guard
        let written = PartForm.written(part, decode: { tokenizer.decode($0, skipSpecialTokens: true) })
      else { return nil }
      parts.append(written)
    }
    turn["content"] = .array(parts)
    return .object(turn)
  }
}

/// Reads the form strictly: a key that nothing here knows would otherwise do nothing.
private struct FormReader {
  let directory: String
  let tokenizer: Tokenizer?

  func conversation(_ object: JSONObject) throws(EngineError) -> ConversationForm {
    try checkKeys(object, ["messages", "min_pixels", "max_pixels", "add_vision_id"], "the object")
    let resize = try attempt("the object") {
      () throws(PartForm.Problem) in
      try PartForm.resized(object, PartForm.resizeKeys.prefix(2), over: ResizeRequest())
    }
    guard let turns = object["messages"]?.arrayValue else { throw EngineError("it has no list \"messages\"") }
    var form = ConversationForm(messages: [])
    for (index, turn) in turns.enumerated() {
      form.messages.append(try message(turn, "message \(index + 1)", resize))
    }
    if let value = object["add_vision_id"] {
      guard let flag = value.boolValue else {
        throw EngineError("\"add_vision_id\" is \(value.kindDescription), not true or false")
      }
      form.visionIDs = flag
    }
    return form
  }

  private func message(_ value: JSONValue, _ place: String, _ resize: ResizeRequest) throws(EngineError)
    -> Message
  {
    guard let object = value.objectValue, let role = object["role"]?.stringValue,
      let content = object["content"]
    else { throw EngineError("\(place) lacks role or content") }
    try checkKeys(object, ["role", "content"] + (tokenizer == nil ? [] : ["tokens"]), place)
    if let text = content.stringValue {
      if let list = object["tokens"], let tokens = try tokens(list, place), spell(tokens, text) {
        return Message(role: role, parts: [.tokens(tokens)])
      }
      return Message(role: role, text)
    }
    guard object["tokens"] == nil else { throw EngineError("\(place) has tokens beside a list of parts") }
    guard let list = content.arrayValue else {
      throw EngineError(
        "the content of \(place) is \(content.kindDescription), not a text or a list of parts")
    }
    var parts: [Message.Part] = []
    for (index, item) in list.enumerated() {
      parts.append(try part(item, "part \(index + 1) of \(place)", resize))
    }
    return Message(role: role, parts: parts)
  }

  private func part(_ value: JSONValue, _ place: String, _ resize: ResizeRequest) throws(EngineError)
    -> Message.Part
  {
    try attempt(place) { () throws(PartForm.Problem) in
      try PartForm.part(value, relativeTo: directory, resize: resize)
    }
  }

  private func attempt<Result>(
    _ place: String, _ body: () throws(PartForm.Problem) -> Result
  ) throws(EngineError) -> Result {
    do { return try body() } catch { throw EngineError("\(place): \(error); \(error.remedy)") }
  }

  private func tokens(_ value: JSONValue, _ place: String) throws(EngineError) -> [Int]? {
    guard let list = value.arrayValue?.map(\.integerValue), !list.contains(nil) else {
      throw EngineError("the tokens of \(place) are not a list of whole numbers")
    }
    return list.compactMap(\.self)
  }

  /// Whether tokens are this vocabulary's way to say a text.
  private func spell(_ tokens: [Int], _ text: String) -> Bool {
    guard let tokenizer, tokens.allSatisfy((0..<tokenizer.vocabularySize).contains) else { return false }
    return tokenizer.decode(tokens, skipSpecialTokens: true).utf8.elementsEqual(text.utf8)
  }

  private func checkKeys(_ object: JSONObject, _ known: [String], _ place: String) throws(EngineError) {
    if let key = object.keys.first(where: { !known.contains($0) }) {
      throw EngineError("\(place) has the unknown key \"\(key)\"; known are \(known.joined(separator: ", "))")
    }
  }
}
