import TestKit
import Testing
import VLJSON
import VLNN

/// A file that must be refused, and how.
struct HostileFile: CustomTestStringConvertible, Sendable {
  let testDescription: String
  let bytes: [UInt8]
  let isExpected: @Sendable (CheckpointError.Problem) -> Bool

  init(
    _ name: String, _ bytes: [UInt8], _ isExpected: @escaping @Sendable (CheckpointError.Problem) -> Bool
  ) {
    testDescription = name
    self.bytes = bytes
    self.isExpected = isExpected
  }

  init(_ name: String, _ header: String, data: Int = 0, _ problem: CheckpointError.Problem) {
    self.init(name, safetensors(header, data: [UInt8](repeating: 0, count: data))) { $0 == problem }
  }

  /// A header that is refused while it is read as JSON.
  init(json name: String, _ header: [UInt8], _ problem: JSONError.Problem) {
    self.init(name, safetensors(header)) {
      if case .json(let error) = $0 { error.problem == problem } else { false }
    }
  }

  init(json name: String, _ header: String, _ problem: JSONError.Problem) {
    self.init(json: name, Array(header.utf8), problem)
  }

  /// An entry whose numbers are not what the format asks for.
  init(entry name: String, _ header: String, data: Int = 0) {
    self.init(name, safetensors(header, data: [UInt8](repeating: 0, count: data))) {
      if case .invalidEntry(tensor: "a", reason: _) = $0 { true } else { false }
    }
  }

  static let all = lengths + texts + entries + wholes

  private static let lengths: [HostileFile] = [
    HostileFile("no byte", []) { $0 == .emptyFile },
    HostileFile("three bytes", [1, 2, 3]) { $0 == .shorterThanLengthField(bytes: 3) },
    HostileFile("a header longer than the file", safetensors("{}", claimedLength: 3)) {
      $0 == .headerLength(3, limit: 2)
    },
    HostileFile("a header of 2⁶⁴ − 1 bytes", safetensors("{}", claimedLength: .max)) {
      $0 == .headerLength(.max, limit: 2)
    },
    HostileFile("a header of 2⁶³ bytes", safetensors("{}", claimedLength: 1 << 63)) {
      $0 == .headerLength(1 << 63, limit: 2)
    },
    HostileFile(json: "a header of no bytes", "", .unexpectedEnd),
  ]

  private static let texts: [HostileFile] = [
    HostileFile(json: "a header cut off", #"{"a":{"dtype":"F32","#, .unexpectedEnd),
    HostileFile(json: "an array", "[]", .mismatch(expected: "an object", found: "an array")),
    HostileFile(
      json: "bytes that are not UTF-8 in a name", Array(#"{""#.utf8) + [0xFF, 0xFE] + Array(#"":{}}"#.utf8),
      .invalidUTF8),
    HostileFile(json: "text after the object", "{} {}", .trailingText),
    HostileFile(json: "zeros after the object", "{}\0\0", .trailingText),
    HostileFile(
      json: "the same name twice", #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}}"#,
      .duplicateKey("a")),
    HostileFile(
      json: "the same name twice, once escaped", #"{"__metadata__":{"a":"1","\u0061":"2"}}"#,
      .duplicateKey("a")),
    HostileFile(
      json: "metadata twice", #"{"__metadata__":{},"__metadata__":{}}"#, .duplicateKey("__metadata__")),
    HostileFile(json: "dtype twice", #"{"a":{"dtype":"U8","dtype":"F32"}}"#, .duplicateKey("dtype")),
    HostileFile(
      json: "metadata that is no text", #"{"__metadata__":{"a":1}}"#,
      .mismatch(expected: "a string", found: "a number")),
    HostileFile(
      json: "a shape nested a million deep", #"{"a":{"shape":"# + String(repeating: "[", count: 1_000_000),
      .mismatch(expected: "a number", found: "an array")),
    HostileFile(
      json: "a tensor that is a number", #"{"a":1}"#, .mismatch(expected: "an object", found: "a number")),
    HostileFile(
      json: "a shape that is text", #"{"a":{"shape":"2"}}"#,
      .mismatch(expected: "an array", found: "a string")),
    HostileFile(
      json: "a dtype that is a number", #"{"a":{"dtype":32}}"#,
      .mismatch(expected: "a string", found: "a number")),
  ]

  /// `{"a":{"dtype":…,"shape":…,"data_offsets":…}}`
  private static func one(_ shape: String, _ offsets: String, _ type: String = "F32") -> String {
    #"{"a":{"dtype":"\#(type)","shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  private static let entries: [HostileFile] = [
    HostileFile(
      "two names that are one in Unicode",
      "{\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"e\u{301}\":{}}",
      .duplicateTensor("\u{E9}")),
    HostileFile(
      "an unknown key", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}}"#, data: 4,
      .unknownKey("strides", tensor: "a")),
    HostileFile(
      "no dtype", #"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, data: 4, .missingKey("dtype", tensor: "a")),
    HostileFile(
      "no shape", #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, data: 4, .missingKey("shape", tensor: "a")),
    HostileFile(
      "no offsets", #"{"a":{"dtype":"F32","shape":[1]}}"#, data: 4, .missingKey("data_offsets", tensor: "a")),
    HostileFile("an unknown dtype", one("[1]", "[0,4]", "f32"), data: 4, .unknownType("f32", tensor: "a")),
    HostileFile(entry: "a negative size", one("[-1]", "[0,4]"), data: 4),
    HostileFile(entry: "two negative sizes", one("[-1,-1]", "[0,4]"), data: 4),
    HostileFile(entry: "half a size", one("[0.5,2]", "[0,4]"), data: 4),
    HostileFile(entry: "a size of 2⁶³", one("[9223372036854775808]", "[0,4]"), data: 4),
    HostileFile(entry: "sizes whose product is 2⁶⁴", one("[4294967296,4294967296]", "[0,0]")),
    HostileFile(entry: "a product of bytes that wraps to 4", one("[4611686018427387905]", "[0,4]"), data: 4),
    HostileFile(entry: "an overflow hidden behind a zero", one("[0,9223372036854775807,2]", "[0,0]")),
    HostileFile(entry: "three 4-bit elements", one("[3]", "[0,2]", "F4"), data: 2),
    HostileFile(entry: "one offset", one("[1]", "[4]"), data: 4),
    HostileFile(entry: "three offsets", one("[1]", "[0,4,8]"), data: 4),
    HostileFile(entry: "a negative offset", one("[1]", "[-4,0]"), data: 4),
    HostileFile(entry: "offsets in the wrong order", one("[1]", "[4,0]"), data: 4),
    HostileFile(entry: "an offset of 2⁶³", one("[1]", "[0,9223372036854775808]"), data: 4),
    HostileFile("too few bytes", one("[2]", "[0,4]"), data: 4, .wrongSpan(tensor: "a", needed: 8, found: 4)),
    HostileFile("too many bytes", one("[1]", "[0,8]"), data: 8, .wrongSpan(tensor: "a", needed: 4, found: 8)),
    HostileFile("a scalar without bytes", one("[]", "[0,0]"), .wrongSpan(tensor: "a", needed: 4, found: 0)),
  ]

  private static func two(_ first: (Int, Int), _ second: (Int, Int)) -> String {
    #"{"a":{"dtype":"U8","shape":[\#(first.1 - first.0)],"data_offsets":[\#(first.0),\#(first.1)]},"#
      + #""b":{"dtype":"U8","shape":[\#(second.1 - second.0)],"data_offsets":[\#(second.0),\#(second.1)]}}"#
  }

  private static let wholes: [HostileFile] = [
    HostileFile(
      "data cut off", one("[4]", "[0,16]"), data: 15, .outOfFile(tensor: "a", end: 16, available: 15)),
    HostileFile(
      "data far away", one("[1]", "[9223372036854775803,9223372036854775807]"), data: 4,
      .outOfFile(tensor: "a", end: .max, available: 4)),
    HostileFile("data after the last tensor", one("[1]", "[0,4]"), data: 6, .hole(at: 4, bytes: 2)),
    HostileFile("data and no tensor", "{}", data: 1, .hole(at: 0, bytes: 1)),
    HostileFile("a hole at the start", one("[1]", "[4,8]"), data: 8, .hole(at: 0, bytes: 4)),
    HostileFile("a hole in the middle", two((0, 2), (3, 5)), data: 5, .hole(at: 2, bytes: 1)),
    HostileFile("tensors that overlap", two((0, 3), (2, 5)), data: 5, .overlap("a", "b")),
    HostileFile("one tensor inside another", two((0, 5), (1, 2)), data: 5, .overlap("a", "b")),
    HostileFile(
      "an empty tensor beyond the end", two((0, 2), (3, 3)), data: 2,
      .outOfFile(tensor: "b", end: 3, available: 2)),
  ]
}
