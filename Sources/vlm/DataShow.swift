import ArgumentParser
import Glibc
import VLMedia
import VLModels
import VLText
import VLTraining

/// `vlm data show`
struct DataShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print samples as a model reads them, with what is supervised marked.",
    discussion: """
      What is supervised is green on a terminal and stands between ⟦ and ⟧ elsewhere. With --out, pictures are written \
      with the boxes and quads that are said of them: those that follow a picture or clip before the next one comes, or \
      all of them if there is one.
      """)

  @OptionGroup var data: DataOptions
  @Option(parsing: .unconditional, help: ArgumentHelp("Samples to show.", valueName: "n")) var count = 3
  @Option(parsing: .unconditional, help: ArgumentHelp("The first sample to show, from 0.", valueName: "n"))
  var index = 0
  @Option(help: ArgumentHelp("Write the pictures, boxes drawn, into this directory.", valueName: "dir"))
  var out: String?

  func validate() throws {
    if count < 1 { throw ValidationError("--count \(count) is not above 0") }
    if index < 0 { throw ValidationError("--index \(index) is below 0") }
  }

  func run() throws {
    let terminal = Terminal()
    let encoder = try data.encoder()
    let sources = try data.open(terminal)
    let all = ConcatenatedSource(sources, name: "data")
    let total = all.count ?? 0
    guard index < total else { throw Failure("--index \(index): there are \(total) samples") }
    if let out, mkdir(out, 0o777) != 0, errno != EEXIST {
      throw Failure(
        "\(out): the directory cannot be made (\(String(cString: strerror(errno)))); choose another")
    }
    var failed = false
    for index in index..<min(total, index + count) {
      do {
        try show(try all.sample(at: index).resized(by: data.image.resize), index, of: total, encoder)
      } catch let error as DataError {
        Terminal.complain("vlm: \(error)")
        failed = true
      }
    }
    if failed { throw ExitCode(1) }
  }

  private func show(_ sample: TrainingSample, _ index: Int, of total: Int, _ encoder: SampleEncoder?) throws {
    let mark = Mark(isColoured: isatty(STDOUT_FILENO) == 1)
    Terminal.say(mark.heading("── sample \(index) of \(total)  \(sample.name) ") + "\n")
    var encoded: EncodedSample?
    if let encoder {
      do { encoded = try encoder.encode(sample) } catch let rejection as SampleRejection {
        Terminal.say("LEFT OUT: \(rejection)\n")
      }
    }
    if let encoded, let encoder {
      Terminal.say(text(encoded, encoder.processor, mark))
      for image in encoded.images {
        let report = image.report
        let frames = report.frames.map { "\($0) frames of " } ?? ""
        Terminal.say(
          "   \(report.name): \(frames)\(report.originalWidth)×\(report.originalHeight) → "
            + "\(report.resizedWidth)×\(report.resizedHeight), \(report.tokens) tokens\n")
      }
      let visual = encoded.visuals.reduce(0) { $0 + $1.range.count }
      Terminal.say(
        "   \(encoded.tokens.count) tokens, \(visual) of pictures, \(encoded.supervisedCount) supervised\n")
    } else {
      Terminal.say(text(sample, mark))
    }
    if let out { try write(sample, index, out) }
    Terminal.say("\n")
  }

  // MARK: Text

  /// How supervised text looks.
  private struct Mark {
    let isColoured: Bool
    func supervised(_ text: String) -> String { isColoured ? "\u{1B}[32m\(text)\u{1B}[0m" : "⟦\(text)⟧" }
    func heading(_ text: String) -> String { isColoured ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
  }

  /// The tokens as text, runs of one picture's places written once.
  private func text(_ sample: EncodedSample, _ processor: any VisionLanguageProcessor, _ mark: Mark) -> String
  {
    var text = ""
    var run: [Int] = []
    var isSupervised = false
    func flush() {
      guard !run.isEmpty else { return }
      let words = printable(processor.tokenizer.decode(run, skipSpecialTokens: false))
      text += isSupervised ? mark.supervised(words) : words
      run = []
    }
    var place = 0
    while place < sample.tokens.count {
      if let visual = sample.visuals.first(where: { $0.range.lowerBound == place }) {
        flush()
        let pad = processor.tokenizer.token(of: sample.tokens[place]) ?? "?"
        text += "\(pad)×\(visual.range.count)"
        place = visual.range.upperBound
        continue
      }
      let now = place > 0 && sample.targets[place - 1] != TrainingBatch.ignored
      if now != isSupervised { flush() }
      isSupervised = now
      run.append(sample.tokens[place])
      place += 1
    }
    flush()
    return text.hasSuffix("\n") ? text : text + "\n"
  }

  /// The parts as text, when there is no tokenizer.
  private func text(_ sample: TrainingSample, _ mark: Mark) -> String {
    if case .tokens(let tokens) = sample.content { return "\(tokens.count) tokens of plain text\n" }
    return sample.turns.map { turn in
      let words = turn.message.parts.map { part in
        switch part {
        case .text(let text): printable(text)
        case .image(let image): "[picture \(printable(image.source.name))]"
        case .video(let video): "[clip of \(video.frames.count) frames, \(printable(video.name))]"
        case .reference(let text): "<|object_ref_start|>\(printable(text))<|object_ref_end|>"
        case .box(let box): "<|box_start|>\(box)<|box_end|>"
        case .quad(let quad): "<|quad_start|>\(quad)<|quad_end|>"
        case .tokens(let tokens): "[\(tokens.count) tokens]"
        }
      }.joined()
      return "\(turn.message.role): " + (turn.isSupervised ? mark.supervised(words) : words) + "\n"
    }.joined()
  }

  /// Without control characters but line ends and tabs, which data must not send to a terminal.
  private func printable(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      let isPlain = scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
      out.unicodeScalars.append(isPlain ? scalar : "\u{FFFD}")
    }
    return out
  }

  // MARK: Pictures

  private func write(_ sample: TrainingSample, _ index: Int, _ out: String) throws {
    let visuals = sample.visuals
    var places: [[Place]] = visuals.map { _ in [] }
    var current = visuals.count == 1 ? 0 : -1
    var label = ""
    var seen = 0
    for part in sample.turns.flatMap(\.message.parts) {
      switch part {
      case .image, .video:
        current = visuals.count == 1 ? 0 : seen
        seen += 1
      case .reference(let text): label = text
      case .box(let box) where current >= 0:
        let (a, b) = (box.start, box.end)
        let corners = [(a.x, a.y), (b.x, a.y), (b.x, b.y), (a.x, b.y)]
        places[current].append(Place(corners: corners, label: label))
      case .quad(let quad) where current >= 0:
        places[current].append(Place(corners: quad.corners.map { ($0.x, $0.y) }, label: label))
      default: break
      }
    }
    for (number, visual) in visuals.enumerated() {
      var names: [String] = []
      for (frame, source) in visual.sources.enumerated() {
        let image = try source.decode().image
        let outlines = places[number].enumerated().map { order, place in
          Outline(
            place.corners.map { x, y in
              Outline.Point(
                x: Double(x) * Double(image.width) / 1000, y: Double(y) * Double(image.height) / 1000)
            }, colour: Outline.colours[order % Outline.colours.count].rgb)
        }
        let name = "\(out)/\(index)-\(number)" + (visual.sources.count > 1 ? "-\(frame)" : "") + ".png"
        try write(try PNGEncoder.encode(image.drawing(outlines), name: name), to: name)
        names.append(name)
      }
      guard let first = names.first else { continue }
      Terminal.say("   wrote \(first)" + (names.count > 1 ? " and \(names.count - 1) more frames\n" : "\n"))
      for (order, place) in places[number].enumerated() {
        let colour = Outline.colours[order % Outline.colours.count].name
        Terminal.say("     \(colour): \(place.label.isEmpty ? "(no phrase)" : printable(place.label))\n")
      }
    }
  }

  /// Corners in thousandths, and what is there.
  private struct Place {
    var corners: [(Int, Int)]
    var label: String
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    let file = fopen(path, "wb")
    let isWritten = file != nil && fwrite(bytes, 1, bytes.count, file) == bytes.count
    guard let file, fclose(file) == 0, isWritten else {
      throw Failure(
        "\(path): it cannot be written (\(String(cString: strerror(errno)))); choose another directory")
    }
  }
}
