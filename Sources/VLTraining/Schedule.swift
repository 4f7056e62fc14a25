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

  /// The factor at a step.
  /// - Parameters:
  ///   - step: from 0.
  ///   - total: how many steps there are in all.
  public func factor(step: Int, total: Int) -> Double {
    if step < shape.warmup { return Double(step + 1) / Double(shape.warmup) }
    let rest = max(1, total - shape.warmup)
    let progress = min(1, Double(step - shape.warmup) / Double(rest))
    return switch shape.shape {
    case .constant: 1
    case .linear: shape.floor + (1 - shape.floor) * (1 - progress)
    case .cosine: shape.floor + (1 - shape.floor) * (1 + cos(.pi * progress)) / 2
    }
  }
}
