public import VLJSON
public import VLMedia

// One line of `data.jsonl`:
//
//   {"id":…,"task":…,"skill":…,"messages":[{"role":"user","content":[part…]},…],"keys":[key…],"facts":{…}}
//
// with the parts {"type":"text","text":…}, {"type":"ref","text":…}, {"type":"box","box":[l,t,r,b]},
// {"type":"quad","quad":[x,y,x,y,x,y,x,y]}, {"type":"image","image":path}, and
// {"type":"video","video":[path…],"fps":n}.

extension SynthSample {
  /// The sample as a line of JSON.
  ///
  /// - Parameter paths: what to write for each of ``images``.
  /// - Returns: an object with `messages`, and what is known of the answers.
  public func json(paths: [String]) -> JSONValue {
    precondition(paths.count == images.count, "SynthSample: \(paths.count) paths for \(images.count) images")
    return [
      "id": .string(id), "task": .string(task), "skill": .string(skill),
      "messages": .array(
        messages.map { message in
          [
            "role": .string(message.role.rawValue),
            "content": .array(message.parts.map { $0.json(paths: paths) }),
          ]
        }),
      "keys": .array(keys.map(\.json)), "facts": .object(facts),
    ]
  }

  /// Reads what ``json(paths:)`` wrote; `image` loads the picture of a path.
  ///
  /// - Throws: ``JSONError`` or ``SynthError`` for another form, and what `image` throws.
  public init(json: JSONValue, image load: (String) throws -> RGBImage) throws {
    guard let object = json.objectValue else {
      throw SynthError(
        name: "sample", problem: "\(json.kindDescription) where an object belongs",
        remedy: "see docs/synth.md")
    }
    var (images, places): ([RGBImage], [String: Int]) = ([], [:])
    func place(_ path: String) throws -> Int {
      if let known = places[path] { return known }
      images.append(try load(path))
      places[path] = images.count - 1
      return images.count - 1
    }
    func text(_ object: JSONObject, _ key: String) throws -> String {
      guard let text = try object.string(key) else { throw JSONObject.missing(key) }
      return text
    }
    let messages = try (object.array("messages") ?? []).map { value in
      guard let message = value.objectValue, let role = SynthMessage.Role(rawValue: try text(message, "role"))
      else {
        throw SynthError(
          name: "messages", problem: "a role that is neither user nor assistant", remedy: "see docs/synth.md")
      }
      return SynthMessage(
        role,
        try (message.array("content") ?? []).map { part in try SynthPart(json: part, place: place) })
    }
    self.init(
      id: try text(object, "id"), task: try text(object, "task"), skill: try text(object, "skill"),
      images: images, messages: messages,
      keys: try (object.array("keys") ?? []).map { try SynthKey(json: $0) },
      facts: try object.object("facts") ?? JSONObject())
  }
}

extension SynthPart {
  fileprivate func json(paths: [String]) -> JSONValue {
    switch self {
    case .text(let text): ["type": "text", "text": .string(text)]
    case .ref(let text): ["type": "ref", "text": .string(text)]
    case .box(let box): ["type": "box", "box": box.json]
    case .quad(let quad): ["type": "quad", "quad": quad.json]
    case .image(let index): ["type": "image", "image": .string(paths[index])]
    case .video(let frames, let rate):
      ["type": "video", "video": .array(frames.map { .string(paths[$0]) }), "fps": .number(rate)]
    }
  }

  fileprivate init(json: JSONValue, place: (String) throws -> Int) throws {
    switch json["type"]?.stringValue {
    case "text": self = .text(json["text"]?.stringValue ?? "")
    case "ref": self = .ref(json["text"]?.stringValue ?? "")
    case "box": self = .box(try SynthBox(json: json["box"]))
    case "quad": self = .quad(try SynthQuad(json: json["quad"]))
    case "image": self = .image(try place(json["image"]?.stringValue ?? ""))
    case "video":
      let frames = try (json["video"]?.arrayValue ?? []).map { try place($0.stringValue ?? "") }
      self = .video(frames, framesPerSecond: json["fps"]?.doubleValue ?? 2)
    default:
      throw SynthError(
        name: "content part", problem: "its type is not text, ref, box, quad, image or video",
        remedy: "see docs/synth.md")
    }
  }
}

extension SynthBox {
  /// `[left, top, right, bottom]`
  var json: JSONValue { .array([left, top, right, bottom].map { .integer($0) }) }

  init(json: JSONValue?) throws(SynthError) {
    let sides = json?.arrayValue?.compactMap(\.integerValue) ?? []
    guard sides.count == 4 else {
      throw SynthError(
        name: "box", problem: "not four whole numbers", remedy: "write [left, top, right, bottom]")
    }
    self.init(left: sides[0], top: sides[1], right: sides[2], bottom: sides[3])
  }
}

extension SynthQuad {
  /// `[x, y, x, y, x, y, x, y]`
  var json: JSONValue { .array(corners.flatMap { [.integer($0.x), .integer($0.y)] }) }

  init(json: JSONValue?) throws(SynthError) {
    let numbers = json?.arrayValue?.compactMap(\.integerValue) ?? []
    guard numbers.count == 8 else {
      throw SynthError(
        name: "quad", problem: "not eight whole numbers", remedy: "write [x, y, x, y, x, y, x, y]")
    }
    self.init((0..<4).map { SynthPoint(x: numbers[2 * $0], y: numbers[2 * $0 + 1]) })
  }
}

extension SynthKey {
  /// `{"kind":"exact","accepted":["red"]}` and so on.
  public var json: JSONValue {
    func texts(_ items: [String]) -> JSONValue { .array(items.map { .string($0) }) }
    return switch self {
    case .exact(let accepted): ["kind": "exact", "accepted": texts(accepted)]
    case .number(let value, let tolerance):
      ["kind": "number", "value": .number(value), "tolerance": .number(tolerance)]
    case .transcription(let text): ["kind": "transcription", "text": .string(text)]
    case .box(let box): ["kind": "box", "box": box.json]
    case .boxes(let boxes): ["kind": "boxes", "boxes": .array(boxes.map(\.json))]
    case .point(let box): ["kind": "point", "box": box.json]
    case .list(let items): ["kind": "list", "items": texts(items)]
    case .set(let items): ["kind": "set", "items": texts(items)]
    case .readings(let readings):
      [
        "kind": "readings",
        "readings": .array(readings.map { ["text": .string($0.text), "quad": $0.quad.json] }),
      ]
    }
  }

  /// Reads what ``json`` wrote.
  ///
  /// - Throws: ``SynthError`` for another form.
  public init(json: JSONValue) throws(SynthError) {
    func texts(_ key: String) -> [String] { json[key]?.arrayValue?.compactMap(\.stringValue) ?? [] }
    switch json["kind"]?.stringValue {
    case "exact": self = .exact(texts("accepted"))
    case "number":
      guard let value = json["value"]?.doubleValue else {
        throw SynthError(name: "key", problem: "a number without its value", remedy: "see docs/synth.md")
      }
      self = .number(value, tolerance: json["tolerance"]?.doubleValue ?? 0)
    case "transcription": self = .transcription(json["text"]?.stringValue ?? "")
    case "box": self = .box(try SynthBox(json: json["box"]))
    case "boxes":
      var boxes: [SynthBox] = []
      for box in json["boxes"]?.arrayValue ?? [] { boxes.append(try SynthBox(json: box)) }
      self = .boxes(boxes)
    case "point": self = .point(try SynthBox(json: json["box"]))
    case "list": self = .list(texts("items"))
    case "set": self = .set(texts("items"))
    case "readings":
      var readings: [SynthReading] = []
      for reading in json["readings"]?.arrayValue ?? [] {
        readings.append(
          SynthReading(text: reading["text"]?.stringValue ?? "", quad: try SynthQuad(json: reading["quad"])))
      }
      self = .readings(readings)
    default:
      throw SynthError(name: "key", problem: "its kind is none of ours", remedy: "see docs/synth.md")
    }
  }
}
