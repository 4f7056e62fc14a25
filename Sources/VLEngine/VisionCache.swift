internal import VLMedia
internal import VLModels
internal import VLTensor

/// Embeddings of images and clips seen before, by content: the files' bytes and the resizing asked for. (The weights are the
/// model's, and each engine has one.)
struct VisionCache {
  /// What makes two images the same: compared byte by byte, not by a digest.
  struct Key: Hashable, Sendable {
    let files: [[UInt8]]
    let isVideo: Bool
    let resize: ResizeRequest

    func hash(into hasher: inout Hasher) {
      hasher.combine(files.count)
      hasher.combine(isVideo)
      // Equality compares everything; a sample suffices to spread the table.
      for bytes in files {
        bytes.withUnsafeBytes { all in
          let stride = max(1, all.count / 1024)
          for index in Swift.stride(from: 0, to: all.count, by: stride) { hasher.combine(all[index]) }
        }
      }
      hasher.combine(resize)
    }
  }

  struct Entry {
    let report: ImageReport
    let embeddings: Tensor
    var lastUse: UInt64
  }

  private var entries: [Key: Entry] = [:]
  private var clock: UInt64 = 0
  private var bytes = 0
  /// How many bytes of embeddings and files are kept; the least recently used go first.
  let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func find(_ key: Key) -> (report: ImageReport, embeddings: Tensor)? {
    guard var entry = entries[key] else { return nil }
    clock += 1
    entry.lastUse = clock
    entries[key] = entry
    return (entry.report, entry.embeddings)
  }

  mutating func store(_ key: Key, report: ImageReport, embeddings: Tensor) {
    clock += 1
    if entries.updateValue(Entry(report: report, embeddings: embeddings, lastUse: clock), forKey: key) == nil
    {
      bytes += Self.cost(key, embeddings)
    }
    while bytes > limit, entries.count > 1,
      let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      bytes -= Self.cost(oldest.key, oldest.value.embeddings)
      entries[oldest.key] = nil
    }
  }

  private static func cost(_ key: Key, _ embeddings: Tensor) -> Int {
    key.files.reduce(0) { $0 + $1.count } + embeddings.byteCount
  }
}
