internal import Synchronization

/// A float32 tensor that learns: its elements, and the gradient that backward passes add up for it.
///
/// One training run owns its variables. The optimiser writes ``value``'s elements between steps, never while a forward
/// or backward pass runs; that is what makes it safe that the network's layers share them.
public final class Variable: Sendable {
  /// The elements, float32, in a storage of their own.
  public let value: Tensor
  private let sum = Mutex<Tensor?>(nil)

  /// A variable that takes over `value`, which nobody else may read afterwards; float32.
  public init(_ value: Tensor) {
    precondition(value.dtype == .float32, "Variable: the elements are \(value.dtype), float32 expected")
    self.value = value
  }

  /// The sum of the gradients since ``clearGradient()``, of the shape of ``value``; nil if none came.
  public var gradient: Tensor? { sum.withLock { $0 } }

  /// Forgets the gradient.
  public func clearGradient() { sum.withLock { $0 = nil } }

  /// Adds to the gradient. `body` gets the sum so far (nil at first) and returns the new one.
  func accumulate(_ body: (Tensor?) -> Tensor) {
    let old = gradient
    let new = body(old)
    sum.withLock { $0 = new }
  }
}
