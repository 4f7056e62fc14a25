/// GIF, its first frame on the canvas. Its one codec is a page long, so no library is asked.
enum GIFDecoder {
  static func read(
    _ bytes: [UInt8], name: String, limits: MediaLimits, wantPixels: Bool
  ) throws(MediaError) -> (header: ImageHeader, image: RGBImage?) {
    try bytes.withUnsafeBufferPointer { file throws(MediaError) in
      var cursor = ByteCursor(file, name: name)
      let frame = try Frame(&cursor)
      try ImageDecoder.check(width: frame.canvasWidth, height: frame.canvasHeight, name: name, limits: limits)
      let header = ImageHeader(
        format: .gif, storedWidth: frame.canvasWidth, storedHeight: frame.canvasHeight, orientation: .upright,
        hasAlpha: frame.transparent != nil)
      guard wantPixels else { return (header, nil) }
      let indices = try frame.indices(&cursor)
      try skipToEnd(&cursor)
      return (header, try frame.painted(indices, name: name))
    }
  }

  /// What precedes the first frame's data.
  private struct Frame {
    var canvasWidth: Int
    var canvasHeight: Int
    var left = 0
    var top = 0
    var width = 0
    var height = 0
    var interlaced = false
    /// The index that is seen through.
    var transparent: Int?
    /// Red, green, blue of each index; empty means that an index is its own shade of grey.
    var palette: [UInt8] = []

    init(_ cursor: inout ByteCursor) throws(MediaError) {
      _ = try cursor.take(6)  // the signature, looked at before
      canvasWidth = try cursor.uint16()
      canvasHeight = try cursor.uint16()
      let flags = try cursor.uint8()
      _ = try cursor.take(2)  // background and aspect ratio: nothing uses them
      if flags & 0x80 != 0 { palette = Array(try cursor.take(3 << (flags & 7 + 1))) }
      while true {
        switch try cursor.uint8() {
        case 0x21: try readExtension(&cursor)
        case 0x2C:
          try readDescriptor(&cursor)
          return
        case 0x3B: throw ImageDecoder.corrupt(cursor.name, "it holds no frame")
        case let other: throw ImageDecoder.corrupt(cursor.name, "block \(other) is of no known kind")
        }
      }
    }

    private mutating func readExtension(_ cursor: inout ByteCursor) throws(MediaError) {
      let isControl = try cursor.uint8() == 0xF9
      var first = true
      while true {
        let block = try cursor.take(try cursor.uint8())
        if block.isEmpty { return }
        if isControl && first && block.count >= 4 { transparent = block[0] & 1 != 0 ? Int(block[3]) : nil }
        first = false
      }
    }

    private mutating func readDescriptor(_ cursor: inout ByteCursor) throws(MediaError) {
      left = try cursor.uint16()
      top = try cursor.uint16()
      width = try cursor.uint16()
      height = try cursor.uint16()
      let flags = try cursor.uint8()
      interlaced = flags & 0x40 != 0
      if flags & 0x80 != 0 { palette = Array(try cursor.take(3 << (flags & 7 + 1))) }
      guard width > 0 && height > 0 else {
        throw ImageDecoder.corrupt(cursor.name, "its first frame is empty")
      }
      // A frame may stick out of the canvas, which then grows, as it does for the references.
      canvasWidth = max(canvasWidth, left + width)
      canvasHeight = max(canvasHeight, top + height)
    }

    /// The frame's indices, rows top to bottom.
    func indices(_ cursor: inout ByteCursor) throws(MediaError) -> [UInt8] {
      let codes = LZWCodes(bits: try cursor.uint8())
      guard var codes else { throw ImageDecoder.corrupt(cursor.name, "its code size is out of range") }
      var indices: [UInt8] = []
      indices.reserveCapacity(width * height)
      while true {
        let block = try cursor.take(try cursor.uint8())
        if block.isEmpty { break }
        guard codes.decode(block, into: &indices, limit: width * height) else {
          throw ImageDecoder.corrupt(cursor.name, "its compressed data contradict themselves")
        }
      }
      guard indices.count == width * height else {
        throw ImageDecoder.corrupt(cursor.name, "its data hold \(indices.count) of \(width * height) pixels")
      }
      return indices
    }

    /// The canvas with the frame on it, what is transparent on white.
    func painted(_ indices: [UInt8], name: String) throws(MediaError) -> RGBImage {
      // Where the frame does not reach, the canvas is transparent, or else of the first colour.
      var colours: [(UInt8, UInt8, UInt8)] = (0..<256).map { (UInt8($0), UInt8($0), UInt8($0)) }
      let known = palette.isEmpty ? 256 : palette.count / 3
      if !palette.isEmpty {
        for index in 0..<known {
          colours[index] = (palette[3 * index], palette[3 * index + 1], palette[3 * index + 2])
        }
      }
      if let transparent { colours[transparent] = (255, 255, 255) }
      if let outside = indices.first(where: { $0 >= known && Int($0) != transparent }) {
        throw ImageDecoder.corrupt(name, "a pixel's index (\(outside)) lies outside the palette")
      }
      let around = colours[transparent ?? 0]
      let order = rowOrder
      let pixels = [UInt8](unsafeUninitializedCapacity: canvasWidth * canvasHeight * 3) { buffer, count in
        count = canvasWidth * canvasHeight * 3
        if width < canvasWidth || height < canvasHeight {
          for pixel in stride(from: 0, to: count, by: 3) {
            (buffer[pixel], buffer[pixel + 1], buffer[pixel + 2]) = around
          }
        }
        for (stored, row) in order.enumerated() {
          var pixel = ((top + row) * canvasWidth + left) * 3
          for index in indices[stored * width..<(stored + 1) * width] {
            (buffer[pixel], buffer[pixel + 1], buffer[pixel + 2]) = colours[Int(index)]
            pixel += 3
          }
        }
      }
      return RGBImage(width: canvasWidth, height: canvasHeight, pixels: pixels)
    }

    /// Which row each stored row is.
    private var rowOrder: [Int] {
      guard interlaced else { return Array(0..<height) }
      return [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { Array(stride(from: $0.0, to: height, by: $0.1)) }
    }
  }

  /// Walks the blocks that follow the first frame: a file without its end is cut off.
  private static func skipToEnd(_ cursor: inout ByteCursor) throws(MediaError) {
    while true {
      switch try cursor.uint8() {
      case 0x3B: return
      case 0x21: _ = try cursor.uint8()
      case 0x2C:
        let flags = try cursor.take(9)[8]
        if flags & 0x80 != 0 { _ = try cursor.take(3 << (flags & 7 + 1)) }
        _ = try cursor.uint8()
      case 0: continue  // stray terminators, which some programs write
      case let other: throw ImageDecoder.corrupt(cursor.name, "block \(other) is of no known kind")
      }
      while try !cursor.take(try cursor.uint8()).isEmpty {}
    }
  }
}

/// GIF's variable-width LZW: a code stands for an earlier code's bytes and one more.
private struct LZWCodes {
  private let rootBits: Int
  private let clear: Int
  private var prefix = [UInt16](repeating: 0, count: 4096)
  private var last = [UInt8](repeating: 0, count: 4096)
  private var length = [UInt16](repeating: 1, count: 4096)
  private var next: Int
  private var width: Int
  private var previous = -1
  private var ended = false
  private var gathered: UInt32 = 0
  private var bits = 0

  /// Codes of a root size; nil if it is out of range.
  init?(bits rootBits: Int) {
    guard (1...8).contains(rootBits) else { return nil }
    self.rootBits = rootBits
    clear = 1 << rootBits
    for index in 0..<clear { last[index] = UInt8(index) }
    next = clear + 2
    width = rootBits + 1
  }

  /// Appends what a block of data stands for, up to `limit` bytes in all; false if it has a code that cannot be.
  mutating func decode(_ block: UnsafeBufferPointer<UInt8>, into out: inout [UInt8], limit: Int) -> Bool {
    for byte in block {
      gathered |= UInt32(byte) << UInt32(bits)
      bits += 8
      while bits >= width {
        if ended || out.count >= limit { return true }
        let code = Int(gathered & (1 << UInt32(width) - 1))
        gathered >>= UInt32(width)
        bits -= width
        if code == clear {
          next = clear + 2
          width = rootBits + 1
          previous = -1
        } else if code == clear + 1 {
          ended = true
        } else {
          guard append(code, to: &out, limit: limit) else { return false }
        }
      }
    }
    return true
  }

  private mutating func append(_ code: Int, to out: inout [UInt8], limit: Int) -> Bool {
    guard code < next || (code == next && previous >= 0) else { return false }
    // A code that is only being made stands for the previous one's bytes and the first of them again.
    let isNew = code == next
    let known = isNew ? previous : code
    let count = Int(length[known])
    let start = out.count
    out.append(contentsOf: repeatElement(0, count: count))
    var walk = known
    for place in stride(from: start + count - 1, through: start, by: -1) {
      out[place] = last[walk]
      walk = Int(prefix[walk])
    }
    let first = out[start]
    if isNew { out.append(first) }
    if out.count > limit { out.removeLast(out.count - limit) }
    if previous >= 0 && next < 4096 {
      prefix[next] = UInt16(previous)
      last[next] = first
      length[next] = length[previous] + 1
      next += 1
      if next == 1 << width && width < 12 { width += 1 }
    }
    previous = code
    return true
  }
}
