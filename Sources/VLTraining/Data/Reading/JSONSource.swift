internal import VLJSON
internal import VLMedia
internal import VLModels

/// Samples of a JSON file: one object per line, or the elements of one array. Only an index of them is held.
public struct JSONSource: SampleSource {
  /// The file's path.
  public let name: String
  /// In which form the objects are.
  public let format: DataFormat
  private let file: DataFile
  private let index: RecordIndex
  private let media: String

  /// Opens a file and finds its records.
  /// - Parameters:
  ///   - path: the file.
  ///   - format: `chat`, `llava` or `qwen`; nil to go by the first record's keys.
  ///   - media: what relative paths of pictures are relative to; nil for the file's directory.
  /// - Throws: ``DataError``.
  public init(_ path: String, format: DataFormat? = nil, media: String? = nil) throws {
    file = try DataFile(path)
    name = path
    self.media = media ?? Self.directory(of: path)
    index = try RecordIndex(file)
    if let format {
      self.format = format
    } else if let first = index.records.first {
      let value = try Self.parse(file, first)
      guard let found = value.objectValue.flatMap(SampleRecord.format) else {
        let keys = value.objectValue?.keys.prefix(6).joined(separator: ", ") ?? value.kindDescription
        throw DataError(
          .unsupported, "\(path):\(first.line)", "its form is unknown (\(keys))",
          remedy:
            "messages, conversations or a text with <img> are known; plain text becomes shards by vlm data tokenize"
        )
      }
      self.format = found
    } else {
      self.format = .chat
    }
  }

  /// How many records there are.
  public var count: Int? { index.records.count }

  /// Sample `index`.
  /// - Throws: ``DataError`` with file and line.
  public func sample(at number: Int) throws -> TrainingSample {
    let record = index.records[number]
    return try SampleRecord(place: "\(name):\(record.line)", media: media)
      .sample(Self.parse(file, record), format)
  }

  private static func parse(_ file: DataFile, _ record: RecordIndex.Record) throws -> JSONValue {
    let bytes = try file.read(record.start..<record.start + record.count)
    do { return try JSONValue(parsing: bytes) } catch let error as JSONError {
      let line = record.line + (error.line ?? 1) - 1
      throw DataError(
        .malformed, "\(file.path):\(line)", error.problem.description,
        remedy: "mend or remove the record that starts on line \(record.line)")
    }
  }

  /// What stands before the last slash: `.` for a plain name.
  static func directory(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
