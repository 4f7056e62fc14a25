/// The contents of a `data:` URL: `data:image/png;base64,iVBORw0…`.
///
/// Strict base64 (RFC 4648, section 4): no white space, no percent signs, padded, no stray bits in the last character.
public struct DataURL: Sendable, Hashable {
  /// The media type as written, such as `image/png`; empty if left out. It is not believed when decoding.
  public let mediaType: String
  /// The decoded bytes.
  public let bytes: [UInt8]

  /// Parses and decodes a URL.
  /// - Parameters:
  ///   - text: the whole URL.
  ///   - maxBytes: the most bytes it may decode to.
  ///   - name: what error messages call it.
  /// - Throws: ``MediaError``: `badDataURL`, `empty` or `tooLarge`.
  public init(
    _ text: String, maxBytes: Int = MediaLimits().maxBytes, name: String = "data: URL"
  ) throws(MediaError) {
    func bad(_ problem: String, _ remedy: String) -> MediaError {
      MediaError(.badDataURL, name: name, problem: problem, remedy: remedy)
    }
    var text = text
    text.makeContiguousUTF8()
    let utf8 = text.utf8
    guard text.prefix(5).lowercased() == "data:" else {
      throw bad("it does not start with data:", "write data:image/png;base64,…")
    }
    guard let comma = utf8.firstIndex(of: UInt8(ascii: ",")) else {
      throw bad("it has no comma between its type and its data", "write data:image/png;base64,…")
    }
    let head = text[utf8.index(utf8.startIndex, offsetBy: 5)..<comma]
    let parts = head.split(separator: ";", omittingEmptySubsequences: false)
    guard let last = parts.last, parts.count >= 2, last.lowercased() == "base64" else {
      throw bad("its data is not marked as base64", "encode the picture and write data:image/png;base64,…")
    }
    mediaType = String(parts[0])

    let encoded = utf8[utf8.index(after: comma)...]
    let count = encoded.count
    guard count > 0 else {
      throw MediaError(
        .empty, name: name, problem: "it has no data", remedy: "put the picture's base64 after the comma")
    }
    guard count / 4 * 3 <= maxBytes.addingReportingOverflow(2).partialValue else {
      throw MediaError(
        .tooLarge, name: name, problem: "it has more than \(maxBytes) bytes", remedy: "give a smaller picture"
      )
    }
    guard count % 4 == 0 else {
      throw bad(
        "its base64 has \(count) characters, not a multiple of 4", "encode it with padding (=), unbroken")
    }
    let decoded = encoded.withContiguousStorageIfAvailable { Self.decode($0) }
    switch decoded {
    case .bytes(let bytes)?: self.bytes = bytes
    case .badCharacter(let offset)?:
      throw bad(
        "character \(offset + 1) of its base64 is not one of A–Z a–z 0–9 + /",
        "encode it as standard base64, without spaces or percent signs")
    case .strayBits?, nil:
      throw bad("its base64 ends in bits that belong to no byte", "encode it again")
    }
    guard bytes.count <= maxBytes else {
      throw MediaError(
        .tooLarge, name: name, problem: "it has more than \(maxBytes) bytes", remedy: "give a smaller picture"
      )
    }
  }

  private enum Outcome {
    case bytes([UInt8])
    case badCharacter(at: Int)
    case strayBits
  }

  /// The value of each character, 64 and up for those outside the alphabet.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 255, count: 256)
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, character) in alphabet.utf8.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  /// Decodes a positive multiple of four characters.
  private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> Outcome {
    let padding =
      text[text.count - 1] != UInt8(ascii: "=") ? 0 : text[text.count - 2] != UInt8(ascii: "=") ? 1 : 2
    var bytes = [UInt8]()
    bytes.reserveCapacity(text.count / 4 * 3)
    let characters = text.count - padding
    return values.withUnsafeBufferPointer { values in
      var gathered: UInt32 = 0
      var bits = 0
      for index in 0..<characters {
        let value = values[Int(text[index])]
        guard value < 64 else { return .badCharacter(at: index) }
        gathered = gathered << 6 | UInt32(value)
        bits += 6
        if bits >= 8 {
          bits -= 8
          bytes.append(UInt8(truncatingIfNeeded: gathered >> UInt32(bits)))
        }
      }
      guard gathered & ((1 << UInt32(bits)) - 1) == 0 else { return .strayBits }
      return .bytes(bytes)
    }
  }
}
