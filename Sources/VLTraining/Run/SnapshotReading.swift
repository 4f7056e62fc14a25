internal import Glibc
public import VLJSON
internal import VLNN
public import VLTensor

extension SnapshotStore {
  /// A snapshot whose checksums were right.
  public struct Loaded: Sendable {
    /// Where it is.
    public let path: String
    /// Where the run was.
    public let state: RunState
    /// The settings of the recipe that it was made by.
    public let settings: JSONObject
    let optimizerSteps: [Int]
    let frozen: Int
  }

  /// Reads a snapshot's state, and checks all of its files.
  /// - Throws: ``TrainingError`` if it is damaged, cut off or of another form.
  public func read(step: Int) throws -> Loaded {
    let path = path(step)
    try check(path)
    func damaged(_ what: String) -> TrainingError {
      TrainingError(path + "/state.json", "\(what); \(remedy(path))")
    }
    guard let bytes = DurableFiles.read(path + "/state.json"), let json = try? JSONValue(parsing: bytes),
      let format = json["format"]?.integerValue
    else { throw damaged("is not a snapshot's state") }
    guard format == 1 else {
      throw TrainingError(
        path + "/state.json",
        "has the form \(format), this program reads form 1; use the program that wrote it")
    }
    guard let saved = json["step"]?.integerValue, let samples = json["samples"]?.integerValue,
      let tokens = json["tokens"]?.integerValue, let position = json["position"],
      let settings = json["recipe"]?.objectValue, let frozen = json["frozen_crc32c"]?.integerValue,
      let steps = json["optimizer_steps"]?.arrayValue?.compactMap(\.integerValue)
    else { throw damaged("lacks a value") }
    var state = RunState()
    state.step = saved
    state.samples = samples
    state.tokens = tokens
    state.position = position
    state.warmupEnd = json["warmup_end"]?.doubleValue
    if let step = json["best"]?["step"]?.integerValue, let loss = json["best"]?["loss"]?.doubleValue {
      state.best = (step, loss)
    }
    return Loaded(
      path: path, state: state, settings: settings, optimizerSteps: steps, frozen: frozen)
  }

  /// Puts a snapshot's weights and moments into an optimiser and its variables.
  /// - Throws: ``TrainingError`` if they are another model's, or `frozen` is not the checksum that its frozen weights had.
  public func restore(_ loaded: Loaded, into optimizer: inout AdamW, frozen: CRC32C) throws {
    guard loaded.frozen == Int(frozen.value) else {
      throw TrainingError(
        loaded.path,
        "belongs to other frozen weights than model.from has now; put back the checkpoint that the run began with"
      )
    }
    try restoreWeights(loaded, into: optimizer.learners)
    let moments = try SafetensorsFile(path: loaded.path + "/moments.safetensors")
    guard loaded.optimizerSteps.count == optimizer.learners.count else {
      throw TrainingError(loaded.path, "holds another number of variables: it is another model's")
    }
    for (learner, means) in zip(optimizer.learners, optimizer.moments) {
      try copy(learner.name + ".first", of: moments, into: means.first)
      try copy(learner.name + ".second", of: moments, into: means.second)
    }
    optimizer.steps = loaded.optimizerSteps
  }

  /// Puts a snapshot's weights into variables.
  func restoreWeights(_ loaded: Loaded, into learners: [Learner]) throws {
    let weights = try SafetensorsFile(path: loaded.path + "/weights.safetensors")
    let names = Set(learners.map(\.name))
    if let extra = weights.entries.first(where: { !names.contains($0.name) }) {
      throw TrainingError(weights.path, "has \(extra.name), which does not learn here: it is another model's")
    }
    for learner in learners { try copy(learner.name, of: weights, into: learner.variable.value) }
  }

  private func copy(_ name: String, of file: SafetensorsFile, into target: Tensor) throws {
    let tensor = try file.tensor(name)
    guard tensor.shape == target.shape, tensor.dtype == .float32 else {
      throw TrainingError(
        file.path,
        "\(name) is \(tensor.shape) of \(tensor.dtype.rawValue) and should be \(target.shape) of float32: it is "
          + "another model's")
    }
    withExtendedLifetime(tensor) { target.raw.copyMemory(from: tensor.raw, byteCount: tensor.byteCount) }
  }

  private func remedy(_ path: String) -> String {
    let others = steps.filter { self.path($0) != path }
    return others.last.map { "remove \(path) to go on from step \($0)" }
      ?? "remove \(path) and start anew"
  }

  /// Checks the list of checksums, and every file against it.
  private func check(_ path: String) throws {
    let list = path + "/checksums"
    guard let bytes = DurableFiles.read(list) else {
      throw TrainingError(list, "cannot be read; \(remedy(path))")
    }
    var rest = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard let own = rest.popLast() else { throw TrainingError(list, "is empty; \(remedy(path))") }
    let above = Array((rest.joined(separator: "\n") + "\n").utf8)
    let expected = above.withUnsafeBytes { Self.line("checksums", $0) }
    guard own + "\n" == expected, bytes.count == above.count + expected.utf8.count else {
      throw TrainingError(list, "is damaged; \(remedy(path))")
    }
    guard rest.map({ $0.split(separator: " ").last.map(String.init) ?? "" }) == Self.files else {
      throw TrainingError(list, "lists other files than a snapshot's; \(remedy(path))")
    }
    for (name, line) in zip(Self.files, rest) {
      let file = path + "/" + name
      guard let mapped = try? MappedFile(path: file) else {
        throw TrainingError(file, "is missing or cannot be read; \(remedy(path))")
      }
      let found = mapped.withBytes(0..<mapped.byteCount) { Self.line(name, UnsafeRawBufferPointer($0)) }
      guard found == line + "\n" else {
        throw TrainingError(file, "is damaged: its checksum is not the one written down; \(remedy(path))")
      }
    }
  }

  // MARK: Names in the file system

  func rename(from: String, to: String) -> Bool { Glibc.rename(from, to) == 0 }

  func link(named path: String, to target: String) -> Bool { symlink(target, path) == 0 }

  func linkTarget(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink(path, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }
}
