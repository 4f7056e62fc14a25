internal import CMedia
public import VLTensor

/// What one picture asks of the resize; whatever is nil comes from the preprocessor.
public struct ResizeRequest: Sendable, Hashable {
  /// The smallest area wanted, in pixels.
  public var minPixels: Int?
  /// The largest area wanted, in pixels.
  public var maxPixels: Int?
  /// Rows wanted, together with ``resizedWidth``; rounded by the same rule as a picture's own size.
  public var resizedHeight: Int?
  /// Columns wanted, together with ``resizedHeight``.
  public var resizedWidth: Int?

  /// A request.
  public init(
    minPixels: Int? = nil, maxPixels: Int? = nil, resizedHeight: Int? = nil, resizedWidth: Int? = nil
  ) {
    self.minPixels = minPixels
    self.maxPixels = maxPixels
    self.resizedHeight = resizedHeight
    self.resizedWidth = resizedWidth
  }

  /// These settings, and those of `other` where it has any.
  public func overridden(by other: ResizeRequest) -> ResizeRequest {
    ResizeRequest(
      minPixels: other.minPixels ?? minPixels, maxPixels: other.maxPixels ?? maxPixels,
      resizedHeight: other.resizedHeight ?? resizedHeight, resizedWidth: other.resizedWidth ?? resizedWidth)
  }
}

/// Frames of one size, both sides multiples of the patch and merge sizes, ready to be cut into patches.
public struct PreparedImage: Sendable, Hashable {
  /// The resized frames: one for a still picture.
  public let frames: [RGBImage]
  /// How many patches there are along time, height and width.
  public let grid: GridTHW

  /// The frames' sides.
  public var size: ImageSize { ImageSize(width: frames[0].width, height: frames[0].height) }
}

/// From pictures to the rows the vision encoder reads: resize, normalise, cut into patches.
///
/// The values equal those of transformers' (slow, Pillow-based) Qwen2-VL image processor bit for bit.
public struct VisionPreprocessor: Sendable, Hashable {
  /// The side of a patch, in pixels.
  public let patchSize: Int
  /// Patches along each side that become one token.
  public let mergeSize: Int
  /// Frames in one temporal step.
  public let temporalPatchSize: Int
  /// The smallest area a picture is resized to, in pixels.
  public let minPixels: Int
  /// The largest area a picture is resized to, in pixels.
  public let maxPixels: Int
  /// The most pixels all resized frames of one picture or video may have, which bounds memory.
  public let maxResizedPixels: Int
  /// The normalised value of each sample: `[3 channels][256]`.
  private let table: [Float]

  /// A preprocessor; the defaults are those of the published checkpoints.
  /// - Parameters:
  ///   - patchSize: the side of a patch.
  ///   - mergeSize: patches along each side of a token.
  ///   - temporalPatchSize: frames in one temporal step.
  ///   - minPixels: the smallest area after resizing.
  ///   - maxPixels: the largest area after resizing.
  ///   - rescaleFactor: what samples are multiplied by first; 1 leaves them as 0...255.
  ///   - mean: subtracted per channel.
  ///   - std: divided by per channel, after the subtraction.
  ///   - maxResizedPixels: the most pixels all resized frames of one picture or video may have.
  /// - Throws: ``MediaError`` (`badSetting`) for values out of range.
  public init(
    patchSize: Int = 14, mergeSize: Int = 2, temporalPatchSize: Int = 2, minPixels: Int = 56 * 56,
    maxPixels: Int = 28 * 28 * 16384, rescaleFactor: Double = 1.0 / 255.0,
    mean: [Double] = [0.48145466, 0.4578275, 0.40821073],
    std: [Double] = [0.26862954, 0.26130258, 0.27577711],
    maxResizedPixels: Int = 400_000_000
  ) throws(MediaError) {
    for (name, value) in [
      ("patch size", patchSize), ("merge size", mergeSize), ("temporal patch size", temporalPatchSize),
    ] where !(1...256).contains(value) {
      throw MediaError(
        .badSetting, name: name, problem: "\(value) is out of range", remedy: "it must lie in 1...256")
    }
    try checkPixelLimits(factor: patchSize * mergeSize, minPixels: minPixels, maxPixels: maxPixels)
    guard mean.count == 3, mean.allSatisfy(\.isFinite) else {
      throw MediaError(
        .badSetting, name: "image mean", problem: "\(mean) is not three numbers",
        remedy: "give one per colour channel")
    }
    guard std.count == 3, std.allSatisfy({ Float($0).isFinite && Float($0) != 0 }) else {
      throw MediaError(
        .badSetting, name: "image std", problem: "\(std) is not three numbers other than 0",
        remedy: "give one per colour channel")
    }
    guard rescaleFactor.isFinite else {
      throw MediaError(
        .badSetting, name: "rescale factor", problem: "\(rescaleFactor) is not a number",
        remedy: "it is 1/255 as a rule")
    }
    self.patchSize = patchSize
    self.mergeSize = mergeSize
    self.temporalPatchSize = temporalPatchSize
    self.minPixels = minPixels
    self.maxPixels = maxPixels
    self.maxResizedPixels = maxResizedPixels
    // The reference scales in double, rounds to float, then subtracts and divides in float.
    table = (0..<3).flatMap { channel in
      (0..<256).map { value in
        (Float(Double(value) * rescaleFactor) - Float(mean[channel])) / Float(std[channel])
      }
    }
  }

  /// Both sides of a resized picture are multiples of this: patch size × merge size.
  public var factor: Int { patchSize * mergeSize }
  /// Values in a row of patches: channels × frames in a step × patch height × patch width.
  public var patchValues: Int { 3 * temporalPatchSize * patchSize * patchSize }

  /// The size that a picture of `size` is resized to, without touching pixels.
  /// - Throws: ``MediaError`` (`badSize`, `badSetting` or `tooLarge`).
  public func resizedSize(
    of size: ImageSize, request: ResizeRequest = ResizeRequest(), frames: Int = 1, name: String = "image"
  ) throws(MediaError) -> ImageSize {
    let start: ImageSize
    switch (request.resizedHeight, request.resizedWidth) {
    case (nil, nil): start = size
    case (let height?, let width?):
      guard height >= 1 && width >= 1 else {
        throw MediaError(
          .badSetting, name: "resized size", problem: "\(width)×\(height) is out of range",
          remedy: "both must be at least 1")
      }
      start = ImageSize(width: width, height: height)
    default:
      throw MediaError(
        .badSetting, name: request.resizedHeight == nil ? "resized width" : "resized height",
        problem: "it is given alone", remedy: "give both the resized width and the resized height")
    }
    let result = try smartResize(
      height: start.height, width: start.width, factor: factor, minPixels: request.minPixels ?? minPixels,
      maxPixels: request.maxPixels ?? maxPixels, name: name)
    guard result.width <= maxResizedPixels / max(frames, 1) / result.height else {
      throw MediaError(
        .tooLarge, name: name,
        problem: "resized to \(result), it would have over \(maxResizedPixels) pixels in all",
        remedy: "lower min pixels or the resized size")
    }
    return result
  }

  /// The grid of frames that have `size`.
  public func grid(of size: ImageSize, frames: Int = 1) -> GridTHW {
    GridTHW(
      t: (frames + temporalPatchSize - 1) / temporalPatchSize, h: size.height / patchSize,
      w: size.width / patchSize)
  }

  /// Resizes a still picture.
  public func prepare(
    _ image: RGBImage, request: ResizeRequest = ResizeRequest(), name: String = "image",
    pool: ThreadPool? = nil
  ) throws(MediaError) -> PreparedImage {
    try prepare(frames: [image], request: request, name: name, pool: pool)
  }

  /// Resizes the frames of a video, all of one size and in order.
  /// - Throws: ``MediaError``: `badSize` also when the frames differ in size, `empty` when there are none.
  public func prepare(
    frames: [RGBImage], request: ResizeRequest = ResizeRequest(), name: String = "video",
    pool: ThreadPool? = nil
  ) throws(MediaError) -> PreparedImage {
    guard let first = frames.first else {
      throw MediaError(.empty, name: name, problem: "there are no frames", remedy: "give at least one")
    }
    if let other = frames.first(where: { $0.width != first.width || $0.height != first.height }) {
      throw MediaError(
        .badSize, name: name,
        problem: "a frame is \(other.width)×\(other.height), the first is \(first.width)×\(first.height)",
        remedy: "give frames of one size")
    }
    let size = try resizedSize(
      of: ImageSize(width: first.width, height: first.height), request: request, frames: frames.count,
      name: name)
    let resized = frames.map { $0.resizedBicubic(width: size.width, height: size.height, pool: pool) }
    return PreparedImage(frames: resized, grid: grid(of: size, frames: frames.count))
  }

  /// The patches of pictures, one after the other: float32 `[sum of grid.patches, patchValues]`.
  ///
  /// Rows come in the order (time, row of tokens, column of tokens, row in the token, column in the token); a row holds
  /// (channel, frame, y, x). A still picture counts as equal frames, and a last frame that lacks company is repeated.
  public func pixelValues(_ images: [PreparedImage], compute: Compute) -> Tensor {
    let result = compute.uninitialized([images.reduce(0) { $0 + $1.grid.patches }, patchValues])
    var row = 0
    for image in images {
      let count = image.grid.patches * patchValues
      writePatches(
        image, into: UnsafeMutableBufferPointer(start: result.floats + row * patchValues, count: count),
        pool: compute.pool)
      row += image.grid.patches
    }
    return result
  }

  /// The patches of one picture or video, as ``pixelValues(_:compute:)`` lays them out.
  /// - Parameters:
  ///   - image: a picture or clip that is resized.
  ///   - destination: room for exactly `grid.patches * patchValues` values.
  ///   - pool: threads to share the work among; nil works on the caller's.
  public func writePatches(
    _ image: PreparedImage, into destination: UnsafeMutableBufferPointer<Float>, pool: ThreadPool? = nil
  ) {
    let grid = image.grid
    precondition(
      grid == self.grid(of: image.size, frames: image.frames.count) && grid.h % mergeSize == 0
        && grid.w % mergeSize == 0,
      "writePatches: the picture was prepared for other patch sizes")
    precondition(
      destination.count == grid.patches * patchValues,
      "writePatches: room for \(destination.count) values, not \(grid.patches * patchValues)")
    let to = SharedPointer(destination.baseAddress!)
    let frameValues = patchSize * patchSize
    let stride = image.frames[0].width * 3
    // One unit of work is a row of tokens in one temporal step.
    let tokenRows = grid.h / mergeSize
    inStrips(of: 1, rows: grid.t * tokenRows, pool: pool) { strip in
      let (t, tokenRow) = strip.lowerBound.quotientAndRemainder(dividingBy: tokenRows)
      let step = to.pointer + strip.lowerBound * mergeSize * grid.w * patchValues
      table.withUnsafeBufferPointer { table in
        for frame in 0..<temporalPatchSize {
          let source = image.frames[min(t * temporalPatchSize + frame, image.frames.count - 1)]
          source.pixels.withUnsafeBufferPointer { pixels in
            var out = step + frame * frameValues
            for tokenColumn in 0..<grid.w / mergeSize {
              for inner in 0..<mergeSize * mergeSize {
                let y = (tokenRow * mergeSize + inner / mergeSize) * patchSize
                let x = (tokenColumn * mergeSize + inner % mergeSize) * patchSize
                cm_patch(
                  pixels.baseAddress! + y * stride + x * 3, stride, patchSize, table.baseAddress, out,
                  temporalPatchSize * frameValues)
                out += patchValues
              }
            }
          }
        }
      }
    }
  }
}
