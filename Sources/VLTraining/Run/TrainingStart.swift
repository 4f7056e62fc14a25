public import VLModels
public import VLTensor

extension Recipe.Start {
  /// The directory that sizes and tokenizer come from, and that the result's configuration is copied from.
  public var directory: String {
    switch self {
    case .nothing(let config), .published(let config, _, _): config
    case .checkpoint(let path):
      // A run's directory stands for its result.
      DurableFiles.isDirectory(path + "/snapshots") ? path + "/checkpoint" : path
    }
  }

  /// The model as it is before the first step.
  /// - Throws: when a directory cannot be read or does not fit, or its family cannot be trained.
  public func load(seed: UInt64, on compute: Compute) throws -> any TrainableModel {
    let weights: WeightSource =
      switch self {
      case .nothing: .random(seed: seed)
      case .checkpoint: .directory
      case .published(_, let text, let encoder): .published(text: text, encoder: encoder, seed: seed)
      }
    if case .checkpoint(let path) = self, path != directory, !DurableFiles.isDirectory(directory) {
      throw TrainingError(
        path, "is a run without a result yet; let it finish, or give the output of `vlm train export`")
    }
    let model = try Families.load(directory, weights: weights, on: compute)
    guard let model = model as? any TrainableModel else {
      throw TrainingError(directory, "the family \(model.family) can answer but not be trained")
    }
    return model
  }
}
