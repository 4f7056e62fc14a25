internal import Glibc

/// Where the repository's test data lies.
public enum Goldens {
  /// `Tests/Goldens`, found from this file's own place.
  public static let directory: String = {
    var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    parts.removeLast(2)
    return (parts + ["Goldens"]).joined(separator: "/")
  }()
}
