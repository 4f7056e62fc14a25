internal import CMedia
public import VLTensor

/// How a stored picture must be turned to be upright: EXIF tag 0x0112.
public enum Orientation: Int, Sendable, Hashable, CaseIterable {
  /// As stored.
  case upright = 1
  /// Mirrored left to right.
  case mirrored = 2
  /// Turned by 180°.
  case rotated180 = 3
  /// Mirrored top to bottom.
  case flipped = 4
  /// Mirrored about the diagonal from the top left.
  case transposed = 5
  /// To be turned by 90° clockwise (a telephone held upright).
  case rotated90 = 6
  /// Mirrored about the other diagonal.
  case transverse = 7
  /// To be turned by 90° counter-clockwise.
  case rotated270 = 8

  /// Whether width and height change places.
  public var exchangesSides: Bool { rawValue >= 5 }
}

extension RGBImage {
  /// The upright picture, given how this one was stored.
  /// - Parameters:
  ///   - orientation: the EXIF orientation to undo.
  ///   - pool: threads to share the rows among; nil works on the caller's.
  /// - Returns: a picture with sides exchanged where the orientation exchanges them.
  public func oriented(_ orientation: Orientation, pool: ThreadPool? = nil) -> RGBImage {
    guard orientation != .upright else { return self }
    let (columns, rows) = orientation.exchangesSides ? (height, width) : (width, height)
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
      count = pixels.count
      let to = SharedPointer(buffer.baseAddress!)
      pixels.withUnsafeBufferPointer { source in
        let from = SharedPointer(source.baseAddress!)
        inStrips(of: 64, rows: rows, pool: pool) { strip in
          cm_orient(
            from.pointer, width, height, Int32(orientation.rawValue), to.pointer, strip.lowerBound,
            strip.upperBound)
        }
      }
    }
    return RGBImage(width: columns, height: rows, pixels: turned)
  }
}
