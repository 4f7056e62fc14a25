internal import Glibc
public import VLTensor

/// A file whose bytes are read in place: mapped read-only, shared with the system's page cache, never copied.
///
/// The mapping is a `VLTensor.Storage` and lasts until the last tensor that looks into it is gone, so copies of a
/// `MappedFile` are cheap and may outlive each other. Nothing is read when it is opened; a page comes in when it is
/// first touched.
///
/// The size is taken when the file is opened. If another process cuts the file short afterwards, touching the lost
/// part ends this process with SIGBUS, as for every memory map: replace a checkpoint that is in use by renaming a new
/// file over it (as ``SafetensorsWriter`` does), never by writing into it.
public struct MappedFile: Sendable {
  /// The path it was opened by.
  public let path: String
  /// The bytes. Never written to: the pages are read-only.
  public let storage: Storage

  /// How many bytes there are, at least 1.
  public var byteCount: Int { storage.byteCount }

  /// Maps a regular file that is not empty.
  ///
  /// - Throws: ``CheckpointError`` if there is no such file, it is a directory or another special file, it is empty,
  ///   or the system refuses to open or map it.
  public init(path: String) throws(CheckpointError) {
    guard !path.utf8.contains(0) else { throw CheckpointError(path, .missingFile) }
    // A FIFO without O_NONBLOCK would wait here for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw CheckpointError(
        path, errno == ENOENT || errno == ENOTDIR ? .missingFile : .unreadable(systemError()))
    }
    defer { close(descriptor) }  // the mapping keeps the file

    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw CheckpointError(path, .unreadable(systemError())) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR: throw CheckpointError(path, .isDirectory)
    default: throw CheckpointError(path, .notRegularFile)
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw CheckpointError(path, .emptyFile) }
    guard let base = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
      throw CheckpointError(path, .unreadable(systemError()))
    }
    self.path = path
    storage = Storage(base: base, byteCount: size) { base, size in munmap(base, size) }
  }

  /// Calls `body` with part of the bytes, which are valid during the call only.
  public func withBytes<Result, Failure: Error>(
    _ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount,
      "MappedFile: bytes \(range) of a file of \(byteCount)")
    let start = UnsafeRawPointer(storage.base + range.lowerBound).assumingMemoryBound(to: UInt8.self)
    return try withExtendedLifetime(storage) { () throws(Failure) in
      try body(UnsafeBufferPointer(start: start, count: range.count))
    }
  }
}

/// The system's words for the error that the last call left.
func systemError() -> String { String(cString: strerror(errno)) }
