internal import Glibc

/// A file of training data that is read in pieces, by any number of threads at once.
///
/// Pieces are copied out (`pread`), not mapped: a file that is cut short while it is in use is an error, not the end of
/// the process.
final class DataFile: Sendable {
  /// The path it was opened by.
  let path: String
  /// Its size when it was opened.
  let byteCount: Int
  private let descriptor: Int32

  /// - Throws: ``DataError`` if it cannot be opened or is no regular file.
  init(_ path: String) throws {
    let remedy = "check the path and its permissions"
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw DataError(
        .unreadable, path.isEmpty ? "data" : "data path", "the path is empty or holds a null character",
        remedy: remedy)
    }
    // A pipe without O_NONBLOCK would wait here for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DataError(
        .unreadable, path,
        errno == ENOENT || errno == ENOTDIR
          ? "there is no such file" : "it cannot be opened (\(String(cString: strerror(errno))))",
        remedy: remedy)
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw DataError(
        .unreadable, path,
        status.st_mode & S_IFMT == S_IFDIR ? "it is a directory" : "it is not a regular file",
        remedy: "name a file of data; a pipe must be saved to a file first")
    }
    self.path = path
    self.descriptor = descriptor
    byteCount = Int(status.st_size)
  }

  deinit { close(descriptor) }

  /// Some of its bytes.
  /// - Throws: ``DataError`` if they cannot be read or are not there any more.
  func read(_ range: Range<Int>) throws -> [UInt8] {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      count = 0
      while count < range.count {
        let got = pread(
          descriptor, buffer.baseAddress.map { $0 + count }, range.count - count,
          off_t(range.lowerBound + count))
        if got < 0 && errno == EINTR { continue }
        if got < 0 { failure = errno }
        if got <= 0 { return }
        count += got
      }
    }
    guard failure == 0 else {
      throw DataError(
        .unreadable, path, "it cannot be read (\(String(cString: strerror(failure))))",
        remedy: "check the file and its disk")
    }
    guard bytes.count == range.count else {
      throw DataError(
        .unreadable, path,
        "it became shorter while it was in use: byte \(range.lowerBound + bytes.count) is gone",
        remedy: "leave data alone while it is read, and start again")
    }
    return bytes
  }

  /// Calls `body` with the file's bytes in pieces, in order, and where each piece starts.
  func forEachPiece(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) throws {
    let size = 1 << 20
    var start = 0
    while start < byteCount {
      let piece = try read(start..<min(start + size, byteCount))
      try piece.withUnsafeBufferPointer { try body($0, start) }
      start += piece.count
    }
  }
}
