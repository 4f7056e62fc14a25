internal import Glibc

extension TrainedTokenizer {
  /// The files of a tokenizer, in the order in which they are written.
  public static let fileNames = ["vocab.json", "merges.txt", "tokenizer_config.json", "tokenizer.json"]

  /// Makes sure that a tokenizer can be written to `directory` later, before the work starts: makes the directory
  /// (inside one that exists) unless it is there.
  ///
  /// - Throws: ``TokenizerTrainingError`` if there is a tokenizer already, or the system refuses.
  public static func prepare(directory: String) throws(TokenizerTrainingError) {
    for name in fileNames where access(directory + "/" + name, F_OK) == 0 {
      throw TokenizerTrainingError(.exists, file: directory)
    }
    if mkdir(directory, 0o777) != 0 {
      let why = String(cString: strerror(errno))
      var status = stat()
      guard stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw TokenizerTrainingError(.unwritable(why), file: directory)
      }
    }
    guard access(directory, W_OK | X_OK) == 0 else {
      throw TokenizerTrainingError(.unwritable(String(cString: strerror(errno))), file: directory)
    }
  }

  /// Writes `tokenizer.json`, `tokenizer_config.json`, `vocab.json` and `merges.txt`, each whole or not at all;
  /// `tokenizer.json` comes last.
  ///
  /// - Throws: ``TokenizerTrainingError`` as ``prepare(directory:)`` does, and if the system refuses.
  public func write(to directory: String) throws(TokenizerTrainingError) {
    try Self.prepare(directory: directory)
    for name in Self.fileNames {
      let text =
        switch name {
        case "vocab.json": vocabularyJSON()
        case "merges.txt": mergesText()
        case "tokenizer_config.json": configurationJSON()
        default: tokenizerJSON()
        }
      try Self.write(Array(text.utf8), to: directory + "/" + name)
    }
  }

  private static func write(_ bytes: [UInt8], to path: String) throws(TokenizerTrainingError) {
    let temporary = path + ".partial"
    func fail() -> TokenizerTrainingError {
      let why = String(cString: strerror(errno))
      unlink(temporary)
      return TokenizerTrainingError(.unwritable(why), file: path)
    }
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw fail() }
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done)
      }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else {
        let error = fail()
        close(descriptor)
        throw error
      }
      done += written
    }
    guard fsync(descriptor) == 0, close(descriptor) == 0, rename(temporary, path) == 0 else { throw fail() }
  }
}
