internal import Glibc
public import VLTensor

/// A safetensors file: named arrays behind a JSON header, used where they lie.
///
/// The header is checked as a whole when the file is opened (lengths, types, shapes, and that the tensors cover the
/// rest of the file without overlap or hole), so reading a tensor afterwards cannot leave the file.
public struct SafetensorsFile: Sendable {
  /// The path it was opened by.
  public var path: String { file.path }
  /// The string map under `__metadata__`, empty if there is none.
  public let metadata: [String: String]
  /// The tensors in the order of their elements in the file.
  public let entries: [SafetensorsEntry]
  /// The size of the file.
  public var byteCount: Int { file.byteCount }

  private let file: MappedFile
  private let places: [String: Int]

  /// Maps a file and checks its header; the elements are not touched.
  ///
  /// - Throws: ``CheckpointError``.
  public init(path: String) throws(CheckpointError) {
    file = try MappedFile(path: path)
    let header = try SafetensorsHeader(file)
    metadata = header.metadata
    entries = header.entries
    var places: [String: Int] = [:]
    for (place, entry) in entries.enumerated() { places[entry.name] = place }
    self.places = places
  }

  /// What the header says about a tensor; nil if there is none of that name.
  public func entry(_ name: String) -> SafetensorsEntry? { places[name].map { entries[$0] } }

  private func existingEntry(_ name: String) throws(CheckpointError) -> SafetensorsEntry {
    guard let entry = entry(name) else { throw CheckpointError(path, .missingTensor(name)) }
    return entry
  }

  /// A tensor of float32, bfloat16 or float16 elements, as a view into the file.
  ///
  /// If the file puts the elements at an address that their type cannot have (a header of an odd length), they are
  /// copied instead, at each call.
  /// - Throws: ``CheckpointError`` if there is no such tensor or its elements have another type.
  public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
    let entry = try existingEntry(name)
    guard let dtype = entry.type.dtype else {
      throw CheckpointError(
        path, .unusableType(tensor: name, type: entry.type, wanted: "F32, BF16 or F16"))
    }
    let offset = entry.bytes.lowerBound
    if UInt(bitPattern: file.storage.base + offset) % UInt(dtype.size) == 0 {
      return Tensor(shape: entry.shape, dtype: dtype, storage: file.storage, byteOffset: offset)
    }
    guard let copy = aligned_alloc(64, (max(entry.byteCount, 1) + 63) & ~63) else {
      throw CheckpointError(path, .outOfMemory(bytes: entry.byteCount))
    }
    memcpy(copy, file.storage.base + offset, entry.byteCount)
    let storage = Storage(base: copy, byteCount: entry.byteCount) { base, _ in free(base) }
    return Tensor(shape: entry.shape, dtype: dtype, storage: storage, byteOffset: 0)
  }

  /// The elements of a tensor of whole numbers (or booleans), in row-major order.
  ///
  /// - Throws: ``CheckpointError`` if there is no such tensor, its elements are not whole numbers, or one of them is
  ///   above `Int64.max`.
  public func int64s(_ name: String) throws(CheckpointError) -> [Int64] {
    let entry = try existingEntry(name)
    switch entry.type {
    case .bool, .uint8: return elements(entry, as: UInt8.self).map(Int64.init)
    case .int8: return elements(entry, as: Int8.self).map(Int64.init)
    case .uint16: return elements(entry, as: UInt16.self).map(Int64.init)
    case .int16: return elements(entry, as: Int16.self).map(Int64.init)
    case .uint32: return elements(entry, as: UInt32.self).map(Int64.init)
    case .int32: return elements(entry, as: Int32.self).map(Int64.init)
    case .int64: return elements(entry, as: Int64.self)
    case .uint64:
      let values = elements(entry, as: UInt64.self).compactMap(Int64.init(exactly:))
      if values.count == entry.shape.count { return values }
    default: break
    }
    throw CheckpointError(
      path, .unusableType(tensor: name, type: entry.type, wanted: "a type of whole numbers below 2⁶³"))
  }

  /// The elements of a tensor of floats, in row-major order; 16-bit ones converted exactly, F64 rounded to nearest.
  ///
  /// - Throws: ``CheckpointError`` if there is no such tensor or its elements have another type.
  public func floats(_ name: String) throws(CheckpointError) -> [Float] {
    let entry = try existingEntry(name)
    if entry.type == .float64 { return elements(entry, as: Double.self).map { Float($0) } }
    guard entry.type.dtype != nil else {
      throw CheckpointError(
        path, .unusableType(tensor: name, type: entry.type, wanted: "F32, BF16, F16 or F64"))
    }
    return try tensor(name).array()
  }

  /// The elements, copied from wherever they lie; `Element` has the width of the entry's type.
  private func elements<Element: BitwiseCopyable>(_ entry: SafetensorsEntry, as: Element.Type) -> [Element] {
    file.withBytes(entry.bytes) { bytes in
      [Element](unsafeUninitializedCapacity: entry.shape.count) { buffer, initialized in
        if let target = buffer.baseAddress, let source = bytes.baseAddress {
          memcpy(target, source, bytes.count)
        }
        initialized = entry.shape.count
      }
    }
  }
}
