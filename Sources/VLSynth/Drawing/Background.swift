internal import Glibc

/// What lies behind the things: never so strong that it hides one.
enum Background {
  /// Papers that leave every one of `colours` clearly visible.
  private static func papers(for colours: [Colour], difficulty: Double, _ random: inout SynthRandom)
    -> [Colour]
  {
    let plain = [0xFFFFFF, 0xF4F4F4, 0xE6E6E6, 0xDCEBF7, 0xFBF3DC, 0xE3F2E1, 0xF7E3EA]
    let strong = [0x202020, 0x14233F, 0x2F4F4F, 0xB9C7D1, 0x9FB8A5, 0xCDB59B, 0x5A5A66, 0xD7C3E8, 0x3B1F2B]
    let hexes = random.chance(0.7 - 0.5 * difficulty) ? plain + strong : strong + plain
    func room(_ paper: Colour) -> Double { colours.map { $0.distance(to: paper) }.min() ?? 1 }
    let candidates = hexes.map { Colour(hex: $0) }
    let fitting = candidates.filter { room($0) > 0.2 }
    // With very many colours at once, the paper that is furthest from all.
    return fitting.isEmpty ? [candidates.max { room($0) < room($1) } ?? .white] : fitting
  }

  /// Paints the whole canvas, which is to hold things of these colours.
  static func paint(
    _ canvas: Canvas, for colours: [Colour], difficulty: Double, _ random: inout SynthRandom
  ) {
    let fitting = papers(for: colours, difficulty: difficulty, &random)
    let choices = Array(fitting.prefix(max(3, Int(Double(fitting.count) * (0.4 + 0.6 * difficulty)))))
    let paper = random.pick(choices).jittered(0.02, &random)
    canvas.fill(canvas.frame, paper)
    guard random.chance(0.6 * difficulty) else { return }
    let other = paper.mixed(with: paper.luma > 0.5 ? .black : .white, random.real(0.03...0.1))
    let (w, h) = (canvas.frame.width, canvas.frame.height)
    switch random.int(0...4) {
    case 0: canvas.gradient(paper, other, angle: random.real(0...2 * .pi))
    case 1:
      let step = random.real(8...28)
      for x in stride(from: random.real(0...step), to: w, by: step) {
        canvas.line([Point(x: x, y: 0), Point(x: x, y: h)], other, width: 1)
      }
      if random.chance(0.6) {
        for y in stride(from: random.real(0...step), to: h, by: step) {
          canvas.line([Point(x: 0, y: y), Point(x: w, y: y)], other, width: 1)
        }
      }
    case 2:
      let step = random.real(10...24)
      for y in stride(from: step / 2, to: h, by: step) {
        for x in stride(from: step / 2, to: w, by: step) {
          canvas.fillDisc(centre: Point(x: x, y: y), radius: step * 0.12, other)
        }
      }
    case 3:
      let width = random.real(6...20)
      for x in stride(from: -h, to: w, by: 2 * width) {
        let points = [
          Point(x: x, y: h), Point(x: x + h, y: 0), Point(x: x + h + width, y: 0), Point(x: x + width, y: h),
        ]
        canvas.fill([points], other)
      }
    default:
      for _ in 0..<random.int(4...10) {
        let centre = Point(x: random.real(0...w), y: random.real(0...h))
        canvas.fillDisc(centre: centre, radius: random.real(0.1...0.4) * min(w, h), other)
      }
    }
  }
}

/// What a camera or a scanner does to a picture: noise, blur, uneven light.
enum Degradation {
  /// Changes `pixels` (`height * width * 3` bytes), the stronger the higher the difficulty; often not at all.
  static func apply(
    _ pixels: inout [UInt8], _ size: PixelSize, difficulty: Double, _ random: inout SynthRandom
  ) {
    if random.chance(0.25 * difficulty) { blur(&pixels, size) }
    if random.chance(0.35 * difficulty) { light(&pixels, size, &random) }
    if random.chance(0.45 * difficulty) {
      noise(&pixels, strength: random.real(2...10 * difficulty + 2), &random)
    }
  }

  /// Adds noise of this deviation, roughly normal: the sum of four bytes of the generator.
  private static func noise(_ pixels: inout [UInt8], strength: Double, _ random: inout SynthRandom) {
    // The sum of four bytes has deviation 148.
    let scale = Int(strength / 148 * 65536)
    pixels.withUnsafeMutableBufferPointer { pixels in
      var index = 0
      while index < pixels.count {
        let bits = random.next()
        let sums = (bits & 0x00FF_00FF_00FF_00FF) &+ (bits >> 8 & 0x00FF_00FF_00FF_00FF)
        for shift in [0, 32] as [UInt64] where index < pixels.count {
          let sum = Int(sums >> shift & 0xFFFF) + Int(sums >> (shift + 16) & 0xFFFF)
          let value = Int(pixels[index]) + (((sum - 510) * scale) >> 16)
          pixels[index] = UInt8(min(255, max(0, value)))
          index += 1
        }
      }
    }
  }

  /// Each pixel becomes the weighted mean of itself and its four neighbours.
  private static func blur(_ pixels: inout [UInt8], _ size: PixelSize) {
    guard size.width > 2, size.height > 2 else { return }
    let row = size.width * 3
    let source = pixels
    source.withUnsafeBufferPointer { source in
      pixels.withUnsafeMutableBufferPointer { pixels in
        for y in 1..<size.height - 1 {
          for i in y * row + 3..<(y + 1) * row - 3 {
            let around = Int(source[i - 3]) + Int(source[i + 3]) + Int(source[i - row]) + Int(source[i + row])
            pixels[i] = UInt8((4 * Int(source[i]) + around + 4) >> 3)
          }
        }
      }
    }
  }

  /// A change of brightness and contrast that goes from one side to the other.
  private static func light(_ pixels: inout [UInt8], _ size: PixelSize, _ random: inout SynthRandom) {
    let (from, to) = (random.real(0.84...1.1), random.real(0.84...1.1))
    let factors = (0..<size.width).map { x in
      Int((from + (to - from) * Double(x) / Double(size.width)) * 256)
    }
    pixels.withUnsafeMutableBufferPointer { pixels in
      for y in 0..<size.height {
        for x in 0..<size.width {
          let i = (y * size.width + x) * 3
          for c in i..<i + 3 { pixels[c] = UInt8(min(255, (Int(pixels[c]) * factors[x]) >> 8)) }
        }
      }
    }
  }
}
