import ArgumentParser

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a model as a recipe says.",
    usage: """
      vlm train RECIPE.yaml [--out RUN] [--set key=value …] [--resume]
      vlm train export RUN OUT [--step N|best]
      vlm train plot RUN [--out FILE]
      """,
    discussion: """
      A recipe is a YAML file that says everything: what to start from, which parts learn and how fast, the data, how \
      long. --set changes single keys. docs/training.md describes the keys; Recipes/ has examples.

      The run's directory holds metrics.jsonl (a line for every step), TensorBoard's event files, snapshots and, at the \
      end, the result under checkpoint, which `vlm ask --model RUN/checkpoint` and transformers load. A run that was \
      interrupted, even by kill -9, goes on from its last snapshot with --resume, to the same bits.

      Options of a run: vlm help train run.
      """,
    subcommands: [TrainRun.self, TrainExport.self, TrainPlot.self], defaultSubcommand: TrainRun.self)
}
