internal import Glibc

/// Where the records of a JSON file lie: one per line, or the elements of one big array. Sixteen bytes and a line
/// number per record, found in one pass without keeping anything of the content.
struct RecordIndex: Sendable {
  /// A record: its bytes, and the line on which it starts, from 1.
  struct Record: Sendable {
    var start: Int
    var count: Int
    var line: Int
  }

  /// How the records are stored.
  enum Layout: Sendable {
    /// One record per line; empty lines are nothing.
    case lines
    /// The elements of one array.
    case array
  }

  /// How the records are stored.
  let layout: Layout
  /// The records in order.
  let records: [Record]

  /// A record may have this many bytes: more would be a file of another form, or one that fills the memory.
  static let largestRecord = 512 << 20

  /// Finds the records of a file.
  /// - Throws: ``DataError`` for a file that cannot be read, or an array without an end.
  init(_ file: DataFile) throws {
    var scanner = Scanner(path: file.path)
    try file.forEachPiece { try scanner.scan($0, at: $1) }
    records = try scanner.finish(at: file.byteCount)
    layout = scanner.isArray == true ? .array : .lines
  }

  private struct Scanner {
    let path: String
    var isArray: Bool?
    var records: [Record] = []
    var line = 1
    /// Where the open record starts.
    var start: Int?
    var startLine = 1
    // Inside an array:
    var depth = 0
    var isString = false
    var isEscaped = false
    var isClosed = false
    var wantsComma = false

    init(path: String) { self.path = path }

    mutating func scan(_ piece: UnsafeBufferPointer<UInt8>, at offset: Int) throws {
      var index = 0
      // A byte order mark, then white space, then what tells the forms apart.
      if offset == 0, piece.starts(with: [0xEF, 0xBB, 0xBF]) { index = 3 }
      while isArray == nil, index < piece.count {
        switch piece[index] {
        case 0x0A: line += 1
        case 0x20, 0x09, 0x0D: break
        case UInt8(ascii: "["):
          isArray = true
          depth = 1
        default:
          isArray = false
          index -= 1
        }
        index += 1
      }
      guard let isArray else { return }
      if isArray {
        try scanArray(piece, from: index, at: offset)
      } else {
        try scanLines(piece, from: index, at: offset)
      }
    }

    private mutating func scanLines(_ piece: UnsafeBufferPointer<UInt8>, from first: Int, at offset: Int)
      throws
    {
      guard let base = piece.baseAddress else { return }
      var index = first
      while index < piece.count {
        if start == nil {
          // Lines of nothing but white space are no records.
          while index < piece.count, [0x20, 0x09, 0x0D, 0x0A].contains(piece[index]) {
            if piece[index] == 0x0A { line += 1 }
            index += 1
          }
          guard index < piece.count else { return }
          (start, startLine) = (offset + index, line)
        }
        guard let found = memchr(base + index, 0x0A, piece.count - index) else { return }
        let end = UnsafePointer(found.assumingMemoryBound(to: UInt8.self)) - base
        try close(at: offset + end)
        line += 1
        index = end + 1
      }
    }

    private mutating func scanArray(_ piece: UnsafeBufferPointer<UInt8>, from first: Int, at offset: Int)
      throws
    {
      var index = first
      while index < piece.count {
        let byte = piece[index]
        defer { index += 1 }
        if byte == 0x0A { line += 1 }
        if isString {
          if isEscaped {
            isEscaped = false
          } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
          } else if byte
            == UInt8(ascii: "\"")
          {
            isString = false
          }
          continue
        }
        switch byte {
        case 0x20, 0x09, 0x0A, 0x0D: continue
        case _ where isClosed:
          throw DataError(
            .malformed, "\(path):\(line)", "text goes on after the array", remedy: "one array is a file")
        case UInt8(ascii: ",") where depth == 1:
          guard wantsComma || start != nil else {
            throw DataError(
              .malformed, "\(path):\(line)", "a comma with no record before it", remedy: "remove it")
          }
          if start != nil { try close(at: offset + index) }
          wantsComma = false
          continue
        case UInt8(ascii: "]") where depth == 1:
          if start != nil { try close(at: offset + index) }
          depth = 0
          isClosed = true
          continue
        default: break
        }
        if start == nil {
          (start, startLine) = (offset + index, line)
        }
        switch byte {
        case UInt8(ascii: "\""): isString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
      }
    }

    private mutating func close(at end: Int) throws {
      guard let start else { return }
      self.start = nil
      guard end - start <= RecordIndex.largestRecord else {
        throw DataError(
          .tooLarge, "\(path):\(startLine)", "a record has over \(RecordIndex.largestRecord >> 20) MiB",
          remedy: "put one record on a line, and pictures into files of their own")
      }
      records.append(Record(start: start, count: end - start, line: startLine))
    }

    mutating func finish(at end: Int) throws -> [Record] {
      if isArray == true && !isClosed {
        throw DataError(
          .malformed, "\(path):\(line)", "the array has no end; the file is cut off",
          remedy: "get the whole file")
      }
      if isArray == false { try close(at: end) }
      return records
    }
  }
}
