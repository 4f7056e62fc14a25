public import VLTensor

/// The element types of the safetensors format, by their names in a header.
public enum SafetensorsType: String, Sendable, Hashable, CaseIterable {
  /// One byte, 0 or 1.
  case bool = "BOOL"
  /// 4-bit floats, two to a byte.
  case float4 = "F4"
  /// 6-bit floats with 2 exponent bits.
  case float6E2M3 = "F6_E2M3"
  /// 6-bit floats with 3 exponent bits.
  case float6E3M2 = "F6_E3M2"
  /// Unsigned, 8 bits.
  case uint8 = "U8"
  /// Signed, 8 bits.
  case int8 = "I8"
  /// 8-bit floats with 5 exponent bits.
  case float8E5M2 = "F8_E5M2"
  /// 8-bit floats with 4 exponent bits.
  case float8E4M3 = "F8_E4M3"
  /// 8-bit exponents.
  case float8E8M0 = "F8_E8M0"
  /// 8-bit floats with 4 exponent bits, without infinities and negative zero.
  case float8E4M3FNUZ = "F8_E4M3FNUZ"
  /// 8-bit floats with 5 exponent bits, without infinities and negative zero.
  case float8E5M2FNUZ = "F8_E5M2FNUZ"
  /// Signed, 16 bits.
  case int16 = "I16"
  /// Unsigned, 16 bits.
  case uint16 = "U16"
  /// IEEE 754 binary16.
  case float16 = "F16"
  /// The upper half of binary32.
  case bfloat16 = "BF16"
  /// Signed, 32 bits.
  case int32 = "I32"
  /// Unsigned, 32 bits.
  case uint32 = "U32"
  /// IEEE 754 binary32.
  case float32 = "F32"
  /// Pairs of binary32: real and imaginary part.
  case complex64 = "C64"
  /// IEEE 754 binary64.
  case float64 = "F64"
  /// Signed, 64 bits.
  case int64 = "I64"
  /// Unsigned, 64 bits.
  case uint64 = "U64"

  /// The type that tensors of `dtype` are stored as.
  public init(_ dtype: DType) {
    switch dtype {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    }
  }

  /// Bits per element.
  public var bitWidth: Int {
    switch self {
    case .float4: 4
    case .float6E2M3, .float6E3M2: 6
    case .bool, .uint8, .int8, .float8E5M2, .float8E4M3, .float8E8M0, .float8E4M3FNUZ, .float8E5M2FNUZ: 8
    case .int16, .uint16, .float16, .bfloat16: 16
    case .int32, .uint32, .float32: 32
    case .complex64, .float64, .int64, .uint64: 64
    }
  }

  /// The type that weights of it have, if it is one that the kernels multiply by.
  public var dtype: DType? {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    default: nil
    }
  }

  /// The bytes that `shape` takes; nil if they are no whole number or do not fit `Int`.
  ///
  /// The product over the axes that are not 0 has to fit as well: code that steps along an axis multiplies the others.
  func byteCount(_ axes: [Int]) -> Int? {
    var count = 1
    for axis in axes where axis != 0 {
      let (product, overflow) = count.multipliedReportingOverflow(by: axis)
      if overflow { return nil }
      count = product
    }
    let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
    if overflow { return nil }
    if axes.contains(0) { return 0 }
    return bits % 8 == 0 ? bits / 8 : nil
  }
}
