public import VLModels
internal import VLNN
public import VLTensor

extension SnapshotStore {
  /// Writes a snapshot's weights as a checkpoint in the published form, or as adapters in PEFT's, where the recipe
  /// trains those.
  /// - Parameters:
  ///   - step: the snapshot's.
  ///   - path: the directory to make.
  ///   - merging: adds adapters to the weights beside them, so that the result is a checkpoint.
  ///   - compute: what it is computed with.
  /// - Throws: when the snapshot is damaged, what it started from cannot be read, or the result cannot be written.
  public func export(step: Int, to path: String, merging: Bool = false, on compute: Compute) throws {
    let (model, learners, recipe) = try restoredModel(step: step, on: compute)
    try Self.writeResult(model, learners, recipe, to: path, merging: merging)
  }

  /// The model as it was at a snapshot.
  /// - Throws: when the snapshot is damaged or what it started from cannot be read.
  public func restoredModel(step: Int, on compute: Compute) throws -> (
    model: any TrainableModel, learners: [Learner], recipe: Recipe
  ) {
    let loaded = try read(step: step)
    let recipe = try Recipe(settings: loaded.settings, place: loaded.path + "/state.json")
    var model = try recipe.startingModel(on: compute)
    let learners = try model.startLearning(recipe)
    try restoreWeights(loaded, into: learners)
    return (model, learners, recipe)
  }

  /// Writes what a run has made: a checkpoint, or adapters.
  public static func writeResult(
    _ model: any TrainableModel, _ learners: [Learner], _ recipe: Recipe, to path: String,
    merging: Bool = false
  ) throws {
    let base = recipe.start.directory
    guard let lora = recipe.lora, !merging else {
      return try PublishedCheckpoint.write(
        model.merged(), from: base, changes: recipe.config, to: path, as: recipe.output)
    }
    try DurableFiles.replaceDirectory(path) { part in
      try PEFTAdapter.write(
        learners.map { ($0.name, $0.variable.value.untracked) }, rank: lora.rank, alpha: lora.alpha,
        base: Recipe.absolute(base), to: part)
    }
  }
}
