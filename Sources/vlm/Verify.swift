import ArgumentParser
import VLEngine
import VLModels

struct Verify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare this program with reference values, stage by stage.",
    discussion: """
      REFERENCE is a safetensors file as Tools/write_reference.py writes it (docs/verify.md has the form). Exits 1 at \
      the first stage out of tolerance.
      """)

  @Argument(help: "Checkpoint directory.") var model: String
  @Argument(help: "File of reference values.") var reference: String

  @Option(parsing: .unconditional, help: "Relative tolerance.") var rtol = 1e-4
  @Option(
    parsing: .unconditional,
    help: "Absolute tolerance (default: rtol times the root mean square of each stage).") var atol: Double?
  @OptionGroup var threads: ThreadOptions

  func validate() throws {
    if !(rtol >= 0 && rtol.isFinite) { throw ValidationError("--rtol \(rtol) is not a number from 0 up") }
    if let atol, !(atol >= 0 && atol.isFinite) {
      throw ValidationError("--atol \(atol) is not a number from 0 up")
    }
  }

  func run() throws {
    let reference = try ParityReference(reference)
    var check = ParityCheck(try Families.load(model, on: threads.makeCompute()), reference)
    check.rtol = rtol
    check.atol = atol
    Terminal.say(
      pad("stage", 20) + pad("largest abs", 14) + pad("largest rel", 14) + pad("cosine", 13) + "\n")
    let passed = try check.run { stage in
      let isFloat = stage.atol > 0 || stage.largestAbsolute > 0
      Terminal.say(
        pad(stage.name, 20)
          + (isFloat
            ? pad(scientific(stage.largestAbsolute), 14) + pad(scientific(stage.largestRelative), 14)
              + pad(fixed(stage.cosine, 9), 13) : pad("", 41))
          + (stage.passed ? "ok" : "FAILED") + (stage.note.isEmpty ? "" : "  " + stage.note) + "\n")
    }
    Terminal.say(passed ? "all stages agree\n" : "the stages above differ\n")
    if !passed { throw ExitCode(1) }
  }
}

/// Text filled up with blanks to a width.
func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
  guard value.isFinite else { return "\(value)" }
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  guard abs(value) * scale < 9e18 else { return "\(value)" }
  let scaled = Int((abs(value) * scale).rounded())
  let digits = String(scaled)
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  let sign = value < 0 && scaled != 0 ? "-" : ""
  return decimals == 0 ? sign + padded : sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
}

/// A number as `1.2e-05`.
func scientific(_ value: Double) -> String {
  guard value.isFinite && value != 0 else { return "\(value)" }
  var exponent = 0
  var mantissa = abs(value)
  while mantissa >= 9.95 {
    mantissa /= 10
    exponent += 1
  }
  while mantissa < 0.995 {
    mantissa *= 10
    exponent -= 1
  }
  return
    "\(value < 0 ? "-" : "")\(fixed(mantissa, 1))e\(exponent < 0 ? "-" : "+")\(abs(exponent) < 10 ? "0" : "")\(abs(exponent))"
}
