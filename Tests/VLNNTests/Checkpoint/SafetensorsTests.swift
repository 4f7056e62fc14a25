import TestKit
import Testing
import VLNN
import VLTensor

private let golden = Goldens.directory + "/checkpoint"

@Suite struct ReadingSafetensors {
  /// Every element type that the reference implementation writes.
  @Test func readsTheReferenceFile() throws {
    let file = try SafetensorsFile(path: golden + "/types.safetensors")
    #expect(file.metadata == ["request": #"{"messages": ["a\tb", "日本"]}"#])
    #expect(file.entries.count == 20)

    let expected: [(String, SafetensorsType, Shape)] = [
      ("bool", .bool, [3]), ("u8", .uint8, [3]), ("i8", .int8, [3]), ("f8_e4m3", .float8E4M3, [3]),
      ("f8_e5m2", .float8E5M2, [3]), ("i16", .int16, [2]), ("u16", .uint16, [2]), ("f16", .float16, [2, 2]),
      ("bf16", .bfloat16, [2, 2]), ("i32", .int32, [2]), ("u32", .uint32, [2]), ("f32", .float32, [2, 3]),
      ("c64", .complex64, [1]), ("f64", .float64, [3]), ("i64", .int64, [3]), ("u64", .uint64, [2]),
      ("scalar", .float32, []), ("nothing", .float32, [3, 0, 5]), ("Ünïcødé \"quoted\"", .int64, [3]),
    ]
    for (name, type, shape) in expected {
      let entry = try #require(file.entry(name), "\(name)")
      #expect(entry.type == type && entry.shape == shape, "\(name)")
      #expect(entry.byteCount == shape.count * type.bitWidth / 8, "\(name)")
    }

    let integers: [(String, [Int64])] = [
      ("bool", [1, 0, 1]), ("u8", [0, 1, 255]), ("i8", [-128, 0, 127]), ("i16", [-32768, 32767]),
      ("u16", [0, 65535]), ("i32", [-2_147_483_648, 2_147_483_647]), ("u32", [0, 4_294_967_295]),
      ("i64", [.min, .max, 42]), ("u64", [0, .max]), ("Ünïcødé \"quoted\"", [1, 2, 3]),
    ]
    for (name, values) in integers { #expect(try file.int64s(name) == values, "\(name)") }

    #expect(try bits(file.floats("f32")) == bits([0.1, -1.5, 3, .leastNonzeroMagnitude, 3.4e38, -0.0]))
    #expect(try bits(file.tensor("f32").array()) == bits(file.floats("f32")))
    #expect(try file.floats("f64") == [0.1, .infinity, -2])
    #expect(try file.floats("scalar") == [7.25])
    #expect(try file.tensor("scalar").shape == [])
    #expect(try file.tensor("nothing").array() == [])
    #expect(try file.floats("f16") == [0.5, -65504, 0x1p-24, 1])
    #expect(try file.tensor("bf16").dtype == .bfloat16)
  }

  @Test func wrongTypesAreNamed() throws {
    let file = try SafetensorsFile(path: golden + "/types.safetensors")
    for name in ["i64", "u8", "f64", "f8_e4m3", "c64"] {
      guard
        case .unusableType(name, _, "F32, BF16 or F16") = checkpointError({ _ = try file.tensor(name) })?
          .problem
      else {
        Issue.record("\(name) became a weight")
        continue
      }
    }
    for name in ["f32", "f8_e5m2", "c64", "u64.large"] {
      guard case .unusableType(name, _, _) = checkpointError({ _ = try file.int64s(name) })?.problem else {
        Issue.record("\(name) read as integers")
        continue
      }
    }
    for name in ["i64", "bool", "c64"] {
      guard case .unusableType(name, _, _) = checkpointError({ _ = try file.floats(name) })?.problem else {
        Issue.record("\(name) read as floats")
        continue
      }
    }
    #expect(checkpointError { _ = try file.tensor("F32") }?.problem == .missingTensor("F32"))
    #expect(
      checkpointError { _ = try file.int64s("f16") }?.description
        == "\(golden)/types.safetensors: tensor \"f16\" has dtype F16; a type of whole numbers below 2⁶³ is needed"
    )
  }

  /// 16-bit floats, special values included, are what the reference says they are.
  @Test(arguments: ["f16", "bf16"]) func halvesConvertExactly(_ name: String) throws {
    let file = try SafetensorsFile(path: golden + "/halves.safetensors")
    let expected = try file.floats(name + ".float32")
    let found = try file.floats(name)
    #expect(expected.count > 128 && found.count == expected.count)
    // A NaN stays one; which one is not the format's business.
    for (a, b) in zip(found, expected) { #expect(a.bitPattern == b.bitPattern || a.isNaN && b.isNaN) }
  }

  @Test func tensorsAreViewsThatOutliveTheFile() throws {
    let scratch = Scratch()
    let path = scratch.write(
      safetensors(
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  "#, data: [0, 0, 128, 63, 0, 0, 0, 64]),
      to: "a.safetensors")
    var file: SafetensorsFile? = try SafetensorsFile(path: path)
    let first = try #require(file).tensor("a")
    let second = try #require(file).tensor("a")
    #expect(first.raw == second.raw)
    #expect(first.storage === second.storage)
    file = nil
    #expect(first.array() == [1, 2])
  }

  /// A header of any length: elements that are not where their type has to be are copied.
  @Test(arguments: 0..<8) func anyAlignment(_ padding: Int) throws {
    let scratch = Scratch()
    let header =
      #"{"f":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"h":{"dtype":"BF16","shape":[1],"data_offsets":[4,6]},"#
      + #""i":{"dtype":"I64","shape":[1],"data_offsets":[6,14]},"#
      + #""d":{"dtype":"F64","shape":[1],"data_offsets":[14,22]}}"#
    let path = scratch.write(
      safetensors(
        header + String(repeating: " ", count: padding),
        data: [0, 0, 128, 63, 0, 64] + [254, 255, 255, 255, 255, 255, 255, 255] + [0, 0, 0, 0, 0, 0, 8, 64]),
      to: "a.safetensors")
    let file = try SafetensorsFile(path: path)
    let floats = try file.tensor("f")
    #expect(UInt(bitPattern: floats.raw) % 4 == 0)
    #expect(floats.array() == [1])
    let halves = try file.tensor("h")
    #expect(UInt(bitPattern: halves.raw) % 2 == 0)
    #expect(halves.array() == [2])
    #expect(try file.int64s("i") == [-2])
    #expect(try file.floats("d") == [3])
  }

  @Test func aHeaderAloneIsAFile() throws {
    let scratch = Scratch()
    for (name, header) in [("empty", "{}"), ("text", #"{"__metadata__":{"a":"b"}}"#)] {
      let file = try SafetensorsFile(path: scratch.write(safetensors(header), to: name))
      #expect(file.entries.isEmpty)
      #expect(file.metadata == (name == "text" ? ["a": "b"] : [:]))
    }
  }

  /// Entries may stand in any order; `entries` gives them in the order of their bytes.
  @Test func orderOfTheHeaderDoesNotMatter() throws {
    let scratch = Scratch()
    let header =
      #"{"b":{"shape":[1],"data_offsets":[2,3],"dtype":"U8"},"e":{"dtype":"U8","shape":[0],"data_offsets":[2,2]},"#
      + #""a":{"data_offsets":[0,2],"dtype":"U8","shape":[2]}}"#
    let file = try SafetensorsFile(path: scratch.write(safetensors(header, data: [1, 2, 3]), to: "a"))
    #expect(file.entries.map(\.name) == ["a", "e", "b"])
    #expect(try file.int64s("a") == [1, 2])
    #expect(try file.int64s("b") == [3])
    #expect(try file.int64s("e") == [])
  }
}
