internal import Synchronization

/// Studios for whoever draws: as many as ever drew at the same time.
final class StudioPool: Sendable {
  let fonts: SynthFonts
  private let idle = Mutex<[Studio]>([])

  init(fonts: SynthFonts) { self.fonts = fonts }

  /// Calls `body` with a studio that nobody else uses meanwhile.
  func use<Result>(_ body: (Studio) throws -> Result) rethrows -> Result {
    let studio = idle.withLock { $0.popLast() } ?? Studio(fonts: fonts)
    defer { idle.withLock { $0.append(studio) } }
    return try body(studio)
  }
}
