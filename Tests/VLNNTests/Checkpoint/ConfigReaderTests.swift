import TestKit
import Testing
import VLJSON
import VLNN

private func reader(_ text: String) throws -> ConfigReader {
  ConfigReader(try #require(try JSONValue(parsing: text).objectValue), file: "config.json")
}

private func reason(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch { return "\(error)" }
}

@Suite struct ReadingConfigurations {
  @Test func values() throws {
    let c = try reader(
      #"{"i":3,"d":0.5,"w":4,"b":false,"s":"x","l":[1,2],"m":[0.5,1],"t":["a","b"],"o":{"p":{"q":7}},"n":null}"#
    )
    #expect(try c.int("i", in: 1...3) == 3)
    #expect(try c.double("d") == 0.5)
    #expect(try c.double("w", in: 0...4) == 4)
    #expect(try c.bool("b") == false)
    #expect(try c.string("s") == "x")
    #expect(try c.ints("l", in: 1...2) == [1, 2])
    #expect(try c.ints("i", in: 1...3) == [3])
    #expect(try c.doubles("m", count: 2) == [0.5, 1])
    #expect(try c.optionalStrings("t") == ["a", "b"])
    #expect(try c.object("o").object("p").int("q", in: 7...7) == 7)
    try c.require("s", is: "x")
    try c.require("absent", is: "x")
    for key in ["n", "absent"] {
      #expect(!c.has(key))
      #expect(try c.optionalInt(key, in: 0...1) == nil)
      #expect(try c.optionalDouble(key) == nil)
      #expect(try c.optionalBool(key) == nil)
      #expect(try c.optionalString(key) == nil)
      #expect(try c.optionalInts(key, in: 0...1) == nil)
      #expect(try c.optionalDoubles(key, count: 3) == nil)
      #expect(try c.optionalStrings(key) == nil)
      #expect(try c.optionalObject(key) == nil)
    }
    #expect(c.unread.isEmpty)
  }

  @Test func errorsNameFileKeyAndExpectation() throws {
    let c = try reader(
      #"{"i":3,"f":3.5,"s":"x","big":9223372036854775808,"l":[1,"a"],"m":[1],"v":{"depth":-1,"h":[true]},"n":null}"#
    )
    let v = try c.object("v")
    let cases: [(String, () throws -> Void)] = [
      (#""absent": is missing"#, { _ = try c.int("absent", in: 0...1) }),
      (#""n": is missing"#, { _ = try c.string("n") }),
      (#""i": 3 is outside 4…9"#, { _ = try c.int("i", in: 4...9) }),
      (#""big": 9223372036854775808 is outside 4…9"#, { _ = try c.int("big", in: 4...9) }),
      (#""f": expected a whole number, found 3.5"#, { _ = try c.int("f", in: 0...9) }),
      (#""s": expected a whole number, found a string"#, { _ = try c.int("s", in: 0...9) }),
      (#""i": 3.0 is outside 0.0…1.0"#, { _ = try c.double("i", in: 0...1) }),
      (#""s": expected a number, found a string"#, { _ = try c.double("s") }),
      (#""s": expected true or false, found a string"#, { _ = try c.bool("s") }),
      (#""i": expected a string, found a number"#, { _ = try c.string("i") }),
      (#""i": expected an object, found a number"#, { _ = try c.object("i") }),
      (#""l[1]": expected a whole number, found a string"#, { _ = try c.ints("l", in: 0...9) }),
      (#""m": expected a list of 3 numbers, found 1"#, { _ = try c.doubles("m", count: 3) }),
      (#""l[1]": expected a number, found a string"#, { _ = try c.doubles("l", count: 2) }),
      (#""l[0]": expected a string, found a number"#, { _ = try c.optionalStrings("l") }),
      (#""v.depth": -1 is outside 1…9"#, { _ = try v.int("depth", in: 1...9) }),
      (#""v.h[0]": expected a whole number, found true or false"#, { _ = try v.ints("h", in: 1...9) }),
      (#""s": "x" is not supported; only "y" is"#, { try c.require("s", is: "y") }),
      (#""v.depth": because"#, { throw v.error("depth", "because") }),
    ]
    for (expected, body) in cases { #expect(reason(body) == "config.json: " + expected) }
  }

  @Test func unreadKeys() throws {
    let c = try reader(#"{"z":1,"a":{"x":1,"y":{"k":1}},"b":{"x":1},"name":"n","seen":{}}"#)
    #expect(c.unread == ["z", "a", "b", "name", "seen"])
    let a = try c.object("a")
    #expect(c.unread == ["z", "a.x", "a.y", "b", "name", "seen"])
    _ = try a.int("x", in: 1...1)
    _ = try a.object("y")
    _ = try c.object("seen")
    c.ignore("name", "not there")
    _ = c.has("z")
    #expect(c.unread == ["a.y.k", "b"])
    // The same member is the same reader.
    _ = try c.object("a").object("y").int("k", in: 1...1)
    #expect(c.unread == ["b"])
  }

  @Test func files() throws {
    let scratch = Scratch()
    let good = scratch.write(#"{"a":1}"#, to: "good.json")
    #expect(try ConfigReader(file: good).int("a", in: 1...1) == 1)
    for text in ["[1]", "{", "{}x", #"{"a":1,"a":2}"#, "NaN", #"{"a":NaN}"#, "{\"a\":\"\u{1}\"}"] {
      let path = scratch.write(text, to: "bad.json")
      let error = try #require(checkpointError { _ = try ConfigReader(file: path) }, "\(text)")
      guard case .json = error.problem else {
        Issue.record("\(error)")
        continue
      }
      #expect(error.description.hasPrefix(path + ": "))
    }
    let deep = scratch.write(#"{"a":"# + String(repeating: "[", count: 100_000), to: "deep.json")
    #expect(checkpointError { _ = try ConfigReader(file: deep) } != nil)
    #expect(
      checkpointError { _ = try ConfigReader(file: scratch.path + "/none.json") }?.problem == .missingFile)
    #expect(checkpointError { _ = try ConfigReader(file: scratch.path) }?.problem == .isDirectory)
  }
}
