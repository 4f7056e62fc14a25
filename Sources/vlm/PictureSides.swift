import ArgumentParser

/// The arguments of `--size`, the shortest and the longest side of drawn pictures, and of `--frames`.
enum PictureSides {
  /// Reads `112..224`, or one number for both.
  static func parse(_ text: String) throws -> ClosedRange<Int> {
    try range("--size", text, "112..224 or 224")
  }

  /// Reads the number of a clip's frames, if it is given.
  static func frames(_ text: String?) throws -> ClosedRange<Int>? {
    try text.map { try range("--frames", $0, "4..8 or 4") }
  }

  private static func range(_ name: String, _ text: String, _ example: String) throws -> ClosedRange<Int> {
    let parts = text.split(separator: "..", omittingEmptySubsequences: false).map { Int($0) }
    switch parts.count {
    case 1: if let side = parts[0] { return side...side }
    case 2: if let least = parts[0], let most = parts[1], least <= most { return least...most }
    default: break
    }
    throw ValidationError("\(name) \(text) is not like \(example)")
  }
}
