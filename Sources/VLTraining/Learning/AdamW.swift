public import VLModels
public import VLTensor

/// AdamW over all variables that learn, with clipping by the gradient's global norm.
public struct AdamW: Sendable {
  /// What learns.
  public let learners: [Learner]
  /// The means of each learner's gradients.
  public let moments: [AdamWMoments]
  /// How many steps each learner has taken: those in which it had a gradient.
  public internal(set) var steps: [Int]
  private let settings: Recipe.Optimizer
  private let rates: [ModelPart: Double]

  /// An optimiser whose means are 0.
  public init(_ learners: [Learner], _ recipe: Recipe, on compute: Compute) {
    self.learners = learners
    settings = recipe.optimizer
    steps = learners.map { _ in 0 }
    rates = recipe.learn.mapValues(\.rate)
    moments = learners.map {
      AdamWMoments(
        first: compute.zeros($0.variable.value.shape), second: compute.zeros($0.variable.value.shape))
    }
  }

  /// The learning rate of each part that learns, times the schedule's factor.
  public func rates(factor: Double) -> [ModelPart: Double] { rates.mapValues { $0 * factor } }

  /// The gradient's norm over all variables, before clipping.
  public func gradientNorm(on compute: Compute) -> Double {
    compute.sumOfSquares(learners.compactMap(\.variable.gradient)).squareRoot()
  }

  /// The name of a variable whose gradient holds something that is no number.
  public func brokenGradient() -> String? {
    learners.first { $0.variable.gradient?.isFinite == false }?.name
  }

  /// Moves every variable that has a gradient, and forgets the gradients.
  ///
  /// A variable without one (the encoder's, in a step without images) stays as it is, decay and means included, as
  /// PyTorch does.
  /// - Parameters:
  ///   - factor: what the schedule multiplies the learning rates by.
  ///   - norm: the gradient's norm.
  ///   - compute: what it is computed with.
  public mutating func step(factor: Double, norm: Double, on compute: Compute) {
    var updates: [(variable: Variable, gradient: Tensor, moments: AdamWMoments, terms: AdamWTerms)] = []
    for (index, learner) in learners.enumerated() {
      guard let gradient = learner.variable.gradient else { continue }
      steps[index] += 1
      updates.append(
        (
          learner.variable, gradient, moments[index],
          AdamWTerms(
            step: steps[index], rate: factor * learner.rate,
            decay: learner.decays ? settings.decay : 0,
            beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon)
        ))
    }
    compute.adamW(updates, gradientScale: scale(for: norm))
    clearGradients()
  }

  /// Forgets the gradients.
  public func clearGradients() { for learner in learners { learner.variable.clearGradient() } }

  /// What clipping multiplies the gradient by.
  func scale(for norm: Double) -> Float {
    guard let clip = settings.clip else { return 1 }
    return Float(min(1, clip / (norm + 1e-6)))
  }
}
