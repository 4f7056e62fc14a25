public import VLNN
public import VLTensor

// Shapes in this file: T new positions, S positions held by the cache and new, H width, h query heads and g kv heads
// of d columns, I MLP width, V vocabulary.

/// Grouped-query attention.
struct TextAttention: Layer {
  var query, key, value, output: Linear
  let heads, kvHeads, headDim: Int

  init(_ c: Qwen2VLConfiguration.Text) {
    heads = c.heads
    kvHeads = c.kvHeads
    headDim = c.headDim
    query = Linear(c.width, c.heads * c.headDim, bias: true)
    key = Linear(c.width, c.kvHeads * c.headDim, bias: true)
    value = Linear(c.width, c.kvHeads * c.headDim, bias: true)
    output = Linear(c.heads * c.headDim, c.width, bias: false)
  }

  mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try query.visitParameters(prefix + "q_proj.", &visitor)
    try key.visitParameters(prefix + "k_proj.", &visitor)
    try value.visitParameters(prefix + "v_proj.", &visitor)
    try output.visitParameters(prefix + "o_proj.", &visitor)
  }

  /// x `[T, H]` → `[T, H]`, `residual` added.
  func callAsFunction<Source: KeyValueSource & ~Copyable>(
    _ x: Tensor, residual: Tensor, layer: Int, rotary: RotaryTable, source: inout Source, on compute: Compute
  ) -> Tensor {
    let projected = Linear.group(x, [query, key, value], on: compute)
    let q = compute.rotary(projected[0], heads: heads, headDim: headDim, table: rotary)
    let k = compute.rotary(projected[1], heads: kvHeads, headDim: headDim, table: rotary)
    let seen = source.keysAndValues(layer: layer, k: k, v: projected[2])
    let attended = compute.attention(
      q: HeadColumns(q), k: HeadColumns(seen.keys), v: HeadColumns(seen.values), heads: heads,
      kvHeads: kvHeads, headDim: headDim, segments: seen.segments)
    return output(attended, residual: residual, on: compute)
  }
}

/// SwiGLU: down(silu(gate(x)) · up(x)).
struct GatedMLP: Layer {
  var gate, up, down: Linear

  init(_ c: Qwen2VLConfiguration.Text) {
    gate = Linear(c.width, c.mlpWidth, bias: false)
    up = Linear(c.width, c.mlpWidth, bias: false)
    down = Linear(c.mlpWidth, c.width, bias: false)
  }

  mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try gate.visitParameters(prefix + "gate_proj.", &visitor)
    try up.visitParameters(prefix + "up_proj.", &visitor)
    try down.visitParameters(prefix + "down_proj.", &visitor)
  }

  /// x `[T, H]` → `[T, H]`, `residual` added.
  func callAsFunction(_ x: Tensor, residual: Tensor, on compute: Compute) -> Tensor {
    let hidden = Linear.group(x, [gate, up], on: compute)
    return down(compute.siluProduct(gate: hidden[0], up: hidden[1]), residual: residual, on: compute)
  }
}

/// x + attention(norm(x)), then x + mlp(norm(x)).
struct TextBlock: Layer {
  var inputNorm, postAttentionNorm: RMSNorm
  var attention: TextAttention
  var mlp: GatedMLP

  init(_ c: Qwen2VLConfiguration.Text) {
    inputNorm = RMSNorm(c.width, epsilon: c.normEpsilon)
    postAttentionNorm = RMSNorm(c.width, epsilon: c.normEpsilon)
    attention = TextAttention(c)
    mlp = GatedMLP(c)
  }

  mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try inputNorm.visitParameters(prefix + "input_layernorm.", &visitor)
    try postAttentionNorm.visitParameters(prefix + "post_attention_layernorm.", &visitor)
    try attention.visitParameters(prefix + "self_attn.", &visitor)
    try mlp.visitParameters(prefix + "mlp.", &visitor)
  }

  func callAsFunction<Source: KeyValueSource & ~Copyable>(
    _ x: Tensor, layer: Int, rotary: RotaryTable, source: inout Source, on compute: Compute
  ) -> Tensor {
    let y = attention(
      inputNorm(x, on: compute), residual: x, layer: layer, rotary: rotary, source: &source, on: compute)
    return mlp(postAttentionNorm(y, on: compute), residual: y, on: compute)
  }
}

/// The Qwen2 text model with multimodal rotary positions (M-RoPE: Qwen2-VL paper, section 2.1).
///
/// It departs from a textbook decoder so: biases on q, k and v only; grouped kv heads; RMSNorm before each part;
/// rotary over three position axes, in contiguous sections of the frequencies.
public struct LanguageModel: Layer {
  var embedding: Embedding
  var blocks: [TextBlock]
  var norm: RMSNorm
  /// nil where the head is tied to the embedding.
  var head: Linear?
  let configuration: Qwen2VLConfiguration.Text

  /// A text model of these sizes, without elements yet.
  public init(_ c: Qwen2VLConfiguration.Text) {
    configuration = c
    embedding = Embedding(c.vocabularySize, c.width)
    blocks = (0..<c.depth).map { _ in TextBlock(c) }
    norm = RMSNorm(c.width, epsilon: c.normEpsilon)
    head = c.tiedHead ? nil : Linear(c.width, c.vocabularySize, bias: false)
  }

  /// Visits every parameter under its published name.
  public mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try embedding.visitParameters(prefix + "model.embed_tokens.", &visitor)
    for index in blocks.indices {
      try blocks[index].visitParameters(prefix + "model.layers.\(index).", &visitor)
    }
    try norm.visitParameters(prefix + "model.norm.", &visitor)
    if var head {
      try head.visitParameters(prefix + "lm_head.", &visitor)
      self.head = head
    }
  }

  /// An empty cache for one sequence.
  public func makeCache(capacity: Int, on compute: Compute) -> KVCache {
    KVCache(
      layers: blocks.count, width: configuration.kvHeads * configuration.headDim, capacity: capacity,
      on: compute)
  }

  /// Runs the blocks over new positions that follow what the cache holds.
  /// - Parameters:
  ///   - embeddings: `[T, H]`.
  ///   - positions: `[3][T]`: temporal, height and width ids.
  ///   - cache: holds what came before; grows by T positions.
  ///   - compute: what it is computed with.
  ///   - observe: sees the input of each block, `[T, H]`.
  /// - Returns: the last block's output `[T, H]`, before the final norm.
  public func callAsFunction(
    _ embeddings: Tensor, positions: [[Int]], cache: inout KVCache, on compute: Compute,
    observe: (Int, Tensor) -> Void = { _, _ in }
  ) -> Tensor {
    let new = embeddings.shape[0]
    let rotary = rotaryTable(positions, on: compute)
    cache.reserve(new, on: compute)
    var x = embeddings
    for (index, block) in blocks.enumerated() {
      observe(index, x)
      x = block(x, layer: index, rotary: rotary, source: &cache, on: compute)
    }
    cache.advance(new)
    return x
  }

  /// Runs the blocks over whole samples, packed one after another.
  /// - Parameters:
  ///   - embeddings: `[T, H]`.
  ///   - positions: `[3][T]`, starting anew with each sample.
  ///   - samples: each sample's places.
  ///   - recomputeEvery: every n-th block keeps nothing but its input for the backward pass; 0 for none.
  ///   - compute: what it is computed with.
  /// - Returns: the last block's output `[T, H]`, before the final norm.
  public func callAsFunction(
    _ embeddings: Tensor, positions: [[Int]], samples: [Range<Int>], recomputeEvery: Int = 0,
    on compute: Compute
  ) -> Tensor {
    let rotary = rotaryTable(positions, on: compute)
    let source = PackedSamples(samples)
    var x = embeddings
    for (index, block) in blocks.enumerated() {
      let run: (TextBlock, Tensor) -> Tensor = { block, x in
        var source = source
        return block(x, layer: index, rotary: rotary, source: &source, on: compute)
      }
      let isRecomputed = recomputeEvery > 0 && index % recomputeEvery == 0
      x = isRecomputed ? block.recomputed(x, on: compute, run) : run(block, x)
    }
    return x
  }

  private func rotaryTable(_ positions: [[Int]], on compute: Compute) -> RotaryTable {
    let c = configuration
    return compute.rotaryTable(
      positions: positions,
      axes: c.mropeSections.enumerated().flatMap { axis, count in [Int](repeating: axis, count: count) },
      frequencies: rotaryFrequencies(dim: c.headDim, base: c.ropeTheta))
  }

  /// Scores of every vocabulary entry: hidden `[T, H]` → `[T, V]`.
  public func logits(_ hidden: Tensor, on compute: Compute) -> Tensor {
    let normed = norm(hidden, on: compute)
    return compute.linear(normed, headWeight)
  }

  /// The sum of the cross-entropies of some places: hidden `[T, H]`, before the final norm → `[1]`.
  /// - Parameters:
  ///   - hidden: `[T, H]`, before the final norm.
  ///   - targets: per place the id it is to predict, or a negative number.
  ///   - compute: what it is computed with.
  /// - Returns: `[1]`.
  public func loss(_ hidden: Tensor, targets: [Int], on compute: Compute) -> Tensor {
    let places = targets.indices.filter { targets[$0] >= 0 }
    // Places that predict nothing need no scores.
    let chosen = places.count == targets.count ? hidden : compute.gatherRows(hidden, places)
    return compute.crossEntropy(
      norm(chosen, on: compute), head: headWeight, targets: places.map { targets[$0] })
  }

  private var headWeight: Tensor { head?.weight.tensor ?? embedding.weight.tensor }
}
