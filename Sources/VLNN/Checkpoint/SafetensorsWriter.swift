internal import Glibc
internal import VLJSON
public import VLTensor

/// Writes a safetensors file, one tensor at a time, and puts it in place whole or not at all.
///
/// The names, types and shapes come first, because the header does; then each tensor's elements follow in any order.
/// They go to a temporary file beside the target, which takes the target's name in ``finish()`` after it has reached
/// the disk. A writer that is given up before leaves nothing behind.
public struct SafetensorsWriter: ~Copyable {
  /// A tensor that is going to be written.
  public struct Declaration: Sendable {
    /// Its name.
    public let name: String
    /// The type of its elements.
    public let type: SafetensorsType
    /// The sizes of its axes.
    public let shape: Shape

    /// A tensor that is going to be written.
    public init(_ name: String, _ type: SafetensorsType, _ shape: Shape) {
      self.name = name
      self.type = type
      self.shape = shape
    }
  }

  private struct Slot {
    var offset: Int
    var byteCount: Int
    var isWritten = false
  }

  /// Where the finished file will be.
  public let path: String
  private let temporaryPath: String
  private var descriptor: Int32
  private var slots: [String: Slot]

  /// Creates the temporary file and writes the header.
  ///
  /// Elements are laid out by descending width, then by name, so that every tensor is aligned to its element.
  /// - Parameters:
  ///   - path: the file to write; one that exists is replaced by ``finish()``.
  ///   - tensors: what will be written, each name once.
  ///   - metadata: the string map for `__metadata__`.
  /// - Throws: ``CheckpointError`` if the file cannot be written.
  public init(
    path: String, tensors: [Declaration], metadata: [String: String] = [:]
  ) throws(CheckpointError) {
    var header = JSONObject()
    if !metadata.isEmpty {
      var map = JSONObject()
      for (key, value) in metadata.sorted(by: { $0.key < $1.key }) { map[key] = .string(value) }
      header["__metadata__"] = .object(map)
    }
    let rank = Dictionary(uniqueKeysWithValues: SafetensorsType.allCases.enumerated().map { ($1, $0) })
    let ordered = tensors.sorted { a, b in
      a.type == b.type ? a.name < b.name : rank[a.type, default: 0] > rank[b.type, default: 0]
    }
    var slots: [String: Slot] = [:]
    var end = 0
    for tensor in ordered {
      guard let byteCount = tensor.type.byteCount(tensor.shape.axes) else {
        preconditionFailure(
          "SafetensorsWriter: \(tensor.shape) of \(tensor.type) is no whole number of bytes")
      }
      precondition(
        header[tensor.name] == nil && tensor.name != "__metadata__",
        "SafetensorsWriter: the name \(tensor.name) cannot be used twice")
      slots[tensor.name] = Slot(offset: end, byteCount: byteCount)
      header[tensor.name] = [
        "dtype": .string(tensor.type.rawValue), "shape": .array(tensor.shape.axes.map { .integer($0) }),
        "data_offsets": [.integer(end), .integer(end + byteCount)],
      ]
      end += byteCount
    }
    var text = Array(JSONValue.object(header).serialized().utf8)
    text += [UInt8](repeating: UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    for name in slots.keys { slots[name]?.offset += 8 + text.count }

    // All that can fail comes before the first field is set: from then on deinit cleans up, until then this does.
    let temporaryPath = path + "." + String(UInt64.random(in: .min ... .max), radix: 36) + ".part"
    let descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw CheckpointError(path, .unwritable(systemError())) }
    do throws(CheckpointError) {
      try Self.begin(descriptor, header: text, byteCount: 8 + text.count + end, path)
    } catch {
      close(descriptor)
      unlink(temporaryPath)
      throw error
    }
    self.path = path
    self.temporaryPath = temporaryPath
    self.descriptor = descriptor
    self.slots = slots
  }

  /// Writes the header into a new file and claims the space for the rest, so that a full disk is noticed early.
  private static func begin(
    _ descriptor: Int32, header: [UInt8], byteCount: Int, _ path: String
  ) throws(CheckpointError) {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
    try (length + header).withUnsafeBufferPointer { bytes throws(CheckpointError) in
      try write(UnsafeRawBufferPointer(bytes), at: 0, to: descriptor, path)
    }
    let failure = posix_fallocate(descriptor, 0, off_t(byteCount))
    if failure == ENOSPC || failure == EFBIG {
      throw CheckpointError(path, .unwritable(String(cString: strerror(failure))))
    }
  }

  deinit {
    guard descriptor >= 0 else { return }
    close(descriptor)
    unlink(temporaryPath)
  }

  /// Writes a tensor under its declared name.
  ///
  /// - Throws: ``CheckpointError`` if the system refuses.
  public mutating func write(_ tensor: Tensor, named name: String) throws(CheckpointError) {
    try write(UnsafeRawBufferPointer(start: tensor.raw, count: tensor.byteCount), named: name)
    withExtendedLifetime(tensor) {}
  }

  /// Writes whole numbers (or anything else without references) under their declared name.
  ///
  /// - Throws: ``CheckpointError`` if the system refuses.
  public mutating func write<Element: BitwiseCopyable>(
    _ elements: [Element], named name: String
  ) throws(CheckpointError) {
    let slot = take(name, elements.count * MemoryLayout<Element>.stride)
    try elements.withUnsafeBufferPointer { elements throws(CheckpointError) in
      try Self.write(UnsafeRawBufferPointer(elements), at: slot.offset, to: descriptor, path)
    }
  }

  /// Writes all of a tensor's bytes, little-endian, under its declared name.
  ///
  /// - Throws: ``CheckpointError`` if the system refuses.
  public mutating func write(_ bytes: UnsafeRawBufferPointer, named name: String) throws(CheckpointError) {
    let slot = take(name, bytes.count)
    try Self.write(bytes, at: slot.offset, to: descriptor, path)
  }

  /// The place of a tensor that is about to be written.
  private mutating func take(_ name: String, _ byteCount: Int) -> Slot {
    guard let slot = slots[name], !slot.isWritten else {
      preconditionFailure("SafetensorsWriter: \(name) was not declared, or is written already")
    }
    precondition(
      slot.byteCount == byteCount,
      "SafetensorsWriter: \(byteCount) bytes for \(name), which was declared with \(slot.byteCount)")
    slots[name]?.isWritten = true
    return slot
  }

  /// Puts the file in its place. Every declared tensor must have been written.
  ///
  /// - Throws: ``CheckpointError`` if the system refuses; the temporary file is removed then.
  public consuming func finish() throws(CheckpointError) {
    precondition(slots.values.allSatisfy(\.isWritten), "SafetensorsWriter: a declared tensor was not written")
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw CheckpointError(path, .unwritable(systemError()))
    }
    close(descriptor)
    descriptor = -1
  }

  /// Writes a whole file of tensors.
  ///
  /// - Throws: ``CheckpointError`` if the system refuses.
  public static func write(
    _ tensors: [(name: String, tensor: Tensor)], to path: String, metadata: [String: String] = [:]
  ) throws(CheckpointError) {
    let declarations = tensors.map { Declaration($0.name, SafetensorsType($0.tensor.dtype), $0.tensor.shape) }
    var writer = try SafetensorsWriter(path: path, tensors: declarations, metadata: metadata)
    for (name, tensor) in tensors { try writer.write(tensor, named: name) }
    try writer.finish()
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, to descriptor: Int32, _ path: String
  ) throws(CheckpointError) {
    var done = 0
    while done < bytes.count {
      let written = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw CheckpointError(path, .unwritable(systemError())) }
      done += written
    }
  }
}
