internal import Glibc

/// Where a picture's bytes come from.
public enum MediaSource: Sendable, Hashable {
  /// A file, by path. `-` is not special here; use `/dev/stdin` for standard input.
  case file(String)
  /// Bytes already in memory, and what error messages call them.
  case data([UInt8], name: String)
  /// A `data:` URL holding base64.
  case dataURL(String)

  /// A source as a user writes it: text that starts with `data:` is a URL, anything else a path.
  public init(_ text: String) {
    self = text.prefix(5).lowercased() == "data:" ? .dataURL(text) : .file(text)
  }

  /// A picture that is already decoded, and what error messages call it.
  public init(_ image: RGBImage, name: String) { self = .data(PPM.bytes(of: image), name: name) }

  /// What error messages call this source.
  public var name: String {
    switch self {
    case .file(let path): path
    case .data(_, let name): name
    case .dataURL: "data: URL"
    }
  }

  /// The bytes.
  /// - Throws: ``MediaError``: `unreadable`, `empty`, `tooLarge` or `badDataURL`.
  public func load(limits: MediaLimits = MediaLimits()) throws(MediaError) -> [UInt8] {
    let bytes: [UInt8] =
      switch self {
      case .file(let path): try Self.readFile(path, maxBytes: limits.maxBytes)
      case .data(let bytes, _): bytes
      case .dataURL(let text): try DataURL(text, maxBytes: limits.maxBytes).bytes
      }
    guard !bytes.isEmpty else {
      throw MediaError(
        .empty, name: name, problem: "there are no bytes", remedy: "give a \(ImageFormat.names) picture")
    }
    guard bytes.count <= limits.maxBytes else { throw Self.tooLarge(name, limits.maxBytes) }
    return bytes
  }

  /// Loads and decodes.
  public func decode(
    limits: MediaLimits = MediaLimits()
  ) throws(MediaError) -> DecodedImage {
    try ImageDecoder.decode(load(limits: limits), name: name, limits: limits)
  }

  private static func tooLarge(_ name: String, _ maxBytes: Int) -> MediaError {
    MediaError(
      .tooLarge, name: name, problem: "it has more than \(maxBytes) bytes", remedy: "give a smaller file")
  }

  private static func unreadable(_ path: String, _ code: Int32) -> MediaError {
    let problem: String
    let remedy: String
    switch code {
    case ENOENT, ENOTDIR: (problem, remedy) = ("there is no such file", "check the path")
    case EISDIR: (problem, remedy) = ("this is a directory", "name a picture file in it")
    case EACCES, EPERM: (problem, remedy) = ("it may not be read", "change its permissions (chmod +r)")
    default: (problem, remedy) = ("it cannot be read (\(String(cString: strerror(code))))", "check the file")
    }
    return MediaError(.unreadable, name: path.isEmpty ? "image path" : path, problem: problem, remedy: remedy)
  }

  private static func readFile(_ path: String, maxBytes: Int) throws(MediaError) -> [UInt8] {
    guard !path.isEmpty else {
      throw MediaError(.unreadable, name: "image path", problem: "it is empty", remedy: "name a picture file")
    }
    guard !path.utf8.contains(0) else {
      throw MediaError(
        .unreadable, name: "image path", problem: "it has a null character", remedy: "check the path")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw unreadable(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw unreadable(path, errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw unreadable(path, EISDIR) }
    guard Int(status.st_size) <= maxBytes else { throw tooLarge(path, maxBytes) }

    // A pipe has no size, and a file may grow meanwhile: read until the end, and stop past the limit.
    var bytes = [UInt8]()
    bytes.reserveCapacity(Int(status.st_size) + 1)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(descriptor, &chunk, chunk.count)
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw unreadable(path, errno)
      }
      guard bytes.count + count <= maxBytes else { throw tooLarge(path, maxBytes) }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
