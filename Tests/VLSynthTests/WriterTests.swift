import Testing
import TestKit
import VLJSON
import VLMedia
import VLSynth

struct WriterTests {
  private let scratch = Scratch()

  private func stream(seed: UInt64 = 5) throws -> SynthStream {
    try SynthStream(tasks: "scenes,clips,text", seed: seed, split: .train, settings: SynthSettings())
  }

  private func files(_ stream: SynthStream, _ range: Range<Int>, _ layout: SynthFile.Layout) throws
    -> [SynthFile]
  {
    try range.map { try SynthFile(stream.sample(at: UInt64($0)), index: $0, layout: layout) }
  }

  @Test func aDataSetHoldsItsSamples() throws {
    let stream = try stream()
    let path = scratch.path + "/out"
    var writer = try SynthWriter(
      directory: path, stream: stream, tasks: "scenes,clips,text", count: 12, layout: .jsonl)
    try writer.append(files(stream, 0..<12, .jsonl))
    try writer.finish()
    let lines = String(decoding: Scratch.read(path + "/data.jsonl"), as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 12)
    for (index, line) in lines.enumerated() {
      let sample = try SynthSample(json: JSONValue(parsing: String(line))) { name in
        try ImageDecoder.decode(Scratch.read(path + "/" + name), name: name).image
      }
      #expect(sample == stream.sample(at: UInt64(index)))
    }
    let meta = try JSONValue(parsing: Scratch.read(path + "/meta.json"))
    #expect(meta["fonts"]?.stringValue == stream.fonts.fingerprint)
    #expect(meta["seed"]?.integerValue == 5 && meta["split"]?.stringValue == "train")
    // Nothing is overwritten.
    let error = #expect(throws: SynthError.self) {
      _ = try SynthWriter(directory: path, stream: stream, tasks: "", count: 1, layout: .jsonl)
    }
    #expect(error?.description.contains(path) == true)
  }

  @Test(arguments: SynthFile.Layout.allCases) func anInterruptedRunGoesOn(layout: SynthFile.Layout) throws {
    let stream = try stream()
    let tasks = "scenes,clips,text"
    let (whole, broken) = (scratch.path + "/whole", scratch.path + "/broken")
    let count = layout == .jsonl ? 9 : SynthWriter.samplesPerShard + 5
    let all = try files(stream, 0..<count, layout)
    var first = try SynthWriter(directory: whole, stream: stream, tasks: tasks, count: count, layout: layout)
    try first.append(all)
    try first.finish()

    let stop = layout == .jsonl ? 4 : SynthWriter.samplesPerShard + 2
    do {
      var second = try SynthWriter(
        directory: broken, stream: stream, tasks: tasks, count: count, layout: layout)
      try second.append(Array(all[..<stop]))
    }
    if layout == .jsonl {
      // As if the last line had been cut off while it was written.
      let path = broken + ".partial/data.jsonl"
      let bytes = Scratch.read(path)
      scratch.write(Array(bytes.dropLast(7)), to: "broken.partial/data.jsonl")
    }
    var third = try SynthWriter(directory: broken, stream: stream, tasks: tasks, count: count, layout: layout)
    #expect(third.resumedAt == (layout == .jsonl ? 3 : SynthWriter.samplesPerShard))
    try third.append(Array(all[third.resumedAt...]))
    try third.finish()
    for name in layout == .jsonl
      ? ["data.jsonl", "meta.json"] : ["shard-000000.tar", "shard-000001.tar", "meta.json"]
    {
      let bytes = Scratch.read(whole + "/" + name)
      #expect(!bytes.isEmpty && bytes == Scratch.read(broken + "/" + name), "\(name)")
    }
  }

  @Test func otherSettingsDoNotGoOn() throws {
    let path = scratch.path + "/out"
    _ = try SynthWriter(directory: path, stream: stream(), tasks: "", count: 5, layout: .jsonl)
    let other = try stream(seed: 6)
    #expect(throws: SynthError.self) {
      _ = try SynthWriter(directory: path, stream: other, tasks: "", count: 5, layout: .jsonl)
    }
    #expect(throws: SynthError.self) {
      _ = try SynthWriter(directory: "/nowhere/at/all", stream: other, tasks: "", count: 5, layout: .jsonl)
    }
  }

  @Test func shardsAreTar() throws {
    let stream = try stream()
    let path = scratch.path + "/out"
    var writer = try SynthWriter(directory: path, stream: stream, tasks: "", count: 6, layout: .wds)
    let all = try files(stream, 0..<6, .wds)
    try writer.append(all)
    try writer.finish()
    let bytes = Scratch.read(path + "/shard-000000.tar")
    var names: [String] = []
    var offset = 0
    while offset < bytes.count, bytes[offset] != 0 {
      func text(_ range: Range<Int>) -> String {
        String(
          decoding: bytes[offset + range.lowerBound..<offset + range.upperBound].prefix { $0 != 0 },
          as: UTF8.self)
      }
      names.append(text(0..<100))
      let size = try #require(Int(text(124..<136), radix: 8))
      let sum = try #require(Int(text(148..<154), radix: 8))
      let header = bytes[offset..<offset + 512].enumerated()
      #expect(header.reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) } == sum)
      offset += 512 + (size + 511) / 512 * 512
    }
    #expect(bytes.count == offset + 1024)
    #expect(names == all.flatMap { $0.pictures.map(\.name) + [$0.key + ".json"] })
  }

  @Test func sheetsAreDrawn() throws {
    let stream = try SynthStream(seed: 1, split: .train, settings: SynthSettings())
    let png = try ContactSheet.png((0..<20).map { stream.sample(at: $0) }, fonts: stream.fonts)
    let image = try ImageDecoder.decode(png, name: "sheet").image
    #expect(image.width == 6 * 236)
  }
}
