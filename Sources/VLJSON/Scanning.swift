/// Well-formed UTF-8 (Unicode, table 3-7).
package enum UTF8Scanner {
  /// The length of the well-formed sequence of two to four bytes at `index`, or 0.
  @inlinable
  package static func sequenceLength(_ input: UnsafeBufferPointer<UInt8>, at index: Int) -> Int {
    let lead = input[index]
    let left = input.count - index
    @inline(__always) func isTail(_ offset: Int) -> Bool { input[index + offset] & 0xC0 == 0x80 }
    switch lead {
    case 0xC2...0xDF:
      return left >= 2 && isTail(1) ? 2 : 0
    case 0xE0...0xEF:
      guard left >= 3, isTail(1), isTail(2) else { return 0 }
      let second = input[index + 1]
      if lead == 0xE0 && second < 0xA0 || lead == 0xED && second > 0x9F { return 0 }
      return 3
    case 0xF0...0xF4:
      guard left >= 4, isTail(1), isTail(2), isTail(3) else { return 0 }
      let second = input[index + 1]
      if lead == 0xF0 && second < 0x90 || lead == 0xF4 && second > 0x8F { return 0 }
      return 4
    default:
      return 0
    }
  }

  /// Where the first byte lies that begins no well-formed sequence; nil if there is none.
  package static func firstFault(in input: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = 0
    while index < input.count {
      if input[index] < 0x80 {
        index += 1
      } else {
        let length = sequenceLength(input, at: index)
        if length == 0 { return index }
        index += length
      }
    }
    return nil
  }
}

/// The parts of a JSON string: runs without escapes, and escapes.
enum StringScanner {
  /// Goes over validated UTF-8 from `start` to the next quote or backslash and returns where that is; nil when the
  /// input ends first.
  static func plainRun(
    _ input: UnsafeBufferPointer<UInt8>, from start: Int,
    error: (JSONError.Problem, Int) -> JSONError
  ) throws(JSONError) -> Int? {
    let count = input.count
    var index = start
    while index < count {
      let byte = input[index]
      if byte < 0x80 {
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return index }
        if byte < 0x20 { throw error(.controlCharacter(byte), index) }
        index += 1
      } else {
        let length = UTF8Scanner.sequenceLength(input, at: index)
        if length == 0 {
          if isCutOff(input, at: index) { return nil }
          throw error(.invalidUTF8, index)
        }
        index += length
      }
    }
    return nil
  }

  /// Whether the input ends inside a sequence of which it has only the lead and well-formed continuations.
  private static func isCutOff(_ input: UnsafeBufferPointer<UInt8>, at index: Int) -> Bool {
    let needed =
      switch input[index] {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 0
      }
    return input.count - index < needed && input[(index + 1)...].allSatisfy { $0 & 0xC0 == 0x80 }
  }

  /// The scalar that the escape at `index` (a backslash) stands for and where the text goes on; nil if it is none.
  /// A pair of `\u` surrogates is one scalar; half a pair is no escape.
  static func escape(_ input: UnsafeBufferPointer<UInt8>, at index: Int) -> (Unicode.Scalar, Int)? {
    guard index + 1 < input.count else { return nil }
    let next = index + 2
    switch input[index + 1] {
    case UInt8(ascii: "\""): return ("\"", next)
    case UInt8(ascii: "\\"): return ("\\", next)
    case UInt8(ascii: "/"): return ("/", next)
    case UInt8(ascii: "b"): return ("\u{8}", next)
    case UInt8(ascii: "f"): return ("\u{C}", next)
    case UInt8(ascii: "n"): return ("\n", next)
    case UInt8(ascii: "r"): return ("\r", next)
    case UInt8(ascii: "t"): return ("\t", next)
    case UInt8(ascii: "u"):
      guard let unit = hexUnit(input, at: next) else { return nil }
      if let scalar = Unicode.Scalar(unit) { return (scalar, next + 4) }
      guard unit < 0xDC00, next + 5 < input.count, input[next + 4] == UInt8(ascii: "\\"),
        input[next + 5] == UInt8(ascii: "u"), let low = hexUnit(input, at: next + 6),
        (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
      else { return nil }
      return (scalar, next + 10)
    default: return nil
    }
  }

  private static func hexUnit(_ input: UnsafeBufferPointer<UInt8>, at index: Int) -> UInt32? {
    guard index + 4 <= input.count else { return nil }
    var value: UInt32 = 0
    for byte in input[index..<index + 4] {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt32(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt32(byte - UInt8(ascii: "a") + 10)
      case UInt8(ascii: "A")...UInt8(ascii: "F"): value = value << 4 | UInt32(byte - UInt8(ascii: "A") + 10)
      default: return nil
      }
    }
    return value
  }
}

/// JSON's number grammar.
enum NumberScanner {
  /// The number that starts at `start`, and where it ends; no number, and where the grammar was broken, otherwise.
  static func scan(
    _ input: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> (number: JSONReader.Number?, end: Int) {
    let count = input.count
    var index = start
    let isNegative = index < count && input[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }

    let integerStart = index
    var magnitude: UInt64 = 0
    var fits = true
    while index < count, let digit = digit(input[index]) {
      let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(digit)
      if overflow || carry { fits = false }
      magnitude = sum
      index += 1
    }
    if index == integerStart { return (nil, index) }
    if index - integerStart > 1 && input[integerStart] == UInt8(ascii: "0") { return (nil, integerStart + 1) }

    var isInteger = true
    if index < count && input[index] == UInt8(ascii: ".") {
      isInteger = false
      index += 1
      let fraction = index
      while index < count, digit(input[index]) != nil { index += 1 }
      if index == fraction { return (nil, index) }
    }
    if index < count && input[index] | 0x20 == UInt8(ascii: "e") {
      isInteger = false
      index += 1
      if index < count && (input[index] == UInt8(ascii: "+") || input[index] == UInt8(ascii: "-")) {
        index += 1
      }
      let exponent = index
      while index < count, digit(input[index]) != nil { index += 1 }
      if index == exponent { return (nil, index) }
    }

    if isInteger && fits {
      if isNegative {
        if magnitude == 0 { return (.double(-0.0), index) }
        if magnitude <= UInt64(Int.max) + 1 {
          return (.integer(Int(truncatingIfNeeded: 0 &- magnitude)), index)
        }
      } else {
        return (magnitude <= UInt64(Int.max) ? .integer(Int(magnitude)) : .unsigned(magnitude), index)
      }
    }
    let text = String(decoding: UnsafeBufferPointer(rebasing: input[start..<index]), as: UTF8.self)
    guard let value = Double(text), value.isFinite else { return (nil, start) }
    return (.double(value), index)
  }

  @inline(__always)
  private static func digit(_ byte: UInt8) -> UInt64? {
    let value = byte &- UInt8(ascii: "0")
    return value < 10 ? UInt64(value) : nil
  }
}
