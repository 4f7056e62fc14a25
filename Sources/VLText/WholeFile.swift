internal import Glibc

/// Reads a file of text into memory.
enum WholeFile {
  /// More than any tokenizer needs; a file that is larger is no tokenizer.
  static let maximumSize = 512 << 20

  /// The file's bytes; nil if there is no such file.
  static func read(_ path: String) throws(TokenizerError) -> [UInt8]? {
    var status = stat()
    guard stat(path, &status) == 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw TokenizerError(.unreadable(systemMessage()), file: path)
    }
    // A pipe or device would block or never end.
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw TokenizerError(.unreadable("it is not a regular file"), file: path)
    }
    let size = Int(status.st_size)
    guard size <= maximumSize else {
      throw TokenizerError(.unreadable("it is larger than \(maximumSize >> 20) MiB"), file: path)
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw TokenizerError(.unreadable(systemMessage()), file: path) }
    defer { close(descriptor) }

    var failure: String?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, size - count)
        if got > 0 {
          count += got
        } else if got == 0 {
          return  // it became shorter meanwhile; the parser will say what is missing
        } else if errno != EINTR {
          failure = systemMessage()
          return
        }
      }
    }
    if let failure { throw TokenizerError(.unreadable(failure), file: path) }
    return bytes
  }

  private static func systemMessage() -> String { String(cString: strerror(errno)) }
}
