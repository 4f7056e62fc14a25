internal import CKernels

/// What AdamW needs to know of one variable besides its gradient.
public struct AdamWTerms: Sendable {
  /// How many steps the variable has taken, this one included: from 1.
  public var step: Int
  /// The learning rate of this step.
  public var rate: Double
  /// The decoupled weight decay; a step multiplies the elements by 1 − rate · decay.
  public var decay: Double
  /// How much of the mean gradient is kept per step.
  public var beta1: Double
  /// How much of the mean squared gradient is kept per step.
  public var beta2: Double
  /// Added to the root of the mean squared gradient.
  public var epsilon: Double

  /// The terms of one variable.
  public init(step: Int, rate: Double, decay: Double, beta1: Double, beta2: Double, epsilon: Double) {
    self.step = step
    self.rate = rate
    self.decay = decay
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
  }
}

/// The running means that AdamW keeps of a variable's gradient; float32, of the variable's shape.
public struct AdamWMoments: Sendable {
  /// The mean of the gradients.
  public let first: Tensor
  /// The mean of their squares.
  public let second: Tensor

  /// Means that were kept elsewhere, in storages of their own: steps write into them.
  public init(first: Tensor, second: Tensor) {
    precondition(first.shape == second.shape, "AdamWMoments: \(first.shape) and \(second.shape)")
    self.first = first
    self.second = second
  }
}

extension Compute {
  /// The sum of the squares of all elements of all tensors, in double: the square of the global norm.
  ///
  /// The order of the additions depends on the shapes alone, never on the threads.
  public func sumOfSquares(_ tensors: [Tensor]) -> Double {
    withExtendedLifetime(tensors) {
      ck_sum_of_squares(
        pool.handle, tensors.map { UnsafePointer($0.floats) }, tensors.map { Int64($0.count) },
        Int64(tensors.count))
    }
  }

  /// One step of AdamW (Loshchilov and Hutter: decay apart from the gradient) in place, in one pass over memory.
  ///
  /// Nobody else may read the variables or the moments meanwhile. The same bits for any number of threads.
  /// - Parameters:
  ///   - updates: each variable that moves, with its gradient, means and terms.
  ///   - gradientScale: what gradients are multiplied by, as clipping asks.
  public func adamW(
    _ updates: [(variable: Variable, gradient: Tensor, moments: AdamWMoments, terms: AdamWTerms)],
    gradientScale: Float
  ) {
    let tensors = updates.map { update in
      precondition(
        update.gradient.shape == update.variable.value.shape
          && update.moments.first.shape == update.variable.value.shape,
        "adamW: a gradient \(update.gradient.shape) and moments \(update.moments.first.shape) for "
          + "\(update.variable.value.shape)")
      return ck_adamw_tensor(
        parameter: update.variable.value.floats, gradient: update.gradient.floats,
        first: update.moments.first.floats, second: update.moments.second.floats,
        count: Int64(update.gradient.count), step: Int64(update.terms.step),
        rate: update.terms.rate, decay: update.terms.decay,
        beta1: update.terms.beta1, beta2: update.terms.beta2, epsilon: update.terms.epsilon)
    }
    withExtendedLifetime(updates) {
      ck_adamw(pool.handle, tensors, Int64(tensors.count), gradientScale)
    }
  }
}
