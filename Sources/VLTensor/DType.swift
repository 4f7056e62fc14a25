public import CKernels

/// The element types that weights may have. Activations are always ``float32``.
public enum DType: String, Sendable, Hashable, CaseIterable {
  /// IEEE 754 binary32.
  case float32
  /// The upper half of binary32: 8 exponent bits, 7 stored mantissa bits.
  case bfloat16
  /// IEEE 754 binary16.
  case float16

  /// Bytes per element.
  public var size: Int { self == .float32 ? 4 : 2 }

  /// The kernels' name for this type.
  public var kernel: ck_dtype {
    switch self {
    case .float32: CK_F32
    case .bfloat16: CK_BF16
    case .float16: CK_F16
    }
  }
}
