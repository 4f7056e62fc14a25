internal import Glibc
public import VLTensor

/// Gives parameters random elements to train from: the visitor that initialises.
///
/// | parameter | elements |
/// |---|---|
/// | bias | 0 |
/// | norm weight | 1 |
/// | embedding | normal, deviation 0.02 |
/// | matrix whose output is added to the residual stream | normal, deviation 1 / √(inputs · 2 · blocks) |
/// | any other matrix | normal, deviation 1 / √inputs |
///
/// Each parameter's numbers depend on the seed and its name alone.
public struct RandomInitializer: ParameterVisitor {
  private let seed: UInt64
  private let compute: Compute
  private let blocks: (String) -> Int

  /// An initialiser.
  /// - Parameters:
  ///   - seed: of the random elements.
  ///   - compute: where the tensors live.
  ///   - blocks: for the name of a matrix whose output is added to the residual stream, how many blocks that stream
  ///     passes; 0 for every other.
  public init(seed: UInt64, on compute: Compute, blocks: @escaping (String) -> Int) {
    self.seed = seed
    self.compute = compute
    self.blocks = blocks
  }

  /// Gives one parameter its elements, float32.
  public mutating func visit(_ parameter: inout Parameter, named name: String) {
    let tensor = compute.uninitialized(parameter.shape)
    let values = UnsafeMutableBufferPointer(start: tensor.floats, count: tensor.count)
    guard parameter.role == .matrix else {
      values.update(repeating: name.hasSuffix(".bias") ? 0 : 1)
      return parameter.bind(tensor)
    }
    var deviation = 1 / Double(parameter.shape.last).squareRoot()
    if name.hasSuffix("embed_tokens.weight") { deviation = 0.02 }
    let passes = blocks(name)
    if passes > 0 { deviation /= Double(2 * passes).squareRoot() }
    var random = SplitMix64(seed: seed, stream: name)
    for index in values.indices { values[index] = Float(random.nextNormal() * deviation) }
    parameter.bind(tensor)
  }
}
