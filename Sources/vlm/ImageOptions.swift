import ArgumentParser
import VLMedia
import VLModels

struct ImageOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Least area of a resized image, in pixels (default: the checkpoint's).", valueName: "n"))
  var minPixels: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Largest area of a resized image, in pixels (default: the checkpoint's).", valueName: "n"))
  var maxPixels: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Width to resize from instead of the image's own; with --resized-height.", valueName: "n"))
  var resizedWidth: Int?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "Height to resize from instead of the image's own; with --resized-width.", valueName: "n"))
  var resizedHeight: Int?

  func validate() throws {
    if let problem = resize.problem(saying: { "--" + $0 }) { throw ValidationError(problem) }
  }

  var resize: ResizeRequest {
    ResizeRequest(
      minPixels: minPixels, maxPixels: maxPixels, resizedHeight: resizedHeight, resizedWidth: resizedWidth)
  }

  /// The input that an `--image` argument names: a file, `-` for standard input, or a `data:` URL.
  /// - Parameters:
  ///   - argument: as it was typed.
  ///   - override: what is different for this picture alone.
  /// - Throws: when standard input cannot be read.
  /// - Returns: the picture with its settings; a file is not read yet.
  func input(_ argument: String, override: ResizeRequest = ResizeRequest()) throws -> ImageInput {
    let resize = resize.overridden(by: override)
    if argument == "-" {
      return try ImageInput(.data(StandardInput.readAll(), name: "standard input"), resize: resize)
    }
    return ImageInput(MediaSource(argument), resize: resize)
  }
}

/// Resize settings of single pictures, for commands that take their pictures as options.
struct PerImageOptions: ParsableArguments {
  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      """
      Resize settings of one picture, over those for all: its number in the order given, a colon, and min-pixels=N, \
      max-pixels=N, resized-width=N, resized-height=N with commas between, as in 2:max-pixels=50176; may be given \
      several times.
      """, valueName: "picture:settings"))
  var resize: [String] = []

  /// The inputs that the `--image` arguments name, each with its own settings.
  func inputs(_ images: [String], _ options: ImageOptions) throws -> [ImageInput] {
    let overrides = try overrides(count: images.count)
    return try zip(images, overrides).map { try options.input($0, override: $1) }
  }

  /// Refuses what cannot be applied, before anything is read.
  func validate(count: Int, _ options: ImageOptions) throws {
    for (index, override) in try overrides(count: count).enumerated() {
      if let problem = options.resize.overridden(by: override).problem(saying: { $0 }) {
        throw ValidationError("picture \(index + 1): \(problem)")
      }
    }
  }

  private func overrides(count: Int) throws -> [ResizeRequest] {
    var overrides = [ResizeRequest](repeating: ResizeRequest(), count: count)
    for text in resize {
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let number = Int(parts[0]) else {
        throw ValidationError(
          "--resize \(text) does not start with a picture's number and a colon, as 2:max-pixels=50176")
      }
      guard (1...max(1, count)).contains(number), count > 0 else {
        throw ValidationError("--resize \(text) is about picture \(number), and there are \(count)")
      }
      do { try overrides[number - 1].apply(parts[1]) } catch {
        throw ValidationError("--resize \(text): \(error)")
      }
    }
    return overrides
  }
}

extension ResizeRequest {
  private static let settings: [(name: String, path: any WritableKeyPath<ResizeRequest, Int?> & Sendable)] = [
    ("min-pixels", \.minPixels), ("max-pixels", \.maxPixels), ("resized-width", \.resizedWidth),
    ("resized-height", \.resizedHeight),
  ]

  /// Takes settings written as `max-pixels=50176,min-pixels=3136`; none may be set already.
  mutating func apply(_ text: some StringProtocol) throws(Failure) {
    for setting in text.split(separator: ",", omittingEmptySubsequences: false) {
      let words = setting.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let path = Self.settings.first(where: { $0.name == words[0] })?.path else {
        let names = Self.settings.map(\.name).joined(separator: ", ")
        throw Failure("\"\(words[0])\" is no resize setting; there are \(names)")
      }
      guard words.count == 2, let value = Int(words[1]) else {
        throw Failure("\(words[0]) needs a whole number: \(words[0])=50176")
      }
      guard self[keyPath: path] == nil else { throw Failure("\(words[0]) is given twice") }
      self[keyPath: path] = value
    }
  }

  /// What is wrong with these settings whatever the picture, as a sentence; nil if nothing is.
  /// - Parameter saying: how the user wrote the name of a setting.
  /// - Returns: the sentence, without a full stop.
  func problem(saying: (String) -> String) -> String? {
    for (name, path) in Self.settings {
      if let value = self[keyPath: path], value < 1 { return "\(saying(name)) \(value) is not above 0" }
    }
    if let minPixels, let maxPixels, minPixels > maxPixels {
      return "\(saying("min-pixels")) \(minPixels) is above \(saying("max-pixels")) \(maxPixels)"
    }
    if (resizedWidth == nil) != (resizedHeight == nil) {
      return "\(saying("resized-width")) and \(saying("resized-height")) go together"
    }
    return nil
  }
}
