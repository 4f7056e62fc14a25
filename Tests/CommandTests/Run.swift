import Glibc
import TestKit
import Testing
import VLJSON

/// What one run of the program left behind.
struct Run {
  var status: Int32
  var output: String
  var errors: String

  var json: JSONValue? { try? JSONValue(parsing: output) }
}

let root = Goldens.directory + "/../.."
let tiny = Goldens.directory + "/tiny"
let scene = Goldens.directory + "/references/images/scene.png"

/// Runs the built program; `interruptAfter` sends it SIGINT after so many milliseconds.
func vlm(
  _ arguments: String..., input: [UInt8] = [], environment: [String] = [], interruptAfter: UInt32? = nil
) -> Run {
  vlm(arguments, input: input, environment: environment, interruptAfter: interruptAfter)
}

/// Runs the built program.
/// - Parameters:
///   - arguments: after the program's name.
///   - input: what standard input gives.
///   - environment: further variables, as `NAME=value`.
///   - interruptAfter: milliseconds after which SIGINT is sent.
/// - Returns: its status and what it wrote.
func vlm(
  _ arguments: [String], input: [UInt8] = [], environment: [String] = [], interruptAfter: UInt32? = nil
) -> Run {
  run(
    program, arguments, input: input, environment: environment, interruptAfter: interruptAfter
  )
}

/// Runs a command of the shell; `$0`, `$1` and so on are the arguments.
func shell(_ command: String, _ arguments: [String]) -> Run { run("/bin/sh", ["-c", command] + arguments) }

/// Starts the built program, with its output thrown away and its errors in a file.
func start(_ arguments: [String], errors: String = "/dev/null") -> pid_t {
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT, 0o600)
  defer { posix_spawn_file_actions_destroy(&actions) }
  var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
  defer { for argument in argv { free(argument) } }
  var process = pid_t()
  return spawn(&process, program, &actions, &argv, environ) == 0 ? process : -1
}

/// Starts a program that no signal is kept from: the threads that tests run on block most, which children inherit.
private func spawn(
  _ process: inout pid_t, _ program: String, _ actions: inout posix_spawn_file_actions_t,
  _ argv: inout [UnsafeMutablePointer<CChar>?],
  _ variables: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
) -> Int32 {
  var attributes = posix_spawnattr_t()
  posix_spawnattr_init(&attributes)
  defer { posix_spawnattr_destroy(&attributes) }
  var none = sigset_t()
  sigemptyset(&none)
  posix_spawnattr_setsigmask(&attributes, &none)
  posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
  return posix_spawn(&process, program, &actions, &attributes, &argv, variables)
}

/// The built program.
let program = root + "/.build/release/vlm"

private func run(
  _ program: String, _ arguments: [String], input: [UInt8] = [], environment: [String] = [],
  interruptAfter: UInt32? = nil
) -> Run {
  let scratch = Scratch()
  let paths = (
    input: scratch.write(input, to: "in"), output: scratch.path + "/out", errors: scratch.path + "/err"
  )
  var actions = posix_spawn_file_actions_t()
  posix_spawn_file_actions_init(&actions)
  posix_spawn_file_actions_addopen(&actions, 0, paths.input, O_RDONLY, 0)
  posix_spawn_file_actions_addopen(&actions, 1, paths.output, O_WRONLY | O_CREAT, 0o600)
  posix_spawn_file_actions_addopen(&actions, 2, paths.errors, O_WRONLY | O_CREAT, 0o600)
  defer { posix_spawn_file_actions_destroy(&actions) }
  var argv: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
  defer { for argument in argv { free(argument) } }
  var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup($0) }
  defer { for variable in variables { free(variable) } }
  for index in 0... {
    guard let inherited = environ[index] else { break }
    variables.append(strdup(inherited))
  }
  variables.append(nil)
  var process = pid_t()
  guard spawn(&process, program, &actions, &argv, &variables) == 0 else {
    return Run(status: -1, output: "", errors: "the program could not be started")
  }
  if let interruptAfter {
    usleep(interruptAfter * 1000)
    kill(process, SIGINT)
  }
  var status: Int32 = 0
  waitpid(process, &status, 0)
  // A signal is reported as shells do.
  let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  return Run(
    status: code, output: String(decoding: Scratch.read(paths.output), as: UTF8.self),
    errors: String(decoding: Scratch.read(paths.errors), as: UTF8.self))
}

/// A failure is one line on standard error that names the culprit, nothing on standard output, and this exit code.
func expectFailure(_ run: Run, _ status: Int32 = 1, naming name: String) {
  #expect(run.status == status, "\(run.errors)")
  #expect(run.output.isEmpty)
  #expect(run.errors.contains(name), "\(run.errors)")
  if status == 1 { #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)") }
}

func base64(_ bytes: [UInt8]) -> String {
  let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
  var text = ""
  for start in stride(from: 0, to: bytes.count, by: 3) {
    let group = (0..<3).map { start + $0 < bytes.count ? UInt32(bytes[start + $0]) : 0 }
    let bits = group[0] << 16 | group[1] << 8 | group[2]
    for place in 0..<4 {
      text.append(start + place <= bytes.count ? alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)] : "=")
    }
  }
  return text
}
