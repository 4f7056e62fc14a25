/// Reads the orientation out of EXIF data: a TIFF header and one directory, in either byte order.
///
/// Metadata never makes a picture unreadable: whatever is cut off, out of range or of a wrong type counts as absent.
enum EXIF {
  /// The orientation in the data of an APP1 segment, an eXIf chunk or an EXIF chunk, with or without the
  /// `Exif` prefix; ``Orientation/upright`` if there is none.
  static func orientation(_ data: some RandomAccessCollection<UInt8>) -> Orientation {
    // A directory needs no more than this to be found; more is a thumbnail.
    var bytes = Array(data.prefix(1 << 20))
    if bytes.starts(with: "Exif\0\0".utf8) { bytes.removeFirst(6) }
    let reader: TIFFReader
    if bytes.starts(with: "II".utf8) {
      reader = TIFFReader(bytes: bytes, bigEndian: false)
    } else if bytes.starts(with: "MM".utf8) {
      reader = TIFFReader(bytes: bytes, bigEndian: true)
    } else {
      return .upright
    }
    guard reader.uint16(at: 2) == 42, let directory = reader.uint32(at: 4),
      let entries = reader.uint16(at: directory)
    else { return .upright }
    for index in 0..<entries {
      let entry = directory + 2 + index * 12
      guard let tag = reader.uint16(at: entry) else { return .upright }
      guard tag == 0x0112 else { continue }
      guard let type = reader.uint16(at: entry + 2), reader.uint32(at: entry + 4) == 1 else {
        return .upright
      }
      let value: Int? =
        switch type {
        case 1: reader.uint8(at: entry + 8)
        case 3: reader.uint16(at: entry + 8)
        case 4: reader.uint32(at: entry + 8)
        default: nil
        }
      return value.flatMap(Orientation.init(rawValue:)) ?? .upright
    }
    return .upright
  }
}

/// Numbers at offsets, nil outside the data.
private struct TIFFReader {
  let bytes: [UInt8]
  let bigEndian: Bool

  func uint8(at offset: Int) -> Int? { offset < bytes.count ? Int(bytes[offset]) : nil }

  func uint16(at offset: Int) -> Int? {
    guard offset + 2 <= bytes.count else { return nil }
    let (a, b) = (Int(bytes[offset]), Int(bytes[offset + 1]))
    return bigEndian ? a << 8 | b : b << 8 | a
  }

  func uint32(at offset: Int) -> Int? {
    guard let a = uint16(at: offset), let b = uint16(at: offset + 2) else { return nil }
    return bigEndian ? a << 16 | b : b << 16 | a
  }
}
