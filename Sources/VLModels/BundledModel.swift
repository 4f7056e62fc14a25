internal import Glibc
internal import SmallModel

/// The small model that comes with the package: trained by it, from nothing (docs/model-card.md).
public enum BundledModel {
  /// Its directory in the published form; nil if the program was moved away from the resources it was built with.
  public static var directory: String? {
    configuration.flatMap { access($0 + "/model.safetensors", R_OK) == 0 ? $0 : nil }
  }

  /// The directory with its configuration and tokenizer, whether or not it has weights: what a model of these sizes is
  /// trained from; nil if the program was moved away from the resources it was built with.
  public static var configuration: String? {
    guard let program = realpath("/proc/self/exe", nil) else { return nil }
    defer { free(program) }
    let path = String(cString: program)
    guard let slash = path.lastIndex(of: "/") else { return nil }
    let directory = String(path[...slash]) + String(cString: small_model_resource)
    return access(directory + "/config.json", R_OK) == 0 ? directory : nil
  }
}
