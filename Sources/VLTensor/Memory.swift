internal import Glibc

/// How many bytes this process can still take: what the system has available, and what its control group allows; nil
/// where neither can be read.
public func availableMemory() -> Int? {
  let system = value(after: "MemAvailable:", in: "/proc/meminfo").map { $0 * 1024 }
  var group: Int?
  if let limit = number(in: "/sys/fs/cgroup/memory.max"),
    let used = number(in: "/sys/fs/cgroup/memory.current")
  {
    // File pages can be reclaimed: a mapped checkpoint counts as used there but does not stand in the way.
    let reclaimable = value(after: "file ", in: "/sys/fs/cgroup/memory.stat") ?? 0
    group = max(0, limit - used + reclaimable)
  }
  return [system, group].compactMap { $0 }.min()
}

/// The most memory this process has held since ``resetPeakMemory()`` (or its start), in bytes, mapped files included.
public func currentPeakMemory() -> Int { (value(after: "VmHWM:", in: "/proc/self/status") ?? 0) * 1024 }

/// Starts the peak anew from what is held now, where the system allows it.
public func resetPeakMemory() {
  guard let file = fopen("/proc/self/clear_refs", "w") else { return }
  fputs("5", file)
  fclose(file)
}

/// Bytes as GiB with one decimal.
public func gibibytes(_ bytes: Int) -> String {
  let tenths = (bytes * 10 + (1 << 29)) >> 30
  return "\(tenths / 10).\(tenths % 10)"
}

private func contents(_ path: String) -> String? {
  guard let file = fopen(path, "r") else { return nil }
  defer { fclose(file) }
  var bytes = [UInt8](repeating: 0, count: 65536)
  let count = fread(&bytes, 1, bytes.count, file)
  return String(decoding: bytes[..<count], as: UTF8.self)
}

private func number(in path: String) -> Int? {
  contents(path).flatMap { Int($0.split(whereSeparator: \.isWhitespace).first ?? "") }
}

private func value(after key: String, in path: String) -> Int? {
  guard let line = contents(path)?.split(separator: "\n").first(where: { $0.hasPrefix(key) }) else {
    return nil
  }
  return line.dropFirst(key.count).split(whereSeparator: \.isWhitespace).first.flatMap { Int($0) }
}
