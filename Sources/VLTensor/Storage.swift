internal import CKernels
internal import Glibc
internal import Synchronization

/// A run of bytes that tensors look into: a buffer of a ``Compute``, or part of a mapped file.
///
/// Storage is written only while the tensor that owns it is being made (or, for a KV cache, by the one conversation
/// that owns the cache); afterwards it is read-only, which is what makes sharing it across threads safe.
public final class Storage: @unchecked Sendable {
  /// The first byte, aligned to 64 for buffers and to whatever the file has for mappings.
  public let base: UnsafeMutableRawPointer
  /// How many bytes there are.
  public let byteCount: Int
  /// Gives the bytes back.
  private let release: @Sendable (UnsafeMutableRawPointer, Int) -> Void

  /// Wraps memory that `release` gives back when the last tensor is gone.
  public init(
    base: UnsafeMutableRawPointer, byteCount: Int,
    release: @escaping @Sendable (UnsafeMutableRawPointer, Int) -> Void
  ) {
    self.base = base
    self.byteCount = byteCount
    self.release = release
  }

  deinit { release(base, byteCount) }
}

/// Buffers kept for reuse, so that the large activations of layer after layer do not cost the system's zeroing of
/// fresh pages each time.
final class BufferCache: Sendable {
  private struct State: ~Copyable {
    var free: [Int: [UInt]] = [:]  // size class → addresses
    var idleBytes = 0
    var liveBytes = 0
    var peakBytes = 0
  }
  private let state = Mutex(State())

  /// Classes step by an eighth of a power of two, so at most 12.5 % of a buffer is unused.
  private static func sizeClass(_ bytes: Int) -> Int {
    let minimum = max(bytes, 256)
    let step = max(64, (1 << (Int.bitWidth - 1 - minimum.leadingZeroBitCount)) / 8)
    return (minimum + step - 1) / step * step
  }

  func storage(byteCount: Int) -> Storage {
    let size = Self.sizeClass(byteCount)
    let reused = state.withLock { state -> UInt? in
      state.liveBytes += size
      state.peakBytes = max(state.peakBytes, state.liveBytes)
      guard let address = state.free[size]?.popLast() else { return nil }
      state.idleBytes -= size
      return address
    }
    let base: UnsafeMutableRawPointer
    if let reused, let pointer = UnsafeMutableRawPointer(bitPattern: reused) {
      base = pointer
    } else {
      var fresh: UnsafeMutableRawPointer?
      // Large buffers start on a huge page and ask for them: fewer TLB misses in the products.
      let alignment = size >= 4 << 20 ? 2 << 20 : 64
      guard posix_memalign(&fresh, alignment, size) == 0, let fresh else {
        preconditionFailure("out of memory: a buffer of \(size) bytes could not be had")
      }
      if size >= 4 << 20 { _ = madvise(fresh, size, MADV_HUGEPAGE) }
      base = fresh
    }
    return Storage(base: base, byteCount: byteCount) { [self] pointer, byteCount in
      give(back: pointer, size: Self.sizeClass(byteCount))
    }
  }

  private func give(back pointer: UnsafeMutableRawPointer, size: Int) {
    state.withLock { state in
      state.free[size, default: []].append(UInt(bitPattern: pointer))
      state.idleBytes += size
      state.liveBytes -= size
    }
  }

  /// Bytes that tensors hold now, and the most that they held at once since the peak was last forgotten.
  var bytes: (live: Int, peak: Int) { state.withLock { ($0.liveBytes, $0.peakBytes) } }

  /// Counts the peak anew from what is held now.
  func forgetPeak() { state.withLock { $0.peakBytes = $0.liveBytes } }

  /// Returns every idle buffer to the system.
  func trim() {
    let all = state.withLock { state -> [UInt] in
      let all = state.free.values.flatMap { $0 }
      state.free = [:]
      state.idleBytes = 0
      return all
    }
    for address in all { free(UnsafeMutableRawPointer(bitPattern: address)) }
    ck_trim_memory()
  }

  deinit {
    let all = state.withLock { state in
      let all = state.free.values.flatMap { $0 }
      state.free = [:]
      return all
    }
    for address in all { free(UnsafeMutableRawPointer(bitPattern: address)) }
  }
}
