internal import CKernels
internal import Glibc

/// What the kernels are compiled for, several times over; the best that the machine runs is used, and all give the same bits.
public enum InstructionSet: String, Sendable, CaseIterable {
  /// No vector instructions beyond what the compiler finds by itself.
  case plain
  /// 64-bit ARM.
  case neon
  /// AVX2 with FMA and F16C.
  case avx2
  /// AVX-512 F, BW, DQ and VL.
  case avx512

  /// Whether this machine, and this build, can run it.
  public var isAvailable: Bool {
    switch self {
    case .plain: ck_isa_available(CK_ISA_PLAIN)
    case .neon: ck_isa_available(CK_ISA_NEON)
    case .avx2: ck_isa_available(CK_ISA_AVX2)
    case .avx512: ck_isa_available(CK_ISA_AVX512)
    }
  }

  /// What is wrong with the environment variable `VLM_ISA`, as a sentence; nil when it is unset, empty or names a set that
  /// is available.
  ///
  /// The kernels themselves pass over a value they cannot follow: whoever starts a program for a person asks here first.
  public static var environmentProblem: String? {
    guard let value = getenv("VLM_ISA").map({ String(cString: $0) }), !value.isEmpty else { return nil }
    if let wanted = InstructionSet(rawValue: value), wanted.isAvailable { return nil }
    let available = allCases.filter(\.isAvailable).map(\.rawValue).joined(separator: ", ")
    let problem = InstructionSet(rawValue: value) == nil ? "is no instruction set" : "cannot be run here"
    return "the environment variable VLM_ISA=\(value) \(problem); available are: \(available)"
  }
}
