internal import VLJSON

/// Small JSON files of a checkpoint.
enum TextFile {
  /// No configuration or index comes near this; a larger file is something else.
  static let byteLimit = 64 << 20

  /// Reads a file that holds one JSON object.
  static func object(_ path: String) throws(CheckpointError) -> JSONObject {
    let file = try MappedFile(path: path)
    guard file.byteCount <= byteLimit else {
      throw CheckpointError(path, .tooLarge(bytes: file.byteCount, limit: byteLimit))
    }
    do {
      let value = try file.withBytes(0..<file.byteCount) { bytes in
        try JSONReader.read(bytes) { reader in try reader.readValue() }
      }
      if let object = value.objectValue { return object }
      throw JSONError(.mismatch(expected: "an object", found: value.kindDescription), path: "")
    } catch let error as JSONError {
      throw CheckpointError(path, .json(error))
    } catch {
      throw CheckpointError(path, .unreadable("\(error)"))
    }
  }
}
