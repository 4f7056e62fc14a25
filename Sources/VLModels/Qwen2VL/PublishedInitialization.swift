internal import VLNN
internal import VLTensor

/// Puts the weights of a text checkpoint and of a CLIP-style ViT into a network that has random ones.
///
/// The ViT's names are those of `CLIPVisionModel`: `vision_model.encoder.layers.N.…`. Its class token, fixed positions and
/// outer norms have no place in this encoder. Its patch convolution sees one frame; each of the two frames gets half of it,
/// so that a still image, two equal frames, gives what it gave.
struct PublishedInitialization: ParameterVisitor {
  /// What did not fit, a line each.
  private(set) var problems: [String] = []
  private(set) var taken = 0
  private(set) var random: [String] = []
  private var used: Set<String> = []
  private let source: Checkpoint
  private let isEncoder: Bool
  private let compute: Compute

  init(_ source: Checkpoint, isEncoder: Bool, on compute: Compute) {
    self.source = source
    self.isEncoder = isEncoder
    self.compute = compute
  }

  /// A line that says what became of the source's tensors and which parameters stayed random.
  var note: String {
    let left = source.names.filter { !used.contains($0) }
    return "\(source.path): \(taken) parameters taken"
      + (left.isEmpty ? "" : "; left aside: " + left.joined(separator: ", "))
      + (random.isEmpty ? "" : "; random: " + random.joined(separator: ", "))
  }

  mutating func visit(_ parameter: inout Parameter, named name: String) {
    let sources = isEncoder ? Self.encoderNames(name) : [name]
    // The merger joins the encoder to this text model: no ViT has it.
    if sources.isEmpty { return random.append(name) }
    let tensors = sources.compactMap { source.info($0) == nil ? nil : try? source.tensor($0) }
    guard tensors.count == sources.count else {
      problems.append("\(source.path): tensor \(sources[tensors.count]), for \(name), is missing")
      return
    }
    used.formUnion(sources)
    let joined = isEncoder ? joined(tensors, parameter.shape) : tensors[0]
    guard joined.shape.count == parameter.shape.count, isEncoder || joined.shape == parameter.shape else {
      problems.append(
        "\(source.path): tensor \(sources[0]) has the shape \(tensors[0].shape), which does not fit \(name) "
          + "\(parameter.shape) of config.json")
      return
    }
    taken += 1
    parameter.bind(parameter.role == .vector ? compute.float32(joined) : joined)
  }

  /// The ViT's tensors that make up a parameter, in the order in which their rows follow one another.
  private static func encoderNames(_ name: String) -> [String] {
    let words = name.split(separator: ".").map(String.init)
    if words.starts(with: ["visual", "patch_embed"]) {
      return ["vision_model.embeddings.patch_embedding.weight"]
    }
    guard words.count >= 5, words[1] == "blocks", let kind = words.last else { return [] }
    let layer = "vision_model.encoder.layers.\(words[2])."
    switch words[3...].dropLast().joined(separator: ".") {
    case "norm1": return [layer + "layer_norm1." + kind]
    case "norm2": return [layer + "layer_norm2." + kind]
    case "attn.qkv": return ["q", "k", "v"].map { layer + "self_attn.\($0)_proj." + kind }
    case "attn.proj": return [layer + "self_attn.out_proj." + kind]
    case let mlp: return [layer + mlp + "." + kind]
    }
  }

  /// Rows one below the other; a patch convolution [E, 3, p, p] becomes [E, 3, 2, p, p], halved.
  private func joined(_ tensors: [Tensor], _ shape: Shape) -> Tensor {
    let values = tensors.flatMap { $0.array() }
    guard tensors[0].shape.rank == 4 else { return compute.tensor(values, [values.count]) }
    let frame = tensors[0].shape[2] * tensors[0].shape[3]
    guard values.count * 2 == shape.count else { return tensors[0] }
    let planes = stride(from: 0, to: values.count, by: frame).flatMap { start in
      let half = values[start..<start + frame].map { $0 / 2 }
      return half + half
    }
    return compute.tensor(planes, [planes.count])
  }
}
