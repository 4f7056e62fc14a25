internal import VLJSON

/// Reads a map of a recipe key by key, with errors that name place and key. A key that is not among those that the
/// map may have is an error at once.
///
/// An absent key and an empty value are the same.
final class RecipeReader {
  let node: RecipeNode
  /// The keys that lead here; empty at the top.
  let path: String
  /// The keys that the map may have.
  private let keys: [String]

  /// Reads `node`, which must be a map of `keys`.
  /// - Throws: ``RecipeError`` naming the first unknown key and the nearest known one.
  init(_ node: RecipeNode, path: String = "", keys: [String]) throws {
    self.node = node
    self.path = path
    self.keys = keys
    guard case .map(let members) = node.content else {
      throw RecipeError(
        place: node.place, key: path, reason: "keys and values are expected, not \(node.kind)")
    }
    for member in members where !keys.contains(member.key) {
      let meant = nearest(to: member.key, among: keys).map { "; did you mean \"\($0)\"?" }
      throw RecipeError(
        place: member.place, key: full(member.key),
        reason: "unknown key" + (meant ?? "; known here: \(keys.joined(separator: ", "))"))
    }
  }

  private func full(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

  private var members: [(key: String, place: String, value: RecipeNode)] {
    if case .map(let members) = node.content { return members }
    return []
  }

  /// The value of `key`, if one is written.
  func value(_ key: String) -> RecipeNode? {
    precondition(keys.contains(key), "RecipeReader: \(full(key)) is read and not among the known keys")
    guard let member = members.first(where: { $0.key == key }), !member.value.isNull else { return nil }
    return member.value
  }

  /// Whether a value is written for `key`.
  func has(_ key: String) -> Bool { value(key) != nil }

  /// Where `key` is written, or this map if it is not.
  func place(_ key: String) -> String { members.first { $0.key == key }?.place ?? node.place }

  /// An error about `key`.
  func error(_ key: String, _ reason: String) -> RecipeError {
    RecipeError(place: place(key), key: full(key), reason: reason)
  }

  /// The error for a key that must be there.
  func missing(_ key: String, _ remedy: String) -> RecipeError {
    RecipeError(place: node.place, key: full(key), reason: "is missing; \(remedy)")
  }

  private func scalar(_ key: String, _ expected: String) throws -> (text: String, isQuoted: Bool)? {
    guard let value = value(key) else { return nil }
    guard case .scalar(let text, let isQuoted) = value.content else {
      throw error(key, "\(expected) is expected, not \(value.kind)")
    }
    return (text, isQuoted)
  }

  /// A whole number within `range`.
  func int(_ key: String, in range: ClosedRange<Int>) throws -> Int? {
    guard let (text, isQuoted) = try scalar(key, "a whole number") else { return nil }
    let digits = text.filter { $0 != "_" }
    guard !isQuoted, let number = Int(digits) else {
      throw error(key, "a whole number is expected, not \"\(text)\"")
    }
    guard range.contains(number) else {
      throw error(key, "\(number) is outside \(range.lowerBound)…\(range.upperBound)")
    }
    return number
  }

  /// A number within `range`; with `above`, its lower end is not allowed itself.
  func double(_ key: String, in range: ClosedRange<Double>, above: Bool = false) throws -> Double? {
    guard let (text, isQuoted) = try scalar(key, "a number") else { return nil }
    guard !isQuoted, let number = Double(text), number.isFinite else {
      throw error(key, "a number is expected, not \"\(text)\"")
    }
    guard range.contains(number) && !(above && number == range.lowerBound) else {
      throw error(
        key,
        "\(number) is not \(above ? "above" : "between") \(range.lowerBound)"
          + (above ? " and at most " : " and ") + "\(range.upperBound)")
    }
    return number
  }

  /// `true` or `false`.
  func bool(_ key: String) throws -> Bool? {
    guard let (text, isQuoted) = try scalar(key, "true or false") else { return nil }
    switch text {
    case "true" where !isQuoted: return true
    case "false" where !isQuoted: return false
    default: throw error(key, "true or false is expected, not \"\(text)\"")
    }
  }

  /// A text.
  func string(_ key: String) throws -> String? { try scalar(key, "a text")?.text }

  /// A path: relative ones start from the recipe's directory (from the current one where `--set` gives them).
  func path(_ key: String) throws -> String? {
    guard let text = try string(key), let value = value(key) else { return nil }
    return text.hasPrefix("/") ? text : value.directory + text
  }

  /// One of a few words.
  func choice<Choice: RawRepresentable & CaseIterable>(_ key: String, _: Choice.Type) throws -> Choice?
  where Choice.RawValue == String {
    guard let text = try string(key) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let known = Choice.allCases.map(\.rawValue)
    let meant = nearest(to: text, among: known).map { "; did you mean \"\($0)\"?" } ?? ""
    throw error(key, "\"\(text)\" is not one of \(known.joined(separator: ", "))\(meant)")
  }

  /// A list of texts.
  func strings(_ key: String) throws -> [String]? {
    guard let value = value(key) else { return nil }
    guard case .list(let items) = value.content else {
      throw error(key, "a list such as [a, b] is expected, not \(value.kind)")
    }
    return try items.map { item in
      guard case .scalar(let text, _) = item.content, !text.isEmpty else {
        throw RecipeError(
          place: item.place, key: full(key), reason: "a list of texts is expected, not \(item.kind)")
      }
      return text
    }
  }

  /// Two whole numbers with two dots between them, `112..224`, both within `limits`.
  func range(_ key: String, in limits: ClosedRange<Int>) throws -> ClosedRange<Int>? {
    guard let (text, _) = try scalar(key, "a range such as 112..224") else { return nil }
    let ends = text.split(separator: "..", omittingEmptySubsequences: false).map { Int($0) }
    guard ends.count == 2, let low = ends[0], let high = ends[1], low <= high else {
      throw error(key, "a range such as 112..224 is expected, not \"\(text)\"")
    }
    guard limits.contains(low) && limits.contains(high) else {
      throw error(key, "\(text) is not within \(limits.lowerBound)..\(limits.upperBound)")
    }
    return low...high
  }

  /// The map under `key`, with any keys and values, as JSON.
  func json(_ key: String) throws -> JSONObject? {
    guard let value = value(key) else { return nil }
    guard case .object(let object) = value.json else {
      throw error(key, "keys and values are expected, not \(value.kind)")
    }
    return object
  }

  /// The map under `key`, which may have `keys`.
  func map(_ key: String, _ keys: [String]) throws -> RecipeReader? {
    try value(key).map { try RecipeReader($0, path: full(key), keys: keys) }
  }

  /// The list of maps under `key`, which may have `keys`.
  func maps(_ key: String, _ keys: [String]) throws -> [RecipeReader]? {
    guard let value = value(key) else { return nil }
    guard case .list(let items) = value.content else {
      throw error(key, "a list is expected, each item starting with \"- \", not \(value.kind)")
    }
    return try items.enumerated().map {
      try RecipeReader($1, path: "\(full(key)).\($0)", keys: keys)
    }
  }
}
