public import VLJSON

/// A value of a configuration file that cannot be used, or is missing.
public struct ConfigError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  public let file: String
  /// The keys that lead to the value, such as `vision_config.depth`; empty for the whole file.
  public let key: String
  /// What is wrong.
  public let reason: String

  /// An error about `key` in `file`.
  public init(file: String, key: String, reason: String) {
    self.file = file
    self.key = key
    self.reason = reason
  }

  /// One line for a person.
  public var description: String {
    printable(file, limit: 4096) + ": " + (key.isEmpty ? "" : quoted(key) + ": ") + reason
  }
}

/// Reads a JSON object key by key, with errors that name the file and the key, and remembers which keys were asked
/// for, so that those nobody understood can be reported.
///
/// ```swift
/// let config = try ConfigReader(file: directory + "/config.json")
/// let width = try config.int("hidden_size", in: 1...65536)
/// let vision = try config.object("vision_config")
/// let depth = try vision.int("depth", in: 1...1024)
/// config.unread  // ["transformers_version", "vision_config.spatial_patch_size"]
/// ```
///
/// An absent key and `null` are the same. Methods whose name starts with `optional` give nil for it; the others throw.
/// One thread at a time may use a reader and the readers of its members.
public final class ConfigReader {
  /// The file, as errors name it.
  public let file: String
  /// The keys that lead to this object; empty for the file's own.
  public let path: String
  /// The object itself, for what the methods here do not cover; what is read through it counts as unread.
  public let values: JSONObject
  private var read: Set<String> = []
  private var children: [String: ConfigReader] = [:]

  /// Reads a file that holds one JSON object.
  ///
  /// - Throws: ``CheckpointError`` if there is no such file or it does not hold one.
  public convenience init(file: String) throws(CheckpointError) {
    self.init(try TextFile.object(file), file: file)
  }

  /// Reads an object that was parsed already; `file` is what errors call it.
  public convenience init(_ values: JSONObject, file: String) { self.init(values, file: file, path: "") }

  private init(_ values: JSONObject, file: String, path: String) {
    self.values = values
    self.file = file
    self.path = path
  }

  // MARK: What was and was not read

  /// The paths of keys that nobody asked for, in the file's order.
  public var unread: [String] {
    values.keys.flatMap { key in children[key]?.unread ?? (read.contains(key) ? [] : [keyPath(key)]) }
  }

  /// Counts `keys` as read: they are known, and change nothing here.
  public func ignore(_ keys: String...) { read.formUnion(keys) }

  /// Whether `key` is there and not null. Counts as reading it.
  public func has(_ key: String) -> Bool { value(key) != nil }

  /// An error about the value of `key`.
  public func error(_ key: String, _ reason: String) -> ConfigError {
    ConfigError(file: file, key: keyPath(key), reason: reason)
  }

  // MARK: Single values

  /// A whole number within `range`.
  public func int(_ key: String, in range: ClosedRange<Int>) throws(ConfigError) -> Int {
    try present(key, try optionalInt(key, in: range))
  }

  /// A whole number within `range`, or nil.
  public func optionalInt(_ key: String, in range: ClosedRange<Int>) throws(ConfigError) -> Int? {
    guard let value = value(key) else { return nil }
    return try integer(value, key, range)
  }

  /// A finite number within `range`, if one is given.
  public func double(_ key: String, in range: ClosedRange<Double>? = nil) throws(ConfigError) -> Double {
    try present(key, try optionalDouble(key, in: range))
  }

  /// A finite number within `range`, if one is given, or nil.
  public func optionalDouble(
    _ key: String, in range: ClosedRange<Double>? = nil
  ) throws(ConfigError) -> Double? {
    guard let value = value(key) else { return nil }
    return try number(value, key, range)
  }

  /// True or false.
  public func bool(_ key: String) throws(ConfigError) -> Bool { try present(key, try optionalBool(key)) }

  /// True, false or nil.
  public func optionalBool(_ key: String) throws(ConfigError) -> Bool? {
    try optional(key, "true or false", \.boolValue)
  }

  /// A string.
  public func string(_ key: String) throws(ConfigError) -> String {
    try present(key, try optionalString(key))
  }

  /// A string or nil.
  public func optionalString(_ key: String) throws(ConfigError) -> String? {
    try optional(key, "a string", \.stringValue)
  }

  /// Makes sure that a string, if it is there at all, is the only one that is supported.
  public func require(_ key: String, is expected: String) throws(ConfigError) {
    if let found = try optionalString(key), found != expected {
      throw error(key, "\(quoted(found)) is not supported; only \(quoted(expected)) is")
    }
  }

  // MARK: Lists

  /// Whole numbers within `range`, each; a single number counts as a list of one.
  public func ints(_ key: String, in range: ClosedRange<Int>) throws(ConfigError) -> [Int] {
    try present(key, try optionalInts(key, in: range))
  }

  /// Whole numbers within `range`, each, or nil; a single number counts as a list of one.
  public func optionalInts(_ key: String, in range: ClosedRange<Int>) throws(ConfigError) -> [Int]? {
    guard let value = value(key) else { return nil }
    var result: [Int] = []
    for (index, element) in (value.arrayValue ?? [value]).enumerated() {
      result.append(try integer(element, value.arrayValue == nil ? key : "\(key)[\(index)]", range))
    }
    return result
  }

  /// `count` finite numbers.
  public func doubles(_ key: String, count: Int) throws(ConfigError) -> [Double] {
    try present(key, try optionalDoubles(key, count: count))
  }

  /// `count` finite numbers, or nil.
  public func optionalDoubles(_ key: String, count: Int) throws(ConfigError) -> [Double]? {
    guard let elements = try optional(key, "a list of \(count) numbers", \.arrayValue) else { return nil }
    guard elements.count == count else {
      throw error(key, "expected a list of \(count) numbers, found \(elements.count)")
    }
    var result: [Double] = []
    for (index, element) in elements.enumerated() {
      result.append(try number(element, "\(key)[\(index)]", nil))
    }
    return result
  }

  /// Strings, or nil.
  public func optionalStrings(_ key: String) throws(ConfigError) -> [String]? {
    guard let elements = try optional(key, "a list of strings", \.arrayValue) else { return nil }
    var result: [String] = []
    for (index, element) in elements.enumerated() {
      guard let string = element.stringValue else { throw mismatch("\(key)[\(index)]", "a string", element) }
      result.append(string)
    }
    return result
  }

  // MARK: Objects

  /// An object, as a reader of its own.
  public func object(_ key: String) throws(ConfigError) -> ConfigReader {
    try present(key, try optionalObject(key))
  }

  /// An object, as a reader of its own (always the same one), or nil.
  public func optionalObject(_ key: String) throws(ConfigError) -> ConfigReader? {
    if let child = children[key] { return child }
    guard let object = try optional(key, "an object", \.objectValue) else { return nil }
    let child = ConfigReader(object, file: file, path: keyPath(key))
    children[key] = child
    return child
  }

  // MARK: -

  private func keyPath(_ key: String) -> String { path.isEmpty ? key : path + "." + key }

  private func value(_ key: String) -> JSONValue? {
    read.insert(key)
    guard let value = values[key], value != .null else { return nil }
    return value
  }

  private func optional<T>(
    _ key: String, _ expected: String, _ convert: (JSONValue) -> T?
  ) throws(ConfigError) -> T? {
    guard let value = value(key) else { return nil }
    guard let converted = convert(value) else { throw mismatch(key, expected, value) }
    return converted
  }

  private func present<T>(_ key: String, _ value: T?) throws(ConfigError) -> T {
    guard let value else { throw error(key, "is missing") }
    return value
  }

  private func mismatch(_ key: String, _ expected: String, _ found: JSONValue) -> ConfigError {
    error(key, "expected \(expected), found \(found.kindDescription)")
  }

  private func integer(_ value: JSONValue, _ key: String, _ range: ClosedRange<Int>) throws(ConfigError)
    -> Int
  {
    switch value {
    case .integer(let number):
      if range.contains(number) { return number }
      throw error(key, "\(number) is outside \(range.lowerBound)…\(range.upperBound)")
    case .unsigned(let number):
      throw error(key, "\(number) is outside \(range.lowerBound)…\(range.upperBound)")
    case .number(let number): throw error(key, "expected a whole number, found \(number)")
    default: throw mismatch(key, "a whole number", value)
    }
  }

  private func number(
    _ value: JSONValue, _ key: String, _ range: ClosedRange<Double>?
  ) throws(ConfigError) -> Double {
    guard let number = value.doubleValue else { throw mismatch(key, "a number", value) }
    if let range, !range.contains(number) {
      throw error(key, "\(number) is outside \(range.lowerBound)…\(range.upperBound)")
    }
    return number
  }
}
