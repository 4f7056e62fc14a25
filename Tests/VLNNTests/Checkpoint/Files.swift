import Testing
import VLNN

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
