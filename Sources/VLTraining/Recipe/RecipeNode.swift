internal import Glibc
internal import Yams

/// A value of a recipe with the place where it was written.
struct RecipeNode {
  enum Content {
    /// A single value; `isQuoted` if it can only be meant as text.
    case scalar(String, isQuoted: Bool)
    case list([RecipeNode])
    case map([(key: String, place: String, value: RecipeNode)])
  }

  var content: Content
  /// `FILE:LINE`, or the `--set` argument.
  var place: String
  /// What relative paths written here start from, with a final slash; empty for the current directory.
  var directory: String

  /// The value's kind in words.
  var kind: String {
    switch content {
    case .scalar(let text, let isQuoted): isQuoted || !text.isEmpty ? "\"\(text)\"" : "nothing"
    case .list: "a list"
    case .map: "keys and values"
    }
  }

  /// Whether nothing was written (`key:` alone, `~` or `null`).
  var isNull: Bool {
    if case .scalar(let text, false) = content { return ["", "~", "null"].contains(text) }
    return false
  }
}

extension RecipeNode {
  /// Reads a file.
  /// - Throws: ``RecipeError`` if it cannot be read or is not YAML.
  init(file: String) throws {
    guard let stream = fopen(file, "rb") else {
      throw RecipeError(place: file, key: "", reason: String(cString: strerror(errno)) + "; check the path")
    }
    defer { fclose(stream) }
    // No recipe comes near this; a larger file is something else.
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, stream)
    if ferror(stream) != 0 {
      throw RecipeError(place: file, key: "", reason: "cannot be read; a recipe is a YAML file")
    }
    guard count < bytes.count else {
      throw RecipeError(place: file, key: "", reason: "is larger than 1 MiB; a recipe is a small YAML file")
    }
    guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
      throw RecipeError(place: file, key: "", reason: "is not UTF-8 text; a recipe is a YAML file")
    }
    let directory = file.lastIndex(of: "/").map { String(file[...$0]) } ?? ""
    try self.init(yaml: text, directory: directory) { "\(file):\($0)" }
  }

  /// Reads YAML text; `place` says where a line is.
  init(yaml: String, directory: String, place: (Int) -> String) throws {
    let root: Node?
    do {
      root = try Yams.compose(yaml: yaml)
    } catch let error as YamlError {
      throw Self.translated(error, place)
    }
    guard let root else {
      self.init(content: .map([]), place: place(1), directory: directory)
      return
    }
    try self.init(root, directory: directory, line: 1, place)
  }

  private init(_ node: Node, directory: String, line: Int, _ place: (Int) -> String) throws {
    let line = node.mark?.line ?? line
    let here = place(line)
    switch node {
    case .scalar(let scalar):
      let isQuoted = scalar.style != .plain && scalar.style != .any
      self.init(content: .scalar(scalar.string, isQuoted: isQuoted), place: here, directory: directory)
    case .sequence(let sequence):
      let items = try sequence.map { try RecipeNode($0, directory: directory, line: line, place) }
      self.init(content: .list(items), place: here, directory: directory)
    case .mapping(let mapping):
      var members: [(key: String, place: String, value: RecipeNode)] = []
      for (key, value) in mapping {
        let keyLine = key.mark?.line ?? line
        guard case .scalar(let name) = key else {
          throw RecipeError(place: place(keyLine), key: "", reason: "a key must be a single word")
        }
        let value = try RecipeNode(value, directory: directory, line: keyLine, place)
        members.append((name.string, place(keyLine), value))
      }
      self.init(content: .map(members), place: here, directory: directory)
    case .alias:
      throw RecipeError(place: here, key: "", reason: "an alias to something that is not there")
    }
  }

  private static func translated(_ error: YamlError, _ place: (Int) -> String) -> RecipeError {
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return RecipeError(place: place(mark.line), key: "", reason: "is not YAML: \(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      return RecipeError(
        place: place(context.mark.line), key: duplicates.joined(separator: ", "),
        reason: "is given twice; keep one")
    case .reader(let problem, _, _, _):
      return RecipeError(place: place(1), key: "", reason: "is not YAML: \(problem)")
    default:
      return RecipeError(place: place(1), key: "", reason: "is not YAML")
    }
  }

  /// Puts a value in its place, as `--set learn.encoder.rate=1e-4` asks. The keys on the way are made where missing;
  /// items of lists are counted from 0.
  /// - Throws: ``RecipeError`` if the argument is not of that form, or the way leads through something else.
  mutating func set(_ argument: String) throws {
    let place = "--set \(argument)"
    guard let equals = argument.firstIndex(of: "="), equals != argument.startIndex else {
      throw RecipeError(place: place, key: "", reason: "is not of the form key=value, such as steps=100")
    }
    let keys = argument[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let text = String(argument[argument.index(after: equals)...])
    let value = try RecipeNode(yaml: text, directory: "") { _ in place }
    // An empty text composes to nothing: it takes the value away.
    let node =
      text.isEmpty ? RecipeNode(content: .scalar("", isQuoted: false), place: place, directory: "") : value
    try set(node, at: keys[...], place, path: "")
  }

  private mutating func set(_ value: RecipeNode, at keys: ArraySlice<String>, _ place: String, path: String)
    throws
  {
    guard let key = keys.first else {
      self = value
      return
    }
    let rest = keys.dropFirst()
    let path = path.isEmpty ? key : path + "." + key
    guard !key.isEmpty else {
      throw RecipeError(place: place, key: "", reason: "has an empty key")
    }
    switch content {
    case .list(var items):
      guard let index = Int(key), items.indices.contains(index) else {
        throw RecipeError(
          place: place, key: path, reason: "the list has items 0 to \(items.count - 1); write its number")
      }
      try items[index].set(value, at: rest, place, path: path)
      content = .list(items)
    case .map(var members):
      if let index = members.firstIndex(where: { $0.key == key }) {
        try members[index].value.set(value, at: rest, place, path: path)
        members[index].place = place
      } else {
        var made = RecipeNode(content: .map([]), place: place, directory: "")
        try made.set(value, at: rest, place, path: path)
        members.append((key, place, made))
      }
      content = .map(members)
    case .scalar:
      var made = RecipeNode(content: .map([]), place: place, directory: "")
      try made.set(value, at: keys, place, path: path)
      self = made
    }
  }
}
