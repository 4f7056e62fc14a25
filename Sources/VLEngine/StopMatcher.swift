/// Finds stop texts in text that arrives in pieces, and holds back what may be the beginning of one.
struct StopMatcher: Sendable {
  private let stops: [[UInt8]]
  private var held: [UInt8] = []

  init(_ stops: [String]) { self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty } }

  /// Takes a piece; returns the text that is certain, and whether a stop text was found (nothing after it is kept).
  mutating func take(_ piece: String) -> (text: String, found: Bool) {
    if stops.isEmpty { return (piece, false) }
    held += piece.utf8
    for place in held.indices {
      if stops.contains(where: { held[place...].starts(with: $0) }) {
        let text = String(decoding: held[..<place], as: UTF8.self)
        held = []
        return (text, true)
      }
    }
    // The longest tail that some stop text starts with stays.
    let longest = stops.map { $0.count - 1 }.max() ?? 0
    var keep = min(longest, held.count)
    while keep > 0 && !stops.contains(where: { $0.starts(with: held.suffix(keep)) }) { keep -= 1 }
    let text = String(decoding: held.dropLast(keep), as: UTF8.self)
    held = Array(held.suffix(keep))
    return (text, false)
  }

  /// What was held back, when no more comes.
  mutating func finish() -> String {
    defer { held = [] }
    return String(decoding: held, as: UTF8.self)
  }
}
