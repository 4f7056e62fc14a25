public import VLJSON

/// A place in the sequence of batches of a ``DataMixture``: a few numbers, from which it goes on exactly.
public struct DataPosition: Sendable, Equatable {
  /// What the mixture was made of, so that another one is noticed.
  struct Source: Sendable, Equatable {
    var name: String
    var count: Int?
  }

  var seed: UInt64
  var sources: [Source]
  /// Samples drawn from each source.
  var drawn: [Int]
  /// Samples drawn and not in a batch yet.
  var waiting: [Draw]
  /// Batches given out.
  public internal(set) var batches: Int
  /// Samples given out in batches.
  public internal(set) var samples: Int
  /// Samples left out.
  public internal(set) var dropped: Int

  /// For a snapshot.
  public var json: JSONValue {
    [
      "version": 1, "seed": .unsigned(seed),
      "sources": .array(
        sources.map { ["name": .string($0.name), "count": $0.count.map { .integer($0) } ?? .null] }),
      "drawn": .array(drawn.map { .integer($0) }),
      "waiting": .array(waiting.map { .array([.integer($0.source), .integer($0.ordinal)]) }),
      "batches": .integer(batches), "samples": .integer(samples), "dropped": .integer(dropped),
    ]
  }

  /// From a snapshot.
  /// - Parameters:
  ///   - json: what a snapshot holds.
  ///   - place: what errors call it, such as the snapshot's file.
  /// - Throws: ``DataError``.
  public init(_ json: JSONValue, place: String) throws {
    func damaged(_ what: String) -> DataError {
      DataError(
        .malformed, place, "the data position is damaged: \(what)", remedy: "resume from another snapshot")
    }
    func number(_ key: String) throws -> Int {
      guard let value = json[key]?.integerValue, value >= 0 else { throw damaged("\(key) is no count") }
      return value
    }
    guard json["version"]?.integerValue == 1 else { throw damaged("its version is not 1") }
    switch json["seed"] {
    case .integer(let value) where value >= 0: seed = UInt64(value)
    case .unsigned(let value): seed = value
    default: throw damaged("seed is no number")
    }
    guard let sources = json["sources"]?.arrayValue, let drawn = json["drawn"]?.arrayValue,
      let waiting = json["waiting"]?.arrayValue
    else { throw damaged("a list is missing") }
    self.sources = try sources.map {
      guard let name = $0["name"]?.stringValue else { throw damaged("a source has no name") }
      return Source(name: name, count: $0["count"]?.integerValue)
    }
    self.drawn = try drawn.map {
      guard let value = $0.integerValue, value >= 0 else { throw damaged("drawn holds no counts") }
      return value
    }
    guard self.drawn.count == self.sources.count else { throw damaged("drawn does not match sources") }
    let counts = self.drawn
    self.waiting = try waiting.map {
      guard let pair = $0.arrayValue?.compactMap(\.integerValue), pair.count == 2,
        counts.indices.contains(pair[0]), (0..<counts[pair[0]]).contains(pair[1])
      else { throw damaged("waiting holds no draws") }
      return Draw(source: pair[0], ordinal: pair[1])
    }
    batches = try number("batches")
    samples = try number("samples")
    dropped = try number("dropped")
  }

  init(seed: UInt64, sources: [Source]) {
    self.seed = seed
    self.sources = sources
    drawn = sources.map { _ in 0 }
    waiting = []
    (batches, samples, dropped) = (0, 0, 0)
  }
}
