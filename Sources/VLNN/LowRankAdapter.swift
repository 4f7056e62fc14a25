public import VLTensor

/// What LoRA adds to a frozen linear map: `scale · x · downᵀ · upᵀ` (Hu et al. 2021, section 4.1).
public struct LowRankAdapter: Sendable {
  /// `[rank, inputs]`: PEFT's `lora_A`.
  public var down: Parameter
  /// `[outputs, rank]`: PEFT's `lora_B`.
  public var up: Parameter
  /// alpha / rank.
  public let scale: Float

  /// The name of ``down`` behind its map's prefix, as PEFT spells it.
  public static let downName = "lora_A.weight"
  /// The name of ``up`` behind its map's prefix, as PEFT spells it.
  public static let upName = "lora_B.weight"

  /// An adapter without elements yet.
  public init(inputs: Int, outputs: Int, rank: Int, alpha: Float) {
    precondition(rank > 0, "LowRankAdapter: a rank of \(rank)")
    down = Parameter([rank, inputs], .matrix)
    up = Parameter([outputs, rank], .matrix)
    scale = alpha / Float(rank)
  }

  /// x `[rows, inputs]` → what is added, `[rows, outputs]`.
  public func callAsFunction(_ x: Tensor, on compute: Compute) -> Tensor {
    compute.linear(compute.scale(compute.linear(x, down.tensor), by: scale), up.tensor)
  }
}

/// Puts fresh adapters on the linear maps whose names end in one of the targets: uniform in ±1/√inputs down, zeros up, so
/// that nothing changes until they learn.
public struct AdapterAttacher: ParameterVisitor {
  /// The prefixes of the maps that got one.
  public private(set) var attached: [String] = []
  private let rank: Int
  private let alpha: Float
  private let seed: UInt64
  private let compute: Compute
  private let isTarget: (String) -> Bool

  /// A visitor that attaches.
  /// - Parameters:
  ///   - rank: columns in between, at least 1.
  ///   - alpha: the adapter's output is multiplied by alpha / rank.
  ///   - seed: of the random elements.
  ///   - compute: where the adapters' tensors live.
  ///   - isTarget: whether the map with this name (without a final dot) gets one.
  public init(
    rank: Int, alpha: Float, seed: UInt64, on compute: Compute, isTarget: @escaping (String) -> Bool
  ) {
    self.rank = rank
    self.alpha = alpha
    self.seed = seed
    self.compute = compute
    self.isTarget = isTarget
  }

  /// Leaves parameters alone.
  public mutating func visit(_ parameter: inout Parameter, named name: String) {}

  /// Attaches an adapter to a target.
  public mutating func visit(_ linear: inout Linear, named prefix: String) {
    guard isTarget(String(prefix.dropLast())) else { return }
    let shape = linear.weight.shape
    var adapter = LowRankAdapter(inputs: shape[1], outputs: shape[0], rank: rank, alpha: alpha)
    let down = compute.uninitialized(adapter.down.shape)
    var random = SplitMix64(seed: seed, stream: prefix + LowRankAdapter.downName)
    let bound = 1 / Double(shape[1]).squareRoot()
    for index in 0..<down.count { down.floats[index] = Float((random.nextUnit() * 2 - 1) * bound) }
    adapter.down.bind(down)
    adapter.up.bind(compute.zeros(adapter.up.shape))
    linear.adapter = adapter
    attached.append(prefix)
  }
}
