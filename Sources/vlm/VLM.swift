import ArgumentParser
import Glibc

@main
struct VLM: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vlm", abstract: "Ask Qwen2-VL about images, on this machine.", version: "0.1.0",
    subcommands: [
      Ask.self,
      Chat.self,
      Inspect.self,
      Plan.self,
      Verify.self,
      Bench.self,
      Train.self,
      DataCommand.self,
      Synth.self,
      Evaluate.self,
      TokenizerCommand.self,
    ])

  /// Exit codes: 0 success, 1 the work failed, 2 wrong usage, 130 interrupted.
  static func main() async {
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let code as ExitCode {
      Glibc.exit(code.rawValue)
    } catch {
      switch exitCode(for: error) {
      case .success: exit(withError: error)
      case .validationFailure:
        Terminal.complain(fullMessage(for: error))
        Glibc.exit(2)
      default:
        Terminal.complain("vlm: \(error)")
        Glibc.exit(1)
      }
    }
  }
}
