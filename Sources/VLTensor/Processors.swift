internal import CKernels

extension ThreadPool {
  /// The number of processors that this process may run on (its affinity mask and CPU quota), at least 1.
  public static var availableProcessors: Int { Int(ck_available_processors()) }
}
