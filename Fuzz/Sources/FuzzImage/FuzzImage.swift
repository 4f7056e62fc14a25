import FuzzDriver
import VLMedia

/// Any bytes as a picture: a typed error or a picture, never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  // Small pictures only: what is sought is a wrong byte, not a long run.
  let limits = MediaLimits(maxBytes: 1 << 20, maxPixels: 1 << 20, maxSide: 8192)
  if let decoded = try? ImageDecoder.decode(bytes, name: "fuzz", limits: limits) {
    _ = decoded.image.resizedBicubic(width: 28, height: 28)
  }
  return 0
}

/// The package manager starts executables here.
@_cdecl("FuzzImage_main")
public func main(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
  runFuzzer(count, arguments) { fuzz($0, $1) }
}
