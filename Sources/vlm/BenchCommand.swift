import ArgumentParser

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure inference or training, each phase as a share of what this machine can do.",
    usage: """
      vlm bench [MODEL] [options]
      vlm bench train [MODEL] [options]
      """,
    discussion: "Options: vlm help bench inference, vlm help bench train.",
    subcommands: [BenchInference.self, BenchTrain.self], defaultSubcommand: BenchInference.self)
}
