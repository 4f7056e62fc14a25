import TestKit
import Testing
import VLEngine
import VLModels
import VLTensor

/// Every committed reference of the tiny models, stage by stage.
@Suite struct ReferenceTests {
  static let tiny = [
    "limits", "look-alikes", "odd-forms", "odd-sizes", "one-image", "several-turns", "text-only", "video",
  ]
  static let untied = ["untied-one-image", "untied-turns"]

  private func check(_ model: String, _ reference: String, threads: Int = 2) throws {
    let model = try Families.load(Goldens.directory + "/" + model, on: Compute(threads: threads))
    let file = try ParityReference(Goldens.directory + "/references/\(reference).safetensors")
    var names: [String] = []
    let passed = try ParityCheck(model, file).run { stage in
      names.append(stage.name)
      #expect(stage.passed, "\(reference) \(stage.name): \(stage.note)")
      // The goldens' margins are far above rounding, so not even near ties are allowed.
      #expect(!stage.note.contains("near ties"), "\(reference) \(stage.name): \(stage.note)")
    }
    #expect(passed)
    for name in ["input_ids", "position_ids", "hidden_states.0", "hidden_states.1", "generated_ids"] {
      #expect(names.contains(name), "\(reference) holds no \(name)")
    }
  }

  @Test(arguments: tiny) func tinyAgrees(reference: String) throws { try check("tiny", reference) }

  @Test(arguments: untied) func untiedAgrees(reference: String) throws { try check("tiny-untied", reference) }

  /// A wrong model must fail, at the first stage that its weights reach.
  @Test func anotherModelFails() throws {
    let model = try Families.load(Goldens.directory + "/tiny", on: Compute(threads: 1))
    let file = try ParityReference(Goldens.directory + "/references/untied-one-image.safetensors")
    var last: ParityStage?
    #expect(try !ParityCheck(model, file).run { last = $0 })
    #expect(last?.passed == false)
  }

  /// The tolerance is real: far below float32's own rounding, the comparison fails.
  @Test func aToleranceOfNothingFails() throws {
    let model = try Families.load(Goldens.directory + "/tiny", on: Compute(threads: 1))
    let file = try ParityReference(Goldens.directory + "/references/text-only.safetensors")
    var check = ParityCheck(model, file)
    check.rtol = 1e-9
    #expect(try !check.run { _ in })
  }
}
