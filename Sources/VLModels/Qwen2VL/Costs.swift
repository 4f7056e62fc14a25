public import VLMedia
internal import VLTensor

/// What work on a Qwen2-VL costs, from its sizes.
public struct Qwen2VLCosts: ModelCosts {
  let configuration: Qwen2VLConfiguration
  /// Bytes of the text model's blocks and of the head, as stored.
  let textBytes: Int
  /// Bytes of all weights, as stored.
  public let weightBytes: Int

  /// Weights of the text model's blocks, per multiply-add.
  private var blockWeights: Int {
    let t = configuration.text
    let attention = 2 * t.width * t.width + 2 * t.width * t.kvHeads * t.headDim
    return t.depth * (attention + 3 * t.width * t.mlpWidth)
  }

  /// Activations of the widest moment: input, normed input, q|k|v, attended, output; then the MLP's chunk.
  public func encodeMemory(patches: Int) -> Int {
    let v = configuration.vision
    let rows = min(patches, Compute.chunkRows)
    return 4 * (patches * (8 * v.width + v.patchValues) + rows * (2 * v.mlpWidth + 3 * v.width))
  }

  /// Residual stream, normed input, q, k, v, attended, both halves of the MLP and their product, one row of scores.
  public func prefillMemory(chunk: Int) -> Int {
    let t = configuration.text
    return 4 * (chunk * (8 * t.width + 4 * t.mlpWidth) + 3 * t.vocabularySize)
  }

  /// Keys and values of every layer, float32.
  public var cacheBytesPerToken: Int {
    let t = configuration.text
    return t.depth * 2 * t.kvHeads * t.headDim * 4
  }

  /// Projections per patch, attention per temporal slice, merger per token.
  public func encodeFLOPs(_ grids: [GridTHW]) -> Double {
    let v = configuration.vision
    let merged = v.width * v.mergeSize * v.mergeSize
    let block = 4 * v.width * v.width + 2 * v.width * v.mlpWidth
    let perPatch = 2.0 * Double(v.patchValues * v.width + v.depth * block)
    let perToken = 2.0 * Double(merged * merged + merged * v.outputWidth)
    return grids.reduce(0) { sum, grid in
      let slice = Double(grid.h * grid.w)
      let attention = 4 * slice * slice * Double(v.width * v.depth) * Double(grid.t)
      let patches = Double(grid.patches)
      return sum + patches * perPatch + attention + patches / Double(v.mergeSize * v.mergeSize) * perToken
    }
  }

  /// Projections per token, causal attention, one row of scores.
  public func prefillFLOPs(tokens: Int, past: Int) -> Double {
    let t = configuration.text
    let keys = Double(tokens) * (Double(past) + Double(tokens + 1) / 2)
    return 2 * Double(tokens) * Double(blockWeights) + 4 * Double(t.width * t.depth) * keys
      + 2 * Double(t.vocabularySize * t.width)
  }

  /// The blocks' and the head's weights once, and the whole KV cache.
  public func decodeBytes(past: Int) -> Double { Double(textBytes) + Double(past * cacheBytesPerToken) }
}
