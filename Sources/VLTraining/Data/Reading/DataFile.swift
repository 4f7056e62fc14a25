internal import Glibc

/// A file of training data that is read in pieces, by any number of threads at once.
///
/// It is opened for each piece, so a data set may have more shards than a process may have open files; that it is still
/// the same file is checked every time. Pieces are copied out, not mapped: a file that is cut short while it is in use is
/// an error, not the end of the process.
final class DataFile: Sendable {
  /// The path.
  let path: String
  /// Its size when it was first opened.
  let byteCount: Int
  private let identity: Identity

  /// What tells whether a path still leads to the same bytes.
  private struct Identity: Equatable {
    var device: UInt
    var inode: UInt
    var size: Int
    var seconds: Int
    var nanoseconds: Int

    init(_ status: stat) {
      device = UInt(status.st_dev)
      inode = UInt(status.st_ino)
      size = Int(status.st_size)
      seconds = status.st_mtim.tv_sec
      nanoseconds = status.st_mtim.tv_nsec
    }
  }

  /// - Throws: ``DataError`` if it cannot be opened or is no regular file.
  init(_ path: String) throws {
    let (descriptor, identity) = try Self.open(path)
    close(descriptor)
    self.path = path
    self.identity = identity
    byteCount = identity.size
  }

  private static func open(_ path: String) throws -> (Int32, Identity) {
    let remedy = "check the path and its permissions"
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw DataError(
        .unreadable, path.isEmpty ? "data" : "data path", "the path is empty or holds a null character",
        remedy: remedy)
    }
    // A pipe without O_NONBLOCK would wait here for its writer.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
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
    return (descriptor, Identity(status))
  }

  /// The file while it is open.
  struct Reader {
    private let file: DataFile
    private let descriptor: Int32

    fileprivate init(_ file: DataFile, _ descriptor: Int32) {
      self.file = file
      self.descriptor = descriptor
    }

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
          .unreadable, file.path, "it cannot be read (\(String(cString: strerror(failure))))",
          remedy: "check the file and its disk")
      }
      guard bytes.count == range.count else { throw file.changed() }
      return bytes
    }
  }

  /// Calls `body` with the file open.
  /// - Throws: ``DataError`` if it is not the same file any more, and what `body` throws.
  func withReader<Result>(_ body: (Reader) throws -> Result) throws -> Result {
    let (descriptor, identity) = try Self.open(path)
    defer { close(descriptor) }
    guard identity == self.identity else { throw changed() }
    return try body(Reader(self, descriptor))
  }

  private func changed() -> DataError {
    DataError(
      .unreadable, path, "it changed while it was in use",
      remedy: "leave data alone while it is read, and start again")
  }

  /// Some of its bytes.
  /// - Throws: ``DataError`` if they cannot be read or the file is another one now.
  func read(_ range: Range<Int>) throws -> [UInt8] { try withReader { try $0.read(range) } }

  /// Calls `body` with the file's bytes in pieces, in order, and where each piece starts.
  func forEachPiece(_ body: (UnsafeBufferPointer<UInt8>, Int) throws -> Void) throws {
    let size = 1 << 20
    try withReader { reader in
      var start = 0
      while start < byteCount {
        let piece = try reader.read(start..<min(start + size, byteCount))
        try piece.withUnsafeBufferPointer { try body($0, start) }
        start += piece.count
      }
    }
  }
}
