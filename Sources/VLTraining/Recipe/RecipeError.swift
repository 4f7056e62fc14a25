/// Why a recipe cannot be followed.
public struct RecipeError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file and line, or the `--set` argument.
  public let place: String
  /// The keys that lead to the value, such as `learn.encoder.rate`; empty for the whole recipe.
  public let key: String
  /// What is wrong, and what would be right.
  public let reason: String

  /// An error about `key`, which was written at `place`.
  public init(place: String, key: String, reason: String) {
    self.place = place
    self.key = key
    self.reason = reason
  }

  /// One line for a person.
  public var description: String { place + ": " + (key.isEmpty ? "" : key + ": ") + reason }
}

/// The candidate that `name` was most likely meant to be: the one that takes the fewest edits, if those are few.
func nearest(to name: String, among candidates: [String]) -> String? {
  let best = candidates.map { (distance: editDistance(name, $0), name: $0) }.min { $0.distance < $1.distance }
  guard let best, best.distance <= max(2, name.count / 3) else { return nil }
  return best.name
}

/// The number of characters to insert, remove, replace or swap with their neighbour to get from one to the other.
func editDistance(_ from: String, _ to: String) -> Int {
  let (a, b) = (Array(from.lowercased()), Array(to.lowercased()))
  // Rows of the table for the first i characters of `a`: the last two rows and the one being filled.
  var before: [Int] = []
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1]
    for j in 0..<b.count {
      var least = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { least = min(least, before[j - 1] + 1) }
      row.append(least)
    }
    (before, last) = (last, row)
  }
  return last[b.count]
}
