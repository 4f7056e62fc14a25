import ArgumentParser

@main
struct VLM: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "vlm", abstract: "Qwen2-VL on this machine.")
}
