internal import VLJSON

/// The documents of a file of plain text, one after the other: of a `.jsonl` file the `text` of each line, of any other
/// file all of it.
public struct TextDocuments: Sendable {
  private let file: DataFile
  private let records: [RecordIndex.Record]?

  /// Texts of more bytes must be cut into documents first.
  static let largest = 1 << 30

  /// Opens a file.
  /// - Throws: ``DataError``.
  public init(_ path: String) throws {
    file = try DataFile(path)
    records = path.hasSuffix(".jsonl") ? try RecordIndex(file).records : nil
  }

  /// Calls `body` with each document.
  /// - Throws: ``DataError`` with the line of one that is no text, and what `body` throws.
  public func forEach(_ body: (String) throws -> Void) throws {
    guard let records else {
      guard file.byteCount <= Self.largest else {
        throw DataError(
          .tooLarge, file.path, "a document of over \(Self.largest >> 20) MiB",
          remedy: "write documents as JSON lines")
      }
      guard let text = String(validating: try file.read(0..<file.byteCount), as: UTF8.self) else {
        throw DataError(.malformed, file.path, "it is not UTF-8", remedy: "convert it")
      }
      if !text.isEmpty { try body(text) }
      return
    }
    for record in records {
      let place = "\(file.path):\(record.line)"
      let value: JSONValue
      do { value = try JSONValue(parsing: file.read(record.start..<record.start + record.count)) } catch let
        error
        as JSONError
      {
        throw DataError(.malformed, place, error.problem.description, remedy: "mend or remove this line")
      }
      guard let text = value["text"]?.stringValue else {
        throw DataError(.invalid, place, "it has no \"text\"", remedy: "write {\"text\": \"…\"} on each line")
      }
      if !text.isEmpty { try body(text) }
    }
  }
}
