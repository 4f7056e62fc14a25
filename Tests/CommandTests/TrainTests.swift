import Glibc
import TestKit
import Testing
import VLJSON

/// A data set and a recipe that trains the tiny model on it for a moment.
private struct TinyTraining {
  let scratch = Scratch()

  init() {
    var lines = ""
    for index in 0..<40 {
      let picture =
        index % 3 == 0 ? "{\"type\":\"image_url\",\"image_url\":{\"url\":\"\(scene)\"}}," : ""
      lines +=
        "{\"messages\":[{\"role\":\"user\",\"content\":[\(picture){\"type\":\"text\",\"text\":\"Question \(index)?\"}]},"
        + "{\"role\":\"assistant\",\"content\":\"Answer \(index * 7 % 10).\"}]}\n"
    }
    scratch.write(lines, to: "chat.jsonl")
    scratch.write(
      """
      model: {init: checkpoint, from: \(tiny)}
      learn:
        encoder: {rate: 1e-3}
        merger: {rate: 1e-3}
        text: {rate: 1e-3}
      schedule: {warmup: 3}
      steps: 24
      batch: {tokens: 256}
      data:
        - {file: chat.jsonl}
      evaluation:
        every: 8
        samples: 8
        data:
          - {file: chat.jsonl, order: stored}
      snapshots: {every: 4, keep: 2}
      output: {dtype: float32}

      """, to: "recipe.yaml")
  }

  var recipe: String { scratch.path + "/recipe.yaml" }

  func run(_ out: String, _ extra: String..., environment: [String] = []) -> Run {
    vlm(["train", recipe, "--out", scratch.path + "/" + out] + extra, environment: environment)
  }

  func read(_ name: String) -> [UInt8] { Scratch.read(scratch.path + "/" + name) }

  /// The losses of all steps, as written.
  func losses(_ out: String) -> [String] {
    String(decoding: read(out + "/metrics.jsonl"), as: UTF8.self).split(separator: "\n").compactMap { line in
      guard let json = try? JSONValue(parsing: String(line)) else { return nil }
      let values = [json["step"], json["loss"], json["evaluation"]?["loss"]]
      return values.map { $0?.serialized() ?? "-" }.joined(separator: " ")
    }
  }
}

@Suite struct TrainTests {
  @Test func aRunGivesACheckpointThatAnswers() throws {
    let training = TinyTraining()
    let run = training.run("run")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.isEmpty)
    #expect(training.losses("run").count == 24 + 3)
    let checkpoint = training.scratch.path + "/run/checkpoint"
    let answer = vlm(
      "ask", "Question 3?", "--model", checkpoint, "--image", scene, "--greedy", "--max-tokens", "8")
    #expect(answer.status == 0, "\(answer.errors)")
    let before = vlm("ask", "Question 3?", "--model", tiny, "--image", scene, "--greedy", "--max-tokens", "8")
    #expect(answer.output != before.output)
    // What the last snapshot gives is the same, file by file.
    let exported = training.scratch.path + "/exported"
    #expect(vlm("train", "export", training.scratch.path + "/run", exported).status == 0)
    for name in ["model.safetensors", "config.json", "tokenizer.json", "preprocessor_config.json"] {
      #expect(Scratch.read(exported + "/" + name) == Scratch.read(checkpoint + "/" + name), "\(name)")
      #expect(!Scratch.read(exported + "/" + name).isEmpty, "\(name)")
    }
    #expect(vlm("train", "export", training.scratch.path + "/run", exported, "--step", "best").status == 0)
    expectFailure(
      vlm("train", "export", training.scratch.path + "/run", exported, "--step", "3"), naming: "step 3")
    expectFailure(vlm("train", "export", training.scratch.path, exported), naming: "no snapshots")
    // A second time only on purpose.
    expectFailure(training.run("run"), naming: "--resume")
    #expect(training.run("run", "--resume").status == 0)
  }

  /// Killed at any moment, writing a snapshot included, and resumed until it is done: the bytes of a run that was not.
  @Test func killedAtRandomMomentsItLosesNothing() throws {
    let training = TinyTraining()
    let started = ContinuousClock.now
    #expect(training.run("whole").status == 0)
    let whole = max(50_000, (ContinuousClock.now - started) / Duration.microseconds(1))
    var random = SystemRandomNumberGenerator()
    var (kills, runs) = (0, 0)
    // A run that comes to its end alive is followed by another one: how fast the machine is makes no difference.
    while kills < 10 && runs < 50 {
      let out = "run\(runs)"
      runs += 1
      for _ in 0..<4 {
        let process = start([
          "train", training.recipe, "--out", training.scratch.path + "/" + out, "--resume",
        ])
        usleep(UInt32.random(in: 10_000...UInt32(whole), using: &random))
        if waitpid(process, nil, WNOHANG) != 0 { break }
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        kills += 1
      }
      let last = training.run(out, "--resume")
      #expect(last.status == 0, "\(last.errors)")
      #expect(training.losses(out) == training.losses("whole"))
      let weights = training.read(out + "/checkpoint/model.safetensors")
      #expect(!weights.isEmpty && weights == training.read("whole/checkpoint/model.safetensors"))
      #expect(names(training.scratch.path + "/\(out)/snapshots").allSatisfy { !$0.hasPrefix(".") })
    }
    #expect(kills >= 10, "\(kills) kills in \(runs) runs")
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aSignalWritesASnapshot(signal: Int32) throws {
    let training = TinyTraining()
    let errors = training.scratch.path + "/errors"
    let process = start(
      ["train", training.recipe, "--out", training.scratch.path + "/run", "--set", "steps=100000"],
      errors: errors)
    // Once a step is written down, it is in the middle of its work.
    var patience = 3000
    while training.losses("run").isEmpty && patience > 0 {
      usleep(10_000)
      patience -= 1
    }
    kill(process, signal)
    var status: Int32 = 0
    waitpid(process, &status, 0)
    #expect(status == 130 << 8)
    let snapshot = try #require(names(training.scratch.path + "/run/snapshots").last)
    let step = try #require(Int(snapshot.dropFirst(5)))
    #expect(step > 0 && training.losses("run").last?.hasPrefix("\(step) ") == true)
    let text = String(decoding: Scratch.read(errors), as: UTF8.self)
    #expect(text.contains("stopped after step \(step)"), "\(text)")
  }

  @Test func aFullDiskIsSaidAndNothingIsLost() throws {
    let training = TinyTraining()
    #expect(training.run("run", "--set", "steps=24", "--set", "snapshots.every=100").status == 0)
    // No file may have more than 40 kB: how a full disk looks to a program.
    let command =
      "ulimit -f 40; exec \"$0\" train \"$1\" --out \"$2\" --set snapshots.every=2"
    let run = shell(command, [program, training.recipe, training.scratch.path + "/full"])
    #expect(run.status == 1 && run.errors.contains("snapshot of step 2"), "\(run.errors)")
    #expect(run.errors.contains("there is no earlier one"), "\(run.errors)")
    #expect(names(training.scratch.path + "/full/snapshots").isEmpty)
    let resumed = training.run("full", "--resume")
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(training.losses("full") == training.losses("run"))
  }

  @Test func mistakesAreFoundBeforeAnythingStarts() throws {
    let training = TinyTraining()
    expectFailure(training.run("a", "--set", "learn.text.rat=3"), naming: "did you mean \"rate\"?")
    expectFailure(training.run("a", "--set", "data.0.file=none.jsonl"), naming: "none.jsonl")
    expectFailure(training.run("a", "--set", "data.0.format=chatt"), naming: "did you mean \"chat\"?")
    expectFailure(training.run("a", "--set", "data=[{synth: scens}]"), naming: "scens")
    expectFailure(training.run("a", "--set", "model.from=/none"), naming: "/none/config.json")
    expectFailure(
      training.run("a", "--set", "lora={rank: 2, targets: [q_prj]}"), naming: "did you mean \"q_proj\"?")
    expectFailure(vlm("train", training.scratch.path + "/none.yaml"), naming: "none.yaml")
    expectFailure(vlm("train", "plot", training.scratch.path), naming: "metrics.jsonl")
    expectFailure(vlm("train"), 2, naming: "recipe")
    expectFailure(vlm("train", "plot", "x", "--out", "x.gif"), 2, naming: ".png")
    #expect(names(training.scratch.path + "/a/snapshots").isEmpty)
  }

  @Test func samplesThatComeAgainAreSaid() {
    let scratch = Scratch()
    let recipe = scratch.write(
      """
      name: drawn
      model: {init: checkpoint, from: \(tiny)}
      learn: {text: {rate: 1e-3}}
      schedule: {warmup: 0}
      steps: 1
      batch: {tokens: 512}
      data: [{synth: scenes/count, difficulty: 0, sides: 56..84}]

      """, to: "recipe.yaml")
    func train(_ out: String, _ extra: String...) -> Run {
      vlm(["train", recipe, "--out", scratch.path + "/" + out] + extra)
    }
    let first = train("first")
    #expect(first.status == 0 && !first.errors.contains("come again"), "\(first.errors)")
    let second = train("second", "--set", "model.from=\(scratch.path)/first")
    #expect(second.status == 0, "\(second.errors)")
    let advice = "samples of scenes come again: drawn drew them from seed 0 too"
    #expect(second.errors.contains(advice), "\(second.errors)")
    let third = train("third", "--set", "model.from=\(scratch.path)/first", "--set", "seed=1")
    #expect(third.status == 0 && !third.errors.contains("come again"), "\(third.errors)")
  }

  @Test func curvesAreDrawn() throws {
    let training = TinyTraining()
    #expect(training.run("run").status == 0)
    let run = training.scratch.path + "/run"
    #expect(vlm("train", "plot", run).status == 0)
    #expect(training.read("run/curves.png").starts(with: [0x89, 0x50, 0x4E, 0x47]))
    #expect(vlm("train", "plot", run, "--out", run + "/curves.svg").status == 0)
    let svg = String(decoding: training.read("run/curves.svg"), as: UTF8.self)
    #expect(svg.contains("<svg"))
  }

  @Test func adaptersAreSavedInPEFTsLayout() throws {
    let training = TinyTraining()
    let run = training.run("run", "--set", "lora={rank: 2, targets: [q_proj, v_proj]}", "--set", "steps=4")
    #expect(run.status == 0, "\(run.errors)")
    let config = try JSONValue(parsing: training.read("run/checkpoint/adapter_config.json"))
    #expect(config["peft_type"] == "LORA" && config["r"] == 2 && config["lora_alpha"]?.doubleValue == 4)
    #expect(!training.read("run/checkpoint/adapter_model.safetensors").isEmpty)
    // On the checkpoint or merged into it, the answer is the same.
    let merged = training.scratch.path + "/merged"
    let export = vlm("train", "export", training.scratch.path + "/run", merged, "--merge")
    #expect(export.status == 0, "\(export.errors)")
    let ask = ["ask", "Question 3?", "--image", scene, "--greedy", "--max-tokens", "8", "--model"]
    let adapted = vlm(ask + [tiny, "--adapter", training.scratch.path + "/run/checkpoint"])
    #expect(adapted.status == 0, "\(adapted.errors)")
    #expect(adapted.output == vlm(ask + [merged]).output)
  }

  /// An adapter that PEFT wrote, and what transformers answers with it.
  @Test func adaptersOfPEFTAnswerAsThere() throws {
    let directory = Goldens.directory + "/adapter"
    let golden = try JSONValue(parsing: Scratch.read(directory + "/answers.json"))
    let ask = [
      "ask", golden["question"]?.stringValue ?? "", "--model", tiny, "--greedy", "--max-tokens", "12",
      "--format",
      "json",
    ]
    #expect(vlm(ask).json?["tokens"] == golden["without"])
    #expect(vlm(ask + ["--adapter", directory]).json?["tokens"] == golden["with"])
    let untied = ["ask", "x", "--model", Goldens.directory + "/tiny-untied"]
    expectFailure(vlm(untied + ["--adapter", directory]), naming: "lora_A")
    let scratch = Scratch()
    scratch.copy(golden: "adapter")
    for (old, new) in [
      ("\"use_dora\": false", "\"use_dora\": true"), ("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\""),
      ("\"r\": 2", "\"r\": 3"), ("\"rank_pattern\": {}", "\"rank_pattern\": {\"fc1\": 4}"),
    ] {
      scratch.edit("adapter_config.json", old, new)
      let run = vlm(ask + ["--adapter", scratch.path])
      #expect(run.status == 1 && run.errors.split(separator: "\n").count == 1, "\(run.errors)")
      scratch.edit("adapter_config.json", new, old)
    }
  }
}

/// The names of what is in a directory, sorted.
private func names(_ directory: String) -> [String] {
  guard let stream = opendir(directory) else { return [] }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if name != "." && name != ".." && name != "best" { names.append(name) }
  }
  return names.sorted()
}
