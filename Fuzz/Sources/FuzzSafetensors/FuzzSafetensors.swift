import FuzzDriver
import Glibc
import VLNN

/// Any bytes as a safetensors file: a typed error or a readable file, never a trap.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  // The reader maps files, so the bytes become one, in memory.
  let path = "/dev/shm/vlm-fuzz-\(getpid()).safetensors"
  guard let file = fopen(path, "wb") else { return 0 }
  fwrite(start, 1, count, file)
  fclose(file)
  defer { unlink(path) }
  guard let file = try? SafetensorsFile(path: path) else { return 0 }
  for entry in file.entries {
    _ = try? file.tensor(entry.name)
    _ = try? file.int64s(entry.name)
    _ = try? file.floats(entry.name)
  }
  return 0
}

/// The package manager starts executables here.
@_cdecl("FuzzSafetensors_main")
public func main(_ count: CInt, _ arguments: UnsafeMutableRawPointer) -> CInt {
  runFuzzer(count, arguments) { fuzz($0, $1) }
}
