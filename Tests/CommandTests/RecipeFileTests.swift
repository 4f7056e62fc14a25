import TestKit
import Testing
import VLModels
import VLNN
import VLTensor

/// The recipes that come with the package, as they stand: tiny models and a little data lie where they look for them, and
/// only how long they run is changed.
@Suite struct RecipeFileTests {
  private let scratch = Scratch()
  private let compute = Compute(threads: 1)

  /// `Recipes`, `models` and `data` side by side.
  init() throws {
    let path = scratch.path
    #expect(
      shell("cp -r \"$0/Recipes\" \"$1\" && mkdir -p \"$1/data\" \"$1/models/qwen2-vl-2b\"", [root, path])
        .status == 0)
    #expect(shell("cp \"$0\"/* \"$1/models/qwen2-vl-2b\"", [tiny, path]).status == 0)

    let donor = try #require(try Families.load(tiny, on: compute) as? Qwen2VLModel)
    #expect(shell("mkdir \"$0/models/qwen2-1.5b\" \"$0/models/dfn-vit\"", [path]).status == 0)
    try SafetensorsWriter.write(
      donor.language.parameterList().map { ($0.name, $0.parameter.tensor) },
      to: path + "/models/qwen2-1.5b/model.safetensors")
    try SafetensorsWriter.write(
      PlainEncoder.tensors(scale: 1e-3, on: compute), to: path + "/models/dfn-vit/model.safetensors")

    for (name, tasks, format) in [
      ("captions", "scenes/caption", "wds"), ("chat", "scenes,dialogue,clips", "jsonl"),
    ] {
      #expect(
        vlm(
          "synth", path + "/data/" + name, "--tasks", tasks, "--count", "24", "--size", "56..84", "--format",
          format
        ).status == 0)
    }
    let links = """
      cd "$0/data" || exit 1
      for i in $(seq -f %03.0f 0 127) heldout; do ln -s captions/shard-000000.tar captions-$i.tar; done
      for n in ocr interleaved instructions instructions-heldout mine; do ln -s chat/data.jsonl $n.jsonl; done
      ln -s chat/images images
      picture=$(ls images | head -n 1)
      for n in vqa vqa-heldout; do
        printf '[{"id":"1","image":"images/%s","conversations":[{"from":"human","value":"<image>\\nWhat is it?"},{"from":"gpt","value":"a list"}]}]' $picture > $n.json
      done
      printf '[{"id":"1","conversations":[{"from":"user","value":"<img>images/%s</img>Where is the list?"},{"from":"assistant","value":"<ref>the list</ref><box>(10,20),(500,600)</box>"}]}]' $picture > grounding.json
      printf 'The picture is in the list. What is the garden?' > text.txt
      """
    #expect(shell(links, [path]).status == 0)
    #expect(
      vlm("data", "tokenize", path + "/data/text.txt", "--out", path + "/data/text.tokens", "--model", tiny)
        .status == 0)
  }

  private func train(_ name: String, _ settings: String...) -> Run {
    let settings = (settings + ["evaluation.samples=2"]).flatMap { ["--set", $0] }
    return vlm(
      ["train", scratch.path + "/Recipes/\(name).yaml", "--out", scratch.path + "/Runs/\(name)"] + settings)
  }

  @Test func thePublishedStagesFollowOneAnother() throws {
    for (name, length) in [("stage-1", "steps=3"), ("stage-2", "steps=3"), ("stage-3", "epochs=1")] {
      let run = train(name, length, "batch.accumulate=1", "schedule.warmup=1")
      #expect(run.status == 0, "\(name): \(run.errors)")
    }
    let lora = vlm(
      "train", scratch.path + "/Recipes/lora.yaml", "--out", scratch.path + "/Runs/lora", "--set", "epochs=1",
      "--set",
      "schedule.warmup=1")
    #expect(lora.status == 0, "\(lora.errors)")

    // What each stage lets learn has moved, and nothing else.
    func weights(_ directory: String) throws -> Qwen2VLModel {
      try #require(try Families.load(directory, on: compute) as? Qwen2VLModel)
    }
    func differ(
      _ a: Qwen2VLModel, _ b: Qwen2VLModel, _ part: (Qwen2VLModel) -> [(name: String, parameter: Parameter)]
    ) -> Bool {
      zip(part(a), part(b)).contains { $0.parameter.tensor.array() != $1.parameter.tensor.array() }
    }
    let stages = try [1, 2, 3].map { try weights(scratch.path + "/Runs/stage-\($0)/checkpoint") }
    let text = { (model: Qwen2VLModel) in model.language.parameterList() }
    let encoder = { (model: Qwen2VLModel) in
      model.vision.parameterList("visual.").filter { !$0.name.contains("merger") }
    }
    #expect(!differ(stages[0], try weights(tiny), text))
    #expect(differ(stages[1], stages[0], text) && differ(stages[1], stages[0], encoder))
    #expect(differ(stages[2], stages[1], text) && !differ(stages[2], stages[1], encoder))
  }

  /// Those of the small model and of the ablations need nothing beside the package.
  @Test func theOthersRunWithoutData() throws {
    let settings = [
      "steps=2", "schedule.warmup=1", "batch.tokens=512", "evaluation=",
      "model.init=nothing", "model.from=\(tiny)", "model.config=",
    ]
    let names = shell("cd \"$0/Recipes\" && ls", [root]).output.split(separator: "\n").map(String.init)
      .filter { $0.hasPrefix("small-") || $0.hasPrefix("ablation-") }
    #expect(names.count >= 5)
    // The first of them as it stands, its changes of the configuration included.
    let first = vlm(
      "train", root + "/Recipes/small-1.yaml", "--out", scratch.path + "/Runs/first", "--set", "steps=1",
      "--set", "schedule.warmup=1", "--set", "batch.tokens=256")
    #expect(first.status == 0, "\(first.errors)")
    for name in names {
      let recipe = root + "/Recipes/" + name
      let run = vlm(
        ["train", recipe, "--out", scratch.path + "/Runs/" + name]
          + settings.flatMap { ["--set", $0] })
      #expect(run.status == 0, "\(name): \(run.errors)")
    }
  }
}
