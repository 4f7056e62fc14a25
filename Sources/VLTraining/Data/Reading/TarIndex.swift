/// Where the members of a tar archive lie: ustar, pax and GNU long names. Headers alone are read, one after the other.
struct TarIndex {
  /// A regular file in the archive.
  struct Member: Sendable {
    var name: String
    var start: Int
    var count: Int
  }

  /// The regular files in order.
  let members: [Member]

  private static let block = 512
  /// More than any path: a longer one is damage.
  private static let longestName = 1 << 16

  /// - Throws: ``DataError`` for an archive that is damaged, cut off or compressed.
  init(_ file: DataFile) throws {
    members = try file.withReader { try Self.read($0, file.path, file.byteCount) }
  }

  private static func read(_ file: DataFile.Reader, _ path: String, _ byteCount: Int) throws
    -> [Member]
  {
    var members: [Member] = []
    func damaged(_ offset: Int, _ what: String) -> DataError {
      DataError(
        .malformed, path, "\(what) at byte \(offset)", remedy: "write the archive again or get another copy")
    }
    var offset = 0
    var longName: String?
    var longSize: Int?
    while true {
      guard offset + Self.block <= byteCount else {
        throw damaged(offset, "the archive is cut off: it has no end mark")
      }
      let header = try file.read(offset..<offset + Self.block)
      if header.allSatisfy({ $0 == 0 }) { return members }
      guard Self.hasChecksum(header) else {
        if offset == 0 {
          throw DataError(
            .unsupported, path,
            header.starts(with: [0x1F, 0x8B]) ? "it is compressed (gzip)" : "it is no tar archive",
            remedy: "give plain tar archives; jumping in compressed ones is not possible")
        }
        throw damaged(offset, "a header's checksum is wrong")
      }
      guard let stored = Self.number(header[124..<136]) else {
        throw damaged(offset, "a size is not a number")
      }
      let type = header[156]
      let start = offset + Self.block
      // A pax size counts for the file it precedes.
      let size = (type == UInt8(ascii: "x") || type == UInt8(ascii: "g") ? nil : longSize) ?? stored
      guard size <= byteCount - start else {
        throw damaged(offset, "a member of \(size) bytes does not fit; the archive is cut off")
      }
      switch type {
      case UInt8(ascii: "L"), UInt8(ascii: "x"):
        guard size <= Self.longestName else { throw damaged(offset, "a name of \(size) bytes") }
        let content = try file.read(start..<start + size)
        if type == UInt8(ascii: "L") {
          longName = String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
        } else {
          guard let records = Self.pax(content) else {
            throw damaged(offset, "an extended header is malformed")
          }
          if let name = records["path"] { longName = name }
          if let text = records["size"] {
            guard let value = Int(text), value >= 0 else { throw damaged(offset, "a size is not a number") }
            longSize = value
          }
        }
      case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
        members.append(Member(name: longName ?? Self.name(header), start: start, count: size))
        (longName, longSize) = (nil, nil)
      case UInt8(ascii: "5"), UInt8(ascii: "g"), UInt8(ascii: "K"):
        // Directories, comments for all, long link names: nothing of it matters here.
        if type == UInt8(ascii: "5") { (longName, longSize) = (nil, nil) }
      default:
        let kind = String(decoding: [type], as: UTF8.self)
        throw DataError(
          .unsupported, "\(path):\(longName ?? Self.name(header))",
          "it is a link or special member (type \(kind))",
          remedy: "write plain files into the archive (tar --dereference --hard-dereference)")
      }
      offset = start + (size + Self.block - 1) / Self.block * Self.block
    }
  }

  /// The sum of a header's bytes, its own field counting as blanks.
  private static func hasChecksum(_ header: [UInt8]) -> Bool {
    guard let stored = number(header[148..<156]) else { return false }
    var sum = 0
    for (index, byte) in header.enumerated() { sum += (148..<156).contains(index) ? 0x20 : Int(byte) }
    return sum == stored
  }

  /// Octal digits, or for large values a number of 64 bits behind a mark (GNU).
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if field.first == 0x80 {
      let bytes = field.dropFirst()
      guard bytes.dropLast(8).allSatisfy({ $0 == 0 }) else { return nil }
      let value = bytes.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      return value <= UInt64(Int.max >> 1) ? Int(value) : nil
    }
    var value = 0
    var digits = 0
    for byte in field.drop(while: { $0 == 0x20 }) {
      if byte == 0 || byte == 0x20 { break }
      guard (0x30...0x37).contains(byte) else { return nil }
      value = value << 3 | Int(byte - 0x30)
      digits += 1
    }
    return digits > 0 ? value : nil
  }

  private static func name(_ header: [UInt8]) -> String {
    func text(_ range: Range<Int>) -> String {
      String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self)
    }
    let prefix = header[257..<262].elementsEqual("ustar".utf8) && header[262] == 0 ? text(345..<500) : ""
    return prefix.isEmpty ? text(0..<100) : prefix + "/" + text(0..<100)
  }

  /// Records of the form `12 path=name\n`, the number counting the whole record.
  private static func pax(_ content: [UInt8]) -> [String: String]? {
    var records: [String: String] = [:]
    var rest = content[...]
    while !rest.isEmpty {
      guard let blank = rest.firstIndex(of: 0x20),
        let length = Int(String(decoding: rest[..<blank], as: UTF8.self)),
        length > 0, length <= rest.count
      else { return nil }
      let end = rest.startIndex + length
      guard blank + 1 < end, rest[end - 1] == 0x0A,
        let equals = rest[(blank + 1)..<end].firstIndex(of: UInt8(ascii: "="))
      else { return nil }
      records[String(decoding: rest[(blank + 1)..<equals], as: UTF8.self)] =
        String(decoding: rest[(equals + 1)..<(end - 1)], as: UTF8.self)
      rest = rest[end...]
    }
    return records
  }
}
