public import VLModels
internal import VLNN
public import VLTensor

/// A variable of a model that learns, with what the optimiser has to know of it.
public struct Learner: Sendable {
  /// Its published name; an adapter's, as PEFT spells it.
  public let name: String
  /// The part that it belongs to.
  public let part: ModelPart
  /// The learning rate, which the schedule scales.
  public let rate: Double
  /// Whether weight decay applies: to matrices, not to norms and biases.
  public let decays: Bool
  /// What learns.
  public let variable: Variable
}

extension TrainableModel {
  /// Makes variables of the parameters that a recipe trains, and returns them in visiting order.
  /// - Throws: ``TrainingError`` if nothing would learn, or the recipe names blocks or maps that the model does not
  ///   have.
  public mutating func startLearning(_ recipe: Recipe) throws -> [Learner] {
    for part in ModelPart.allCases {
      let count = layerCount(of: part)
      switch recipe.learn[part]?.layers {
      case .first(let wanted) where wanted > count, .last(let wanted) where wanted > count:
        throw TrainingError(
          "learn.\(part.rawValue).layers", "\(wanted) blocks are asked for and there are \(count)")
      default: break
      }
    }
    let reference = self
    if let lora = recipe.lora {
      try attach(lora, seed: recipe.seed) { recipe.learn[reference.place(of: $0).part] != nil }
    }
    var opener = Opener(
      compute: compute, place: reference.place, adapterRates: recipe.learn.mapValues(\.rate)
    ) {
      place in
      guard recipe.lora == nil, let how = recipe.learn[place.part] else { return 0 }
      return how.rate(ofLayer: place.layer, of: reference.layerCount(of: place.part))
    }
    try visitParameters(&opener)
    guard !opener.learners.isEmpty else {
      throw TrainingError("learn", "no parameter of the model would learn")
    }
    return opener.learners
  }

  /// Puts adapters on the maps that a recipe names, inside the parts that learn.
  private mutating func attach(_ lora: Recipe.LoRA, seed: UInt64, where learns: @escaping (String) -> Bool)
    throws
  {
    var lister = LinearLister()
    try visitParameters(&lister)
    let names = lister.names.filter(learns)
    let isTarget = { (name: String, target: String) in name == target || name.hasSuffix("." + target) }
    for target in lora.targets where !names.contains(where: { isTarget($0, target) }) {
      let known = Set(names.compactMap { $0.split(separator: ".").last.map(String.init) }).sorted()
      let meant = nearest(to: target, among: known).map { "did you mean \"\($0)\"?" }
      throw TrainingError(
        "lora.targets",
        "no linear map in the parts that learn is called \"\(target)\"; "
          + (meant ?? "there are: \(known.joined(separator: ", "))"))
    }
    var attacher = AdapterAttacher(rank: lora.rank, alpha: Float(lora.alpha), seed: seed, on: compute) {
      name in
      learns(name) && lora.targets.contains { isTarget(name, $0) }
    }
    try visitParameters(&attacher)
  }
}

/// Makes variables of what learns, and freezes the rest.
private struct Opener: ParameterVisitor {
  var learners: [Learner] = []
  let compute: Compute
  let place: (String) -> ParameterPlace
  let adapterRates: [ModelPart: Double]
  let rate: (ParameterPlace) -> Double

  init(
    compute: Compute, place: @escaping (String) -> ParameterPlace, adapterRates: [ModelPart: Double],
    rate: @escaping (ParameterPlace) -> Double
  ) {
    self.compute = compute
    self.place = place
    self.adapterRates = adapterRates
    self.rate = rate
  }

  mutating func visit(_ parameter: inout Parameter, named name: String) {
    let place = place(name)
    let rate = rate(place)
    if rate > 0 { open(&parameter, name, place.part, rate) } else { parameter.freeze() }
  }

  mutating func visit(_ linear: inout Linear, named prefix: String) {
    guard var adapter = linear.adapter else { return }
    let part = place(prefix).part
    let rate = adapterRates[part] ?? 0
    open(&adapter.down, prefix + LowRankAdapter.downName, part, rate)
    open(&adapter.up, prefix + LowRankAdapter.upName, part, rate)
    linear.adapter = adapter
  }

  private mutating func open(
    _ parameter: inout Parameter, _ name: String, _ part: ModelPart, _ rate: Double
  ) {
    parameter.makeVariable(on: compute)
    guard let variable = parameter.variable else { return }
    learners.append(
      Learner(
        name: name, part: part, rate: rate, decays: parameter.role == .matrix, variable: variable))
  }
}

private struct LinearLister: ParameterVisitor {
  var names: [String] = []
  mutating func visit(_ parameter: inout Parameter, named name: String) {}
  mutating func visit(_ linear: inout Linear, named prefix: String) {
    names.append(String(prefix.dropLast()))
  }
}
