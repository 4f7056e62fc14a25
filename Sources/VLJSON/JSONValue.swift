/// A JSON value as a tree: for configuration files, headers and output.
///
/// Numbers stay what they were written as (``integer(_:)`` for every `Int`, ``unsigned(_:)`` above that), and objects
/// keep the order of their keys.
public enum JSONValue: Hashable, Sendable {
  /// `null`
  case null
  /// `true` or `false`
  case bool(Bool)
  /// A whole number within `Int`.
  case integer(Int)
  /// A whole number above `Int.max` and within `UInt64`.
  case unsigned(UInt64)
  /// A number with a fraction or an exponent, or a whole one too large for the above.
  case number(Double)
  /// A string.
  case string(String)
  /// An array.
  case array([JSONValue])
  /// An object.
  case object(JSONObject)

  /// Parses a JSON text strictly (see ``JSONReader``).
  ///
  /// - Throws: ``JSONError``.
  public init(parsing bytes: [UInt8], maximumDepth: Int = 128) throws {
    self = try JSONReader.read(bytes, maximumDepth: maximumDepth) { try $0.readValue() }
  }

  /// Parses a JSON text strictly (see ``JSONReader``).
  ///
  /// - Throws: ``JSONError``.
  public init(parsing text: String, maximumDepth: Int = 128) throws {
    try self.init(parsing: Array(text.utf8), maximumDepth: maximumDepth)
  }

  /// The boolean, if it is one.
  public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }
  /// The whole number, if it is one within `Int`.
  public var integerValue: Int? { if case .integer(let value) = self { value } else { nil } }
  /// The number as a double, if it is one of any kind; whole numbers above 2⁵³ are rounded.
  public var doubleValue: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .unsigned(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }
  /// The string, if it is one.
  public var stringValue: String? { if case .string(let value) = self { value } else { nil } }
  /// The elements, if it is an array.
  public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  /// The object, if it is one.
  public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

  /// The member `key`, if this is an object and has it.
  public subscript(key: String) -> JSONValue? { objectValue?[key] }

  /// The value's kind in words, with its article, for error messages.
  public var kindDescription: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer, .unsigned, .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

/// The members of a JSON object, in order, each key once.
public struct JSONObject: Sendable {
  /// The keys in order.
  public private(set) var keys: [String] = []
  private var values: [JSONValue] = []
  private var places: [String: Int] = [:]

  /// An object without members.
  public init() {}

  /// How many members there are.
  public var count: Int { keys.count }
  /// Whether there are none.
  public var isEmpty: Bool { keys.isEmpty }

  /// The value of `key`. Setting a new key appends it; setting nil removes the key.
  public subscript(key: String) -> JSONValue? {
    get { places[key].map { values[$0] } }
    set {
      switch (places[key], newValue) {
      case (let place?, let value?): values[place] = value
      case (nil, let value?):
        places[key] = keys.count
        keys.append(key)
        values.append(value)
      case (let place?, nil):
        keys.remove(at: place)
        values.remove(at: place)
        places = Dictionary(uniqueKeysWithValues: keys.enumerated().map { ($1, $0) })
      case (nil, nil): break
      }
    }
  }

  /// The same with the members of `other` in place of those of the same keys, or added; where both values are objects,
  /// they are merged alike.
  public func merged(with other: JSONObject) -> JSONObject {
    var result = self
    for (key, value) in other.members {
      if let mine = result[key]?.objectValue, let theirs = value.objectValue {
        result[key] = .object(mine.merged(with: theirs))
      } else {
        result[key] = value
      }
    }
    return result
  }

  /// The members in order.
  public var members: Zip2Sequence<[String], [JSONValue]> { zip(keys, values) }
}

extension JSONObject: Hashable {
  /// Whether both have the same members in the same order.
  public static func == (a: JSONObject, b: JSONObject) -> Bool { a.keys == b.keys && a.values == b.values }
  /// Feeds keys and values to `hasher`.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(keys)
    hasher.combine(values)
  }
}

extension JSONReader {
  /// Reads a value of any kind as a tree.
  ///
  /// Two keys of one object that differ only in Unicode normal form are one key to a Swift `String`, and so count as
  /// a duplicate here.
  public mutating func readValue() throws(JSONError) -> JSONValue {
    switch try peek() {
    case .null:
      _ = try readNull()
      return .null
    case .bool: return .bool(try readBool())
    case .number:
      switch try readNumber() {
      case .integer(let value): return .integer(value)
      case .unsigned(let value): return .unsigned(value)
      case .double(let value): return .number(value)
      }
    case .string: return .string(try readString())
    case .array:
      var elements: [JSONValue] = []
      try beginArray()
      while try nextElement() { elements.append(try readValue()) }
      return .array(elements)
    case .object:
      var object = JSONObject()
      try beginObject()
      while let key = try nextKey() {
        if object[key] != nil { throw error(.duplicateKey(key)) }
        object[key] = try readValue()
      }
      return .object(object)
    }
  }
}

extension JSONValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringInterpolation, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  /// `nil` is `null`.
  public init(nilLiteral: ()) { self = .null }
  /// A boolean literal.
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  /// An integer literal.
  public init(integerLiteral value: Int) { self = .integer(value) }
  /// A floating-point literal.
  public init(floatLiteral value: Double) { self = .number(value) }
  /// A string literal.
  public init(stringLiteral value: String) { self = .string(value) }
  /// An array literal.
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  /// A dictionary literal; the keys keep their order and must differ.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    var object = JSONObject()
    for (key, value) in elements {
      precondition(object[key] == nil, "JSONValue: the literal has the key \"\(key)\" twice")
      object[key] = value
    }
    self = .object(object)
  }
}
