import FoundationEssentials
import Testing
import VLNN

/// A directory that is removed with this object.
final class TemporaryDirectory: Sendable {
  let path: String

  init() throws {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("vlm-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and returns its path.
  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(filePath: file))
    return file
  }

  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

func readBytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }

/// A safetensors file from a header that may be anything.
func safetensors(_ header: [UInt8], data: [UInt8] = [], claimedLength: UInt64? = nil) -> [UInt8] {
  let length = claimedLength ?? UInt64(header.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + header + data
}

func safetensors(_ header: String, data: [UInt8] = [], claimedLength: UInt64? = nil) -> [UInt8] {
  safetensors(Array(header.utf8), data: data, claimedLength: claimedLength)
}

/// What `body` throws as a `CheckpointError`; any other outcome is recorded as an issue.
func checkpointError(_ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation)
  -> CheckpointError?
{
  do {
    try body()
    Issue.record("nothing was thrown", sourceLocation: sourceLocation)
  } catch let error as CheckpointError {
    return error
  } catch {
    Issue.record("\(error) was thrown", sourceLocation: sourceLocation)
  }
  return nil
}

/// Bit patterns: a NaN equals itself there, and the zeros differ.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
