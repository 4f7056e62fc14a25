/// Where a tracked tensor came from: a variable, or a recorded operation with what its backward pass needs.
///
/// Recording follows the operands: an operation records itself if one of its operands is tracked, and then its result
/// is tracked. There is no mode, and where nothing is tracked nothing is recorded.
///
/// Nodes are made by a forward pass and used up by one backward pass, both on the training run's own thread; they are
/// Sendable only because tensors are.
public final class GradientNode: @unchecked Sendable {
  /// The shape of what it stands for. A tensor that only has another shape shares the node.
  private let shape: Shape
  /// Longest way to a variable: an operation comes before whatever its operands came from in a backward pass.
  let depth: Int
  /// The nodes of the tracked operands.
  private(set) var sources: [GradientNode]
  /// Passes the gradient of the result on to the operands.
  private var backward: ((_ gradient: Tensor, _ isOwned: Bool) -> Void)?
  private let variable: Variable?
  private var sum: Tensor?
  /// Whether `sum` is this node's alone, so that it may be added to in place.
  private var ownsSum = false

  /// A variable's node.
  init(_ variable: Variable) {
    self.variable = variable
    shape = variable.value.shape
    depth = 0
    sources = []
  }

  /// An operation's node.
  /// - Parameters:
  ///   - shape: of the operation's result.
  ///   - sources: the nodes of its operands.
  ///   - backward: gets the gradient, and whether it is nobody else's, so that it may be written over.
  init(
    _ shape: Shape, sources: [GradientNode],
    backward: @escaping (_ gradient: Tensor, _ isOwned: Bool) -> Void
  ) {
    variable = nil
    self.shape = shape
    depth = 1 + (sources.map(\.depth).max() ?? 0)
    self.sources = sources
    self.backward = backward
  }

  /// Adds to the gradient. `body` gets a sum that it may add to in place, or nil, and returns the new sum, which must
  /// be nobody else's.
  func accumulate(_ compute: Compute, _ body: (Tensor?) -> Tensor) {
    if let variable { return variable.accumulate { body($0).reshaped(shape) } }
    if let old = sum, !ownsSum {
      sum = compute.add(old, body(nil).reshaped(shape))
    } else {
      sum = body(sum).reshaped(shape)
    }
    ownsSum = true
  }

  /// Adds a gradient that others may hold as well.
  func accumulate(shared gradient: Tensor, _ compute: Compute) {
    let gradient = gradient.reshaped(shape)
    if let variable {
      return variable.accumulate { old in
        old.map { compute.sum($0, plus: gradient) } ?? compute.copy(gradient)
      }
    }
    if let old = sum {
      sum = ownsSum ? compute.sum(old, plus: gradient) : compute.add(old, gradient)
      ownsSum = true
    } else {
      sum = gradient
      ownsSum = false
    }
  }

  /// Runs the backward function on the gradient that has come together, and lets go of what was kept for it.
  func propagate() {
    let gradient = sum
    let backward = backward
    sum = nil
    self.backward = nil
    sources = []
    if let gradient, let backward { backward(gradient, ownsSum) }
  }
}

extension Tensor {
  /// Whether a backward pass from here reaches a variable.
  public var isTracked: Bool { node != nil }

  /// The same elements with no history.
  public var untracked: Tensor {
    Tensor(shape: shape, dtype: dtype, storage: storage, byteOffset: byteOffset)
  }

  /// This tensor as the value of a variable: operations on it are recorded.
  public func tracked(by variable: Variable) -> Tensor { with(GradientNode(variable)) }

  /// This tensor as the result of an operation on `operands`, if one of them is tracked.
  /// - Parameters:
  ///   - operands: what the operation read; nil for one that it did without.
  ///   - backward: gets the gradient of this tensor and passes gradients on to the operands or their nodes. It must
  ///     hold neither the result nor values that it does not need.
  /// - Returns: the tensor, tracked if an operand is.
  func recorded(_ operands: Tensor?..., backward: @escaping (Tensor) -> Void) -> Tensor {
    let sources = operands.compactMap { $0?.node }
    return sources.isEmpty
      ? self : with(GradientNode(shape, sources: sources) { gradient, _ in backward(gradient) })
  }

  /// The same for an operation whose gradient can be made in place: `backward` is also told whether it may write over
  /// the gradient of this tensor.
  func recordedInPlace(
    _ operand: Tensor, backward: @escaping (_ gradient: Tensor, _ isOwned: Bool) -> Void
  ) -> Tensor {
    guard let source = operand.node else { return self }
    return with(GradientNode(shape, sources: [source], backward: backward))
  }

  /// Adds to this operand's gradient, if it is tracked. `body` gets a sum that it may add to in place, or nil, and
  /// returns the new sum.
  func addGradient(on compute: Compute, _ body: (Tensor?) -> Tensor) { node?.accumulate(compute, body) }
}

extension Compute {
  /// Adds to the gradients of all variables that `result` was computed from: those of `seed · Σ result`.
  ///
  /// What the forward pass kept is let go on the way, so a result can be walked once.
  /// - Parameters:
  ///   - result: usually the loss, `[1]`.
  ///   - seed: what the result is multiplied by, such as 1 / number of supervised tokens.
  public func backward(_ result: Tensor, seed: Float = 1) {
    backward(result, gradient: tensor([Float](repeating: seed, count: result.count), result.shape))
  }

  /// Adds to the gradients of all variables that `result` was computed from, given the gradient of `result`.
  public func backward(_ result: Tensor, gradient: Tensor) {
    precondition(result.shape == gradient.shape, "backward: \(gradient.shape) for \(result.shape)")
    guard let root = result.node else { return }
    root.accumulate(shared: gradient, self)
    // Every node once, deepest first; equals in the order of discovery, which is the same every time.
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var nodes = [root]
    var next = 0
    while next < nodes.count {
      for source in nodes[next].sources where seen.insert(ObjectIdentifier(source)).inserted {
        nodes.append(source)
      }
      next += 1
    }
    let order = nodes.indices.sorted { (-nodes[$0].depth, $0) < (-nodes[$1].depth, $1) }
    for index in order { nodes[index].propagate() }
  }
}
