import Glibc

/// Overwrites a file.
func writeFile(_ bytes: [UInt8], _ path: String) {
  guard let file = fopen(path, "wb") else { return }
  fwrite(bytes, 1, bytes.count, file)
  fclose(file)
}

/// Makes a directory.
func makeDirectory(_ path: String) { mkdir(path, 0o777) }
