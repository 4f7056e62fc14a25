internal import Glibc
internal import VLJSON

/// Writes samples into a directory that appears, complete, when all are there.
///
/// Until then they are gathered in `OUT.partial`. An interrupted run with the same settings goes on where it stopped;
/// samples depend on nothing but their number, so the result is the same.
public struct SynthWriter: ~Copyable {
  /// How many samples stand in a shard.
  public static let samplesPerShard = 1000

  /// How many samples were found written by an earlier run.
  public let resumedAt: Int
  /// How many samples are written.
  public private(set) var written: Int
  private let directory: String
  private let partial: String
  private let layout: SynthFile.Layout
  private let count: Int
  private var shard: [UInt8] = []

  /// Begins a data set of `count` samples, or goes on with it.
  ///
  /// - Throws: ``SynthError`` if the directory is there already, if what an earlier run left comes from other
  ///   settings, and if the disk refuses.
  public init(
    directory: String, stream: SynthStream, tasks: String, count: Int, layout: SynthFile.Layout
  ) throws(SynthError) {
    var directory = directory
    while directory.count > 1, directory.last == "/" { directory.removeLast() }
    self.directory = directory
    self.layout = layout
    self.count = count
    partial = directory + ".partial"
    if access(directory, F_OK) == 0 {
      throw SynthError(
        name: directory, problem: "it is there already, and nothing is overwritten",
        remedy: "remove it or write elsewhere")
    }
    let meta = Array((Self.metadata(stream, tasks, count, layout).serialized(.pretty) + "\n").utf8)
    if access(partial, F_OK) == 0 {
      guard try Self.read(partial + "/meta.json") == meta else {
        throw SynthError(
          name: partial, problem: "it was begun with other settings or fonts",
          remedy: "remove it, or give the settings in its meta.json")
      }
    } else {
      try Self.make(partial)
      if layout == .jsonl { try Self.make(partial + "/images") }
      try Self.write(meta, to: partial + "/meta.json", mode: "wb")
    }
    resumedAt = try Self.resume(partial, layout)
    written = resumedAt
  }

  /// Everything that decides what the samples are.
  private static func metadata(
    _ stream: SynthStream, _ tasks: String, _ count: Int, _ layout: SynthFile.Layout
  ) -> JSONValue {
    var settings = JSONObject([
      "made_by": "vlm synth", "tasks": .string(tasks), "seed": .unsigned(stream.seed),
      "split": .string(stream.split.rawValue), "count": .integer(count), "format": .string(layout.rawValue),
      "sides": [.integer(stream.settings.sides.lowerBound), .integer(stream.settings.sides.upperBound)],
      "difficulty": .number(stream.settings.difficulty),
      "left_out": .array(stream.leftOut.map { .string($0) }),
      "fonts": .string(stream.fonts.fingerprint), "faces": .array(stream.fonts.faces.map { .string($0) }),
      "missing_fonts": .array(stream.fonts.missing.map { .string($0) }),
    ])
    if let frames = stream.settings.frames {
      settings["frames"] = [.integer(frames.lowerBound), .integer(frames.upperBound)]
    }
    return .object(settings)
  }

  /// Finds how many samples are complete, and cuts off what follows them.
  private static func resume(_ partial: String, _ layout: SynthFile.Layout) throws(SynthError) -> Int {
    switch layout {
    case .jsonl:
      let path = partial + "/data.jsonl"
      guard let file = fopen(path, "rb") else { return 0 }
      var (lines, complete, offset) = (0, 0, 0)
      var buffer = [UInt8](repeating: 0, count: 1 << 16)
      while true {
        let count = fread(&buffer, 1, buffer.count, file)
        if count == 0 { break }
        for index in 0..<count where buffer[index] == UInt8(ascii: "\n") {
          lines += 1
          complete = offset + index + 1
        }
        offset += count
      }
      fclose(file)
      if complete < offset && truncate(path, complete) != 0 { throw failure(path) }
      return lines
    case .wds:
      var shards = 0
      while access(partial + "/" + name(shard: shards), F_OK) == 0 { shards += 1 }
      return shards * samplesPerShard
    }
  }

  /// `shard-000000.tar`
  private static func name(shard: Int) -> String {
    let digits = String(shard)
    return "shard-" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".tar"
  }

  /// Writes the next samples, in order.
  ///
  /// - Throws: ``SynthError`` if the disk refuses; what was written stays, to go on from.
  public mutating func append(_ files: [SynthFile]) throws(SynthError) {
    switch layout {
    case .jsonl:
      // Pictures first: a line stands for pictures that are there.
      var lines: [UInt8] = []
      for file in files {
        for picture in file.pictures {
          try Self.write(picture.bytes, to: partial + "/" + picture.name, mode: "wb")
        }
        lines += file.json + [UInt8(ascii: "\n")]
      }
      try Self.write(lines, to: partial + "/data.jsonl", mode: "ab")
      written += files.count
    case .wds:
      for file in files {
        for picture in file.pictures { shard += TarArchive.member(picture.name, picture.bytes) }
        shard += TarArchive.member(file.key + ".json", file.json)
        written += 1
        if written % Self.samplesPerShard == 0 { try closeShard() }
      }
    }
  }

  private mutating func closeShard() throws(SynthError) {
    guard !shard.isEmpty else { return }
    let path = partial + "/" + Self.name(shard: (written - 1) / Self.samplesPerShard)
    try Self.write(shard + TarArchive.end, to: path + ".tmp", mode: "wb")
    if rename(path + ".tmp", path) != 0 { throw Self.failure(path) }
    shard = []
  }

  /// Puts the finished data set in its place.
  ///
  /// - Throws: ``SynthError`` if the disk refuses.
  public consuming func finish() throws(SynthError) {
    precondition(written == count, "SynthWriter: finished after \(written) of \(count) samples")
    if layout == .wds { try closeShard() }
    if rename(partial, directory) != 0 { throw Self.failure(directory) }
  }

  // MARK: Files

  private static func failure(_ path: String) -> SynthError {
    SynthError(name: path, problem: String(cString: strerror(errno)), remedy: "free or choose another place")
  }

  private static func make(_ path: String) throws(SynthError) {
    if mkdir(path, 0o777) != 0 { throw failure(path) }
  }

  /// Writes a whole file of its own; for what a command writes beside a data set.
  ///
  /// - Throws: ``SynthError`` if the disk refuses.
  public static func write(_ bytes: [UInt8], to path: String) throws(SynthError) {
    try write(bytes, to: path, mode: "wb")
  }

  private static func write(_ bytes: [UInt8], to path: String, mode: String) throws(SynthError) {
    guard let file = fopen(path, mode) else { throw failure(path) }
    let isWritten = fwrite(bytes, 1, bytes.count, file) == bytes.count
    guard fclose(file) == 0, isWritten else { throw failure(path) }
  }

  private static func read(_ path: String) throws(SynthError) -> [UInt8] {
    guard let file = fopen(path, "rb") else { throw failure(path) }
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

/// The tar format, as far as WebDataset needs it: plain files with short names (POSIX ustar).
enum TarArchive {
  /// Two empty blocks.
  static let end = [UInt8](repeating: 0, count: 1024)

  /// A member's header, bytes and padding. Equal bytes give equal archives: owner and times are 0.
  static func member(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
    precondition(name.utf8.count < 100, "TarArchive: the name \(name) is too long")
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (i, byte) in text.utf8.enumerated() { header[offset + i] = byte }
    }
    func octal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: digits - text.count) + text
    }
    put(name, at: 0)
    put("0000644", at: 100)
    put("0000000", at: 108)
    put("0000000", at: 116)
    put(octal(bytes.count, 11), at: 124)
    put(octal(0, 11), at: 136)
    put("        ", at: 148)
    put("0", at: 156)
    put("ustar\u{0}00", at: 257)
    let sum = header.reduce(0) { $0 + Int($1) }
    put(octal(sum, 6) + "\u{0} ", at: 148)
    let padding = (512 - bytes.count % 512) % 512
    return header + bytes + [UInt8](repeating: 0, count: padding)
  }
}
