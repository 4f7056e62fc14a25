internal import Glibc
public import VLJSON

extension Recipe {
  /// The recipe that ``settings`` came from.
  /// - Parameters:
  ///   - settings: a recipe's keys and values.
  ///   - place: the file that they were read from, for errors.
  /// - Throws: ``RecipeError`` if they are not those of a recipe.
  public init(settings: JSONObject, place: String) throws {
    let members = settings.members.map { ($0.split(separator: ".")[...], $1) }
    let node = RecipeNode(members[...], place: place)
    try self.init(node, name: settings["name"]?.stringValue ?? "recipe")
  }

  /// A path that does not depend on the current directory.
  static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let current = getcwd(nil, 0) else { return path }
    defer { free(current) }
    return String(cString: current) + "/" + path
  }
}

extension RecipeNode {
  /// Puts keys with dots in them back into a tree; a level whose keys are all numbers is a list.
  fileprivate init(_ members: ArraySlice<(ArraySlice<Substring>, JSONValue)>, place: String) {
    var keys: [Substring] = []
    var groups: [Substring: [(ArraySlice<Substring>, JSONValue)]] = [:]
    for (path, value) in members {
      guard let key = path.first else { continue }
      if groups[key] == nil { keys.append(key) }
      groups[key, default: []].append((path.dropFirst(), value))
    }
    let nodes = keys.map { key -> RecipeNode in
      let group = groups[key] ?? []
      if let (path, value) = group.first, path.isEmpty { return RecipeNode(value, place: place) }
      return RecipeNode(group[...], place: place)
    }
    let isList = !keys.isEmpty && keys.allSatisfy { Int($0) != nil }
    self.init(
      content: isList ? .list(nodes) : .map(zip(keys, nodes).map { (String($0), place, $1) }), place: place,
      directory: "")
  }

  private init(_ value: JSONValue, place: String) {
    let content: Content =
      switch value {
      case .string(let text): .scalar(text, isQuoted: true)
      case .array(let items): .list(items.map { RecipeNode($0, place: place) })
      default: .scalar(value.serialized(), isQuoted: false)
      }
    self.init(content: content, place: place, directory: "")
  }
}
