internal import Glibc
public import VLTensor

/// The keys and values of one sequence, per layer, in order of the sequence.
///
/// A conversation owns its cache and hands it to the network as `inout`; nothing is hidden inside layers. It cannot be
/// copied, since copies would share buffers. Keys are stored rotated, float32.
public struct KVCache: KeyValueSource, ~Copyable, Sendable {
  private var keys: [Tensor]
  private var values: [Tensor]
  private let width: Int
  /// How many positions are held, in every layer once a forward pass is over.
  public private(set) var count: Int
  /// How many positions fit before the buffers grow.
  public private(set) var capacity: Int

  /// An empty cache.
  /// - Parameters:
  ///   - layers: the text model's layers.
  ///   - width: kv heads · head dimension.
  ///   - capacity: positions to make room for at once; the buffers grow when more come.
  ///   - compute: where the buffers live.
  public init(layers: Int, width: Int, capacity: Int, on compute: Compute) {
    self.width = width
    self.capacity = max(capacity, 1)
    count = 0
    let shape: Shape = [max(capacity, 1), width]
    keys = (0..<layers).map { _ in compute.uninitialized(shape) }
    values = (0..<layers).map { _ in compute.uninitialized(shape) }
  }

  /// Bytes held by the buffers.
  public var byteCount: Int { keys.count * 2 * capacity * width * 4 }

  /// Makes room for `more` positions beyond ``count``.
  public mutating func reserve(_ more: Int, on compute: Compute) {
    guard count + more > capacity else { return }
    let capacity = max(count + more, capacity + capacity / 2)
    for layer in keys.indices {
      keys[layer] = grown(keys[layer], to: capacity, on: compute)
      values[layer] = grown(values[layer], to: capacity, on: compute)
    }
    self.capacity = capacity
  }

  private func grown(_ old: Tensor, to capacity: Int, on compute: Compute) -> Tensor {
    let new = compute.uninitialized([capacity, width])
    withExtendedLifetime((old, new)) { _ = memcpy(new.raw, old.raw, count * width * 4) }
    return new
  }

  /// Puts the new keys and values of one layer behind those it holds, without yet counting them (``advance(_:)``).
  /// - Parameters:
  ///   - layer: from 0.
  ///   - k: `[new, width]`; room must have been reserved.
  ///   - v: as `k`.
  /// - Returns: all keys and all values of the layer, `[count + new, width]`, as views.
  public mutating func append(layer: Int, k: Tensor, v: Tensor) -> (keys: Tensor, values: Tensor) {
    let new = k.shape.rows
    precondition(
      count + new <= capacity && k.shape.last == width, "KVCache: \(k.shape) at \(count) of \(capacity)")
    let range = count..<count + new
    withExtendedLifetime((k, v)) {
      _ = memcpy(keys[layer][rows: range].raw, k.raw, k.byteCount)
      _ = memcpy(values[layer][rows: range].raw, v.raw, v.byteCount)
    }
    return (keys[layer][rows: 0..<range.upperBound], values[layer][rows: 0..<range.upperBound])
  }

  /// The new keys and values behind those held; every new query sees all that come before it in the sequence.
  public mutating func keysAndValues(layer: Int, k: Tensor, v: Tensor) -> KeysAndValues {
    let (keys, values) = append(layer: layer, k: k, v: v)
    return KeysAndValues(
      keys: keys, values: values,
      segments: [AttentionSegment(queries: 0..<k.shape.rows, keys: 0..<keys.shape[0], causal: true)])
  }

  /// Counts the positions that every layer has appended.
  public mutating func advance(_ new: Int) { count += new }

  /// Forgets everything from position `count` on, so that another continuation can follow a common prefix.
  public mutating func truncate(to count: Int) {
    precondition(count <= self.count, "KVCache: truncating \(self.count) positions to \(count)")
    self.count = count
  }
}
