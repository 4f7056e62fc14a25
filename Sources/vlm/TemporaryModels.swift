import Glibc
import VLJSON
import VLTraining

/// Directories like a model's with other sizes in config.json, removed with this object.
final class TemporaryModels {
  private var made: [String] = []

  deinit {
    for directory in made {
      for name in ["config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"] {
        unlink(directory + "/" + name)
      }
      rmdir(directory)
    }
  }

  /// The cases from which the growth of the cost shows: longer sequences, and twice and four times the width.
  func growth(from directory: String, text: Int) throws -> [TrainingBench.Case] {
    var cases = [64, 256, 1024, 2048].map { length in
      let shape = StepShape(batch: max(1, 2048 / length), side: 0, text: length)
      return TrainingBench.Case(name: shape.name, directory: directory, shape: shape)
    }
    let shape = StepShape(batch: 4, side: 224, text: text)
    for factor in [1, 2, 3] {
      let copy = factor == 1 ? directory : try widened(directory, by: factor)
      cases.append(
        TrainingBench.Case(name: "width × \(factor): " + shape.name, directory: copy, shape: shape))
    }
    return cases
  }

  /// A copy whose text model and encoder are `factor` times as wide.
  private func widened(_ directory: String, by factor: Int) throws -> String {
    var template = Array("/tmp/vlm-bench-XXXXXX".utf8CString)
    guard let copy = mkdtemp(&template).map({ String(cString: $0) }) else {
      throw TrainingError("/tmp", "no directory can be made there: \(String(cString: strerror(errno)))")
    }
    made.append(copy)
    for name in ["preprocessor_config.json", "tokenizer.json", "tokenizer_config.json"] {
      symlink(absolute(directory) + "/" + name, copy + "/" + name)
    }
    guard var config = try JSONValue(parsing: bytes(of: directory + "/config.json")).objectValue,
      var vision = config["vision_config"]?.objectValue
    else { throw TrainingError(directory + "/config.json", "is not a configuration") }
    func widen(_ object: inout JSONObject, _ keys: String...) {
      for key in keys { if let value = object[key]?.integerValue { object[key] = .integer(value * factor) } }
    }
    widen(&config, "hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads")
    widen(&vision, "embed_dim", "hidden_size", "num_heads")
    config["vision_config"] = .object(vision)
    guard let file = fopen(copy + "/config.json", "w") else {
      throw TrainingError(copy, "cannot be written: \(String(cString: strerror(errno)))")
    }
    fputs(JSONValue.object(config).serialized(), file)
    fclose(file)
    return copy
  }

  private func absolute(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private func bytes(of path: String) throws -> [UInt8] {
    guard let file = fopen(path, "rb") else {
      throw TrainingError(path, "cannot be read: \(String(cString: strerror(errno)))")
    }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    return Array(buffer[..<fread(&buffer, 1, buffer.count, file)])
  }
}
