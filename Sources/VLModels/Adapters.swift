internal import VLNN

extension Families {
  /// Puts the adapters of a directory, as PEFT saves them, on a model.
  /// - Throws: when they cannot be read, or belong to another model.
  public static func attach(adapter directory: String, to model: any VisionLanguageModel) throws
    -> any VisionLanguageModel
  {
    guard var model = model as? any TrainableModel else {
      throw ModelError(
        directory, ["the family \(model.family) takes no adapters"], remedy: "leave the adapter out")
    }
    let compute = model.compute
    try PEFTAdapter(directory: directory).attach(on: compute) { try model.visitParameters(&$0) }
    return model
  }
}

extension TrainableModel {
  /// The same model with its adapters added to the weights beside them.
  public func merged() -> Self {
    var copy = self
    var merger = AdapterMerger(on: compute)
    // A visitor that does not throw cannot make the walk throw.
    try? copy.visitParameters(&merger)
    return copy
  }
}
