import ArgumentParser
import VLJSON
import VLTensor
import VLTraining

/// `vlm data check`
struct DataCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read whole data sets: what would be left out and why, tokens, picture sizes.",
    discussion: "Every sample is read and every picture decoded. Exits 1 with --strict if a sample is broken."
  )

  @OptionGroup var data: DataOptions
  @Flag(help: "Exit 1 if any sample is broken.") var strict = false
  @Option(parsing: .unconditional, help: ArgumentHelp("Findings to list.", valueName: "n")) var list = 20
  @Option(help: "text or json.") var output = OutputFormat.text

  func run() throws {
    let terminal = Terminal()
    let encoder = try data.encoder()
    let sources = try data.open(terminal)
    let pool = ThreadPool(threads: data.threads.threads ?? ThreadPool.availableProcessors)
    let total = sources.reduce(0) { $0 + ($1.count ?? 0) }
    var check = DataCheck()
    var before = 0
    for source in sources {
      let source = ResizedSource(source: source, resize: data.image.resize)
      check.read(source, encoder: encoder, pool: pool) { done in
        terminal.progress("checked \(before + done) of \(total) samples")
      }
      before += source.count ?? 0
    }
    terminal.clear()
    switch output {
    case .json: Terminal.say(check.json.serialized(.pretty) + "\n")
    case .text: Terminal.say(text(check, encoder))
    }
    if strict && check.bad > 0 { throw ExitCode(1) }
  }

  private func text(_ check: DataCheck, _ encoder: SampleEncoder?) -> String {
    let leftOut = check.samples - check.usable - check.bad
    var text = "\(check.samples) samples: \(check.usable) usable, \(leftOut) left out, \(check.bad) broken\n"
    func line(_ name: String, _ counts: [String: Int]) {
      guard !counts.isEmpty else { return }
      let words = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
      text += "  " + pad(name, 12) + words.joined(separator: ", ") + "\n"
    }
    line("messages", check.roles)
    line("parts", check.parts)
    line("formats", check.formats)
    line("reasons", check.categories)
    line("unread keys", check.unreadKeys)
    if check.widths.count > 0 || check.tokens.count > 0 {
      text +=
        "\n  " + pad("", 20)
        + ["least", "5 %", "median", "95 %", "most", "mean", "total"].map { lead($0, 10) }.joined()
        + "\n"
    }
    for (name, values) in [
      ("picture width", check.widths), ("picture height", check.heights),
      ("tokens per picture", check.visualTokens),
      ("tokens", check.tokens), ("supervised tokens", check.supervised),
    ] where values.count > 0 {
      let numbers = [0, 0.05, 0.5, 0.95, 1].map { "\(values.quantile($0))" }
      let sum = name.hasPrefix("picture") ? "" : "\(values.total)"
      text +=
        "  " + pad(name, 20) + (numbers + [fixed(values.mean, 1), sum]).map { lead($0, 10) }.joined() + "\n"
    }
    if check.tokens.count > 0 { text += "\n  tokens per sample\n" + bars(check.tokens) }
    if check.widths.count > 0 { text += "\n  picture widths\n" + bars(check.widths) }
    if !check.findings.isEmpty {
      text += "\n"
      for finding in check.findings.prefix(max(0, list)) {
        text += "  \(finding.isBad ? "broken" : "left out"): \(finding.description)\n"
      }
      let more = check.samples - check.usable - min(max(0, list), check.findings.count)
      if more > 0 { text += "  … and \(more) more (--list, --output json)\n" }
    }
    return text
  }

  private func bars(_ values: DataCheck.Distribution) -> String {
    let bins = values.histogram
    let most = bins.map(\.count).max() ?? 1
    return bins.map { range, count in
      let length = count == 0 ? 0 : max(1, count * 40 / most)
      return "  " + lead("\(range.lowerBound)…\(range.upperBound - 1)", 16) + " "
        + pad(String(repeating: "█", count: length), 41) + "\(count)\n"
    }.joined()
  }

  /// Text filled up with blanks in front.
  private func lead(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
