internal import Glibc

/// A directory of its own that is removed with everything in it.
public final class Scratch {
  /// Its path.
  public let path: String

  /// Makes an empty directory under the system's temporary one.
  public init() {
    var template = Array("/tmp/vlm-test-XXXXXX".utf8CString)
    path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
  }

  deinit { if path != "/tmp" { Scratch.remove(path) } }

  /// Removes a directory of plain files and directories.
  private static func remove(_ path: String) {
    guard let stream = opendir(path) else { return }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name == "." || name == ".." { continue }
      if unlink(path + "/" + name) != 0 { remove(path + "/" + name) }
    }
    closedir(stream)
    rmdir(path)
  }

  /// Copies the files of a directory of the goldens.
  public func copy(golden: String, except: Set<String> = []) {
    let source = Goldens.directory + "/" + golden
    guard let stream = opendir(source) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name.hasPrefix(".") || except.contains(name) { continue }
      write(Scratch.read(source + "/" + name), to: name)
    }
  }

  /// Writes a file in it; returns its path.
  @discardableResult public func write(_ bytes: [UInt8], to name: String) -> String {
    let file = fopen(path + "/" + name, "wb")
    if let file {
      fwrite(bytes, 1, bytes.count, file)
      fclose(file)
    }
    return path + "/" + name
  }

  /// Writes a text file in it; returns its path.
  @discardableResult public func write(_ text: String, to name: String) -> String {
    write(Array(text.utf8), to: name)
  }

  /// The names of what is in it, sorted.
  public var contents: [String] {
    guard let stream = opendir(path) else { return [] }
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

  /// Changes a text file in it; the text to be replaced must be there.
  public func edit(_ name: String, _ old: String, _ new: String) {
    let text = String(decoding: Scratch.read(path + "/" + name), as: UTF8.self)
    precondition(text.contains(old), "\(name) has no \"\(old)\"")
    let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
    write(Array((parts[0] + new + parts[1]).utf8), to: name)
  }

  /// A file's bytes; empty when there is none.
  public static func read(_ path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }
}
