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
/// `content` is a text or a list of parts. `min_pixels`, `max_pixels`, `resized_height` and `resized_width` of a picture win
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
      switch part {
      case .text(let text): parts.append(["type": "text", "text": .string(text)])
      case .tokens(let tokens):
        parts.append(["type": "text", "text": .string(tokenizer.decode(tokens, skipSpecialTokens: true))])
      case .image(let input):
        var object = JSONObject()
        object["type"] = "image"
        switch input.source {
        case .file(let path): object["image"] = .string(path)
        case .dataURL(let url): object["image"] = .string(url)
        case .data: return nil
        }
        for (key, path) in FormReader.resizeKeys {
          if let value = input.resize[keyPath: path] { object[key] = .integer(value) }
        }
        parts.append(.object(object))
      }
    }
    turn["content"] = .array(parts)
    return .object(turn)
  }
}

/// Reads the form strictly: a key that nothing here knows would otherwise do nothing.
private struct FormReader {
  static let resizeKeys: [(String, any WritableKeyPath<ResizeRequest, Int?> & Sendable)] = [
    ("min_pixels", \.minPixels), ("max_pixels", \.maxPixels), ("resized_height", \.resizedHeight),
    ("resized_width", \.resizedWidth),
  ]

  let directory: String
  let tokenizer: Tokenizer?

  func conversation(_ object: JSONObject) throws(EngineError) -> ConversationForm {
    try checkKeys(object, ["messages", "min_pixels", "max_pixels", "add_vision_id"], "the object")
    let resize = try resize(object, keys: Self.resizeKeys.prefix(2), "the object")
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
    guard let object = value.objectValue else {
      throw EngineError("\(place) is \(value.kindDescription), not an object")
    }
    switch object["type"]?.stringValue {
    case "text":
      guard let text = object["text"]?.stringValue else { throw EngineError("\(place) has no text") }
      try checkKeys(object, ["type", "text"], place)
      return .text(text)
    case "image":
      guard let image = object["image"]?.stringValue else { throw EngineError("\(place) has no image") }
      try checkKeys(object, ["type", "image"] + Self.resizeKeys.map(\.0), place)
      var source = MediaSource(image)
      if case .file(let path) = source, !path.hasPrefix("/") { source = .file(directory + "/" + path) }
      var own = resize
      let given = try self.resize(object, keys: Self.resizeKeys[...], place)
      for (_, path) in Self.resizeKeys {
        if let value = given[keyPath: path] { own[keyPath: path] = value }
      }
      return .image(ImageInput(source, resize: own))
    case let type: throw EngineError("\(place) is of unknown type \"\(type ?? "none")\"")
    }
  }

  private func resize(
    _ object: JSONObject, keys: ArraySlice<(String, any WritableKeyPath<ResizeRequest, Int?> & Sendable)>,
    _ place: String
  ) throws(EngineError) -> ResizeRequest {
    var resize = ResizeRequest()
    for (key, path) in keys {
      guard let value = object[key] else { continue }
      guard let number = value.integerValue, number > 0 else {
        throw EngineError("\"\(key)\" of \(place) is not a whole number above 0")
      }
      resize[keyPath: path] = number
    }
    return resize
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
