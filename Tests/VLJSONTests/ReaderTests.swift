import Testing
import VLJSON

private func problem(_ text: String) -> JSONError.Problem? { problem(Array(text.utf8)) }

private func problem(_ bytes: [UInt8]) -> JSONError.Problem? {
  do {
    _ = try JSONValue(parsing: bytes)
    return nil
  } catch { return (error as? JSONError)?.problem }
}

private func offset(_ text: String) -> Int? {
  do {
    _ = try JSONValue(parsing: text)
    return nil
  } catch { return (error as? JSONError)?.offset }
}

@Suite struct Parsing {
  @Test func everyKindOfValue() throws {
    let value = try JSONValue(
      parsing: #" {"a":[1,-2,3.5,1e3,true,false,null],"b":{"c":"d"},"e":"","f":[],"g":{}} "#)
    #expect(
      value == [
        "a": [1, -2, 3.5, 1000.0, true, false, nil], "b": ["c": "d"], "e": "", "f": [],
        "g": .object(JSONObject()),
      ])
    #expect(value.objectValue?.keys == ["a", "b", "e", "f", "g"])
    #expect(value["b"]?["c"]?.stringValue == "d")
  }

  @Test(
    arguments: [
      ("0", .integer(0)), ("-0", .number(-0.0)), ("9223372036854775807", .integer(.max)),
      ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .unsigned(1 << 63)),
      ("18446744073709551615", .unsigned(.max)), ("18446744073709551616", .number(18446744073709551616)),
      ("-9223372036854775809", .number(-9223372036854775808)),
      ("1000000000000000019884624838656", .number(1e30)), ("1e-06", .number(1e-6)),
      ("5e-324", .number(.leastNonzeroMagnitude)), ("0.1", .number(0.1)), ("1E+2", .number(100)),
      ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)), ("1e-999", .number(0)),
    ] as [(String, JSONValue)])
  func numbersAreExact(text: String, expected: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == expected)
  }

  @Test func stringsAndEscapes() throws {
    let text = #""\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00 é😀\u0000""#
    #expect(try JSONValue(parsing: text) == "\"\\/\u{8}\u{C}\n\r\tAé€😀 é😀\0")
  }

  @Test(arguments: [
    "", " ", "{", "[", "[1", "[1,", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "\"", "\"ab", "\"\\",
    "\"\\u12",
    "tru", "-", "1.", "1e", "1e+", "\"\\ud83d\\u",
  ])
  func cutOff(text: String) {
    #expect(problem(text) == .unexpectedEnd)
    #expect(offset(text) == text.utf8.count)
  }

  @Test(arguments: [
    ("01", 1), ("-x", 1), ("1.x", 2), ("1ex", 2), ("1e999", 0), ("-1e999", 0),
  ])
  func badNumbers(text: String, at place: Int) {
    #expect(problem(text) == .invalidNumber)
    #expect(offset(text) == place)
  }

  @Test(arguments: [
    ("nan", 1), ("NaN", 0), ("+1", 0), (".5", 0), ("'a'", 0), ("[1 2]", 3), ("{a:1}", 1), ("{\"a\" 1}", 5),
    ("[1,]", 3), ("{\"a\":1,}", 7), ("[,1]", 1), ("{1:2}", 1), ("truE", 3), ("// x", 0), ("[}", 1),
    ("[1}", 2),
  ])
  func strayBytes(text: String, at place: Int) {
    guard case .unexpected = problem(text) else {
      Issue.record("\(text): \(String(describing: problem(text)))")
      return
    }
    #expect(offset(text) == place)
  }

  @Test func otherProblems() {
    #expect(problem("1 1") == .trailingText)
    #expect(problem("\"\n\"") == .controlCharacter(10))
    for escape in ["\\x", "\\ud800", "\\udc00", "\\ud800\\u0041", "\\ud800x", "\\u12g4"] {
      #expect(problem("\"\(escape)\"            ") == .invalidEscape, "\(escape)")
    }
    #expect(problem("{\"a\":1,\"a\":2}") == .duplicateKey("a"))
    #expect(problem("{\"a\":1,\"\\u0061\":2}") == .duplicateKey("a"))
    #expect(problem("{\"\\u0061\":1,\"a\":2}") == .duplicateKey("a"))
    #expect(problem("{\"a\":1,\"b\":{\"a\":2},\"c\":{\"a\":1}}") == nil)
  }

  @Test(
    arguments: [
      [0xFF], [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xED, 0xA0, 0x80],
      [0xF0, 0x8F, 0xBF, 0xBF],
      [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC3],
    ] as [[UInt8]])
  func invalidUTF8(bytes: [UInt8]) {
    #expect(problem([0x22] + bytes + [0x22]) == .invalidUTF8)
  }

  @Test func cutOffInsideACharacter() {
    for bytes in [[0xC3], [0xE7, 0x8C], [0xF0], [0xF0, 0x9F, 0x98]] as [[UInt8]] {
      #expect(problem([0x22] + bytes) == .unexpectedEnd)
    }
    #expect(problem([0x22, 0xFF]) == .invalidUTF8)
    #expect(problem([0x22, 0xE7, 0x41]) == .invalidUTF8)
  }

  @Test func nestingIsLimited() {
    #expect(problem(String(repeating: "[", count: 128) + String(repeating: "]", count: 128)) == nil)
    #expect(
      problem(String(repeating: "[", count: 129) + String(repeating: "]", count: 129)) == .tooDeep(limit: 128)
    )
    #expect(problem(String(repeating: "{\"a\":", count: 1_000_000)) == .tooDeep(limit: 128))
  }

  @Test func duplicatesInLargeObjects() {
    let members = (0..<5000).map { "\"key \($0)\": {\"x\": \($0)}" }
    #expect(problem("{\(members.joined(separator: ","))}") == nil)
    for repeated in [0, 15, 16, 17, 4999] {
      #expect(
        problem("{\(members.joined(separator: ",")),\"key \(repeated)\":0}")
          == .duplicateKey("key \(repeated)"))
    }
  }

  @Test func errorsSayTheLine() {
    do {
      _ = try JSONValue(parsing: "{\n  \"a\": 1,\n  \"b\": x\n}")
      Issue.record("parsed")
    } catch {
      #expect("\(error)" == "expected a JSON value, found 'x' at byte 19 (line 3)")
    }
  }

  @Test func pullReadingSkipsAndTypes() throws {
    let bytes = Array(
      #"{"skip":[{"a":"\n"},2,"x",null,true],"ids":{"a":1,"\u00e9":2},"list":["p","q"]}"#.utf8)
    var names: [String] = []
    var sum = 0
    try JSONReader.read(bytes) { reader in
      try reader.beginObject()
      while let key = try reader.nextKey() {
        switch key {
        case "ids":
          var name: [UInt8] = []
          try reader.beginObject()
          while try reader.nextKey(appendingTo: &name) { sum += try reader.readInteger() }
          names.append(String(decoding: name, as: UTF8.self))
        case "list":
          try reader.beginArray()
          while try reader.nextElement() { names.append(try reader.readString()) }
        default: try reader.skipValue()
        }
      }
    }
    #expect(names == ["aé", "p", "q"])
    #expect(sum == 3)
    #expect(throws: JSONError.self) { try JSONReader.read(bytes) { try $0.readInteger() } }
  }

  @Test func typedMembers() throws {
    let object = try #require(JSONValue(parsing: #"{"n":3,"x":1.5,"s":"t","b":true,"z":null}"#).objectValue)
    #expect(try object.integer("n") == 3)
    #expect(try object.double("n") == 3)
    #expect(try object.double("x") == 1.5)
    #expect(try object.string("s") == "t")
    #expect(try object.bool("b") == true)
    #expect(try object.integer("z") == nil)
    #expect(try object.integer("absent") == nil)
    do {
      _ = try object.integer("s", path: "vision_config")
      Issue.record("no error")
    } catch {
      #expect("\(error)" == "\"vision_config.s\": expected an integer, found a string")
    }
  }
}

@Suite struct Serializing {
  let value: JSONValue = [
    "z": 1, "a": [1.5, 2.0, 1e-6, .unsigned(.max), nil, true], "text": "\"\\\n\u{1}é😀\u{7F}", "none": [],
    "inner": ["x": .object(JSONObject())], "inf": .number(.infinity),
  ]

  @Test func layouts() {
    #expect(
      value.serialized()
        == #"{"z":1,"a":[1.5,2.0,1e-06,18446744073709551615,null,true],"text":"\"\\\n\u0001é😀"#
        + "\u{7F}" + #"","none":[],"inner":{"x":{}},"inf":null}"#)
    #expect(JSONValue(dictionaryLiteral: ("a", [1, 2])).serialized(.spaced) == #"{"a": [1, 2]}"#)
    #expect(
      JSONValue(dictionaryLiteral: ("a", [1, 2]), ("b", [])).serialized(.pretty)
        == "{\n  \"a\": [1, 2],\n  \"b\": []\n}")
    #expect(
      JSONValue(dictionaryLiteral: ("a", [1, "x"])).serialized(.pretty)
        == "{\n  \"a\": [\n    1,\n    \"x\"\n  ]\n}")
  }

  @Test func readsBackTheSame() throws {
    var finite = value
    if case .object(var object) = finite {
      object["inf"] = nil
      finite = .object(object)
    }
    for layout in [JSONValue.Layout.compact, .spaced, .pretty] {
      #expect(try JSONValue(parsing: finite.serialized(layout)) == finite)
    }
  }

  @Test func objectsKeepTheirOrder() {
    var object = JSONObject()
    for key in ["c", "a", "b"] { object[key] = .string(key) }
    object["a"] = 1
    #expect(object.keys == ["c", "a", "b"])
    object["c"] = nil
    #expect(object.keys == ["a", "b"])
    #expect(object["b"] == "b")
    #expect(object["c"] == nil)
  }
}
