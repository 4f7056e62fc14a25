/// How a checkpoint spells the names of its tensors.
///
/// Layers know the names of published checkpoints, here called canonical: `visual.…`, `model.layers.…`,
/// `lm_head.weight`. Newer savers put both halves under `model.`; this type translates.
public struct WeightNames: Sendable, Equatable {
  /// The spellings that exist.
  public enum Layout: String, Sendable, CaseIterable {
    /// `visual.…` and `model.layers.…`: the published checkpoints.
    case published
    /// `model.visual.…` and `model.language_model.layers.…`: newer savers.
    case nested
  }

  /// Canonical prefix, and the prefix of the nested layout.
  private static let prefixes = [
    (canonical: "visual.", nested: "model.visual."),
    (canonical: "model.", nested: "model.language_model."),
  ]

  /// The spelling.
  public let layout: Layout

  /// Names in a known spelling.
  public init(_ layout: Layout) { self.layout = layout }

  /// The published spelling.
  public static let published = WeightNames(.published)

  /// Finds out which spelling a checkpoint uses. Names that no spelling knows do not count.
  ///
  /// - Throws: ``CheckpointError`` naming one tensor of each spelling if there are two, or any tensor if there is none.
  public init(of checkpoint: Checkpoint) throws(CheckpointError) {
    var examples: [Layout: String] = [:]
    for name in checkpoint.names {
      if let layout = Self.layout(of: name), examples[layout] == nil { examples[layout] = name }
    }
    switch (examples[.published], examples[.nested]) {
    case (let one?, let other?): throw CheckpointError(checkpoint.path, .mixedNames(one, other))
    case (_?, nil): layout = .published
    case (nil, _?): layout = .nested
    case (nil, nil):
      guard let example = checkpoint.names.first else {
        throw CheckpointError(checkpoint.path, .noTensors)
      }
      throw CheckpointError(checkpoint.path, .unknownNames(example))
    }
  }

  private static func layout(of name: String) -> Layout? {
    if prefixes.contains(where: { name.hasPrefix($0.nested) }) { return .nested }
    if ["visual.", "model.embed_tokens.", "model.layers.", "model.norm."].contains(where: name.hasPrefix) {
      return .published
    }
    return nil  // lm_head.weight is spelt the same everywhere
  }

  /// The name in the file of the tensor whose canonical name is given.
  public func stored(_ canonical: String) -> String {
    guard layout == .nested else { return canonical }
    for prefix in Self.prefixes where canonical.hasPrefix(prefix.canonical) {
      return prefix.nested + canonical.dropFirst(prefix.canonical.count)
    }
    return canonical
  }

  /// The canonical name of the tensor that the file calls `stored`; unknown names stay as they are.
  public func canonical(_ stored: String) -> String {
    guard layout == .nested else { return stored }
    for prefix in Self.prefixes where stored.hasPrefix(prefix.nested) {
      return prefix.canonical + stored.dropFirst(prefix.nested.count)
    }
    return stored
  }
}
