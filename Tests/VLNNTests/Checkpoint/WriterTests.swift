import Glibc
import TestKit
import Testing
import VLNN
import VLTensor

@Suite struct WritingSafetensors {
  /// The same tensors give the same bytes as the reference implementation.
  @Test func sameBytesAsTheReference() throws {
    let scratch = Scratch()
    let golden = Goldens.directory + "/checkpoint/types.safetensors"
    let source = try SafetensorsFile(path: golden)
    let original = Scratch.read(golden)
    let path = scratch.path + "/copy.safetensors"
    var writer = try SafetensorsWriter(
      path: path, tensors: source.entries.reversed().map { .init($0.name, $0.type, $0.shape) },
      metadata: source.metadata)
    // The order of writing is free.
    for entry in source.entries.sorted(by: { $0.name < $1.name }) {
      try writer.write(Array(original[entry.bytes]), named: entry.name)
    }
    try writer.finish()
    #expect(Scratch.read(path) == original)
  }

  @Test func roundTrip() throws {
    let scratch = Scratch()
    let path = scratch.path + "/a.safetensors"
    let source = try SafetensorsFile(path: Goldens.directory + "/checkpoint/halves.safetensors")
    let tensors = try source.entries.map { ($0.name, try source.tensor($0.name)) }
    try SafetensorsWriter.write(tensors, to: path, metadata: ["b": "2", "a": "é\n\u{1}\"\\"])
    let copy = try SafetensorsFile(path: path)
    #expect(copy.metadata == ["b": "2", "a": "é\n\u{1}\"\\"])
    #expect(Set(copy.entries.map(\.name)) == Set(source.entries.map(\.name)))
    for (name, tensor) in tensors {
      let found = try copy.tensor(name)
      #expect(found.dtype == tensor.dtype && found.shape == tensor.shape)
      #expect(memcmp(found.raw, tensor.raw, tensor.byteCount) == 0, "\(name)")
    }
  }

  @Test func everyTensorIsAligned() throws {
    let scratch = Scratch()
    let path = scratch.path + "/a.safetensors"
    for nameLength in 1...9 {
      let name = String(repeating: "n", count: nameLength)
      var writer = try SafetensorsWriter(
        path: path,
        tensors: [
          .init("byte", .uint8, [3]), .init(name, .bfloat16, [5]), .init("long", .int64, [1]),
          .init("float", .float32, [1]),
        ])
      try writer.write([1, 2, 3] as [UInt8], named: "byte")
      try writer.write([1, 2, 3, 4, 5] as [UInt16], named: name)
      try writer.write([-5] as [Int64], named: "long")
      try writer.write([2.5] as [Float], named: "float")
      try writer.finish()
      let file = try SafetensorsFile(path: path)
      for entry in file.entries { #expect(entry.bytes.lowerBound % (entry.type.bitWidth / 8) == 0) }
      #expect(try file.int64s("long") == [-5])
      #expect(try file.floats("float") == [2.5])
      #expect(try file.int64s("byte") == [1, 2, 3])
    }
  }

  /// Until it is finished, the old file stays; a writer that is given up leaves nothing behind.
  @Test func wholeOrNotAtAll() throws {
    let scratch = Scratch()
    let path = scratch.path + "/a.safetensors"
    func begin(_ value: Float) throws -> SafetensorsWriter {
      var writer = try SafetensorsWriter(path: path, tensors: [.init("a", .float32, [1])])
      try writer.write([value], named: "a")
      return writer
    }
    try begin(1).finish()
    let old = try SafetensorsFile(path: path)
    do {
      let abandoned = try begin(2)
      #expect(scratch.contents.count == 2)
      _ = consume abandoned
    }
    #expect(scratch.contents == ["a.safetensors"])
    #expect(try SafetensorsFile(path: path).floats("a") == [1])
    try begin(3).finish()
    #expect(scratch.contents == ["a.safetensors"])
    #expect(try SafetensorsFile(path: path).floats("a") == [3])
    // What was mapped before still is the old file.
    #expect(try old.floats("a") == [1])
  }

  @Test func refusalsOfTheSystem() throws {
    let scratch = Scratch()
    func problem(_ path: String) -> CheckpointError.Problem? {
      checkpointError { try SafetensorsWriter.write([], to: path) }?.problem
    }
    guard case .unwritable = problem(scratch.path + "/none/a.safetensors") else {
      Issue.record("a directory that does not exist was written to")
      return
    }
    // A directory in the file's place: the temporary file is removed again.
    #expect(mkdir(scratch.path + "/taken", 0o755) == 0)
    guard case .unwritable = problem(scratch.path + "/taken") else {
      Issue.record("a directory was replaced")
      return
    }
    #expect(scratch.contents == ["taken"])
  }

  /// Asking for more space than there is fails before any element is written, and leaves nothing.
  @Test func aFullDisk() throws {
    let scratch = Scratch()
    let error = checkpointError {
      _ = try SafetensorsWriter(
        path: scratch.path + "/a.safetensors", tensors: [.init("a", .uint8, [1 << 59])])
    }
    guard case .unwritable = error?.problem else {
      Issue.record("half an exabyte was written")
      return
    }
    #expect(scratch.contents == [])
  }
}
