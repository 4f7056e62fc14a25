/// BMP: palettes of 1, 4 and 8 bits with or without run lengths, and 16, 24 and 32 bits in the layouts that Pillow reads.
enum BMPDecoder {
  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    try bytes.withUnsafeBufferPointer { file throws(MediaError) in
      var cursor = ByteCursor(file, name: name)
      let bitmap = try Bitmap(&cursor)
      try ImageDecoder.check(width: bitmap.width, height: bitmap.height, name: name, limits: limits)
      let header = ImageHeader(
        format: .bmp, storedWidth: bitmap.width, storedHeight: bitmap.height, orientation: .upright,
        hasAlpha: bitmap.layout.alpha != nil)
      guard wantPixels else { return (header, nil) }
      try cursor.seek(bitmap.dataOffset)
      let pixels = try bitmap.pixels(&cursor)
      return (header, RGBImage(width: bitmap.width, height: bitmap.height, pixels: pixels))
    }
  }

  /// How a pixel's colours lie in its bytes.
  private enum Layout {
    /// An index into the palette, of this many bits.
    case palette(bits: Int)
    /// Sixteen bits, green being of 5 or 6.
    case packed(greenBits: Int)
    /// Whole bytes: how many, and which of them are red, green, blue and alpha.
    case bytes(count: Int, red: Int, green: Int, blue: Int, alpha: Int?)

    var alpha: Int? { if case .bytes(_, _, _, _, let alpha) = self { alpha } else { nil } }
  }

  private struct Bitmap {
    var width: Int
    var height: Int
    var topDown = false
    var dataOffset: Int
    var layout: Layout
    var runLengths = false
    /// Red, green, blue of each index.
    var palette: [UInt8] = []
    /// Bits of a pixel.
    var bits: Int

    init(_ cursor: inout ByteCursor) throws(MediaError) {
      let name = cursor.name
      func unsupported(_ what: String) -> MediaError {
        MediaError(
          .unsupported, name: name, problem: "this kind of BMP is not read here (\(what))",
          remedy: "save it as PNG or JPEG")
      }
      _ = try cursor.take(10)
      dataOffset = try cursor.uint32()
      let headerSize = try cursor.uint32()
      var (compression, colours) = (0, 0)
      if headerSize == 12 {
        width = try cursor.uint16()
        height = try cursor.uint16()
        _ = try cursor.take(2)
        bits = try cursor.uint16()
      } else {
        guard [40, 52, 56, 64, 108, 124].contains(headerSize) else {
          throw unsupported("a header of \(headerSize) bytes")
        }
        width = try cursor.int32()
        height = try cursor.int32()
        _ = try cursor.take(2)
        bits = try cursor.uint16()
        compression = try cursor.uint32()
        _ = try cursor.take(12)
        colours = try cursor.uint32()
        _ = try cursor.take(4)
        topDown = height < 0
        height = abs(height)
      }
      guard width > 0 || height == 0 else { throw ImageDecoder.corrupt(name, "its width is \(width)") }
      layout = .palette(bits: bits)
      switch (compression, bits) {
      case (0, 1), (0, 4), (0, 8): break
      case (1, 8), (2, 4): runLengths = true
      case (0, 16): layout = .packed(greenBits: 5)
      case (0, 24): layout = .bytes(count: 3, red: 2, green: 1, blue: 0, alpha: nil)
      // The fourth byte is reserved unless masks say that it is alpha.
      case (0, 32): layout = .bytes(count: 4, red: 2, green: 1, blue: 0, alpha: nil)
      case (3, 16), (3, 24), (3, 32):
        var masks: [Int] = []
        for _ in 0..<3 { masks.append(try cursor.uint32()) }
        if headerSize >= 56 { masks.append(try cursor.uint32()) }
        guard let found = Self.layout(bits: bits, masks: masks) else { throw unsupported("its bit masks") }
        layout = found
      case (0...3, _): throw unsupported("\(bits) bits a pixel")
      default: throw unsupported("compression \(compression)")
      }
      if case .palette = layout { try readPalette(&cursor, headerSize, colours) }
    }

    /// The layouts that Pillow knows, by the masks of red, green, blue and alpha.
    private static func layout(bits: Int, masks: [Int]) -> Layout? {
      let alpha = masks.count > 3 ? masks[3] : 0
      switch (bits, masks[0], masks[1], masks[2], alpha) {
      case (16, 0xF800, 0x7E0, 0x1F, _): return .packed(greenBits: 6)
      case (16, 0x7C00, 0x3E0, 0x1F, _): return .packed(greenBits: 5)
      case (24, 0xFF0000, 0xFF00, 0xFF, _): return .bytes(count: 3, red: 2, green: 1, blue: 0, alpha: nil)
      case (32, 0, 0, 0, 0): return .bytes(count: 4, red: 2, green: 1, blue: 0, alpha: 3)
      case (32, 0xFF0000, 0xFF00, 0xFF, 0): return .bytes(count: 4, red: 2, green: 1, blue: 0, alpha: nil)
      case (32, 0xFF00_0000, 0xFF0000, 0xFF00, 0):
        return .bytes(count: 4, red: 3, green: 2, blue: 1, alpha: nil)
      case (32, 0xFF00_0000, 0xFF00, 0xFF, 0): return .bytes(count: 4, red: 3, green: 1, blue: 0, alpha: nil)
      case (32, 0xFF00_0000, 0xFF0000, 0xFF00, 0xFF):
        return .bytes(count: 4, red: 3, green: 2, blue: 1, alpha: 0)
      case (32, 0xFF, 0xFF00, 0xFF0000, 0xFF00_0000):
        return .bytes(count: 4, red: 0, green: 1, blue: 2, alpha: 3)
      case (32, 0xFF0000, 0xFF00, 0xFF, 0xFF00_0000):
        return .bytes(count: 4, red: 2, green: 1, blue: 0, alpha: 3)
      case (32, 0xFF00_0000, 0xFF00, 0xFF, 0xFF0000):
        return .bytes(count: 4, red: 3, green: 1, blue: 0, alpha: 2)
      default: return nil
      }
    }

    private mutating func readPalette(
      _ cursor: inout ByteCursor, _ headerSize: Int, _ colours: Int
    ) throws(MediaError) {
      let count = colours == 0 ? 1 << bits : colours
      guard count <= 65536 else {
        throw ImageDecoder.corrupt(cursor.name, "its palette has \(count) colours")
      }
      let entry = headerSize == 12 ? 3 : 4
      // Some programs forget to count the palette.
      if dataOffset == 14 + headerSize { dataOffset += entry * count }
      try cursor.seek(14 + headerSize)
      let stored = try cursor.take(entry * count)
      for index in 0..<min(count, 1 << bits) {
        palette += [stored[entry * index + 2], stored[entry * index + 1], stored[entry * index]]
      }
    }

    /// The picture, rows top to bottom.
    func pixels(_ cursor: inout ByteCursor) throws(MediaError) -> [UInt8] {
      if runLengths {
        return try painted(try runs(&cursor), name: cursor.name)
      }
      let stride = (width * bits + 31) / 32 * 4
      let stored = try cursor.take(stride * height)
      if case .palette = layout {
        var indices = [UInt8]()
        indices.reserveCapacity(width * height)
        let perByte = 8 / bits
        let top = 1 << bits - 1
        for row in rows {
          for column in 0..<width {
            let byte = Int(stored[row * stride + column / perByte])
            indices.append(UInt8(byte >> (8 - bits * (column % perByte + 1)) & top))
          }
        }
        return try painted(indices, name: cursor.name)
      }
      return [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
        var out = 0
        for row in rows {
          var place = row * stride
          for _ in 0..<width {
            switch layout {
            case .packed(let greenBits):
              let pixel = Int(stored[place]) | Int(stored[place + 1]) << 8
              let greens = 1 << greenBits - 1
              buffer[out] = UInt8((pixel >> (5 + greenBits) & 31) * 255 / 31)
              buffer[out + 1] = UInt8((pixel >> 5 & greens) * 255 / greens)
              buffer[out + 2] = UInt8((pixel & 31) * 255 / 31)
              place += 2
            case .bytes(let size, let red, let green, let blue, let alpha):
              let opacity = alpha.map { stored[place + $0] } ?? 255
              buffer[out] = onWhite(stored[place + red], opacity)
              buffer[out + 1] = onWhite(stored[place + green], opacity)
              buffer[out + 2] = onWhite(stored[place + blue], opacity)
              place += size
            case .palette: break
            }
            out += 3
          }
        }
        count = out
      }
    }

    /// A sample composited on white, with the rounding of Pillow's paste.
    private func onWhite(_ value: UInt8, _ alpha: UInt8) -> UInt8 {
      let sum = 255 * (255 - Int(alpha)) + Int(value) * Int(alpha) + 128
      return UInt8((sum + sum >> 8) >> 8)
    }

    /// Where each row of the picture is stored.
    private var rows: [Int] { topDown ? Array(0..<height) : Array((0..<height).reversed()) }

    private func painted(_ indices: [UInt8], name: String) throws(MediaError) -> [UInt8] {
      var pixels: [UInt8] = []
      pixels.reserveCapacity(indices.count * 3)
      for index in indices {
        let place = Int(index) * 3
        guard place < palette.count else {
          throw ImageDecoder.corrupt(name, "a pixel's index (\(index)) lies outside the palette")
        }
        pixels.append(palette[place])
        pixels.append(palette[place + 1])
        pixels.append(palette[place + 2])
      }
      return pixels
    }

    /// Indices that are stored as runs, rows top to bottom. Places that are skipped have index 0.
    private func runs(_ cursor: inout ByteCursor) throws(MediaError) -> [UInt8] {
      let name = cursor.name
      var stored: [UInt8] = []
      let total = width * height
      stored.reserveCapacity(total)
      // A row ends where its end is marked, not where it is full.
      var column = 0
      func advance(_ count: Int) throws(MediaError) {
        column += count
        guard column <= width else { throw ImageDecoder.corrupt(name, "a run of pixels goes past its row") }
      }
      func index(_ byte: UInt8, _ place: Int) -> UInt8 {
        bits == 8 ? byte : place % 2 == 0 ? byte >> 4 : byte & 15
      }
      decoding: while stored.count < total {
        let count = try cursor.uint8()
        let value = try cursor.uint8()
        switch (count, value) {
        case (0, 0):
          let begun = stored.count % width
          column = 0
          if begun > 0 { stored.append(contentsOf: repeatElement(0, count: width - begun)) }
        case (0, 1): break decoding
        case (0, 2):
          let right = try cursor.uint8()
          let up = try cursor.uint8()
          stored.append(contentsOf: repeatElement(0, count: min(total - stored.count, right + up * width)))
          column = stored.count % width
        case (0, let count):
          try advance(count)
          let size = bits == 8 ? count : (count + 1) / 2
          let literal = try cursor.take(size)
          for place in 0..<count { stored.append(index(literal[bits == 8 ? place : place / 2], place)) }
          if size % 2 == 1 && stored.count < total { _ = try cursor.take(1) }
        default:
          try advance(count)
          for place in 0..<count { stored.append(index(UInt8(value), place)) }
        }
      }
      guard stored.count == total else {
        throw ImageDecoder.corrupt(name, "its data hold \(stored.count) of \(total) pixels")
      }
      return rows.flatMap { stored[$0 * width..<($0 + 1) * width] }
    }
  }
}
