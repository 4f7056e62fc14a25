internal import Dispatch

/// The executor of one actor: a queue with a thread of its own, so that seconds of arithmetic never starve the threads
/// that Swift's tasks share.
final class EngineThread: SerialExecutor {
  private let queue = DispatchQueue(label: "vlm.engine", qos: .userInitiated)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
