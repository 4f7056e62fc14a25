internal import VLJSON
public import VLMedia

/// A sample as it is written: its pictures as PNG, its line of JSON.
public struct SynthFile: Sendable {
  /// How samples are laid out on disk.
  public enum Layout: String, Sendable, Hashable, CaseIterable {
    /// `data.jsonl`, and the pictures in `images/`.
    case jsonl
    /// WebDataset: tar shards, in each the pictures and a `.json` per sample.
    case wds
  }

  /// Names and bytes of the pictures, relative to the data set or within the shard.
  public let pictures: [(name: String, bytes: [UInt8])]
  /// The line of JSON, without the line end.
  public let json: [UInt8]
  /// What the files of a shard that belong to this sample begin with.
  public let key: String

  /// Encodes sample number `index`.
  ///
  /// - Throws: ``MediaError`` for pictures too large for PNG.
  public init(_ sample: SynthSample, index: Int, layout: Layout) throws(MediaError) {
    let digits = String(index)
    let key = String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    self.key = key
    let names = sample.images.indices.map { number in
      switch layout {
      case .jsonl: "images/" + key + (sample.images.count == 1 ? "" : "-\(number)") + ".png"
      case .wds: key + (sample.images.count == 1 ? "" : ".\(number)") + ".png"
      }
    }
    var pictures: [(name: String, bytes: [UInt8])] = []
    for (name, image) in zip(names, sample.images) {
      pictures.append((name, try PNGEncoder.encode(image, name: name)))
    }
    self.pictures = pictures
    json = Array(sample.json(paths: names).serialized().utf8)
  }
}
