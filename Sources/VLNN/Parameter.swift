public import VLTensor

/// A weight of a network: a shape from the start, elements once a visitor has bound them.
public struct Parameter: Sendable {
  /// How the elements are kept.
  public enum Role: Sendable, Equatable {
    /// A matrix or a table, used in whatever type the file has, where it lies.
    case matrix
    /// A norm's weight or a bias: a few kilobytes, converted (exactly) to float32 when bound.
    case vector
  }

  /// The shape that the network expects.
  public let shape: Shape
  /// How the elements are kept.
  public let role: Role
  private var bound: Tensor?
  /// What learns, where this parameter is being trained.
  public private(set) var variable: Variable?

  /// A parameter without elements.
  public init(_ shape: Shape, _ role: Role) {
    self.shape = shape
    self.role = role
  }

  /// Whether the elements are there.
  public var isBound: Bool { bound != nil }

  /// The elements. A network is only handed out with all of its parameters bound.
  public var tensor: Tensor {
    guard let bound else { preconditionFailure("Parameter: \(shape) has no elements yet") }
    return bound
  }

  /// Binds the elements: any type for a matrix, float32 for a vector.
  public mutating func bind(_ tensor: Tensor) {
    precondition(tensor.shape.count == shape.count, "Parameter: \(tensor.shape) cannot stand for \(shape)")
    precondition(role == .matrix || tensor.dtype == .float32, "Parameter: a vector is kept in float32")
    bound = tensor.reshaped(shape)
    variable = nil
  }

  /// Makes the parameter learn: a float32 variable takes the place of its elements, which are copied.
  public mutating func makeVariable(on compute: Compute) {
    let variable = Variable(compute.float32(tensor).reshaped(shape))
    bound = variable.value.tracked(by: variable)
    self.variable = variable
  }

  /// Stops the parameter from learning; its elements stay as they are.
  public mutating func freeze() {
    bound = variable?.value ?? bound
    variable = nil
  }
}

/// A walk over a network's parameters. Loading, counting, checking and (later) freezing, sharding and optimising are
/// visitors.
public protocol ParameterVisitor {
  /// Sees one parameter under its name in published checkpoints.
  mutating func visit(_ parameter: inout Parameter, named name: String) throws
  /// Sees a linear map as a whole, after its parameters; `prefix` is its name with the final dot. What works on
  /// low-rank adapters uses it; others need not say anything.
  mutating func visit(_ linear: inout Linear, named prefix: String) throws
}

extension ParameterVisitor {
  /// Nothing.
  public mutating func visit(_ linear: inout Linear, named prefix: String) throws {}
}

/// A part of a network: a struct that is called like a function and names each of its parameters once.
public protocol Layer: Sendable {
  /// Visits every parameter, a line per field; `prefix` is the part's own name with its final dot, or empty.
  mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws
}

extension Layer {
  /// Every parameter's name, shape and role in visiting order, those of low-rank adapters included.
  public func parameterList(_ prefix: String = "") -> [(name: String, parameter: Parameter)] {
    var copy = self
    var lister = ParameterLister()
    // A visitor that does not throw cannot make the walk throw.
    try? copy.visitParameters(prefix, &lister)
    return lister.list
  }
}

private struct ParameterLister: ParameterVisitor {
  var list: [(name: String, parameter: Parameter)] = []
  mutating func visit(_ parameter: inout Parameter, named name: String) { list.append((name, parameter)) }
  mutating func visit(_ linear: inout Linear, named prefix: String) {
    guard let adapter = linear.adapter else { return }
    list.append((prefix + LowRankAdapter.downName, adapter.down))
    list.append((prefix + LowRankAdapter.upName, adapter.up))
  }
}
