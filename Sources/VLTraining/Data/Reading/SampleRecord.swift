internal import VLJSON
internal import VLMedia
internal import VLModels

/// One JSON object of a data set as a sample.
struct SampleRecord {
  /// Where it stands, for errors.
  let place: String
  /// How a picture's path in it becomes a source.
  let source: (String) throws(PartForm.Problem) -> MediaSource
  /// What a message part in it becomes.
  let part: (JSONValue, ResizeRequest) throws(PartForm.Problem) -> Message.Part

  /// A record whose pictures lie in a directory.
  init(place: String, media directory: String) {
    self.place = place
    source = { path throws(PartForm.Problem) in try PartForm.source(path, relativeTo: directory) }
    part = { value, resize throws(PartForm.Problem) in
      try PartForm.part(value, relativeTo: directory, resize: resize)
    }
  }

  /// A record whose pictures lie elsewhere: `member` gives the bytes of a path.
  init(place: String, member: @escaping (String) throws(PartForm.Problem) -> MediaSource) {
    self.place = place
    source = member
    part = { value, resize throws(PartForm.Problem) in
      switch try PartForm.part(value, relativeTo: "", resize: resize) {
      case .image(var image):
        if case .file(let path) = image.source { image.source = try member(path) }
        return .image(image)
      case .video(var video):
        for (index, frame) in video.frames.enumerated() {
          if case .file(let path) = frame { video.frames[index] = try member(path) }
        }
        return .video(video)
      case let other: return other
      }
    }
  }

  /// The form of a record, by its keys; nil if it has none.
  static func format(of object: JSONObject) -> DataFormat? {
    if object["messages"] != nil { return .chat }
    if let turns = object["conversations"]?.arrayValue {
      let from = turns.first?["from"]?.stringValue
      let hasMarkup = turns.contains { $0["value"]?.stringValue?.contains("<img>") ?? false }
      return from == "human" || from == "gpt" || (from == "system" && !hasMarkup) ? .llava : .qwen
    }
    if object["text"]?.stringValue?.contains("<img>") ?? false { return .qwen }
    return nil
  }

  /// The sample of an object in a form.
  /// - Throws: ``DataError``.
  func sample(_ value: JSONValue, _ format: DataFormat) throws -> TrainingSample {
    guard let object = value.objectValue else {
      throw error("the record is \(value.kindDescription), not an object", "write one object per sample")
    }
    let turns =
      switch format {
      case .llava: try llava(object)
      case .qwen: try qwen(object)
      default: try chat(object)
      }
    guard !turns.isEmpty else { throw error("it has no messages", "remove the record or fill it") }
    var sample = TrainingSample(name: place, turns: turns)
    sample.unreadKeys = object.keys.filter { !Self.keys(format).contains($0) }
    if format == .chat, let value = object["add_vision_id"] {
      guard let flag = value.boolValue else {
        throw error("add_vision_id is not true or false", "write one of them")
      }
      sample.visionIDs = flag
    }
    return sample
  }

  private static func keys(_ format: DataFormat) -> [String] {
    switch format {
    case .llava: ["conversations", "image", "images", "video", "videos"]
    case .qwen: ["conversations", "text"]
    default: ["messages", "image", "images", "video", "videos", "min_pixels", "max_pixels", "add_vision_id"]
    }
  }

  private func error(_ problem: String, _ remedy: String) -> DataError {
    DataError(.invalid, place, problem, remedy: remedy)
  }

  private func attempt<R>(_ what: String, _ body: () throws(PartForm.Problem) -> R) throws -> R {
    do { return try body() } catch { throw self.error("\(what): \(error)", error.remedy) }
  }

  // MARK: Chat

  private func chat(_ object: JSONObject) throws -> [TrainingSample.Turn] {
    guard let messages = object["messages"]?.arrayValue else {
      throw error("it has no list \"messages\"", "give one, or name the right format")
    }
    let resize = try attempt("the record") { () throws(PartForm.Problem) in
      try PartForm.resized(object, PartForm.resizeKeys.prefix(2), over: ResizeRequest())
    }
    // Some writers keep the pictures beside the messages and mark their places in the text.
    let besides = ["image", "images", "video", "videos"].contains { object[$0] != nil }
    var markers = besides ? try visuals(object) : nil
    let turns = try messages.enumerated().map { index, value in
      let place = "message \(index + 1)"
      guard let message = value.objectValue, let role = message["role"]?.stringValue,
        let content = message["content"]
      else { throw error("\(place) lacks role or content", "give both") }
      let known = ["role", "content", "weight", "supervised"]
      if let key = message.keys.first(where: { !known.contains($0) }) {
        throw error("\(place) has the unknown key \"\(key)\"", "known are \(known.joined(separator: ", "))")
      }
      var parts: [Message.Part]
      if let text = content.stringValue {
        parts = try markers?.parts(of: text, place, error) ?? (text.isEmpty ? [] : [.text(text)])
      } else if let list = content.arrayValue {
        parts = try list.enumerated().map { number, part in
          try attempt("part \(number + 1) of \(place)") { () throws(PartForm.Problem) in
            try self.part(part, resize)
          }
        }
      } else {
        throw error("the content of \(place) is \(content.kindDescription)", "give a text or a list of parts")
      }
      parts = parts.map { $0.resized(unlessItself: resize) }
      return TrainingSample.Turn(
        Message(role: role, parts: parts), isSupervised: try supervision(message, place))
    }
    try markers?.finish(error)
    return turns
  }

  /// `weight` (0 or 1) or `supervised` (a boolean), where a message says so itself.
  private func supervision(_ message: JSONObject, _ place: String) throws -> Bool? {
    if let value = message["supervised"] {
      guard let flag = value.boolValue else {
        throw error("supervised of \(place) is not true or false", "write one of them")
      }
      return flag
    }
    guard let value = message["weight"] else { return nil }
    guard let weight = value.doubleValue, weight == 0 || weight == 1 else {
      throw error("the weight of \(place) is neither 0 nor 1", "others are not supported")
    }
    return weight == 1
  }

  // MARK: Conversations of from and value

  private static let speakers = [
    "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant", "model": "assistant",
    "system": "system",
  ]

  private func conversation(
    _ object: JSONObject, _ parts: (_ text: String, _ place: String) throws -> [Message.Part]
  ) throws -> [TrainingSample.Turn] {
    guard let turns = object["conversations"]?.arrayValue else {
      throw error("it has no list \"conversations\"", "give one, or name the right format")
    }
    return try turns.enumerated().map { index, value in
      let place = "turn \(index + 1)"
      guard let from = value["from"]?.stringValue, let text = value["value"]?.stringValue else {
        throw error("\(place) lacks from or value", "give both as strings")
      }
      guard let role = Self.speakers[from] else {
        throw error(
          "\(place) is from \"\(from.prefix(40))\"", "known are human, gpt, user, assistant, system")
      }
      return TrainingSample.Turn(Message(role: role, parts: try parts(text, place)))
    }
  }

  private func llava(_ object: JSONObject) throws -> [TrainingSample.Turn] {
    var markers = try visuals(object)
    let turns = try conversation(object) { try markers.parts(of: $0, $1, error) }
    try markers.finish(error)
    return turns
  }

  /// The pictures and clips that a record lists beside its text: `image` or `images`, `video` or `videos`.
  private func visuals(_ object: JSONObject) throws -> MarkedVisuals {
    func sources(_ value: JSONValue?, _ key: String) throws -> [MediaSource] {
      guard let value, value != .null else { return [] }
      let list = value.arrayValue ?? [value]
      return try list.map { item in
        guard let path = item.stringValue else {
          throw error("\"\(key)\" holds \(item.kindDescription)", "give paths of pictures")
        }
        return try attempt(key) { () throws(PartForm.Problem) in try source(path) }
      }
    }
    var markers = MarkedVisuals()
    for key in ["image", "images"] {
      markers.images += try sources(object[key], key).map { .image(ImageInput($0)) }
    }
    let clips: [(JSONValue, String)] =
      (object["video"].map { [($0, "video")] } ?? [])
      + (object["videos"]?.arrayValue ?? []).map { ($0, "videos") }
    for (clip, key) in clips where clip != .null {
      guard clip.arrayValue != nil else {
        throw error(
          "\"\(key)\" is a video file, and those are not decoded", "give the frames as a list of pictures")
      }
      markers.videos.append(.video(VideoInput(frames: try sources(clip, key))))
    }
    return markers
  }

  private func qwen(_ object: JSONObject) throws -> [TrainingSample.Turn] {
    func parts(_ text: String, _ place: String) throws -> [Message.Part] {
      try attempt(place) { () throws(PartForm.Problem) in try QwenMarkup.parts(of: text, source: source) }
    }
    if object["conversations"] == nil, let text = object["text"]?.stringValue {
      let all = try parts(text, "text")
      let (question, answer) = try attempt("text") { () throws(PartForm.Problem) in try QwenMarkup.form(all) }
      return [
        .init(Message(role: "user", parts: question)), .init(Message(role: "assistant", parts: answer)),
      ]
    }
    return try conversation(object, parts)
  }
}

/// Pictures and clips that stand beside a text, and their `<image>` and `<video>` markers in it.
private struct MarkedVisuals {
  var images: [Message.Part] = []
  var videos: [Message.Part] = []
  private var usedImages = 0
  private var usedVideos = 0

  mutating func parts(
    of text: String, _ place: String, _ error: (String, String) -> DataError
  ) throws -> [Message.Part] {
    var parts: [Message.Part] = []
    var rest = Substring(text)
    while true {
      let image = rest.firstRange(of: "<image>")
      let video = rest.firstRange(of: "<video>")
      guard let range = [image, video].compactMap(\.self).min(by: { $0.lowerBound < $1.lowerBound }) else {
        break
      }
      if range.lowerBound > rest.startIndex { parts.append(.text(String(rest[..<range.lowerBound]))) }
      if range == image {
        guard usedImages < images.count else {
          throw error(
            "\(place) has an <image> and the record no picture for it", "name its file under \"image\"")
        }
        parts.append(images[usedImages])
        usedImages += 1
      } else {
        guard usedVideos < videos.count else {
          throw error("\(place) has a <video> and the record no frames for it", "list them under \"video\"")
        }
        parts.append(videos[usedVideos])
        usedVideos += 1
      }
      rest = rest[range.upperBound...]
    }
    if !rest.isEmpty { parts.append(.text(String(rest))) }
    return parts
  }

  func finish(_ error: (String, String) -> DataError) throws {
    guard usedImages == images.count, usedVideos == videos.count else {
      throw error(
        "it has \(images.count) pictures and \(videos.count) clips, and its text \(usedImages) <image> and \(usedVideos) "
          + "<video>", "mark the place of each in the text")
    }
  }
}

extension Message.Part {
  /// The same with limits for a picture or clip, as far as it has none of its own.
  func resized(unlessItself request: ResizeRequest) -> Message.Part {
    switch self {
    case .image(var image):
      image.resize = request.overridden(by: image.resize)
      return .image(image)
    case .video(var video):
      video.resize = request.overridden(by: video.resize)
      return .video(video)
    default: return self
    }
  }
}
