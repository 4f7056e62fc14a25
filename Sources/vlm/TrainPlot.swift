import ArgumentParser
import VLTraining

struct TrainPlot: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plot", abstract: "Draw a run's loss, learning rate and gradient norm.")

  @Argument(help: ArgumentHelp("Directory of the run.", valueName: "run")) var directory: String
  @Option(
    help: ArgumentHelp("File to write, .png or .svg (default: RUN/curves.png).", valueName: "file"))
  var out: String?

  private var form: RunPlot.Form? {
    out.map { out in RunPlot.Form.allCases.first { out.lowercased().hasSuffix("." + $0.rawValue) } } ?? .png
  }

  func validate() throws {
    if form == nil { throw ValidationError("--out \(out ?? "") ends neither in .png nor in .svg") }
  }

  func run() throws {
    let path = out ?? directory + "/curves.png"
    try RunPlot(run: directory).write(to: path, form: form ?? .png)
    Terminal().note(path)
  }
}
