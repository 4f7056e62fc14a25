internal import Glibc
public import VLJSON

/// The directory of a training run. Only one process at a time works on it.
///
/// | name | what it is |
/// |---|---|
/// | `recipe.json` | every setting of the recipe, defaults included |
/// | `metrics.jsonl` | a line for every step and every evaluation |
/// | `events.out.tfevents.…` | the same for TensorBoard, a file for each start |
/// | `snapshots/step-…` | what training goes on from |
/// | `snapshots/best` | a link to the one with the least held-out loss |
/// | `checkpoint` | the result in the published form |
public final class RunDirectory: Sendable {
  /// Its path.
  public let path: String
  private let lock: Int32

  /// Opens a run's directory, making it where it is missing, and locks it.
  /// - Throws: ``TrainingError`` if it cannot be made, or another process is working on it.
  public init(_ path: String) throws {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    try DurableFiles.makeDirectory(self.path + "/snapshots")
    lock = open(self.path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard lock >= 0 else { throw DurableFiles.failure(self.path + "/lock") }
    // A process that was just killed holds the lock until the system has cleared up behind it.
    var patience = 30
    while flock(lock, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK, patience > 0 else {
        close(lock)
        throw TrainingError(
          self.path, "another process is training there; stop it first, or choose another directory")
      }
      patience -= 1
      usleep(100_000)
    }
    // What an earlier process was interrupted in.
    for name in DurableFiles.contents(snapshots) where name.hasPrefix(".") {
      DurableFiles.remove(snapshots + "/" + name)
    }
    for name in DurableFiles.contents(self.path) where name.hasSuffix(".part") {
      DurableFiles.remove(self.path + "/" + name)
    }
  }

  deinit { close(lock) }

  /// Where the snapshots are.
  public var snapshots: String { path + "/snapshots" }
  /// Where the metrics are.
  public var metrics: String { path + "/metrics.jsonl" }
  /// Where the result is.
  public var checkpoint: String { path + "/checkpoint" }

  /// Writes down the recipe.
  public func write(settings: JSONObject) throws {
    try DurableFiles.write(
      Array((JSONValue.object(settings).serialized(.pretty) + "\n").utf8), to: path + "/recipe.json")
  }
}
