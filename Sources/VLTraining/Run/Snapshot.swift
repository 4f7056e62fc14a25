public import VLJSON
internal import VLNN
public import VLTensor

/// Where a run is: everything besides weights and moments that going on needs.
public struct RunState: Sendable, Equatable {
  /// Optimiser steps done.
  public var step = 0
  /// Samples trained on.
  public var samples = 0
  /// Places trained on, images' and unsupervised ones included.
  public var tokens = 0
  /// Where in the data the next step begins.
  public var position = JSONValue.null
  /// How much of the run the warm-up took, once it is over, 0...1.
  public var warmupEnd: Double?
  /// The step with the least held-out loss, and that loss.
  public var best: (step: Int, loss: Double)?

  /// The beginning.
  public init() {}

  /// Whether both are the same place.
  public static func == (a: RunState, b: RunState) -> Bool {
    a.step == b.step && a.samples == b.samples && a.tokens == b.tokens && a.position == b.position
      && a.warmupEnd == b.warmupEnd && a.best?.step == b.best?.step && a.best?.loss == b.best?.loss
  }
}

/// The snapshots of a run. Each is a directory that appears whole or not at all:
///
/// | file | what it holds |
/// |---|---|
/// | `weights.safetensors` | every variable, float32, under its published name |
/// | `moments.safetensors` | AdamW's means, `NAME.first` and `NAME.second` |
/// | `state.json` | step, place in the data, optimiser steps per variable, the recipe's settings |
/// | `checksums` | size and CRC-32C of each file, and of this list |
public struct SnapshotStore: Sendable {
  /// `RUN/snapshots`.
  public let directory: String

  /// The snapshots in a directory.
  public init(_ directory: String) { self.directory = directory }

  /// What state.json says first; raised when the form changes.
  private static let format = 1

  /// The path of a step's snapshot.
  public func path(_ step: Int) -> String {
    let digits = String(step)
    return directory + "/step-" + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
  }

  /// The steps that have a snapshot, in order.
  public var steps: [Int] {
    DurableFiles.contents(directory).compactMap { name in
      name.hasPrefix("step-") ? Int(name.dropFirst(5)) : nil
    }.sorted()
  }

  // MARK: Writing

  /// Writes a snapshot. Until its last moment the others are all there is.
  /// - Throws: when the system refuses; nothing is left behind then.
  public func write(
    _ state: RunState, _ optimizer: AdamW, settings: JSONObject, frozen: CRC32C
  ) throws {
    let target = path(state.step)
    if DurableFiles.exists(target) { return }
    let part = directory + "/.step-\(state.step).part"
    DurableFiles.remove(part)
    try DurableFiles.makeDirectory(part)
    do {
      try write(optimizer, into: part)
      try DurableFiles.write(
        Array((stateJSON(state, optimizer, settings, frozen).serialized(.pretty) + "\n").utf8),
        to: part + "/state.json")
      try writeChecksums(part)
      try DurableFiles.sync(directory: part)
      guard rename(from: part, to: target) else { throw DurableFiles.failure(target) }
      try DurableFiles.sync(directory: directory)
    } catch {
      DurableFiles.remove(part)
      throw error
    }
  }

  private func write(_ optimizer: AdamW, into part: String) throws {
    try SafetensorsWriter.write(
      optimizer.learners.map { ($0.name, $0.variable.value.untracked) }, to: part + "/weights.safetensors")
    try SafetensorsWriter.write(
      zip(optimizer.learners, optimizer.moments).flatMap {
        [($0.name + ".first", $1.first), ($0.name + ".second", $1.second)]
      }, to: part + "/moments.safetensors")
  }

  private func stateJSON(_ state: RunState, _ optimizer: AdamW, _ settings: JSONObject, _ frozen: CRC32C)
    -> JSONValue
  {
    [
      "format": .integer(Self.format), "step": .integer(state.step), "samples": .integer(state.samples),
      "tokens": .integer(state.tokens), "position": state.position,
      "warmup_end": state.warmupEnd.map { .number($0) } ?? .null,
      "best": state.best.map { ["step": .integer($0.step), "loss": .number($0.loss)] } ?? .null,
      "optimizer_steps": .array(optimizer.steps.map { .integer($0) }),
      "frozen_crc32c": .integer(Int(frozen.value)), "recipe": .object(settings),
    ]
  }

  static let files = ["weights.safetensors", "moments.safetensors", "state.json"]

  static func line(_ name: String, _ bytes: UnsafeRawBufferPointer) -> String {
    let digits = String(CRC32C(bytes).value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits + " \(bytes.count) \(name)\n"
  }

  private func writeChecksums(_ part: String) throws {
    var text = ""
    for name in Self.files {
      let file = try MappedFile(path: part + "/" + name)
      text += file.withBytes(0..<file.byteCount) { Self.line(name, UnsafeRawBufferPointer($0)) }
    }
    text += Array(text.utf8).withUnsafeBytes { Self.line("checksums", $0) }
    try DurableFiles.write(Array(text.utf8), to: part + "/checksums")
  }

  // MARK: Keeping some

  /// Points `best` at a step.
  public func markBest(_ step: Int) throws {
    let temporary = directory + "/.best.part"
    DurableFiles.remove(temporary)
    let name = path(step).split(separator: "/").last.map(String.init) ?? ""
    guard link(named: temporary, to: name), rename(from: temporary, to: directory + "/best") else {
      throw DurableFiles.failure(directory + "/best")
    }
  }

  /// The step that `best` points at.
  public var best: Int? {
    guard let target = linkTarget(directory + "/best"), target.hasPrefix("step-") else { return nil }
    return Int(target.dropFirst(5))
  }

  /// Removes all but the last `count` and the best.
  public func keep(last count: Int) {
    let steps = steps
    for step in steps.dropLast(count) where step != best {
      // Under a name that counts for nothing first: being interrupted must not leave half a snapshot.
      let gone = directory + "/.step-\(step).gone"
      if rename(from: path(step), to: gone) { DurableFiles.remove(gone) }
    }
  }
}
