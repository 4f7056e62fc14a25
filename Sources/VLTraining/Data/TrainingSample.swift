public import VLMedia
public import VLModels

/// One conversation or text to learn from, as a source gives it: nothing is decoded, resized or encoded yet.
public struct TrainingSample: Sendable {
  /// A message, and whether its words are learnt.
  public struct Turn: Sendable {
    /// Who says and shows what.
    public var message: Message
    /// Whether its words and the token that ends its turn are supervised.
    public var isSupervised: Bool

    /// A turn; by default only the assistant's words are supervised.
    public init(_ message: Message, isSupervised: Bool? = nil) {
      self.message = message
      self.isSupervised = isSupervised ?? (message.role == "assistant")
    }
  }

  /// What there is to learn from.
  public enum Content: Sendable {
    /// Turns in order, written in the model's chat format.
    case conversation([Turn])
    /// Plain text as tokens, all of them supervised.
    case tokens([Int])
  }

  /// Where it comes from, for messages to people: `data.jsonl:17`.
  public var name: String
  /// What there is to learn from.
  public var content: Content
  /// Whether `Picture N: ` comes before each picture; nil for what the encoder does.
  public var visionIDs: Bool?
  /// Keys of its record that change nothing: names, notes, or a misspelling.
  public var unreadKeys: [String] = []

  /// A sample.
  public init(name: String, _ content: Content) {
    self.name = name
    self.content = content
  }

  /// A conversation.
  public init(name: String, turns: [Turn]) { self.init(name: name, .conversation(turns)) }

  /// Its turns; none if it is plain text.
  public var turns: [Turn] { if case .conversation(let turns) = content { turns } else { [] } }

  /// All pictures and clips in order.
  public var visuals: [VisualInput] { turns.flatMap(\.message.visuals) }

  /// The same with limits for its pictures and clips, as far as they have none of their own.
  public func resized(by request: ResizeRequest) -> TrainingSample {
    guard request != ResizeRequest(), case .conversation(var turns) = content else { return self }
    for turn in turns.indices {
      turns[turn].message.parts = turns[turn].message.parts.map { $0.resized(unlessItself: request) }
    }
    var copy = self
    copy.content = .conversation(turns)
    return copy
  }
}

/// Samples that can be had in any order: a file with an index, or a generator.
///
/// Sample `index` is the same whoever asks, in any order, on any thread.
public protocol SampleSource: Sendable {
  /// What it is called in messages and positions: a path, or what a generator was asked for.
  var name: String { get }
  /// How many samples there are; nil if there is no end to them.
  var count: Int? { get }
  /// Sample `index`, from 0 and below ``count``.
  /// - Throws: ``DataError`` for a sample that cannot be used.
  func sample(at index: Int) throws -> TrainingSample
}

/// Why training data cannot be used: where, what is wrong, what to do.
public struct DataError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What kind of problem it is.
  public enum Kind: String, Sendable, CaseIterable {
    /// A file cannot be opened or read, or changed while it was in use.
    case unreadable
    /// Bytes that break the rules of their format: JSON, tar, token shards.
    case malformed
    /// A value is missing, of the wrong kind or out of range.
    case invalid
    /// A picture is missing or cannot be decoded.
    case media
    /// More than the limits allow.
    case tooLarge
    /// Something that is not supported here.
    case unsupported
  }

  /// What kind of problem it is.
  public let kind: Kind
  /// The file with the line, record or member: `data.jsonl:17`.
  public let place: String
  /// What is wrong.
  public let problem: String
  /// What to do.
  public let remedy: String

  /// An error about `place`.
  public init(_ kind: Kind, _ place: String, _ problem: String, remedy: String) {
    self.kind = kind
    self.place = place
    self.problem = problem
    self.remedy = remedy
  }

  /// One line: place, problem, remedy.
  public var description: String { "\(place): \(problem); \(remedy)" }
}
