internal import VLJSON
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
}

extension Recipe {
  /// The model as it is before the first step.
  /// - Throws: when a directory cannot be read or does not fit, its family cannot be trained, or ``config`` names a key
  ///   that the family does not have.
  public func startingModel(on compute: Compute) throws -> any TrainableModel {
    let weights: WeightSource =
      switch start {
      case .nothing: .random(seed: seed)
      case .checkpoint: .directory
      case .published(_, let text, let encoder): .published(text: text, encoder: encoder, seed: seed)
      }
    let directory = start.directory
    if case .checkpoint(let path) = start, path != directory, !DurableFiles.isDirectory(directory) {
      throw TrainingError(
        path, "is a run without a result yet; let it finish, or give the output of `vlm train export`")
    }
    let opened = try Families.open(directory, weights: weights, changes: config, on: compute)
    for key in config.leaves where opened.unreadKeys.contains("config.json: " + key) {
      throw RecipeError(
        place: name, key: "model.config." + key,
        reason: "\(opened.family) has no such key; config.json of \(directory) shows which there are")
    }
    let model = try opened.loaded(directory)
    guard let model = model as? any TrainableModel else {
      throw TrainingError(directory, "the family \(model.family) can answer but not be trained")
    }
    return model
  }
}

extension JSONObject {
  /// The keys that lead to a value that is not an object, with dots between them.
  fileprivate var leaves: [String] {
    members.flatMap { key, value in
      value.objectValue.map { $0.leaves.map { key + "." + $0 } } ?? [key]
    }
  }
}
