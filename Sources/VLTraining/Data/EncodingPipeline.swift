internal import Glibc

/// Works ahead on threads of its own, and hands the results out in order. How many threads there are changes nothing
/// but the time.
final class EncodingPipeline {
  typealias Work = @Sendable (_ draw: Draw, _ thread: Int) -> Result<EncodedSample, any Error>

  private let shared: Shared
  private let work: Work
  private var threads: [pthread_t] = []

  /// - Parameters:
  ///   - schedule: what comes, in order.
  ///   - count: how many threads; with none, the caller's works.
  ///   - lookahead: how many results are held at most.
  ///   - work: what is done with each.
  init(_ schedule: DrawSchedule, threads count: Int, lookahead: Int, work: @escaping Work) {
    self.work = work
    shared = Shared(schedule, lookahead: max(1, lookahead))
    for index in 0..<count {
      let context = Unmanaged.passRetained(Worker(shared: shared, work: work, index: index))
      var thread = pthread_t()
      let status = pthread_create(
        &thread, nil,
        { context in
          guard let context else { return nil }
          let worker = Unmanaged<Worker>.fromOpaque(context).takeRetainedValue()
          worker.run()
          return nil
        }, context.toOpaque())
      // With fewer threads, or none, the results are the same.
      if status == 0 { threads.append(thread) } else { context.release() }
    }
  }

  deinit {
    shared.stop()
    for thread in threads { pthread_join(thread, nil) }
  }

  /// The next result, which stays the next one until it is consumed; nil at the end.
  func next() -> (draw: Draw, result: Result<EncodedSample, any Error>)? {
    if threads.isEmpty {
      if let done = shared.peek() { return done }
      guard let (number, draw) = shared.claim(waiting: false) else { return nil }
      shared.finish(number, draw, work(draw, 0))
    }
    return shared.wait()
  }

  /// Goes past the result that ``next()`` gave.
  func consume() { shared.consume() }

  private final class Worker: Sendable {
    let shared: Shared
    let work: Work
    let index: Int

    init(shared: Shared, work: @escaping Work, index: Int) {
      self.shared = shared
      self.work = work
      self.index = index
    }

    func run() {
      while let (number, draw) = shared.claim(waiting: true) {
        shared.finish(number, draw, work(draw, index))
      }
    }
  }

  /// What the threads share. Unchecked: everything mutable is touched with the lock held only.
  private final class Shared: @unchecked Sendable {
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var schedule: DrawSchedule
    private let lookahead: Int
    private var done: [Int: (draw: Draw, result: Result<EncodedSample, any Error>)] = [:]
    private var claimed = 0
    private var consumed = 0
    private var atEnd = false
    private var stopped = false

    init(_ schedule: DrawSchedule, lookahead: Int) {
      self.schedule = schedule
      self.lookahead = lookahead
      pthread_mutex_init(lock, nil)
      pthread_cond_init(changed, nil)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(lock)
      changed.deallocate()
      lock.deallocate()
    }

    private func locked<R>(_ body: () -> R) -> R {
      pthread_mutex_lock(lock)
      defer { pthread_mutex_unlock(lock) }
      return body()
    }

    /// Something to work on; nil when there is nothing more to do.
    func claim(waiting: Bool) -> (Int, Draw)? {
      locked {
        while waiting && !stopped && !atEnd && claimed - consumed >= lookahead {
          pthread_cond_wait(changed, lock)
        }
        guard !stopped, !atEnd else { return nil }
        guard let draw = schedule.next() else {
          atEnd = true
          pthread_cond_broadcast(changed)
          return nil
        }
        defer { claimed += 1 }
        return (claimed, draw)
      }
    }

    func finish(_ number: Int, _ draw: Draw, _ result: Result<EncodedSample, any Error>) {
      locked {
        done[number] = (draw, result)
        pthread_cond_broadcast(changed)
      }
    }

    func peek() -> (draw: Draw, result: Result<EncodedSample, any Error>)? { locked { done[consumed] } }

    func wait() -> (draw: Draw, result: Result<EncodedSample, any Error>)? {
      locked {
        while true {
          if let result = done[consumed] { return result }
          if atEnd && consumed == claimed { return nil }
          pthread_cond_wait(changed, lock)
        }
      }
    }

    func consume() {
      locked {
        done[consumed] = nil
        consumed += 1
        pthread_cond_broadcast(changed)
      }
    }

    func stop() {
      locked {
        stopped = true
        pthread_cond_broadcast(changed)
      }
    }
  }
}
