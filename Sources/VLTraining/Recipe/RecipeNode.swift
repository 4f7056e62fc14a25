internal import Glibc
internal import VLJSON

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
  /// The value as JSON; what is not in quotes and reads as a JSON number or truth value is that.
  /// Keys without a value are left out.
  var json: JSONValue {
    switch content {
    case .scalar(let text, isQuoted: true): return .string(text)
    case .scalar where isNull: return .null
    case .scalar(let text, isQuoted: false): return (try? JSONValue(parsing: text)) ?? .string(text)
    case .list(let items): return .array(items.map(\.json))
    case .map(let members):
      var object = JSONObject()
      for member in members where !member.value.isNull { object[member.key] = member.value.json }
      return .object(object)
    }
  }

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
  /// - Throws: ``RecipeError`` if it is not YAML.
  init(yaml: String, directory: String, place: @escaping (Int) -> String) throws {
    self = try YAMLText.read(yaml, directory: directory, place: place)
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
