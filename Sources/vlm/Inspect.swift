import ArgumentParser
import VLEngine
import VLJSON
import VLModels
import VLNN
import VLTensor
import VLText

struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What a checkpoint is: sizes, parameters and bytes per part, what is unknown or missing.",
    discussion: "Exits 1 when the checkpoint would not load, after listing every reason.")

  @Argument(
    help: ArgumentHelp("Checkpoint directory (default: the small model inside).", valueName: "directory"))
  var model: String?
  @OptionGroup var threads: ThreadOptions
  @Option(help: "text or json.") var format = OutputFormat.text

  /// One part of the network, added up.
  private struct Part {
    let name: String
    var tensors = 0
    var parameters = 0
    var bytes = 0
    var types: Set<String> = []
  }

  func run() throws {
    let directory = try modelDirectory(model)
    let opened = try Families.open(directory, on: threads.makeCompute())
    let parts = parts(of: opened)
    switch format {
    case .text: Terminal.say(text(directory, opened, parts))
    case .json: Terminal.say(json(opened, parts).serialized(.pretty) + "\n")
    }
    if !opened.problems.isEmpty { throw ExitCode(1) }
  }

  /// Parts in the network's order; bytes and types as stored, for the tensors that are there.
  private func parts(of opened: OpenedModel) -> [Part] {
    var parts: [Part] = []
    for (name, storedName, shape) in opened.parameters.map({ ($0.part, $0.storedName, $0.parameter.shape) }) {
      if parts.last?.name != name && !parts.contains(where: { $0.name == name }) {
        parts.append(Part(name: name))
      }
      guard let index = parts.firstIndex(where: { $0.name == name }) else { continue }
      parts[index].tensors += 1
      parts[index].parameters += shape.count
      if let info = opened.checkpoint?.info(storedName) {
        parts[index].bytes += info.byteCount
        parts[index].types.insert(info.type.rawValue)
      }
    }
    return parts
  }

  private func text(_ directory: String, _ opened: OpenedModel, _ parts: [Part]) -> String {
    var text = "\(directory): \(opened.family)\n\n"
    for (name, value) in opened.sizes { text += "  " + pad(name, 18) + "\(value)\n" }
    text += "\n  " + pad("part", 18) + pad("tensors", 9) + pad("parameters", 16) + pad("MiB", 10) + "type\n"
    for part in parts {
      text +=
        "  " + pad(part.name, 18) + pad("\(part.tensors)", 9) + pad("\(part.parameters)", 16)
        + pad(fixed(Double(part.bytes) / 1_048_576, 1), 10) + part.types.sorted().joined(separator: ", ")
        + "\n"
    }
    let parameters = parts.reduce(0) { $0 + $1.parameters }
    let bytes = parts.reduce(0) { $0 + $1.bytes }
    text +=
      "  " + pad("all", 18) + pad("\(parts.reduce(0) { $0 + $1.tensors })", 9) + pad("\(parameters)", 16)
      + fixed(Double(bytes) / 1_048_576, 1) + "\n\n"
    text +=
      "  " + pad("files", 18)
      + (opened.checkpoint?.files ?? []).map(\.path).joined(separator: "\n" + pad("", 20))
      + "\n"
    if let model = opened.model {
      let defaults = model.generationDefaults
      text += "  " + pad("tokenizer", 18) + "\(model.tokenizer.vocabularySize) tokens, "
      text += "\(model.tokenizer.specialTokenIDs.count) special\n"
      text += "  " + pad("generation", 18) + generation(defaults) + "\n"
    }
    text += list("not used by the network", opened.unusedTensors)
    text += list("in a shard, but not by the index", unlisted(opened))
    text += list("configuration keys that change nothing here", opened.unreadKeys)
    text += list("IT WOULD NOT LOAD", opened.problems)
    return text
  }

  /// Tensors that lie in a shard for which the index does not name them: whoever saved it again left them behind.
  private func unlisted(_ opened: OpenedModel) -> [String] {
    (opened.checkpoint?.unlisted ?? []).map { "\($0.name) in \($0.file)" }
  }

  private func generation(_ defaults: GenerationDefaults) -> String {
    var words: [String] = []
    if let sample = defaults.sample { words.append(sample ? "sampling" : "greedy") }
    if let value = defaults.temperature { words.append("temperature \(value)") }
    if let value = defaults.topP { words.append("top-p \(value)") }
    if let value = defaults.topK { words.append("top-k \(value)") }
    if let value = defaults.minP { words.append("min-p \(value)") }
    if let value = defaults.repetitionPenalty { words.append("repetition penalty \(value)") }
    words.append("ends at " + defaults.eosTokens.map(String.init).joined(separator: ", "))
    return words.joined(separator: ", ")
  }

  private func list(_ title: String, _ lines: [String]) -> String {
    lines.isEmpty ? "" : "\n  \(title):\n" + lines.map { "    \($0)\n" }.joined()
  }

  private func json(_ opened: OpenedModel, _ parts: [Part]) -> JSONValue {
    var sizes = JSONObject()
    for (name, value) in opened.sizes { sizes[name] = .integer(value) }
    let strings = { (lines: [String]) in JSONValue.array(lines.map { .string($0) }) }
    return [
      "family": .string(opened.family), "loads": .bool(opened.problems.isEmpty), "sizes": .object(sizes),
      "parameters": .integer(parts.reduce(0) { $0 + $1.parameters }),
      "bytes": .integer(parts.reduce(0) { $0 + $1.bytes }),
      "parts": .array(
        parts.map { part in
          [
            "part": .string(part.name), "tensors": .integer(part.tensors),
            "parameters": .integer(part.parameters),
            "bytes": .integer(part.bytes), "types": strings(part.types.sorted()),
          ]
        }), "files": strings((opened.checkpoint?.files ?? []).map(\.path)),
      "tokenizer": opened.model.map { model in
        [
          "tokens": .integer(model.tokenizer.vocabularySize),
          "special_tokens": .integer(model.tokenizer.specialTokenIDs.count),
        ]
      } ?? nil, "generation": opened.model.map { json($0.generationDefaults) } ?? nil,
      "unused_tensors": strings(opened.unusedTensors), "unlisted_tensors": strings(unlisted(opened)),
      "unread_keys": strings(opened.unreadKeys), "problems": strings(opened.problems),
    ]
  }

  /// The checkpoint's defaults under the keys of `generation_config.json`; what it does not say is null.
  private func json(_ defaults: GenerationDefaults) -> JSONValue {
    let number = { (value: Double?) -> JSONValue in value.map { .number($0) } ?? .null }
    return [
      "do_sample": defaults.sample.map { .bool($0) } ?? .null, "temperature": number(defaults.temperature),
      "top_k": defaults.topK.map { .integer($0) } ?? .null, "top_p": number(defaults.topP),
      "min_p": number(defaults.minP), "repetition_penalty": number(defaults.repetitionPenalty),
      "eos_token_id": .array(defaults.eosTokens.map { .integer($0) }),
    ]
  }
}
