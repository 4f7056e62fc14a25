/// Sides in pixels.
public struct ImageSize: Sendable, Hashable, CustomStringConvertible {
  /// Columns.
  public let width: Int
  /// Rows.
  public let height: Int

  /// Sides in pixels.
  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }

  /// `640×480`, width first.
  public var description: String { "\(width)×\(height)" }
}

/// The size a picture is resized to: both sides multiples of `factor`, the area within `minPixels...maxPixels` as far
/// as that allows, the side ratio kept as nearly as possible.
///
/// Each side is rounded to the nearest multiple, halves to the even one: 70 becomes 56, 350 becomes 336, 1190 becomes
/// 1176 with factor 28; none becomes less than one `factor`. If the area is then over the maximum, both sides are
/// divided by √(h·w/max) and rounded down (to one `factor` at least); if it is under the minimum, multiplied by
/// √(min/(h·w)) and rounded up. The references agree but for very thin pictures: where a side rounds to 0, transformers
/// 4.57 treats the picture as too small (10×1000 becomes 28×560 instead of 28×1008), and where one shrinks to 0,
/// qwen-vl-utils returns 0. The result may exceed the maximum when one side is held at `factor`, or when the limits leave no multiple between them.
///
/// - Parameters:
///   - height: rows of the picture.
///   - width: columns of the picture.
///   - factor: patch size × merge size.
///   - minPixels: the smallest area wanted, at least 1.
///   - maxPixels: the largest area wanted, at least `minPixels`.
///   - name: what error messages call the picture.
/// - Throws: ``MediaError``: `badSize` for sides under 1 or over 2²⁴ or a ratio over 200, `badSetting` for limits or
///   a factor out of range.
/// - Returns: both sides, in pixels.
public func smartResize(
  height: Int, width: Int, factor: Int = 28, minPixels: Int = 56 * 56, maxPixels: Int = 14 * 14 * 4 * 1280,
  name: String = "image"
) throws(MediaError) -> ImageSize {
  // Products of two such sides are exact in both Int and Double, as the reference's are.
  let longest = 1 << 24
  guard height >= 1 && width >= 1 && height <= longest && width <= longest else {
    throw MediaError(
      .badSize, name: name, problem: "\(width)×\(height) pixels is not a size that can be resized",
      remedy: "both sides must lie in 1...\(longest)")
  }
  try checkPixelLimits(factor: factor, minPixels: minPixels, maxPixels: maxPixels)
  let (h, w, f) = (Double(height), Double(width), Double(factor))
  guard max(h, w) / min(h, w) <= 200 else {
    throw MediaError(
      .badSize, name: name, problem: "the picture is \(width)×\(height), one side over 200 times the other",
      remedy: "crop it, or cut it into several pictures")
  }
  let roundedHeight = max(factor, Int((h / f).rounded(.toNearestOrEven)) * factor)
  let roundedWidth = max(factor, Int((w / f).rounded(.toNearestOrEven)) * factor)
  if roundedHeight * roundedWidth > maxPixels {
    let shrink = (h * w / Double(maxPixels)).squareRoot()
    return ImageSize(
      width: max(factor, Int((w / shrink / f).rounded(.down)) * factor),
      height: max(factor, Int((h / shrink / f).rounded(.down)) * factor))
  }
  if roundedHeight * roundedWidth < minPixels {
    let grow = (Double(minPixels) / (h * w)).squareRoot()
    return ImageSize(
      width: Int((w * grow / f).rounded(.up)) * factor, height: Int((h * grow / f).rounded(.up)) * factor)
  }
  return ImageSize(width: roundedWidth, height: roundedHeight)
}

/// Refuses a factor or pixel limits that no size can meet or that would overflow.
func checkPixelLimits(factor: Int, minPixels: Int, maxPixels: Int) throws(MediaError) {
  let largest = 1 << 40
  guard (1...1 << 16).contains(factor) else {
    throw MediaError(
      .badSetting, name: "patch size × merge size", problem: "\(factor) is out of range",
      remedy: "it must lie in 1...65536")
  }
  guard (1...largest).contains(minPixels) else {
    throw MediaError(
      .badSetting, name: "min pixels", problem: "\(minPixels) is out of range",
      remedy: "it must lie in 1...\(largest)")
  }
  guard maxPixels >= minPixels else {
    throw MediaError(
      .badSetting, name: "max pixels", problem: "\(maxPixels) is less than min pixels (\(minPixels))",
      remedy: "raise max pixels or lower min pixels")
  }
}
