internal import VLJSON
internal import VLSynth

/// A run that a recipe begins from and that was shown the same drawn samples.
public struct RepeatedDraw: Sendable, Equatable {
  /// The name of the run's recipe.
  public let name: String
  /// The tasks that both draw, in the order of the alphabet.
  public let tasks: [String]
}

extension Recipe {
  /// The runs that this one begins from, one after the other, that drew samples of the same tasks from the same seed; the
  /// nearest is the first.
  ///
  /// Sample `i` of a task follows from the seed alone, so a recipe that goes on from another with its seed shows the same
  /// pictures again, at most in other sizes, and what looks like practice is learning by heart. This is advice, not an
  /// error: the way back ends where a checkpoint lies beside no readable recipe.
  public func repeatedDraws() -> [RepeatedDraw] {
    let own = drawnTasks
    var found: [RepeatedDraw] = []
    var visited: Set<String> = []
    var current = self
    while case .checkpoint(let path) = current.start, let former = Self.recipe(ofRun: path),
      visited.insert(former.file).inserted
    {
      current = former.recipe
      let common = current.seed == seed ? own.intersection(current.drawnTasks) : []
      if !common.isEmpty { found.append(RepeatedDraw(name: current.name, tasks: common.sorted())) }
    }
    return found
  }

  /// The tasks that training draws.
  private var drawnTasks: Set<String> {
    Set(data.flatMap { (try? $0.stream(seed: seed, split: .train))?.tasks ?? [] })
  }

  /// The recipe of the run that `path`, a run or its result, belongs to.
  private static func recipe(ofRun path: String) -> (recipe: Recipe, file: String)? {
    for directory in [path, path + "/.."] {
      let file = absolute(directory + "/recipe.json")
      guard let bytes = DurableFiles.read(file), let settings = try? JSONValue(parsing: bytes).objectValue,
        let recipe = try? Recipe(settings: settings, place: file)
      else { continue }
      return (recipe, file)
    }
    return nil
  }
}
