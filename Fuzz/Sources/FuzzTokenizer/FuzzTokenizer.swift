import FuzzDriver
import VLText

/// Any bytes as a tokenizer.json: a typed error or a tokenizer that encodes and decodes, never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = Array(UnsafeBufferPointer(start: start, count: count))
  guard let tokenizer = try? Tokenizer(tokenizerJSON: bytes, file: "fuzz") else { return 0 }
  if let ids = try? tokenizer.encode("Hello, 世界! \r\n 12 's") {
    _ = tokenizer.decode(ids, skipSpecialTokens: true)
  }
  return 0
}

/// The package manager starts executables here.
@_cdecl("FuzzTokenizer_main")
public func main(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
  runFuzzer(count, arguments) { fuzz($0, $1) }
}
