public import VLTensor

/// Binds a network's parameters to a checkpoint's tensors: the visitor that loads.
///
/// It goes on after a problem, so that one run lists everything that is missing or of the wrong shape.
public struct CheckpointBinder: ParameterVisitor {
  /// What did not fit, a line each.
  public private(set) var problems: [String] = []
  /// The names in the file that were used.
  public private(set) var used: Set<String> = []
  private let checkpoint: Checkpoint
  private let names: WeightNames
  private let compute: Compute

  /// A binder.
  public init(_ checkpoint: Checkpoint, names: WeightNames, on compute: Compute) {
    self.checkpoint = checkpoint
    self.names = names
    self.compute = compute
  }

  /// Binds one parameter, or notes why not.
  public mutating func visit(_ parameter: inout Parameter, named name: String) {
    let name = names.stored(name)
    used.insert(name)
    guard let info = checkpoint.info(name) else {
      problems.append("tensor \(name) \(parameter.shape) is missing")
      return
    }
    // A convolution's kernel is a matrix, with its inner axes taken together.
    let flat: Shape =
      info.shape.rank > 2 ? [info.shape[0], info.shape.axes.dropFirst().reduce(1, *)] : info.shape
    guard flat == parameter.shape else {
      problems.append("tensor \(name) has the shape \(info.shape); config.json asks for \(parameter.shape)")
      return
    }
    do {
      let tensor = try checkpoint.tensor(name)
      parameter.bind(parameter.role == .vector ? compute.float32(tensor) : tensor)
    } catch {
      problems.append("\(error)")
    }
  }
}
