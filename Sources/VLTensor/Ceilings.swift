internal import CKernels

/// What this machine can do at most, measured now, on the threads of a ``Compute``.
public struct Ceilings: Sendable {
  /// float32 fused multiply-adds: FLOP/s.
  public let flops: Double
  /// Streaming reads: bytes/s.
  public let readBandwidth: Double
}

extension Compute {
  /// Measures the ceilings, each for about `seconds`. Reads stream over the bytes of `tensor` if one is given,
  /// otherwise over a fresh buffer of 1 GiB.
  public func measureCeilings(seconds: Double, reading tensor: Tensor? = nil) -> Ceilings {
    let flops = ck_peak_flops(pool.handle, seconds)
    let memory = tensor ?? zeros([1 << 28])
    let bandwidth = withExtendedLifetime(memory) {
      ck_peak_read(pool.handle, memory.raw, Int64(memory.byteCount), seconds)
    }
    return Ceilings(flops: flops, readBandwidth: bandwidth)
  }

  /// The instruction set that the kernels use: `avx512`, `avx2`, `neon` or `plain`.
  public var instructionSet: String { String(cString: ck_isa_name(ck_isa_current())) }
}
