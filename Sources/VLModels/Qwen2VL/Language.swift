public import VLNN
public import VLTensor

// Shapes in this file: T new positions, S positions held by the cache and new, H width, h query heads and g kv heads
// of d columns, I MLP width, V vocabulary.

/// Grouped-query attention with a KV cache.
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
  func callAsFunction(
    _ x: Tensor, residual: Tensor, layer: Int, rotary: RotaryTable, cache: inout KVCache, on compute: Compute
  ) -> Tensor {
    let projected = compute.linear(x, [query.map(), key.map(), value.map()])
    let q = compute.rotary(projected[0], heads: heads, headDim: headDim, table: rotary)
    let k = compute.rotary(projected[1], heads: kvHeads, headDim: headDim, table: rotary)
    let (keys, values) = cache.append(layer: layer, k: k, v: projected[2])
    let attended = compute.attention(
      q: HeadColumns(q), k: HeadColumns(keys), v: HeadColumns(values), heads: heads, kvHeads: kvHeads,
      headDim: headDim,
      segments: [AttentionSegment(queries: 0..<x.shape[0], keys: 0..<keys.shape[0], causal: true)])
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
    let hidden = compute.linear(x, [gate.map(), up.map()])
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

  func callAsFunction(
    _ x: Tensor, layer: Int, rotary: RotaryTable, cache: inout KVCache, on compute: Compute
  ) -> Tensor {
    let y = attention(
      inputNorm(x, on: compute), residual: x, layer: layer, rotary: rotary, cache: &cache, on: compute)
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
  ///   - embeddings: `[T, H]`
  ///   - positions: `[3][T]`: temporal, height and width ids.
  ///   - observe: sees the input of each block, `[T, H]`.
  /// - Returns: the last block's output `[T, H]`, before the final norm.
  public func callAsFunction(
    _ embeddings: Tensor, positions: [[Int]], cache: inout KVCache, on compute: Compute,
    observe: (Int, Tensor) -> Void = { _, _ in }
  ) -> Tensor {
    let new = embeddings.shape[0]
    let c = configuration
    let rotary = compute.rotaryTable(
      positions: positions,
      axes: c.mropeSections.enumerated().flatMap { axis, count in [Int](repeating: axis, count: count) },
      frequencies: rotaryFrequencies(dim: c.headDim, base: c.ropeTheta))
    cache.reserve(new, on: compute)
    var x = embeddings
    for (index, block) in blocks.enumerated() {
      observe(index, x)
      x = block(x, layer: index, rotary: rotary, cache: &cache, on: compute)
    }
    cache.advance(new)
    return x
  }

  /// Scores of every vocabulary entry: hidden `[T, H]` → `[T, V]`.
  public func logits(_ hidden: Tensor, on compute: Compute) -> Tensor {
    let normed = norm(hidden, on: compute)
    return compute.linear(normed, head?.weight.tensor ?? embedding.weight.tensor)
  }
}
