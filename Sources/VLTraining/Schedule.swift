internal import Glibc

/// What the learning rates are multiplied by, step by step.
///
/// It rises in a straight line during the warm-up, from 1/warmup at the first step to 1 at the last of it, and then
/// follows its shape down to the floor, which the step after the last would reach.
public struct Schedule: Sendable, Equatable {
  /// What follows the warm-up, and its numbers.
  public let shape: Recipe.ScheduleShape

  /// A schedule.
  public init(_ shape: Recipe.ScheduleShape) { self.shape = shape }

  /// The factor at a step of a schedule of `total` steps; after them, where it ends.
  /// - Parameters:
  ///   - step: from 0.
  ///   - total: the run's steps.
  /// - Returns: 0...1, to multiply rates by.
  public func factor(step: Int, total: Int) -> Double {
    factor(
      step: step, progress: Double(step) / Double(total), warmupEnd: Double(shape.warmup) / Double(total))
  }

  /// The factor at a step of a run whose number of steps is not known.
  /// - Parameters:
  ///   - step: from 0.
  ///   - progress: how much of the run is done, 0...1.
  ///   - warmupEnd: how much of it the warm-up took, once it is over.
  /// - Returns: 0...1, to multiply rates by.
  public func factor(step: Int, progress: Double, warmupEnd: Double) -> Double {
    if step < shape.warmup { return Double(step + 1) / Double(shape.warmup) }
    let rest = 1 - warmupEnd
    let share = rest > 0 ? min(1, max(0, (progress - warmupEnd) / rest)) : 1
    return switch shape.shape {
    case .constant: 1
    case .linear: shape.floor + (1 - shape.floor) * (1 - share)
    case .cosine: shape.floor + (1 - shape.floor) * (1 + cos(.pi * share)) / 2
    }
  }
}
