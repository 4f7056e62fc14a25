/// A colour, each channel 0...1.
struct Colour: Sendable, Hashable {
  var red, green, blue: Double

  init(_ red: Double, _ green: Double, _ blue: Double) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// From 0xRRGGBB.
  init(hex: Int) {
    self.init(Double(hex >> 16 & 255) / 255, Double(hex >> 8 & 255) / 255, Double(hex & 255) / 255)
  }

  static let white = Colour(1, 1, 1)
  static let black = Colour(0, 0, 0)
  static func grey(_ level: Double) -> Colour { Colour(level, level, level) }

  /// Brightness as the eye weighs it (Rec. 601), 0...1.
  var luma: Double { 0.299 * red + 0.587 * green + 0.114 * blue }

  /// How different two colours look, 0 to about 1: brightness counts for more than hue.
  func distance(to other: Colour) -> Double {
    let (r, g, b) = (red - other.red, green - other.green, blue - other.blue)
    return (0.3 * r * r + 0.5 * g * g + 0.2 * b * b).squareRoot()
  }

  func mixed(with other: Colour, _ share: Double) -> Colour {
    Colour(
      red + (other.red - red) * share, green + (other.green - green) * share,
      blue + (other.blue - blue) * share)
  }

  /// A neighbour, each channel off by at most `amount`.
  func jittered(_ amount: Double, _ random: inout SynthRandom) -> Colour {
    func near(_ value: Double, _ random: inout SynthRandom) -> Double {
      min(1, max(0, value + random.real(-amount...amount)))
    }
    return Colour(near(red, &random), near(green, &random), near(blue, &random))
  }
}

/// A colour with names, far enough from the others that nobody would argue.
struct NamedColour: Sendable, Hashable {
  let name: String
  let chinese: String
  let colour: Colour

  /// The easiest to tell apart first; a low difficulty uses only the beginning.
  static let all = [
    NamedColour(name: "red", chinese: "红色", colour: Colour(hex: 0xDC1E23)),
    NamedColour(name: "blue", chinese: "蓝色", colour: Colour(hex: 0x2244DD)),
    NamedColour(name: "green", chinese: "绿色", colour: Colour(hex: 0x1E9E3A)),
    NamedColour(name: "yellow", chinese: "黄色", colour: Colour(hex: 0xF5D90A)),
    NamedColour(name: "black", chinese: "黑色", colour: Colour(hex: 0x111111)),
    NamedColour(name: "purple", chinese: "紫色", colour: Colour(hex: 0x7A1FA8)),
    NamedColour(name: "orange", chinese: "橙色", colour: Colour(hex: 0xF57F10)),
    NamedColour(name: "white", chinese: "白色", colour: Colour(hex: 0xFAFAFA)),
    NamedColour(name: "pink", chinese: "粉色", colour: Colour(hex: 0xF78FC0)),
    NamedColour(name: "brown", chinese: "棕色", colour: Colour(hex: 0x70401A)),
    NamedColour(name: "grey", chinese: "灰色", colour: Colour(hex: 0x888888)),
    NamedColour(name: "cyan", chinese: "青色", colour: Colour(hex: 0x2ACBD8)),
  ]
}

/// Pairs of inks and papers for text.
enum Ink {
  /// A paper and an ink that is easily read on it; black on white, nearly, at difficulty 0.
  static func pair(_ random: inout SynthRandom, difficulty: Double) -> (paper: Colour, ink: Colour) {
    if random.chance(0.6 - 0.35 * difficulty) {
      return (.grey(random.real(0.93...1)), .grey(random.real(0...0.15)))
    }
    for _ in 0..<40 {
      let paper = Colour(random.real(0...1), random.real(0...1), random.real(0...1))
      let ink = Colour(random.real(0...1), random.real(0...1), random.real(0...1))
      if abs(paper.luma - ink.luma) > 0.72 - 0.27 * difficulty { return (paper, ink) }
    }
    return random.chance(0.5) ? (.white, .black) : (Colour(hex: 0x1B2A49), .white)
  }

  /// A light paper and a dark ink, for documents.
  static func document(_ random: inout SynthRandom, difficulty: Double) -> (paper: Colour, ink: Colour) {
    let paper = Colour.grey(random.real(0.94...1)).jittered(0.05 * difficulty, &random)
    return (paper, Colour.grey(random.real(0...0.2)).jittered(0.1 * difficulty, &random))
  }
}
