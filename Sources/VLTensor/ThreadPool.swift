internal import CKernels

/// The threads that operations run on. A value to pass, never a global: whoever loads a model owns one.
///
/// The caller's thread takes part in the work. Results never depend on the number of threads.
public final class ThreadPool: Sendable {
  /// The C pool. Immutable after `init`; `ck_parallel_for` serialises callers itself, so sharing it is safe.
  nonisolated(unsafe) let handle: OpaquePointer

  /// How many threads work, the caller's included.
  public let threads: Int

  /// Starts a pool.
  /// - Parameter threads: at least 1; the default is the number of processors this process may use.
  public init(threads: Int = ThreadPool.availableProcessors) {
    precondition(threads >= 1, "ThreadPool: threads must be at least 1, got \(threads)")
    guard let handle = ck_pool_create(Int32(threads)) else {
      preconditionFailure("ThreadPool: \(threads) threads could not be started")
    }
    self.handle = handle
    self.threads = threads
  }

  deinit { ck_pool_destroy(handle) }

  /// Calls `body` once for every index in `0..<count`, spread over the threads; returns when all are done.
  ///
  /// `body` runs concurrently with itself and must not use this pool again.
  public func parallelFor(_ count: Int, _ body: @Sendable (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
      withUnsafePointer(to: body) { pointer in
        ck_parallel_for(
          handle, Int64(count),
          { context, index, _ in
            context!.assumingMemoryBound(to: (@Sendable (Int) -> Void).self).pointee(Int(index))
          }, UnsafeMutableRawPointer(mutating: pointer))
      }
    }
  }
}
