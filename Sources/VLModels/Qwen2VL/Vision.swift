public import VLMedia
public import VLNN
public import VLTensor

// Shapes in this file: N patches of all images together, E encoder width, h heads of d = E/h, M merged tokens = N/4,
// H text width. Patches are in the processor's order: 2×2 blocks that merge are neighbours.

/// One block of the encoder: x + attention(norm1(x)), then x + mlp(norm2(x)).
struct VisionBlock: Layer {
  var norm1, norm2: LayerNorm
  var qkv, projection: Linear
  var fc1, fc2: Linear
  let heads: Int

  init(_ c: Qwen2VLConfiguration.Vision) {
    norm1 = LayerNorm(c.width, epsilon: 1e-6)
    norm2 = LayerNorm(c.width, epsilon: 1e-6)
    qkv = Linear(c.width, 3 * c.width, bias: true)
    projection = Linear(c.width, c.width, bias: true)
    fc1 = Linear(c.width, c.mlpWidth, bias: true)
    fc2 = Linear(c.mlpWidth, c.width, bias: true)
    heads = c.heads
  }

  mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try norm1.visitParameters(prefix + "norm1.", &visitor)
    try norm2.visitParameters(prefix + "norm2.", &visitor)
    try qkv.visitParameters(prefix + "attn.qkv.", &visitor)
    try projection.visitParameters(prefix + "attn.proj.", &visitor)
    try fc1.visitParameters(prefix + "mlp.fc1.", &visitor)
    try fc2.visitParameters(prefix + "mlp.fc2.", &visitor)
  }

  /// x `[N, E]` → `[N, E]`
  func callAsFunction(_ x: Tensor, rotary: RotaryTable, segments: [AttentionSegment], on compute: Compute)
    -> Tensor
  {
    let width = x.shape.last
    let headDim = width / heads
    // q and k lie side by side in the fused projection, so one rotation covers both: 2h heads.
    let qkv = compute.rotary(
      qkv(norm1(x, on: compute), on: compute), heads: 2 * heads, headDim: headDim, table: rotary)
    let attended = compute.attention(
      q: HeadColumns(qkv), k: HeadColumns(qkv, column: width), v: HeadColumns(qkv, column: 2 * width),
      heads: heads, kvHeads: heads, headDim: headDim, segments: segments)
    let y = projection(attended, residual: x, on: compute)
    return compute.inRowChunks(y) { rows in
      fc2(
        fc1(norm2(rows, on: compute), activation: .quickGELU, on: compute), residual: rows, on: compute)
    }
  }
}

/// Merges each 2×2 block of patches into one token of the text model's width.
struct VisionMerger: Layer {
  var norm: LayerNorm
  var first, second: Linear

  init(_ c: Qwen2VLConfiguration.Vision) {
    let merged = c.width * c.mergeSize * c.mergeSize
    norm = LayerNorm(c.width, epsilon: 1e-6)
    first = Linear(merged, merged, bias: true)
    second = Linear(merged, c.outputWidth, bias: true)
  }

  mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    try norm.visitParameters(prefix + "ln_q.", &visitor)
    try first.visitParameters(prefix + "mlp.0.", &visitor)
    try second.visitParameters(prefix + "mlp.2.", &visitor)
  }

  /// x `[N, E]` → `[M, H]`
  func callAsFunction(_ x: Tensor, on compute: Compute) -> Tensor {
    let merged = first.weight.shape[1]
    let blocks = norm(x, on: compute).reshaped([x.count / merged, merged])
    return second(first(blocks, activation: .gelu, on: compute), on: compute)
  }
}

/// The vision encoder: a ViT with 2-D rotary positions and attention inside each temporal slice of each image
/// (Qwen2-VL paper, section 2.1).
///
/// It departs from a textbook ViT so: no position embedding and no class token; rotary over rows and columns; patches
/// are two frames deep; a 2×2 merger follows the last block.
public struct VisionEncoder: Layer {
  var patchEmbedding: Linear
  var blocks: [VisionBlock]
  var merger: VisionMerger
  let configuration: Qwen2VLConfiguration.Vision

  /// An encoder of these sizes, without elements yet.
  public init(_ c: Qwen2VLConfiguration.Vision) {
    configuration = c
    patchEmbedding = Linear(c.patchValues, c.width, bias: false)
    blocks = (0..<c.depth).map { _ in VisionBlock(c) }
    merger = VisionMerger(c)
  }

  /// Visits every parameter under its published name.
  public mutating func visitParameters<V: ParameterVisitor>(_ prefix: String, _ visitor: inout V) throws {
    // Published as a Conv3d kernel [E, 3, 2, 14, 14], whose rows are the matrix product's.
    try patchEmbedding.visitParameters(prefix + "patch_embed.proj.", &visitor)
    for index in blocks.indices { try blocks[index].visitParameters(prefix + "blocks.\(index).", &visitor) }
    try merger.visitParameters(prefix + "merger.", &visitor)
  }

  /// Encodes the patches of any number of images or videos.
  /// - Parameters:
  ///   - patches: `[N, 1176]`, all images' rows in order.
  ///   - grids: one (t, h, w) per image, in patches; N = Σ t·h·w.
  ///   - recomputeEvery: every n-th block keeps nothing but its input for a backward pass; 0 for none.
  ///   - compute: what it is computed with.
  ///   - progress: called after each block with the blocks done and the blocks in all; returning false stops.
  /// - Returns: `[M, H]`, all images' tokens in order; nil if stopped.
  public func callAsFunction(
    _ patches: Tensor, grids: [GridTHW], recomputeEvery: Int = 0, on compute: Compute,
    progress: (Int, Int) -> Bool = { _, _ in true }
  ) -> Tensor? {
    precondition(
      patches.shape == [grids.reduce(0) { $0 + $1.patches }, configuration.patchValues],
      "VisionEncoder: patches \(patches.shape) for grids \(grids)")
    let headDim = configuration.width / configuration.heads
    let quarter = headDim / 4
    let frequencies = rotaryFrequencies(dim: headDim / 2, base: 10000)
    let rotary = compute.rotaryTable(
      positions: blockPositions(grids, mergeSize: configuration.mergeSize),
      axes: [Int](repeating: 0, count: quarter) + [Int](repeating: 1, count: quarter),
      frequencies: frequencies + frequencies)
    let segments = sliceSegments(grids)
    var x = patchEmbedding(patches, on: compute)
    for (index, block) in blocks.enumerated() {
      let run: (VisionBlock, Tensor) -> Tensor = { block, x in
        block(x, rotary: rotary, segments: segments, on: compute)
      }
      let isRecomputed = recomputeEvery > 0 && index % recomputeEvery == 0
      x = isRecomputed ? block.recomputed(x, on: compute, run) : run(block, x)
      if !progress(index + 1, blocks.count) { return nil }
    }
    return merger(x, on: compute)
  }
}

/// The row and the column of every patch, in the processor's order: 2×2 blocks row by row, each block row by row.
func blockPositions(_ grids: [GridTHW], mergeSize: Int) -> [[Int]] {
  var rows: [Int] = []
  var columns: [Int] = []
  let count = grids.reduce(0) { $0 + $1.patches }
  rows.reserveCapacity(count)
  columns.reserveCapacity(count)
  for grid in grids {
    for _ in 0..<grid.t {
      for blockRow in 0..<grid.h / mergeSize {
        for blockColumn in 0..<grid.w / mergeSize {
          for row in 0..<mergeSize {
            for column in 0..<mergeSize {
              rows.append(blockRow * mergeSize + row)
              columns.append(blockColumn * mergeSize + column)
            }
          }
        }
      }
    }
  }
  return [rows, columns]
}

/// One attention segment per temporal slice of each image: nothing else ever attends to it.
func sliceSegments(_ grids: [GridTHW]) -> [AttentionSegment] {
  var segments: [AttentionSegment] = []
  var start = 0
  for grid in grids {
    for _ in 0..<grid.t {
      let range = start..<start + grid.h * grid.w
      segments.append(AttentionSegment(queries: range, keys: range, causal: false))
      start = range.upperBound
    }
  }
  return segments
}
