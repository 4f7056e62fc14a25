internal import Glibc

/// Several sources one behind the other, such as the shards of a data set.
public struct ConcatenatedSource: SampleSource {
  /// What it is called.
  public let name: String
  private let parts: [any SampleSource]
  /// Where each part ends.
  private let ends: [Int]

  /// Sources one behind the other; all of them have an end.
  public init(_ parts: [any SampleSource], name: String) {
    self.parts = parts
    self.name = name
    var ends: [Int] = []
    for part in parts {
      guard let count = part.count else { preconditionFailure("ConcatenatedSource: \(part.name) has no end") }
      ends.append((ends.last ?? 0) + count)
    }
    self.ends = ends
  }

  /// How many samples all have together.
  public var count: Int? { ends.last ?? 0 }

  /// Sample `index` of all.
  public func sample(at index: Int) throws -> TrainingSample {
    // The first part that ends behind it.
    var (low, high) = (0, ends.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if index < ends[middle] { high = middle } else { low = middle + 1 }
    }
    return try parts[low].sample(at: index - (low == 0 ? 0 : ends[low - 1]))
  }
}

/// Opens files of training data.
public enum DataFiles {
  /// The files that a pattern names, in order: `*`, `?` and `[…]` as in a shell, and `{000..127}` for numbers.
  /// - Throws: ``DataError`` if there are none.
  public static func matching(_ pattern: String) throws -> [String] {
    var paths: [String] = []
    for name in try numbered(pattern) {
      guard name.contains(where: { "*?[".contains($0) }), access(name, F_OK) != 0 else {
        paths.append(name)
        continue
      }
      var found = glob_t()
      defer { globfree(&found) }
      if glob(name, 0, nil, &found) == 0, let list = found.gl_pathv {
        for index in 0..<Int(found.gl_pathc) {
          if let path = list[index] { paths.append(String(cString: path)) }
        }
      }
    }
    guard !paths.isEmpty else {
      throw DataError(.unreadable, pattern, "no file matches", remedy: "check the path and the pattern")
    }
    return paths
  }

  /// `{3..5}` as 3, 4 and 5, `{008..010}` with its zeros.
  private static func numbered(_ pattern: String) throws -> [String] {
    guard let open = pattern.firstIndex(of: "{"), let close = pattern[open...].firstIndex(of: "}"),
      let dots = pattern[open..<close].firstRange(of: "..")
    else { return [pattern] }
    let (from, to) = (pattern[pattern.index(after: open)..<dots.lowerBound], pattern[dots.upperBound..<close])
    guard let first = Int(from), let last = Int(to), first >= 0, first <= last, last - first < 1_000_000
    else {
      throw DataError(
        .invalid, pattern, "{\(from)..\(to)} counts nothing",
        remedy: "write two numbers, the smaller one first")
    }
    let width = from.hasPrefix("0") ? from.count : 0
    let rest = try numbered(String(pattern[pattern.index(after: close)...]))
    return (first...last).flatMap { number in
      let digits = String(number)
      let text = String(repeating: "0", count: max(0, width - digits.count)) + digits
      return rest.map { pattern[..<open] + text + $0 }
    }
  }

  /// The samples of the files that a pattern names.
  /// - Parameters:
  ///   - pattern: a path, or several as ``matching(_:)`` reads it.
  ///   - format: the form of all; nil to go by the names' endings and the first records.
  ///   - media: what relative paths of pictures are relative to; nil for each file's directory.
  /// - Throws: ``DataError``.
  /// - Returns: one source of all the files, in order.
  public static func open(_ pattern: String, format: DataFormat? = nil, media: String? = nil) throws
    -> any SampleSource
  {
    let sources = try matching(pattern).map { path -> any SampleSource in
      switch format ?? (path.hasSuffix(".tar") ? .webdataset : path.hasSuffix(".tokens") ? .tokens : nil) {
      case .webdataset: return try WebDatasetSource(path)
      case .tokens: return try TokenShard(path)
      case let format:
        if format == nil, path.hasSuffix(".gz") || path.hasSuffix(".tgz") || path.hasSuffix(".parquet") {
          throw DataError(
            .unsupported, path, "files of this kind are not read",
            remedy: "decompress it, or convert it to JSON lines or plain tar")
        }
        return try JSONSource(path, format: format, media: media)
      }
    }
    return sources.count == 1 ? sources[0] : ConcatenatedSource(sources, name: pattern)
  }
}
