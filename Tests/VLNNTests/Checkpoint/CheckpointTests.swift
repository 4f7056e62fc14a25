import TestKit
import Testing
import VLNN
import VLTensor

/// Writes a safetensors file of float32 vectors; the elements of each are its value.
func writeShard(_ scratch: Scratch, _ name: String, _ tensors: [String: Float]) throws {
  var writer = try SafetensorsWriter(
    path: scratch.path + "/" + name, tensors: tensors.keys.map { .init($0, .float32, [2]) })
  for (name, value) in tensors { try writer.write([value, value], named: name) }
  try writer.finish()
}

private func writeIndex(_ scratch: Scratch, _ map: [(String, String)]) throws -> String {
  let members = map.map { "\"\($0)\":\"\($1)\"" }.joined(separator: ",")
  return scratch.write(
    #"{"metadata":{"total_size":1},"weight_map":{\#(members)}}"#, to: "model.safetensors.index.json")
}

@Suite struct OpeningCheckpoints {
  @Test func oneFile() throws {
    let scratch = Scratch()
    try writeShard(scratch, "model.safetensors", ["b": 2, "a": 1])
    for path in [scratch.path, scratch.path + "/", scratch.path + "/model.safetensors"] {
      let checkpoint = try Checkpoint(directory: path)
      #expect(checkpoint.names == ["a", "b"])
      #expect(checkpoint.files.count == 1)
      #expect(checkpoint.byteCount == 16)
      #expect(try checkpoint.tensor("b").array() == [2, 2])
      let info = try #require(checkpoint.info("a"))
      #expect(info.type == .float32 && info.shape == [2] && info.byteCount == 8 && info.name == "a")
      #expect(info.file.hasSuffix("/model.safetensors"))
      #expect(checkpoint.info("c") == nil)
      #expect(checkpointError { _ = try checkpoint.tensor("c") }?.problem == .missingTensor("c"))
    }
  }

  @Test func shards() throws {
    let scratch = Scratch()
    try writeShard(scratch, "x-1.safetensors", ["a": 1, "b": 2])
    try writeShard(scratch, "x-2.safetensors", ["c": 3, "b": -2, "extra": 4])
    _ = try writeIndex(
      scratch, [("c", "x-2.safetensors"), ("b", "x-1.safetensors"), ("a", "x-1.safetensors")])
    let checkpoint = try Checkpoint(directory: scratch.path)
    #expect(checkpoint.names == ["a", "b", "c"])
    #expect(checkpoint.files.map(\.path) == ["x-1", "x-2"].map { "\(scratch.path)/\($0).safetensors" })
    #expect(try checkpoint.tensor("b").array() == [2, 2])
    #expect(try checkpoint.tensor("c").array() == [3, 3])
    #expect(checkpoint.byteCount == 24)
    // What the index does not place is reported and cannot be read.
    #expect(Set(checkpoint.unlisted.map(\.name)) == ["b", "extra"])
    #expect(checkpoint.unlisted.allSatisfy { $0.file.hasSuffix("x-2.safetensors") })
    #expect(checkpointError { _ = try checkpoint.tensor("extra") }?.problem == .missingTensor("extra"))
  }

  /// As for the reference loader, a whole file wins over an index beside it.
  @Test func aWholeFileWins() throws {
    let scratch = Scratch()
    try writeShard(scratch, "model.safetensors", ["a": 1])
    _ = try writeIndex(scratch, [("a", "none.safetensors")])
    #expect(try Checkpoint(directory: scratch.path).tensor("a").array() == [1, 1])
  }

  @Test func aMissingShard() throws {
    let scratch = Scratch()
    try writeShard(scratch, "x-1.safetensors", ["a": 1])
    _ = try writeIndex(scratch, [("a", "x-1.safetensors"), ("b", "x-2.safetensors")])
    let error = try #require(checkpointError { _ = try Checkpoint(directory: scratch.path) })
    #expect(error == CheckpointError(scratch.path + "/x-2.safetensors", .missingFile))
  }

  @Test func aTensorThatItsShardDoesNotHave() throws {
    let scratch = Scratch()
    try writeShard(scratch, "x-1.safetensors", ["a": 1])
    let path = try writeIndex(scratch, [("a", "x-1.safetensors"), ("b", "x-1.safetensors")])
    let error = try #require(checkpointError { _ = try Checkpoint(directory: scratch.path) })
    #expect(error == CheckpointError(path, .notInShard(tensor: "b", shard: "x-1.safetensors")))
  }

  @Test(
    arguments: [
      "../x.safetensors", "/etc/x.safetensors", "a/../x.safetensors", "..", "", ".safetensors", "x.bin",
      "a\\u0000.safetensors", "a\\n.safetensors", "./x.safetensors",
    ]) func shardNamesStayInTheDirectory(_ name: String) throws
  {
    let scratch = Scratch()
    let path = try writeIndex(scratch, [("a", name)])
    let error = try #require(checkpointError { _ = try Checkpoint(directory: scratch.path) })
    guard case .unsafeShardName = error.problem else {
      Issue.record("\(error)")
      return
    }
    #expect(error.file == path && !error.description.contains("\n"))
  }

  @Test(
    arguments: [
      "{}", "[]", #"{"weight_map":[]}"#, #"{"weight_map":{}}"#, #"{"weight_map":{"a":1}}"#, #"{"weight_map""#,
      #"{"weight_map":{"a":"x.safetensors","a":"y.safetensors"}}"#, "\u{FEFF}{}",
    ]) func aBadIndex(_ text: String) throws
  {
    let scratch = Scratch()
    let path = scratch.write(text, to: "model.safetensors.index.json")
    let error = try #require(checkpointError { _ = try Checkpoint(directory: scratch.path) })
    guard case .json = error.problem else {
      Issue.record("\(error)")
      return
    }
    #expect(error.file == path)
  }

  @Test func directoriesWithoutWeights() throws {
    let scratch = Scratch()
    func line() -> String? { checkpointError { _ = try Checkpoint(directory: scratch.path) }?.description }
    #expect(try #require(line()).hasSuffix("is it a model's directory?"))
    _ = scratch.write("{}", to: "config.json")
    #expect(try #require(line()).contains("weights were not fetched"))
    _ = scratch.write("x", to: "pytorch_model.bin")
    #expect(try #require(line()).contains("safetensors format"))
    #expect(
      checkpointError { _ = try Checkpoint(directory: scratch.path + "/none") }
        == CheckpointError(scratch.path + "/none", .missingFile))
  }

  /// Shards and names as a newer saver writes them.
  @Test func shardsOfTheReference() throws {
    let checkpoint = try Checkpoint(directory: Goldens.directory + "/tiny-untied")
    #expect(checkpoint.files.count == 2)
    #expect(checkpoint.unlisted.isEmpty)
    let total = checkpoint.files.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.byteCount } }
    #expect(checkpoint.byteCount == total)
    for name in checkpoint.names {
      #expect(try checkpoint.tensor(name).shape == checkpoint.info(name)?.shape)
    }
  }
}
