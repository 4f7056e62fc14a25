import ArgumentParser

/// The argument of `--size`: the shortest and the longest side of drawn pictures.
enum PictureSides {
  /// Reads `112..224`, or one number for both.
  static func parse(_ text: String) throws -> ClosedRange<Int> {
    let parts = text.split(separator: "..", omittingEmptySubsequences: false).map { Int($0) }
    switch parts.count {
    case 1: if let side = parts[0] { return side...side }
    case 2: if let least = parts[0], let most = parts[1], least <= most { return least...most }
    default: break
    }
    throw ValidationError("--size \(text) is not like 112..224 or 224")
  }
}
