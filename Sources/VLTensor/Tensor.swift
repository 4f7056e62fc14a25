/// A contiguous row-major array: a shape and a view into a ``Storage``.
///
/// Tensors are values; copying one copies no elements. Activations are float32; bfloat16 and float16 occur only as
/// weights, which stay where they lie in their file.
public struct Tensor: Sendable {
  /// The sizes of the axes.
  public let shape: Shape
  /// The element type.
  public let dtype: DType
  /// The bytes this tensor looks into.
  public let storage: Storage
  /// Where the first element lies in ``storage``.
  public let byteOffset: Int
  /// Where it came from, if a variable is behind it.
  let node: GradientNode?

  /// A view into `storage`.
  public init(shape: Shape, dtype: DType, storage: Storage, byteOffset: Int) {
    self.init(shape: shape, dtype: dtype, storage: storage, byteOffset: byteOffset, node: nil)
  }

  private init(shape: Shape, dtype: DType, storage: Storage, byteOffset: Int, node: GradientNode?) {
    precondition(
      byteOffset >= 0 && byteOffset + shape.count * dtype.size <= storage.byteCount,
      "Tensor: \(shape) of \(dtype) at byte \(byteOffset) lies outside a storage of \(storage.byteCount) bytes"
    )
    self.shape = shape
    self.dtype = dtype
    self.storage = storage
    self.byteOffset = byteOffset
    self.node = node
  }

  /// The same elements with another history.
  func with(_ node: GradientNode) -> Tensor {
    Tensor(shape: shape, dtype: dtype, storage: storage, byteOffset: byteOffset, node: node)
  }

  /// How many elements there are.
  public var count: Int { shape.count }
  /// How many bytes the elements take.
  public var byteCount: Int { shape.count * dtype.size }

  /// The first element's address. Valid while this tensor (or another view of its storage) lives.
  public var raw: UnsafeMutableRawPointer { storage.base + byteOffset }

  /// The first element's address, for float32 tensors.
  public var floats: UnsafeMutablePointer<Float> {
    precondition(dtype == .float32, "Tensor.floats: the elements are \(dtype)")
    return raw.assumingMemoryBound(to: Float.self)
  }

  /// The same elements under another shape.
  public func reshaped(_ shape: Shape) -> Tensor {
    precondition(
      shape.count == self.shape.count, "reshaped: \(self.shape) has not as many elements as \(shape)")
    return Tensor(shape: shape, dtype: dtype, storage: storage, byteOffset: byteOffset, node: node)
  }

  /// Rows `range` of the first axis, as a view. Not recorded: the view has no history.
  public subscript(rows range: Range<Int>) -> Tensor {
    precondition(
      shape.rank >= 1 && range.lowerBound >= 0 && range.upperBound <= shape[0], "rows \(range) of \(shape)")
    let row = shape.axes.dropFirst().reduce(1, *)
    return Tensor(
      shape: Shape([range.count] + shape.axes.dropFirst()), dtype: dtype, storage: storage,
      byteOffset: byteOffset + range.lowerBound * row * dtype.size)
  }

  /// The elements as an array of float32, converted exactly if they are stored narrower.
  public func array() -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { convertToFloat32(into: base) }
      initialized = count
    }
  }
}
