internal import VLTensor

/// A pointer that several threads use at once, each for rows of its own.
struct SharedPointer<Pointer>: @unchecked Sendable {
  // Safe because the users below hand every strip of rows to exactly one call, and wait for all of them.
  let pointer: Pointer
  init(_ pointer: Pointer) { self.pointer = pointer }
}

/// Cuts `0..<rows` into strips of `height` rows (the last may be shorter) and calls `body` for each, on the pool's
/// threads if there is a pool.
func inStrips(of height: Int, rows: Int, pool: ThreadPool?, _ body: @Sendable (Range<Int>) -> Void) {
  let strips = (rows + height - 1) / height
  if let pool, strips > 1 {
    pool.parallelFor(strips) { body($0 * height..<min(($0 + 1) * height, rows)) }
  } else {
    for index in 0..<strips { body(index * height..<min((index + 1) * height, rows)) }
  }
}
