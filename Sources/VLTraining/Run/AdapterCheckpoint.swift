internal import VLJSON
internal import VLNN
internal import VLTensor

/// Adapters as PEFT saves them: `adapter_config.json` and `adapter_model.safetensors`.
public enum AdapterCheckpoint {
  /// Writes adapters, whole or not at all; a directory that exists is replaced.
  /// - Parameters:
  ///   - learners: the adapters' variables.
  ///   - lora: rank and alpha.
  ///   - base: the checkpoint that they belong to.
  ///   - path: the directory to write.
  /// - Throws: when a file cannot be written.
  public static func write(_ learners: [Learner], _ lora: Recipe.LoRA, base: String, to path: String) throws {
    try DurableFiles.replaceDirectory(path) { part in
      try SafetensorsWriter.write(
        learners.map { ("base_model.model." + moduleName($0.name), $0.variable.value.untracked) },
        to: part + "/adapter_model.safetensors", metadata: ["format": "pt"])
      let targets = Set(
        learners.map { learner in
          moduleName(learner.name).split(separator: ".").dropLast(2).joined(separator: ".")
        }
      ).sorted()
      let config: JSONValue = [
        "peft_type": "LORA", "task_type": "CAUSAL_LM",
        "base_model_name_or_path": .string(Recipe.absolute(base)),
        "r": .integer(lora.rank), "lora_alpha": .number(lora.alpha), "lora_dropout": 0.0, "bias": "none",
        "fan_in_fan_out": false, "inference_mode": true, "use_rslora": false, "use_dora": false,
        "target_modules": .array(targets.map { .string($0) }),
      ]
      try DurableFiles.write(
        Array((config.serialized(.pretty) + "\n").utf8), to: part + "/adapter_config.json")
    }
  }

  /// A published name as the module tree of transformers spells it since 4.52, which is what PEFT's names follow.
  static func moduleName(_ name: String) -> String {
    if name.hasPrefix("visual.") { return "model." + name }
    if name.hasPrefix("model.") { return "model.language_model." + name.dropFirst(6) }
    return name
  }
}
