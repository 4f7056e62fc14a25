public import VLJSON
internal import VLModels

extension Recipe {
  /// Every setting under its key, defaults included: what a snapshot remembers of the recipe that it belongs to.
  public var settings: JSONObject {
    var all = JSONObject()
    all["name"] = .string(name)
    all["seed"] = .integer(Int(seed))
    switch start {
    case .nothing(let config):
      all["model.init"] = "nothing"
      all["model.from"] = .string(Self.absolute(config))
    case .checkpoint(let path):
      all["model.init"] = "checkpoint"
      all["model.from"] = .string(Self.absolute(path))
    case .published(let config, let text, let encoder):
      all["model.init"] = "published"
      all["model.from"] = .string(Self.absolute(config))
      all["model.text"] = text.map { .string(Self.absolute($0)) }
      all["model.encoder"] = encoder.map { .string(Self.absolute($0)) }
    }
    all.add(config, under: "model.config.")
    for part in ModelPart.allCases {
      let key = "learn.\(part.rawValue)."
      guard let how = learn[part] else {
        all[key + "layers"] = "none"
        continue
      }
      all[key + "layers"] =
        switch how.layers {
        case .all: "all"
        case .first(let count): .string("first \(count)")
        case .last(let count): .string("last \(count)")
        }
      all[key + "rate"] = .number(how.rate)
      all[key + "outer_rate"] = how.outerRate.map { .number($0) }
    }
    if let lora {
      all["lora.rank"] = .integer(lora.rank)
      all["lora.alpha"] = .number(lora.alpha)
      all["lora.targets"] = .array(lora.targets.map { .string($0) })
    }
    all["schedule.shape"] = .string(schedule.shape.rawValue)
    all["schedule.warmup"] = .integer(schedule.warmup)
    if schedule.shape != .constant { all["schedule.floor"] = .number(schedule.floor) }
    all["schedule.steps"] = schedule.steps.map { .integer($0) }
    all["optimizer.beta1"] = .number(optimizer.beta1)
    all["optimizer.beta2"] = .number(optimizer.beta2)
    all["optimizer.epsilon"] = .number(optimizer.epsilon)
    all["optimizer.decay"] = .number(optimizer.decay)
    all["optimizer.clip"] = optimizer.clip.map { .number($0) } ?? "none"
    switch length {
    case .steps(let steps): all["steps"] = .integer(steps)
    case .epochs(let epochs): all["epochs"] = .integer(epochs)
    }
    all["batch.tokens"] = .integer(batch.tokens)
    all["batch.accumulate"] = .integer(batch.accumulate)
    all["batch.patches"] = batch.patches.map { .integer($0) }
    all["batch.samples"] = batch.samples.map { .integer($0) }
    all["batch.truncation"] = .string(batch.truncation.rawValue)
    all["batch.bad_samples"] = .string(batch.badSamples.rawValue)
    all["batch.checkpointing.encoder"] = .integer(batch.checkpointing.encoderEvery)
    all["batch.checkpointing.text"] = .integer(batch.checkpointing.textEvery)
    for (index, entry) in data.enumerated() {
      for (key, value) in entry.settings.members { all["data.\(index).\(key)"] = value }
    }
    if let evaluation {
      all["evaluation.every"] = .integer(evaluation.every)
      all["evaluation.samples"] = .integer(evaluation.samples)
      for (index, entry) in evaluation.data.enumerated() {
        for (key, value) in entry.settings.members { all["evaluation.data.\(index).\(key)"] = value }
      }
    }
    all["snapshots.every"] = .integer(snapshots.every)
    all["snapshots.keep"] = .integer(snapshots.keep)
    all["output.dtype"] = .string(output.rawValue)
    return all
  }

  /// Where two recipes' settings differ in something that changes what is learnt: the key and both values.
  ///
  /// What may change between a snapshot and its continuation is left out: names of directories (files may be moved,
  /// not exchanged for others), how often is saved and evaluated, what is recomputed, the type of the result.
  public static func difference(_ old: JSONObject, _ new: JSONObject) -> (
    key: String, old: String, new: String
  )? {
    let keys = old.keys + new.keys.filter { old[$0] == nil }
    for key in keys where !mayChange(key) {
      let values = [old[key], new[key]].map { value -> JSONValue? in
        // Of a path only the file's own name counts.
        guard key.hasSuffix(".file"), let path = value?.stringValue else { return value }
        return path.split(separator: "/").last.map { .string(String($0)) }
      }
      if values[0] != values[1] {
        return (key, old[key]?.serialized() ?? "nothing", new[key]?.serialized() ?? "nothing")
      }
    }
    return nil
  }

  private static func mayChange(_ key: String) -> Bool {
    ["name", "model.from", "model.text", "model.encoder"].contains(key) || key.hasSuffix(".media")
      || ["snapshots.", "evaluation.", "output.", "batch.checkpointing."].contains { key.hasPrefix($0) }
  }
}

extension Recipe.Data {
  /// Its settings under their keys.
  var settings: JSONObject {
    var all = JSONObject()
    switch source {
    case .file(let path):
      all["file"] = .string(Recipe.absolute(path))
      all["order"] =
        switch order {
        case .stored: "stored"
        case .random: "random"
        case .windows(let size): .string("windows \(size)")
        }
    case .synth(let task):
      all["synth"] = .string(task)
      all["difficulty"] = .number(difficulty)
      all["sides"] = sides.map { .string("\($0.lowerBound)..\($0.upperBound)") }
      all["frames"] = frames.map { .string("\($0.lowerBound)..\($0.upperBound)") }
    }
    all["weight"] = .number(weight)
    all["format"] = format.map { .string($0) }
    all["media"] = media.map { .string(Recipe.absolute($0)) }
    all["min_pixels"] = minPixels.map { .integer($0) }
    all["max_pixels"] = maxPixels.map { .integer($0) }
    return all
  }
}

extension JSONObject {
  /// Adds the members of `object`, those of objects inside it with dots in their keys.
  fileprivate mutating func add(_ object: JSONObject, under prefix: String) {
    for (key, value) in object.members {
      if let inner = value.objectValue {
        add(inner, under: prefix + key + ".")
      } else {
        self[prefix + key] = value
      }
    }
  }
}
