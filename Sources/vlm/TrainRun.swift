import ArgumentParser
import Glibc
import VLModels
import VLTensor
import VLTraining

struct TrainRun: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Train as a recipe says (the default: `vlm train RECIPE.yaml`).")

  @Argument(help: "Recipe, a YAML file.") var recipe: String
  @Option(
    help: ArgumentHelp("Directory of the run (default: Runs/NAME, after the recipe).", valueName: "run"))
  var out: String?
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Change a key of the recipe, such as steps=100 or data.0.weight=2; may be given several times.",
      valueName: "key=value"))
  var set: [String] = []
  @Flag(help: "Go on from the run's last snapshot.") var resume = false
  @OptionGroup var threads: ThreadOptions

  func run() throws {
    let recipe = try Recipe(file: recipe, settings: set)
    let out = out ?? "Runs/" + recipe.name
    if !resume, let last = SnapshotStore(out + "/snapshots").steps.last {
      throw TrainingError(
        out, "has a snapshot of step \(last) already; --resume goes on from it, --out names another directory"
      )
    }
    Interrupt.install()
    let run = try RunDirectory(out)
    let compute = threads.makeCompute()
    let model = try recipe.startingModel(on: compute)
    let data = try TrainingData(recipe, processor: model.processor)
    var trainer = try Trainer(
      model, recipe: recipe, run: run, stream: data.training, heldOut: data.heldOut)
    let display = TrainingDisplay(recipe)
    display.warn(of: recipe.repeatedDraws(), seed: recipe.seed)
    if resume {
      if try trainer.resume() {
        display.line("resuming \(out) after step \(trainer.state.step)")
      } else {
        Terminal.complain("\(out): no snapshot yet, starting from the beginning")
      }
    }
    display.begin(trainer, out)
    let outcome: TrainingOutcome
    do {
      outcome = try trainer.train(isStopped: { Interrupt.isPending }, report: display.show)
    } catch {
      display.end()
      throw error
    }
    display.end()
    switch outcome {
    case .finished:
      try SnapshotStore.writeResult(
        trainer.model, trainer.optimizer.learners, recipe, to: run.checkpoint)
      display.line("done: \(run.checkpoint)")
    case .interrupted(let step):
      Terminal.complain(
        "stopped after step \(step); a snapshot is in \(run.snapshots), --resume goes on from it")
      throw ExitCode(130)
    }
  }
}

struct TrainExport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write a snapshot of a run as a checkpoint in the published form.")

  @Argument(help: ArgumentHelp("Directory of the run.", valueName: "run")) var directory: String
  @Argument(help: ArgumentHelp("Directory to write.", valueName: "out")) var out: String
  @Option(
    help: ArgumentHelp("Which snapshot: a step's number, or best (default: the last).", valueName: "step"))
  var step: String?
  @Flag(help: "Add adapters to the weights beside them, so that the result is a whole checkpoint.")
  var merge = false
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if let step, step != "best", Int(step) == nil {
      throw ValidationError("--step \(step) is neither a number nor best")
    }
  }

  func run() throws {
    let store = SnapshotStore(directory + "/snapshots")
    guard let last = store.steps.last else {
      throw TrainingError(directory, "has no snapshots; give the directory of a run of `vlm train`")
    }
    let chosen: Int
    switch step {
    case nil: chosen = last
    case "best":
      guard let best = store.best else {
        throw TrainingError(directory, "has no best snapshot: its recipe measures nothing on held-out data")
      }
      chosen = best
    case let number?: chosen = Int(number) ?? last
    }
    guard store.steps.contains(chosen) else {
      let there = store.steps.map(String.init).joined(separator: ", ")
      throw TrainingError(directory, "has no snapshot of step \(chosen); there are: \(there)")
    }
    try store.export(step: chosen, to: out, merging: merge, on: threads.makeCompute())
    Terminal().note("\(out): step \(chosen)")
  }
}
