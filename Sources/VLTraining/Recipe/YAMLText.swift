internal import CYAML

/// YAML as a tree of nodes that know their lines, by libyaml's parser.
///
/// One document with maps, lists and single values; anchors and aliases work, tags do not. A library that brings in all
/// of Foundation to do this would cost every start of the program a few dozen megabytes.
struct YAMLText {
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private let directory: String
  private let place: (Int) -> String
  private var anchors: [String: RecipeNode] = [:]
  private var nodes = 0

  /// Deeper text, or text that aliases make larger, is no recipe.
  private static let (deepest, mostNodes) = (32, 100_000)

  /// Reads a text; a text without a document is an empty map.
  /// - Throws: ``RecipeError``.
  static func read(_ text: String, directory: String, place: @escaping (Int) -> String) throws -> RecipeNode {
    try Array(text.utf8).withUnsafeBufferPointer { bytes in
      var reader = YAMLText(directory: directory, place: place)
      defer { reader.free() }
      yaml_parser_set_input_string(reader.parser, bytes.baseAddress, bytes.count)
      return try reader.document()
    }
  }

  private init(directory: String, place: @escaping (Int) -> String) {
    self.directory = directory
    self.place = place
    yaml_parser_initialize(parser)
  }

  private func free() {
    yaml_parser_delete(parser)
    parser.deallocate()
  }

  private mutating func document() throws -> RecipeNode {
    try skip(YAML_STREAM_START_EVENT)
    var event = try next()
    if event.kind == YAML_STREAM_END_EVENT {
      return RecipeNode(content: .map([]), place: place(1), directory: directory)
    }
    let node = try self.node(try next(), depth: 0)
    try skip(YAML_DOCUMENT_END_EVENT)
    event = try next()
    guard event.kind == YAML_STREAM_END_EVENT else {
      throw RecipeError(place: place(event.line), key: "", reason: "holds a second document; one is expected")
    }
    return node
  }

  private mutating func skip(_ kind: yaml_event_type_t) throws {
    let event = try next()
    guard event.kind == kind else {
      throw RecipeError(place: place(event.line), key: "", reason: "is not YAML")
    }
  }

  private mutating func node(_ event: Event, depth: Int) throws -> RecipeNode {
    let here = place(event.line)
    nodes += 1
    guard depth < Self.deepest, nodes < Self.mostNodes else {
      throw RecipeError(place: here, key: "", reason: "is nested too deep or too large for a recipe")
    }
    if event.hasTag { throw RecipeError(place: here, key: "", reason: "a tag (!) has no meaning here") }
    if event.kind == YAML_ALIAS_EVENT {
      guard let name = event.anchor, let node = anchors[name] else {
        throw RecipeError(place: here, key: "", reason: "an alias to something that is not there")
      }
      return node
    }
    var node = RecipeNode(content: .map([]), place: here, directory: directory)
    switch event.kind {
    case YAML_SCALAR_EVENT: node.content = .scalar(event.text, isQuoted: event.isQuoted)
    case YAML_SEQUENCE_START_EVENT: node.content = .list(try items(depth))
    case YAML_MAPPING_START_EVENT: node.content = .map(try members(depth))
    default: throw RecipeError(place: here, key: "", reason: "is not YAML")
    }
    if let anchor = event.anchor { anchors[anchor] = node }
    return node
  }

  private mutating func items(_ depth: Int) throws -> [RecipeNode] {
    var items: [RecipeNode] = []
    while true {
      let event = try next()
      if event.kind == YAML_SEQUENCE_END_EVENT { return items }
      items.append(try node(event, depth: depth + 1))
    }
  }

  private mutating func members(_ depth: Int) throws -> [(key: String, place: String, value: RecipeNode)] {
    var members: [(key: String, place: String, value: RecipeNode)] = []
    while true {
      let event = try next()
      if event.kind == YAML_MAPPING_END_EVENT { return members }
      let here = place(event.line)
      guard event.kind == YAML_SCALAR_EVENT else {
        throw RecipeError(place: here, key: "", reason: "a key must be a single word")
      }
      if members.contains(where: { $0.key == event.text }) {
        throw RecipeError(place: here, key: event.text, reason: "is given twice; keep one")
      }
      members.append((event.text, here, try node(try next(), depth: depth + 1)))
    }
  }

  // MARK: Events

  /// What the parser met.
  private struct Event {
    var kind: yaml_event_type_t
    var line: Int
    var text = ""
    var isQuoted = false
    var hasTag = false
    var anchor: String?
  }

  private mutating func next() throws -> Event {
    var raw = yaml_event_t()
    guard yaml_parser_parse(parser, &raw) != 0 else {
      let line = Int(parser.pointee.problem_mark.line) + 1
      let words = parser.pointee.problem.map { String(cString: $0) } ?? "it cannot be read"
      throw RecipeError(place: place(line), key: "", reason: "is not YAML: \(words)")
    }
    defer { yaml_event_delete(&raw) }
    var event = Event(kind: raw.type, line: Int(raw.start_mark.line) + 1)
    switch raw.type {
    case YAML_SCALAR_EVENT:
      let scalar = raw.data.scalar
      event.text = String(
        decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      event.isQuoted = scalar.style != YAML_PLAIN_SCALAR_STYLE
      event.hasTag = scalar.tag != nil
      event.anchor = Self.text(scalar.anchor)
    case YAML_SEQUENCE_START_EVENT:
      event.hasTag = raw.data.sequence_start.tag != nil
      event.anchor = Self.text(raw.data.sequence_start.anchor)
    case YAML_MAPPING_START_EVENT:
      event.hasTag = raw.data.mapping_start.tag != nil
      event.anchor = Self.text(raw.data.mapping_start.anchor)
    case YAML_ALIAS_EVENT: event.anchor = Self.text(raw.data.alias.anchor)
    default: break
    }
    return event
  }

  private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    pointer.map { String(cString: $0) }
  }
}
