/// Decides what the engine does next. A pure state machine: no clock, no I/O, no model; tested alone.
///
/// Requests start in order of arrival, at most ``maximumRunning`` at a time. A step of every running sequence that
/// decodes alternates with one piece (an image batch, a chunk of the prompt) of the oldest that is still being read, so
/// a long prompt never stalls the others for longer than one piece.
public struct Scheduler: Sendable {
  /// Names a request.
  public typealias ID = UInt64

  /// One step of work.
  public enum Action: Sendable, Equatable {
    /// Decode and resize the images, make tokens and positions, find a prefix to reuse.
    case prepare(ID)
    /// Encode the next images that are not cached.
    case encode(ID)
    /// Run the text model over the next chunk of the prompt.
    case prefill(ID)
    /// Choose a token for the sequence and run the text model over it.
    case decode(ID)
    /// Give the sequence's resources back: it is finished or was cancelled.
    case retire(ID)
  }

  /// How far a sequence is.
  public enum Phase: Sendable, Equatable {
    /// Not looked at yet.
    case waiting
    /// Some images are not encoded yet.
    case encoding
    /// Part of the prompt has not been run yet.
    case prefilling
    /// Producing tokens.
    case decoding
    /// Over; resources to be given back.
    case over
  }

  /// How many sequences hold a KV cache at once.
  public let maximumRunning: Int
  private var order: [ID] = []
  private var phases: [ID: Phase] = [:]
  private var decodeTurn: [ID] = []
  private var readNext = true

  /// An empty schedule.
  public init(maximumRunning: Int = 8) { self.maximumRunning = max(1, maximumRunning) }

  /// Whether there is nothing to do.
  public var isIdle: Bool { order.isEmpty }
  /// How far a request is; nil when it is unknown or retired.
  public func phase(_ id: ID) -> Phase? { phases[id] }

  /// A new request, at the end of the line.
  public mutating func add(_ id: ID) {
    precondition(phases[id] == nil, "Scheduler: request \(id) is known already")
    order.append(id)
    phases[id] = .waiting
  }

  /// A request is not wanted any more. Unknown ids (already retired) are ignored.
  public mutating func cancel(_ id: ID) { if phases[id] != nil { phases[id] = .over } }

  /// An action's outcome: the sequence is now in `phase`. A cancelled sequence stays over.
  public mutating func advance(_ id: ID, to phase: Phase) {
    guard let current = phases[id], current != .over else { return }
    phases[id] = phase
  }

  /// The sequence's resources are given back.
  public mutating func retired(_ id: ID) {
    phases[id] = nil
    order.removeAll { $0 == id }
    decodeTurn.removeAll { $0 == id }
  }

  /// What to do now; nil when there is nothing.
  public mutating func next() -> Action? {
    if let id = order.first(where: { phases[$0] == .over }) { return .retire(id) }
    let running = order.prefix(maximumRunning)
    let reading = running.first { phases[$0] != .decoding }
    if decodeTurn.isEmpty && !readNext {
      decodeTurn = running.filter { phases[$0] == .decoding }
      readNext = true
    }
    while let id = decodeTurn.first {
      decodeTurn.removeFirst()
      if phases[id] == .decoding { return .decode(id) }
    }
    if let id = reading {
      readNext = false
      switch phases[id] {
      case .waiting: return .prepare(id)
      case .encoding: return .encode(id)
      default: return .prefill(id)
      }
    }
    guard let id = running.first(where: { phases[$0] == .decoding }) else { return nil }
    decodeTurn = running.filter { phases[$0] == .decoding && $0 != id }
    readNext = true
    return .decode(id)
  }
}
