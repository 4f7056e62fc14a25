internal import CMedia
public import VLTensor

extension RGBImage {
  /// Resizes with the bicubic filter (a = −0.5), widened when shrinking so that every input pixel counts.
  ///
  /// Two passes in 22-bit fixed point with 8 bits between them; a pass that would change nothing is left out. Equal to
  /// Pillow 13's `resize(size, BICUBIC)` to the byte, for any number of threads. The order of the passes shows in the
  /// last bit: like Pillow 13, columns come first unless the height shrinks by more than twice the pixels that the
  /// width does. (Earlier versions always began with the columns.)
  ///
  /// - Parameters:
  ///   - width: columns of the result, at least 1.
  ///   - height: rows of the result, at least 1.
  ///   - pool: threads to share the work among; nil works on the caller's.
  /// - Returns: a picture of `width` × `height` pixels.
  public func resizedBicubic(width: Int, height: Int, pool: ThreadPool? = nil) -> RGBImage {
    precondition(width >= 1 && height >= 1, "resizedBicubic: \(width)×\(height) has no pixels")
    let lost = self.height - height
    let rowsFirst = lost > 0 && lost > 2 * (self.width - width)
    // Whole pictures are resized, so each pass computes every line that the other one reads.
    func columns(_ image: RGBImage) -> RGBImage {
      width == image.width
        ? image : image.resampledHorizontally(BicubicTaps(from: image.width, to: width), pool: pool)
    }
    func rows(_ image: RGBImage) -> RGBImage {
      height == image.height
        ? image : image.resampledVertically(BicubicTaps(from: image.height, to: height), pool: pool)
    }
    return rowsFirst ? columns(rows(self)) : rows(columns(self))
  }

  private func resampledHorizontally(_ taps: BicubicTaps, pool: ThreadPool?) -> RGBImage {
    let pixels = [UInt8](unsafeUninitializedCapacity: taps.count * height * 3) { buffer, initialized in
      initialized = taps.count * height * 3
      let to = SharedPointer(buffer.baseAddress!)
      self.pixels.withUnsafeBufferPointer { source in
        let from = SharedPointer(source.baseAddress!)
        inStrips(of: Int(CM_ROW_BLOCK) * 4, rows: height, pool: pool) { strip in
          withUnsafeTemporaryAllocation(
            byteCount: (width * 3 + 16) * Int(CM_ROW_BLOCK), alignment: 64
          ) { scratch in
            for row in stride(from: strip.lowerBound, to: strip.upperBound, by: Int(CM_ROW_BLOCK)) {
              cm_resample_row_block(
                from.pointer + row * width * 3, width, to.pointer + row * taps.count * 3, taps.count,
                min(Int(CM_ROW_BLOCK), strip.upperBound - row), taps.firsts, taps.counts, taps.coefficients,
                taps.stride, scratch.baseAddress)
            }
          }
        }
      }
    }
    return RGBImage(width: taps.count, height: height, pixels: pixels)
  }

  private func resampledVertically(_ taps: BicubicTaps, pool: ThreadPool?) -> RGBImage {
    let rowBytes = width * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: taps.count * rowBytes) { buffer, initialized in
      initialized = taps.count * rowBytes
      let to = SharedPointer(buffer.baseAddress!)
      self.pixels.withUnsafeBufferPointer { source in
        let from = SharedPointer(source.baseAddress!)
        inStrips(of: 16, rows: taps.count, pool: pool) { strip in
          taps.coefficients.withUnsafeBufferPointer { coefficients in
            for row in strip {
              cm_resample_column_row(
                from.pointer + Int(taps.firsts[row]) * rowBytes, rowBytes, to.pointer + row * rowBytes,
                coefficients.baseAddress! + row * taps.stride, Int(taps.counts[row]))
            }
          }
        }
      }
    }
    return RGBImage(width: width, height: taps.count, pixels: pixels)
  }
}

/// Which input samples make each output sample along one axis, and with what weights.
private struct BicubicTaps: Sendable {
  /// Output samples.
  let count: Int
  /// Coefficients kept per output sample.
  let stride: Int
  /// First input sample of each output sample.
  let firsts: [Int32]
  /// How many input samples each output sample has, at most `stride`.
  let counts: [Int32]
  /// `[count, stride]`, each rounded to 22 fractional bits, halves away from zero.
  let coefficients: [Int32]

  init(from input: Int, to output: Int) {
    // Everything in the order of operations of the reference, in double: the rounding of a coefficient depends on it.
    let scale = Double(input) / Double(output)
    let widening = max(scale, 1)
    let support = 2.0 * widening
    let stride = Int(support.rounded(.up)) * 2 + 1
    var firsts = [Int32](repeating: 0, count: output)
    var counts = [Int32](repeating: 0, count: output)
    var coefficients = [Int32](repeating: 0, count: output * stride)
    var weights = [Double](repeating: 0, count: stride)
    for x in 0..<output {
      let center = (Double(x) + 0.5) * scale
      let inverse = 1.0 / widening
      let first = max(Int(center - support + 0.5), 0)
      let end = min(Int(center + support + 0.5), input)
      var sum = 0.0
      for t in 0..<end - first {
        weights[t] = Self.bicubic((Double(t + first) - center + 0.5) * inverse)
        sum += weights[t]
      }
      for t in 0..<end - first {
        let weight = (sum != 0 ? weights[t] / sum : weights[t]) * Double(1 << CM_COEFFICIENT_BITS)
        coefficients[x * stride + t] = Int32(weight < 0 ? weight - 0.5 : weight + 0.5)
      }
      firsts[x] = Int32(first)
      counts[x] = Int32(end - first)
    }
    (count, self.stride, self.firsts, self.counts, self.coefficients) = (
      output, stride, firsts, counts, coefficients
    )
  }

  /// Keys' cubic convolution kernel with a = −0.5.
  private static func bicubic(_ position: Double) -> Double {
    let a = -0.5
    let x = abs(position)
    if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
    if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
    return 0
  }
}
