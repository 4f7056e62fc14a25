internal import Glibc

/// Files and directories that survive a crash as a whole or not at all.
enum DurableFiles {
  /// Writes a file: it has its old content or its new one, whatever happens.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let temporary = path + ".part"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw failure(path) }
    do {
      try write(bytes, descriptor, path)
      guard fsync(descriptor) == 0 else { throw failure(path) }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else {
      defer { unlink(temporary) }
      throw failure(path)
    }
  }

  /// Writes all bytes at the descriptor's place.
  static func write(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws {
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if written < 0 && errno == EINTR { continue }
      guard written > 0 else { throw failure(path) }
      done += written
    }
  }

  /// Makes sure that the names in a directory have reached the disk.
  static func sync(directory: String) throws {
    let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(directory) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(directory) }
  }

  /// Writes a directory whole or not at all: `body` fills one beside it, which then takes its name and place.
  static func replaceDirectory(_ path: String, _ body: (String) throws -> Void) throws {
    let (part, old) = (path + ".part", path + ".old.part")
    remove(part)
    try makeDirectory(part)
    do {
      try body(part)
      try sync(directory: part)
      remove(old)
      if exists(path), rename(path, old) != 0 { throw failure(path) }
      guard rename(part, path) == 0 else { throw failure(path) }
      remove(old)
    } catch {
      remove(part)
      throw error
    }
  }

  /// Makes a directory and those above it, where missing.
  static func makeDirectory(_ path: String) throws {
    if isDirectory(path) { return }
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try makeDirectory(String(path[..<slash]))
    }
    guard mkdir(path, 0o777) == 0 || errno == EEXIST, isDirectory(path) else {
      if errno == 0 || errno == EEXIST { errno = ENOTDIR }
      throw failure(path)
    }
  }

  /// Whether there is such a directory.
  static func isDirectory(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Whether there is anything of that name.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// The names of what is in a directory, sorted; empty if there is none.
  static func contents(_ directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// A whole file; nil if it cannot be read.
  static func read(_ path: String) -> [UInt8]? {
    guard let file = fopen(path, "rb") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      bytes += buffer[..<count]
      if count < buffer.count { return ferror(file) == 0 ? bytes : nil }
    }
  }

  /// Removes a file, a link, or a directory with what is in it.
  static func remove(_ path: String) {
    if unlink(path) == 0 { return }
    for name in contents(path) { remove(path + "/" + name) }
    rmdir(path)
  }

  /// The system's words for what the last call could not do to `path`.
  static func failure(_ path: String) -> TrainingError {
    let code = errno
    let words = String(cString: strerror(code))
    return TrainingError(
      path,
      "cannot be written: \(words)" + (code == ENOSPC || code == EDQUOT ? "; make room on the disk" : ""))
  }
}
