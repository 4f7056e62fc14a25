internal import Glibc

/// Where operations run: the threads, and the buffers that results are put into.
///
/// Every operation is a method in an extension of `Compute`, one per file in `Operations/`. A `Compute` is passed
/// along, never global; several models may share one. Operations on one `Compute` take turns on its threads.
public final class Compute: Sendable {
  /// The threads.
  public let pool: ThreadPool
  private let buffers = BufferCache()

  /// A place to run operations.
  /// - Parameter threads: how many threads work; the default is every processor this process may use.
  public init(threads: Int = ThreadPool.availableProcessors) { pool = ThreadPool(threads: threads) }

  /// How many threads work.
  public var threads: Int { pool.threads }

  /// A float32 tensor whose elements are not set yet. Whoever asks for it writes all of it before sharing it.
  public func uninitialized(_ shape: Shape) -> Tensor {
    Tensor(
      shape: shape, dtype: .float32, storage: buffers.storage(byteCount: max(shape.count, 1) * 4),
      byteOffset: 0)
  }

  /// A float32 tensor of zeros.
  public func zeros(_ shape: Shape) -> Tensor {
    let result = uninitialized(shape)
    memset(result.storage.base, 0, shape.count * 4)
    return result
  }

  /// A float32 tensor with these elements in row-major order.
  public func tensor(_ values: [Float], _ shape: Shape) -> Tensor {
    precondition(values.count == shape.count, "tensor: \(values.count) values for shape \(shape)")
    let result = uninitialized(shape)
    values.withUnsafeBytes { if let base = $0.baseAddress { memcpy(result.storage.base, base, $0.count) } }
    return result
  }

  /// Bytes of buffers that tensors of this `Compute` hold now. Mapped weights and the kernels' scratch are not among them.
  public var liveBytes: Int { buffers.bytes.live }

  /// The most bytes that tensors held at once since ``forgetPeak()``.
  public var peakBytes: Int { buffers.bytes.peak }

  /// Counts ``peakBytes`` anew from what is held now.
  public func forgetPeak() { buffers.forgetPeak() }

  /// Gives idle buffers back to the system.
  public func trim() { buffers.trim() }
}
