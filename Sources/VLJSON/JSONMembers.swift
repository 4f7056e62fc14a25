/// Typed access to the members of an object that was read from a file, with errors that name the key.
///
/// `path` is the way to this object in its file, such as `vision_config`; it stands in front of the key in errors.
extension JSONObject {
  /// The member `key` as an integer; nil if it is absent or null.
  ///
  /// - Throws: ``JSONError`` if it is something else.
  public func integer(_ key: String, path: String = "") throws(JSONError) -> Int? {
    try member(key, path, "an integer") { $0.integerValue }
  }

  /// The member `key` as a number; nil if it is absent or null.
  ///
  /// - Throws: ``JSONError`` if it is something else.
  public func double(_ key: String, path: String = "") throws(JSONError) -> Double? {
    try member(key, path, "a number") { $0.doubleValue }
  }

  /// The member `key` as a boolean; nil if it is absent or null.
  ///
  /// - Throws: ``JSONError`` if it is something else.
  public func bool(_ key: String, path: String = "") throws(JSONError) -> Bool? {
    try member(key, path, "true or false") { $0.boolValue }
  }

  /// The member `key` as a string; nil if it is absent or null.
  ///
  /// - Throws: ``JSONError`` if it is something else.
  public func string(_ key: String, path: String = "") throws(JSONError) -> String? {
    try member(key, path, "a string") { $0.stringValue }
  }

  /// The member `key` as an array; nil if it is absent or null.
  ///
  /// - Throws: ``JSONError`` if it is something else.
  public func array(_ key: String, path: String = "") throws(JSONError) -> [JSONValue]? {
    try member(key, path, "an array") { $0.arrayValue }
  }

  /// The member `key` as an object; nil if it is absent or null.
  ///
  /// - Throws: ``JSONError`` if it is something else.
  public func object(_ key: String, path: String = "") throws(JSONError) -> JSONObject? {
    try member(key, path, "an object") { $0.objectValue }
  }

  /// The error for a member that must be there and is not.
  public static func missing(_ key: String, path: String = "") -> JSONError {
    JSONError(.missingKey(key), path: path)
  }

  private func member<T>(
    _ key: String, _ path: String, _ expected: String, _ convert: (JSONValue) -> T?
  ) throws(JSONError) -> T? {
    guard let value = self[key], value != .null else { return nil }
    guard let converted = convert(value) else {
      throw JSONError(
        .mismatch(expected: expected, found: value.kindDescription),
        path: path.isEmpty ? key : path + "." + key)
    }
    return converted
  }
}
