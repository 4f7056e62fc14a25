internal import VLMedia
internal import VLModels
public import VLSynth
internal import VLText

/// Drawn samples without an end, as a source to train on.
public struct SynthSource: SampleSource {
  private let stream: SynthStream
  /// `synth:` and the tasks.
  public let name: String
  /// There is no end to them.
  public var count: Int? { nil }

  /// A source of a stream's samples.
  /// - Parameters:
  ///   - stream: what draws.
  ///   - tasks: the tasks as the recipe names them, for ``name``.
  public init(_ stream: SynthStream, tasks: String) {
    self.stream = stream
    name = "synth:" + tasks
  }

  /// Sample `index`, drawn now.
  public func sample(at index: Int) throws -> TrainingSample {
    try TrainingSample(stream.sample(at: UInt64(index)))
  }
}

extension TrainingSample {
  /// A drawn conversation to learn from.
  /// - Throws: ``DataError`` if a place in it lies outside its picture.
  public init(_ sample: SynthSample) throws {
    let turns = try sample.messages.map { message in
      Turn(
        Message(
          role: message.role.rawValue, parts: try message.parts.map { try Self.part($0, of: sample) }))
    }
    self.init(name: sample.id, turns: turns)
  }

  private static func part(_ part: SynthPart, of sample: SynthSample) throws -> Message.Part {
    func source(_ index: Int) -> MediaSource {
      MediaSource(sample.images[index], name: "\(sample.id) picture \(index + 1)")
    }
    switch part {
    case .text(let text): return .text(text)
    case .ref(let label): return .reference(label)
    case .box(let box):
      guard let box = GroundingBox([box.left, box.top, box.right, box.bottom]) else { throw outside(sample) }
      return .box(box)
    case .quad(let quad):
      guard let quad = GroundingQuad(quad.corners.flatMap { [$0.x, $0.y] }) else { throw outside(sample) }
      return .quad(quad)
    case .image(let index): return .image(ImageInput(source(index)))
    case .video(let frames, let rate):
      return .video(VideoInput(frames: frames.map(source), framesPerSecond: rate))
    }
  }

  private static func outside(_ sample: SynthSample) -> DataError {
    DataError(
      .invalid, sample.id, "a place lies outside the picture",
      remedy: "leave the task out and report the sample")
  }
}
