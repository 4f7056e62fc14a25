internal import VLJSON
public import VLTensor

/// What a header says about one tensor.
public struct SafetensorsEntry: Sendable, Equatable {
  /// Its name.
  public let name: String
  /// The type of its elements.
  public let type: SafetensorsType
  /// The sizes of its axes.
  public let shape: Shape
  /// Where its elements lie, counted from the start of the file.
  public let bytes: Range<Int>

  /// How many bytes the elements take.
  public var byteCount: Int { bytes.count }
}

/// A file's header: eight bytes with its length N (little-endian), then N bytes of JSON, then the elements.
struct SafetensorsHeader {
  /// What the format allows a header to be.
  static let lengthLimit = 100_000_000

  /// The string map under `__metadata__`.
  var metadata: [String: String] = [:]
  /// The tensors in the order of their elements.
  var entries: [SafetensorsEntry] = []

  /// Reads and checks the header of `file` against the file's size.
  init(_ file: MappedFile) throws(CheckpointError) {
    func refuse(_ problem: CheckpointError.Problem) -> CheckpointError { CheckpointError(file.path, problem) }
    guard file.byteCount >= 8 else { throw refuse(.shorterThanLengthField(bytes: file.byteCount)) }
    let length = file.withBytes(0..<8) { bytes in bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    let limit = min(Self.lengthLimit, file.byteCount - 8)
    guard length <= UInt64(limit) else { throw refuse(.headerLength(length, limit: limit)) }
    let dataStart = 8 + Int(length)
    let available = file.byteCount - dataStart

    do {
      try file.withBytes(8..<dataStart) { bytes in
        try JSONReader.read(bytes) { reader in try self.readMembers(&reader, file.path) }
      }
    } catch let error as CheckpointError {
      throw error
    } catch let error as JSONError {
      throw refuse(.json(error))
    } catch {
      throw refuse(.unreadable("\(error)"))
    }

    // Every byte after the header belongs to exactly one tensor.
    entries.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
    var end = 0
    for (index, entry) in entries.enumerated() {
      guard entry.bytes.upperBound <= available else {
        throw refuse(.outOfFile(tensor: entry.name, end: entry.bytes.upperBound, available: available))
      }
      if entry.bytes.lowerBound < end { throw refuse(.overlap(entries[index - 1].name, entry.name)) }
      if entry.bytes.lowerBound > end { throw refuse(.hole(at: end, bytes: entry.bytes.lowerBound - end)) }
      end = entry.bytes.upperBound
    }
    if end < available { throw refuse(.hole(at: end, bytes: available - end)) }
    entries = entries.map { entry in
      SafetensorsEntry(
        name: entry.name, type: entry.type, shape: entry.shape,
        bytes: entry.bytes.lowerBound + dataStart..<entry.bytes.upperBound + dataStart)
    }
  }

  private mutating func readMembers(_ reader: inout JSONReader, _ file: String) throws {
    // Swift takes names that differ only in Unicode normal form for one name; the reader compares bytes.
    var seen: Set<String> = []
    try reader.beginObject()
    while let name = try reader.nextKey() {
      if name == "__metadata__" {
        try reader.beginObject()
        while let key = try reader.nextKey() { metadata[key] = try reader.readString() }
      } else {
        guard seen.insert(name).inserted else { throw CheckpointError(file, .duplicateTensor(name)) }
        entries.append(try Self.readEntry(name, &reader, file))
      }
    }
  }

  private static func readEntry(
    _ name: String, _ reader: inout JSONReader, _ file: String
  ) throws -> SafetensorsEntry {
    func refuse(_ problem: CheckpointError.Problem) -> CheckpointError { CheckpointError(file, problem) }
    func invalid(_ reason: String) -> CheckpointError { refuse(.invalidEntry(tensor: name, reason: reason)) }
    func readSizes(_ reader: inout JSONReader, _ key: String) throws -> [Int] {
      var sizes: [Int] = []
      try reader.beginArray()
      while try reader.nextElement() {
        guard case .integer(let size) = try reader.readNumber(), size >= 0 else {
          throw invalid("\(key) holds a number that is negative, not whole or above \(Int.max)")
        }
        sizes.append(size)
      }
      return sizes
    }

    var typeName: String?
    var axes: [Int]?
    var offsets: [Int]?
    try reader.beginObject()
    while let key = try reader.nextKey() {
      switch key {
      case "dtype": typeName = try reader.readString()
      case "shape": axes = try readSizes(&reader, key)
      case "data_offsets": offsets = try readSizes(&reader, key)
      default: throw refuse(.unknownKey(key, tensor: name))
      }
    }
    guard let typeName else { throw refuse(.missingKey("dtype", tensor: name)) }
    guard let axes else { throw refuse(.missingKey("shape", tensor: name)) }
    guard let offsets else { throw refuse(.missingKey("data_offsets", tensor: name)) }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw refuse(.unknownType(typeName, tensor: name))
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw invalid("data_offsets must be a begin and an end that is not before it")
    }
    guard let needed = type.byteCount(axes) else {
      throw invalid("a shape of \(axes.count) axes takes no whole number of bytes below 2⁶³")
    }
    guard needed == offsets[1] - offsets[0] else {
      throw refuse(.wrongSpan(tensor: name, needed: needed, found: offsets[1] - offsets[0]))
    }
    return SafetensorsEntry(name: name, type: type, shape: Shape(axes), bytes: offsets[0]..<offsets[1])
  }
}
