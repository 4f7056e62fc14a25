internal import Glibc
internal import VLNN

/// Plain text as tokens in one file that is read in place.
///
/// Little-endian throughout:
///
/// | bytes | what |
/// |---|---|
/// | 0..<8 | `VLTOKENS` |
/// | 8..<12 | version: 1 |
/// | 12..<16 | bytes per token: 2 or 4 |
/// | 16..<24 | N: tokens |
/// | 24..<32 | S: samples |
/// | 32..<40 | size of the vocabulary that they are of |
/// | 40..<64 | 0 |
/// | 64… | N tokens, then zeros up to a multiple of 8 |
/// | then | S + 1 numbers of 8 bytes: where each sample starts, and N |
///
/// A sample is a document or, of a long one, a piece.
public struct TokenShard: SampleSource {
  /// The file's path.
  public let name: String
  /// How many tokens there are.
  public let tokenCount: Int
  /// The size of the vocabulary that they are of.
  public let vocabularySize: Int
  private let samples: Int
  private let width: Int
  private let file: MappedFile

  static let magic = Array("VLTOKENS".utf8)
  static let headerSize = 64

  /// Maps a shard.
  /// - Throws: ``DataError`` for a file that is something else, cut off or contradicts itself.
  public init(_ path: String) throws {
    do { file = try MappedFile(path: path) } catch {
      throw DataError(.unreadable, path, "\(error.problem)", remedy: "check the path")
    }
    name = path
    func damaged(_ what: String) -> DataError {
      DataError(.malformed, path, what, remedy: "make it again by vlm data tokenize")
    }
    guard file.byteCount >= Self.headerSize,
      file.withBytes(0..<8, { $0.elementsEqual(Self.magic) })
    else { throw damaged("it is no shard of tokens") }
    guard file.integer(at: 8, width: 4) == 1 else { throw damaged("its version is not 1") }
    width = file.integer(at: 12, width: 4)
    guard width == 2 || width == 4 else { throw damaged("its tokens have \(width) bytes") }
    (tokenCount, samples, vocabularySize) = (
      file.integer(at: 16, width: 8), file.integer(at: 24, width: 8), file.integer(at: 32, width: 8)
    )
    let limit = file.byteCount
    guard (0...limit).contains(tokenCount), (0...limit).contains(samples), vocabularySize >= 1,
      Self.indexStart(tokens: tokenCount, width: width) + (samples + 1) * 8 == limit
    else { throw damaged("it has \(limit) bytes, which is not what its header says; it may be cut off") }
    var previous = 0
    for sample in 0...samples {
      let start = startOf(sample)
      guard sample == 0 ? start == 0 : start >= previous, start <= tokenCount,
        sample < samples || start == tokenCount
      else { throw damaged("the start of sample \(sample) is out of order") }
      previous = start
    }
  }

  static func indexStart(tokens: Int, width: Int) -> Int { headerSize + (tokens * width + 7) / 8 * 8 }

  private func startOf(_ sample: Int) -> Int {
    file.integer(at: Self.indexStart(tokens: tokenCount, width: width) + sample * 8, width: 8)
  }

  /// How many samples there are.
  public var count: Int? { samples }

  /// Sample `index`: a document or a piece of one.
  public func sample(at index: Int) throws -> TrainingSample {
    let (start, end) = (startOf(index), startOf(index + 1))
    let tokens = file.withBytes(Self.headerSize + start * width..<Self.headerSize + end * width) { bytes in
      (0..<end - start).map { token in
        var value = 0
        for byte in (0..<width).reversed() { value = value << 8 | Int(bytes[token * width + byte]) }
        return value
      }
    }
    return TrainingSample(name: "\(name):\(index + 1)", .tokens(tokens))
  }
}

extension MappedFile {
  /// A little-endian number; one above `Int.max` counts as -1.
  fileprivate func integer(at offset: Int, width: Int) -> Int {
    withBytes(offset..<offset + width) { bytes in
      Int(exactly: bytes.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }) ?? -1
    }
  }
}

/// Writes a ``TokenShard``: tokens go to the disk as they come, and the file appears under its name when it is whole.
/// One that is not finished leaves nothing. To be used by one thread.
public final class TokenShardWriter {
  private let path: String
  private let partial: String
  private let file: UnsafeMutablePointer<FILE>
  private let width: Int
  private let vocabularySize: Int
  private let sampleLength: Int
  private var starts = [0]
  /// Tokens written so far.
  public private(set) var tokenCount = 0
  /// Samples written so far.
  public var sampleCount: Int { starts.count - 1 }

  /// Begins a shard.
  /// - Parameters:
  ///   - path: where it will be; nothing is overwritten.
  ///   - vocabularySize: of the tokenizer that the tokens are of.
  ///   - sampleLength: tokens of a sample at most; longer documents are cut into pieces.
  /// - Throws: ``DataError``.
  public init(_ path: String, vocabularySize: Int, sampleLength: Int) throws {
    guard access(path, F_OK) != 0 else {
      throw DataError(
        .unreadable, path, "it is there already, and nothing is overwritten",
        remedy: "remove it or write elsewhere")
    }
    self.path = path
    partial = path + ".partial"
    guard let file = fopen(partial, "wb") else { throw Self.failure(path) }
    self.file = file
    self.vocabularySize = vocabularySize
    self.sampleLength = max(2, sampleLength)
    width = vocabularySize <= 1 << 16 ? 2 : 4
    try write([UInt8](repeating: 0, count: TokenShard.headerSize))
  }

  deinit {
    fclose(file)
    // Gone already if it was finished.
    unlink(partial)
  }

  /// Adds a document.
  /// - Throws: ``DataError`` if the disk refuses.
  public func append(_ tokens: [Int]) throws {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tokens.count * width)
    for token in tokens {
      precondition(
        (0..<vocabularySize).contains(token), "TokenShardWriter: the token \(token) of \(vocabularySize)")
      for byte in 0..<width { bytes.append(UInt8(truncatingIfNeeded: token >> (8 * byte))) }
    }
    try write(bytes)
    var start = tokenCount
    tokenCount += tokens.count
    while start < tokenCount {
      start = min(start + sampleLength, tokenCount)
      starts.append(start)
    }
  }

  /// Writes what remains and puts the file in its place.
  /// - Throws: ``DataError`` if the disk refuses.
  public func finish() throws {
    let end = TokenShard.headerSize + tokenCount * width
    try write([UInt8](repeating: 0, count: TokenShard.indexStart(tokens: tokenCount, width: width) - end))
    try write(starts.flatMap { Self.bytes($0, 8) })
    let header =
      TokenShard.magic + Self.bytes(1, 4) + Self.bytes(width, 4) + Self.bytes(tokenCount, 8)
      + Self.bytes(starts.count - 1, 8) + Self.bytes(vocabularySize, 8)
    guard fseek(file, 0, SEEK_SET) == 0 else { throw Self.failure(path) }
    try write(header)
    guard fflush(file) == 0, fsync(fileno(file)) == 0, rename(partial, path) == 0 else {
      throw Self.failure(path)
    }
  }

  private func write(_ bytes: [UInt8]) throws {
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Self.failure(path) }
  }

  private static func bytes(_ value: Int, _ width: Int) -> [UInt8] {
    (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func failure(_ path: String) -> DataError {
    DataError(
      .unreadable, path, "it cannot be written (\(String(cString: strerror(errno))))",
      remedy: "free the disk or choose another place")
  }
}
