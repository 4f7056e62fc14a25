public import VLJSON
public import VLMedia
internal import VLText

/// One part of a message written as JSON, wherever conversations are read or written: references, saved chats, training
/// data.
///
///     {"type": "text", "text": "…"}
///     {"type": "image", "image": "cat.jpg", "max_pixels": 50176}
///     {"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}}
///     {"type": "video", "video": ["frame-0.png", "frame-1.png"], "fps": 2}
///     {"type": "ref", "text": "the cat"}
///     {"type": "box", "box": [x1, y1, x2, y2]}
///     {"type": "quad", "quad": [x1, y1, x2, y2, x3, y3, x4, y4]}
///
/// Pictures are paths, `file://` URLs or `data:` URLs. Coordinates are whole thousandths, 0...999. Any other key is an
/// error: it would otherwise do nothing.
public enum PartForm {
  /// Why a part cannot be used, without its place.
  public struct Problem: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong: `it has no text`.
    public let description: String
    /// What to do.
    public let remedy: String

    /// A problem.
    public init(_ description: String, remedy: String) {
      self.description = description
      self.remedy = remedy
    }
  }

  /// The overrides of resizing that a picture or clip may carry.
  public static let resizeKeys: [(String, any WritableKeyPath<ResizeRequest, Int?> & Sendable)] = [
    ("min_pixels", \.minPixels), ("max_pixels", \.maxPixels), ("resized_height", \.resizedHeight),
    ("resized_width", \.resizedWidth),
  ]

  /// Reads a part.
  /// - Parameters:
  ///   - value: the part.
  ///   - directory: what relative paths are relative to.
  ///   - resize: what a picture has that says nothing of its own.
  /// - Throws: ``Problem`` that names the key that is missing, unknown or of the wrong kind.
  /// - Returns: the part; the files of a picture or clip are not read.
  public static func part(
    _ value: JSONValue, relativeTo directory: String, resize: ResizeRequest = ResizeRequest()
  ) throws(Problem) -> Message.Part {
    guard let object = value.objectValue else {
      throw Problem("it is \(value.kindDescription), not an object", remedy: "write {\"type\": …}")
    }
    switch object["type"]?.stringValue {
    case "text":
      try check(object, ["text"])
      return .text(try string(object, "text"))
    case "ref":
      try check(object, ["text"])
      return .reference(try string(object, "text"))
    case "box":
      try check(object, ["box"])
      guard let box = GroundingBox(try integers(object, "box")) else {
        throw Problem(
          "its box is not left, top, right, bottom in thousandths",
          remedy: "give four whole numbers in 0...999, left and top first")
      }
      return .box(box)
    case "quad":
      try check(object, ["quad"])
      guard let quad = GroundingQuad(try integers(object, "quad")) else {
        throw Problem(
          "its quad is not four points in thousandths", remedy: "give eight whole numbers in 0...999")
      }
      return .quad(quad)
    case "image":
      try check(object, ["image"] + resizeKeys.map(\.0))
      return .image(
        ImageInput(
          try source(try string(object, "image"), relativeTo: directory),
          resize: try resized(object, resizeKeys[...], over: resize)))
    case "image_url":
      try check(object, ["image_url"] + resizeKeys.map(\.0))
      var url = object["image_url"]?.stringValue
      if let inner = object["image_url"]?.objectValue {
        if let key = inner.keys.first(where: { $0 != "url" && $0 != "detail" }) {
          throw Problem("its image_url has the unknown key \"\(key)\"", remedy: "url is known")
        }
        if let detail = inner["detail"], detail.stringValue != "auto" {
          throw Problem(
            "its detail is not \"auto\", which alone is known", remedy: "say how finely by max_pixels")
        }
        url = inner["url"]?.stringValue
      }
      guard let url else { throw Problem("it has no url", remedy: "write {\"url\": \"…\"}") }
      return .image(
        ImageInput(
          try source(url, relativeTo: directory), resize: try resized(object, resizeKeys[...], over: resize)))
    case "video":
      return .video(try video(object, directory, resize))
    case "video_url":
      throw Problem("video files are not decoded", remedy: "give the frames as a list of pictures")
    case let type:
      throw Problem(
        "its type \"\(type ?? "none")\" is unknown",
        remedy: "known are text, image, image_url, video, ref, box and quad")
    }
  }

  private static func video(_ object: JSONObject, _ directory: String, _ resize: ResizeRequest)
    throws(Problem) -> VideoInput
  {
    try check(object, ["video", "fps"] + resizeKeys.map(\.0))
    guard let list = object["video"]?.arrayValue else {
      throw Problem("video files are not decoded", remedy: "give the frames as a list of pictures")
    }
    guard !list.isEmpty else { throw Problem("its video has no frames", remedy: "give at least one") }
    var frames: [MediaSource] = []
    for frame in list {
      guard let text = frame.stringValue else {
        throw Problem("a frame of its video is \(frame.kindDescription)", remedy: "give paths of pictures")
      }
      frames.append(try source(text, relativeTo: directory))
    }
    var rate: Double?
    if let value = object["fps"], value != .null {
      guard let number = value.doubleValue, number > 0 else {
        throw Problem("its fps is not a number above 0", remedy: "give frames per second")
      }
      rate = number
    }
    return VideoInput(
      frames: frames, framesPerSecond: rate, resize: try resized(object, resizeKeys[...], over: resize))
  }

  /// A picture by path or URL.
  public static func source(_ text: String, relativeTo directory: String) throws(Problem) -> MediaSource {
    if text.hasPrefix("http://") || text.hasPrefix("https://") {
      throw Problem(
        "\(text.prefix(80)) is on the network, and nothing is fetched",
        remedy: "download it and give its path")
    }
    let path = text.hasPrefix("file://") ? String(text.dropFirst(7)) : text
    guard !path.isEmpty else { throw Problem("the path of a picture is empty", remedy: "name a file") }
    let source = MediaSource(path)
    if case .file(let path) = source, !path.hasPrefix("/"), !directory.isEmpty {
      return .file(directory + "/" + path)
    }
    return source
  }

  /// The overrides in `object`, over those that hold without them.
  public static func resized(
    _ object: JSONObject, _ keys: ArraySlice<(String, any WritableKeyPath<ResizeRequest, Int?> & Sendable)>,
    over resize: ResizeRequest
  ) throws(Problem) -> ResizeRequest {
    var resize = resize
    for (key, path) in keys {
      guard let value = object[key] else { continue }
      guard let number = value.integerValue, number > 0 else {
        throw Problem("\"\(key)\" is not a whole number above 0", remedy: "give one")
      }
      resize[keyPath: path] = number
    }
    return resize
  }

  /// A part as JSON; nil if it shows pictures that are neither files nor `data:` URLs.
  /// - Parameters:
  ///   - part: of any kind.
  ///   - decode: the text of tokens.
  /// - Returns: the object that ``part(_:relativeTo:resize:)`` reads.
  public static func written(_ part: Message.Part, decode: ([Int]) -> String) -> JSONValue? {
    switch part {
    case .text(let text): return ["type": "text", "text": .string(text)]
    case .tokens(let tokens): return ["type": "text", "text": .string(decode(tokens))]
    case .reference(let text): return ["type": "ref", "text": .string(text)]
    case .box(let box): return ["type": "box", "box": numbers([box.start, box.end])]
    case .quad(let quad): return ["type": "quad", "quad": numbers(quad.corners)]
    case .image(let image):
      guard let text = text(image.source) else { return nil }
      return .object(withResize(image.resize, ["type": "image", "image": text]))
    case .video(let video):
      var frames: [JSONValue] = []
      for frame in video.frames {
        guard let text = text(frame) else { return nil }
        frames.append(text)
      }
      var object = withResize(video.resize, ["type": "video", "video": .array(frames)])
      object["fps"] = video.framesPerSecond.map { .number($0) }
      return .object(object)
    }
  }

  private static func numbers(_ points: [GroundingPoint]) -> JSONValue {
    .array(points.flatMap { [.integer($0.x), .integer($0.y)] })
  }

  private static func text(_ source: MediaSource) -> JSONValue? {
    switch source {
    case .file(let path): .string(path)
    case .dataURL(let url): .string(url)
    case .data: nil
    }
  }

  private static func withResize(_ resize: ResizeRequest, _ value: JSONValue) -> JSONObject {
    var object = value.objectValue ?? JSONObject()
    for (key, path) in resizeKeys {
      if let value = resize[keyPath: path] { object[key] = .integer(value) }
    }
    return object
  }

  private static func check(_ object: JSONObject, _ known: [String]) throws(Problem) {
    if let key = object.keys.first(where: { $0 != "type" && !known.contains($0) }) {
      throw Problem(
        "it has the unknown key \"\(key)\"", remedy: "known are type, \(known.joined(separator: ", "))")
    }
  }

  private static func string(_ object: JSONObject, _ key: String) throws(Problem) -> String {
    guard let text = object[key]?.stringValue else {
      throw Problem("it has no \(key)", remedy: "give it as a string")
    }
    return text
  }

  private static func integers(_ object: JSONObject, _ key: String) throws(Problem) -> [Int] {
    guard let list = object[key]?.arrayValue else { throw Problem("it has no \(key)", remedy: "give a list") }
    return list.map { $0.integerValue ?? -1 }
  }
}
