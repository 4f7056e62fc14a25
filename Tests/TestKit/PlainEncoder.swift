public import VLTensor

/// The tensors of a CLIP-style vision transformer that fits the encoder of the tiny golden model, under their published names.
public enum PlainEncoder {
  /// Every tensor is filled with its number in the list, from 1, times `scale`.
  public static func tensors(scale: Float = 1, on compute: Compute) -> [(name: String, tensor: Tensor)] {
    var tensors: [(name: String, tensor: Tensor)] = []
    func add(_ name: String, _ shape: Shape) {
      let value = Float(tensors.count + 1) * scale
      tensors.append(
        ("vision_model." + name, compute.tensor([Float](repeating: value, count: shape.count), shape)))
    }
    add("embeddings.class_embedding", [32])
    add("embeddings.patch_embedding.weight", [32, 3, 14, 14])
    for layer in 0..<2 {
      for norm in ["layer_norm1", "layer_norm2"] {
        for kind in ["weight", "bias"] { add("encoder.layers.\(layer).\(norm).\(kind)", [32]) }
      }
      for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
        add("encoder.layers.\(layer).self_attn.\(part).weight", [32, 32])
        add("encoder.layers.\(layer).self_attn.\(part).bias", [32])
      }
      add("encoder.layers.\(layer).mlp.fc1.weight", [128, 32])
      add("encoder.layers.\(layer).mlp.fc1.bias", [128])
      add("encoder.layers.\(layer).mlp.fc2.weight", [32, 128])
      add("encoder.layers.\(layer).mlp.fc2.bias", [32])
    }
    return tensors
  }
}
