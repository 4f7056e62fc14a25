internal import Glibc
internal import VLJSON
public import VLTensor

/// A model's weights in the published form: `model.safetensors`, or shards that `model.safetensors.index.json` lists.
///
/// Everything is checked when it is opened and nothing is read but the headers; tensors are views into the files.
public struct Checkpoint: Sendable {
  /// What is known about a tensor without reading it.
  public struct Info: Sendable, Equatable {
    /// Its name in the file.
    public let name: String
    /// The type of its elements.
    public let type: SafetensorsType
    /// The sizes of its axes.
    public let shape: Shape
    /// The path of its file.
    public let file: String
    /// How many bytes its elements take.
    public let byteCount: Int
  }

  /// The directory or file that it was opened by.
  public let path: String
  /// The files, in the order of their names.
  public let files: [SafetensorsFile]
  /// The tensors' names, sorted.
  public let names: [String]
  /// Tensors that a shard holds and the index does not list for that shard. They are no part of the checkpoint.
  public let unlisted: [Info]
  private let places: [String: Int]  // name → file

  /// Opens a checkpoint.
  ///
  /// - Parameter directory: a directory in the published form, or one `.safetensors` file.
  /// - Throws: ``CheckpointError`` that names the file at fault.
  public init(directory: String) throws(CheckpointError) {
    var status = stat()
    guard !directory.utf8.contains(0), stat(directory, &status) == 0 else {
      throw CheckpointError(directory, .missingFile)
    }
    if status.st_mode & S_IFMT != S_IFDIR {
      self.init(path: directory, file: try SafetensorsFile(path: directory))
      return
    }
    let single = directory + "/model.safetensors"
    let index = directory + "/model.safetensors.index.json"
    if access(single, F_OK) == 0 {
      self.init(path: directory, file: try SafetensorsFile(path: single))
    } else if access(index, F_OK) == 0 {
      try self.init(directory: directory, index: index)
    } else {
      throw CheckpointError(directory, .noWeights(hint: Self.hint(directory)))
    }
  }

  private init(path: String, file: SafetensorsFile) {
    self.path = path
    files = [file]
    names = file.entries.map(\.name).sorted()
    places = Dictionary(uniqueKeysWithValues: names.map { ($0, 0) })
    unlisted = []
  }

  private init(directory: String, index: String) throws(CheckpointError) {
    func refuse(_ problem: CheckpointError.Problem) -> CheckpointError { CheckpointError(index, problem) }
    let map: JSONObject
    do {
      guard let object = try TextFile.object(index).object("weight_map") else {
        throw JSONObject.missing("weight_map")
      }
      map = object
    } catch let error as CheckpointError {
      throw error
    } catch let error as JSONError {
      throw refuse(.json(error))
    } catch {
      throw refuse(.unreadable("\(error)"))
    }

    var shardOfTensor: [(tensor: String, shard: String)] = []
    for (tensor, value) in map.members {
      guard let shard = value.stringValue else {
        throw refuse(
          .json(
            JSONError(
              .mismatch(expected: "a file name", found: value.kindDescription), path: "weight_map." + tensor))
        )
      }
      guard Self.isPlainName(shard) else { throw refuse(.unsafeShardName(shard)) }
      shardOfTensor.append((tensor, shard))
    }
    guard !shardOfTensor.isEmpty else {
      throw refuse(
        .json(JSONError(.mismatch(expected: "at least one tensor", found: "none"), path: "weight_map")))
    }

    let shards = Set(shardOfTensor.map(\.shard)).sorted()
    var files: [SafetensorsFile] = []
    for shard in shards { files.append(try SafetensorsFile(path: directory + "/" + shard)) }
    let numbers = Dictionary(uniqueKeysWithValues: shards.enumerated().map { ($1, $0) })
    var places: [String: Int] = [:]
    for (tensor, shard) in shardOfTensor {
      guard let number = numbers[shard], files[number].entry(tensor) != nil else {
        throw refuse(.notInShard(tensor: tensor, shard: shard))
      }
      places[tensor] = number
    }
    path = directory
    self.files = files
    self.places = places
    names = places.keys.sorted()
    unlisted = files.enumerated().flatMap { number, file in
      file.entries.filter { places[$0.name] != number }.map { Info($0, file: file.path) }
    }
  }

  /// Whether `name` can only mean a file beside the index.
  private static func isPlainName(_ name: String) -> Bool {
    name.hasSuffix(".safetensors") && !name.hasPrefix(".")
      && name.utf8.allSatisfy { $0 != UInt8(ascii: "/") && $0 >= 0x20 && $0 != 0x7F }
  }

  /// What to do about a directory without safetensors.
  private static func hint(_ directory: String) -> String {
    for other in ["pytorch_model.bin", "pytorch_model.bin.index.json"]
    where access(directory + "/" + other, F_OK) == 0 {
      return "it has \(other): save the model again in the safetensors format"
    }
    if access(directory + "/config.json", F_OK) == 0 {
      return "config.json is there, so the weights were not fetched with it"
    }
    return "is it a model's directory?"
  }

  // MARK: Tensors

  /// What is known about a tensor; nil if there is none of that name.
  public func info(_ name: String) -> Info? {
    guard let place = places[name] else { return nil }
    return files[place].entry(name).map { Info($0, file: files[place].path) }
  }

  /// A tensor of float32, bfloat16 or float16 elements, as a view into its file (see ``SafetensorsFile/tensor(_:)``).
  ///
  /// - Throws: ``CheckpointError`` if there is no such tensor or its elements have another type.
  public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
    guard let place = places[name] else { throw CheckpointError(path, .missingTensor(name)) }
    return try files[place].tensor(name)
  }

  /// How many bytes the elements of all tensors take.
  public var byteCount: Int { names.reduce(0) { $0 + (info($1)?.byteCount ?? 0) } }
}

extension Checkpoint.Info {
  fileprivate init(_ entry: SafetensorsEntry, file: String) {
    self.init(
      name: entry.name, type: entry.type, shape: entry.shape, file: file, byteCount: entry.byteCount)
  }
}
