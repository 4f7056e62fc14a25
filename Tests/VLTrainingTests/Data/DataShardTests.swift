import TestKit
import Testing
import VLJSON
import VLMedia
import VLModels
import VLTensor
import VLTraining

/// Tar archives, written here byte by byte.
private enum Tar {
  static func octal(_ value: Int, _ digits: Int) -> String {
    let text = String(value, radix: 8)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }

  static func header(
    _ name: String, _ size: Int, type: Character = "0", prefix: String = "", sizeField: [UInt8]? = nil
  )
    -> [UInt8]
  {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ bytes: some Sequence<UInt8>, _ offset: Int) {
      for (i, byte) in bytes.enumerated() { header[offset + i] = byte }
    }
    put(name.utf8, 0)
    put("0000644".utf8, 100)
    put(sizeField ?? Array(octal(size, 11).utf8), 124)
    put("        ".utf8, 148)
    put(String(type).utf8, 156)
    put("ustar\u{0}00".utf8, 257)
    put(prefix.utf8, 345)
    put((octal(header.reduce(0) { $0 + Int($1) }, 6) + "\u{0} ").utf8, 148)
    return header
  }

  static func member(_ name: String, _ bytes: [UInt8], type: Character = "0", prefix: String = "") -> [UInt8]
  {
    header(name, bytes.count, type: type, prefix: prefix) + bytes
      + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
  }

  static func text(_ name: String, _ text: String) -> [UInt8] { member(name, Array(text.utf8)) }
  static let end = [UInt8](repeating: 0, count: 1024)

  static func pax(_ key: String, _ value: String) -> [UInt8] {
    let rest = " \(key)=\(value)\n"
    var length = rest.utf8.count + 1
    while "\(length)\(rest)".utf8.count != length { length += 1 }
    return member("pax", Array("\(length)\(rest)".utf8), type: "x")
  }
}

@Suite struct DataShards {
  private let scratch = Scratch()
  private let png = Scratch.read(Goldens.directory + "/references/images/scene.png")

  private func chat(_ image: String, _ answer: String) -> String {
    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"image\":\"\(image)\"}]},{\"role\":\"assistant\",\"content\":\"\(answer)\"}]}"
  }

  private func failure(_ bytes: [UInt8]) -> DataError? {
    do {
      let source = try DataFiles.open(scratch.write(bytes, to: "bad.tar"))
      for index in 0..<(source.count ?? 0) { _ = try source.sample(at: index) }
      return nil
    } catch {
      #expect(error is DataError, "\(error)")
      return error as? DataError
    }
  }

  @Test func webDataset() throws {
    let long = "deep/" + String(repeating: "folder/", count: 20) + "sample"
    let gnu =
      Tar.member("././@LongLink", Array((long + ".json\0").utf8), type: "L")
      + Tar.text("cut", chat("png", "gnu"))
    let paxed = Tar.pax("path", long + ".png") + Tar.member("cut", png)
    let path = scratch.write(
      Tar.member("dir/", [], type: "5") + Tar.member("dir/0001.png", png)
        + Tar.text("dir/0001.json", chat("dir/0001.png", "one"))
        + Tar.text("0002.json", chat("a.png", "two")) + Tar.member("0002.a.png", png)
        + Tar.member("0003.jpg", png)
        + Tar.text("0003.txt", "a caption") + Tar.text("0003.json", "{\"url\":\"x\"}") + gnu + paxed
        + Tar.member("0005.png", png, prefix: "far/away")
        + Tar.member("0005.txt", Array("text".utf8), prefix: "far/away")
        + Tar.end, to: "shard.tar")
    let source = try DataFiles.open(path)
    #expect(source.count == 5)
    let samples = try (0..<5).map { try source.sample(at: $0) }
    #expect(spelled(samples[0]) == [["user", "image 0001.png"], ["assistant!", "text one"]])
    #expect(spelled(samples[1]) == [["user", "image 0002.a.png"], ["assistant!", "text two"]])
    #expect(spelled(samples[2]) == [["user", "image 0003.jpg"], ["assistant!", "text a caption"]])
    #expect(spelled(samples[3])[1] == ["assistant!", "text gnu"])
    #expect(samples.map(\.name).suffix(2) == [path + ":" + long, path + ":far/away/0005"])
    for sample in samples {
      #expect(try sample.visuals[0].load() == [png])
      #expect(try TinyData.encoder().encode(sample).images.count == 1)
    }
  }

  @Test func badShards() {
    let one = Tar.text("a.json", chat("a.png", "x"))
    func expect(_ bytes: [UInt8], _ words: String) {
      let error = failure(bytes)
      #expect(error?.description.contains(words) == true, "\(words): \(String(describing: error))")
    }
    expect(one, "no end mark")
    expect(Array(one.dropLast(512)) + [], "cut off")
    expect(Array(one.prefix(700)), "cut off")
    expect([], "cut off")
    expect([0x1F, 0x8B] + [UInt8](repeating: 7, count: 1000), "gzip")
    expect([UInt8](repeating: 65, count: 2048), "no tar archive")
    expect(one + [UInt8](repeating: 65, count: 512) + Tar.end, "checksum")
    expect(one + Tar.end, "no member of this sample")
    expect(Tar.text("a.txt", "alone") + Tar.end, "neither")
    expect(Tar.text("a.json", "{") + Tar.end, "bad.tar:a.json")
    expect(Tar.member("a.png", png) + Tar.member("a.txt", [0xFF]) + Tar.end, "UTF-8")
    expect(
      Tar.member("a.png", png) + Tar.text("b.txt", "b") + Tar.text("a.txt", "a") + Tar.end,
      "beside the other members")
    expect(Tar.member("a.png", [], type: "2") + Tar.end, "link")
    expect(Tar.member("x", Array("99 path=a\n".utf8), type: "x") + Tar.end, "extended header")
    expect(Tar.pax("size", "-5") + one + Tar.end, "not a number")
    // Sizes that no file has.
    expect(
      Tar.header("a.json", 0, sizeField: [0x80] + [UInt8](repeating: 0xFF, count: 11)) + Tar.end,
      "not a number")
    expect(
      Tar.header("a.json", 0, sizeField: [0x80, 0, 0, 0, 0x3F] + [UInt8](repeating: 0xFF, count: 7))
        + Tar.end, "not")
    expect(Tar.header("a.json", 0, sizeField: Array("77777777777".utf8)) + Tar.end, "does not fit")
    expect(
      Tar.header("L", 1 << 20, type: "L") + [UInt8](repeating: 65, count: 1 << 20) + Tar.end, "a name of")
  }

  /// Random damage never does worse than an error.
  @Test func damagedShards() {
    let whole =
      Tar.member("0001.png", png) + Tar.text("0001.json", chat("png", "x")) + Tar.pax("path", "0002.txt")
      + Tar.text("c", "d") + Tar.member("0002.png", png) + Tar.end
    var random = SplitMix64(state: 5)
    var refused = 0
    for _ in 0..<300 {
      var bytes = whole
      for _ in 0...Int.random(in: 0..<4, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
      if let error = failure(bytes) {
        #expect(error.description.contains("bad.tar"))
        refused += 1
      }
    }
    #expect(refused > 100)
  }

  // MARK: Token shards

  private func shard(_ name: String, _ documents: [[Int]], vocabulary: Int = 800, length: Int = 4) throws
    -> String
  {
    let path = scratch.path + "/" + name
    let writer = try TokenShardWriter(path, vocabularySize: vocabulary, sampleLength: length)
    for document in documents { try writer.append(document) }
    try writer.finish()
    return path
  }

  @Test func tokenShards() throws {
    for (vocabulary, largest) in [(800, 799), (65536, 65535), (200_000, 199_999)] {
      let documents = [[1, 2, 3], Array(10..<19), [largest], [], [7, 8, 9, 10]]
      let path = try shard("t\(vocabulary).tokens", documents, vocabulary: vocabulary)
      let source = try #require(try DataFiles.open(path) as? TokenShard)
      #expect(source.tokenCount == 17 && source.vocabularySize == vocabulary)
      let samples = try (0..<(source.count ?? 0)).map { index -> [Int] in
        guard case .tokens(let tokens) = try source.sample(at: index).content else { return [] }
        return tokens
      }
      #expect(samples == [[1, 2, 3], [10, 11, 12, 13], [14, 15, 16, 17], [18], [largest], [7, 8, 9, 10]])
    }
    #expect(throws: DataError.self) { try shard("t800.tokens", []) }  // nothing is overwritten
    #expect(!scratch.contents.contains { $0.hasSuffix(".partial") })
    do { _ = try TokenShardWriter(scratch.path + "/left.tokens", vocabularySize: 9, sampleLength: 9) }
    #expect(!scratch.contents.contains { $0.hasPrefix("left") })
  }

  @Test func damagedTokenShards() throws {
    let whole = Scratch.read(try shard("a.tokens", [[1, 2, 3, 4, 5], [6]]))
    func opens(_ bytes: [UInt8]) -> Bool {
      do {
        let source = try TokenShard(scratch.write(bytes, to: "b.tokens"))
        for index in 0..<(source.count ?? 0) { _ = try source.sample(at: index) }
        return true
      } catch {
        #expect(error is DataError)
        return false
      }
    }
    #expect(opens(whole))
    for length in 0..<whole.count { #expect(!opens(Array(whole.prefix(length)))) }
    #expect(!opens(whole + [0]))
    // Everything but tokens and the unused bytes is checked.
    let checked = Array(0..<32) + Array((64 + 16)..<whole.count)
    for place in checked {
      for bit in [1, 0x80] as [UInt8] {
        var bytes = whole
        bytes[place] ^= bit
        #expect(!opens(bytes) || (80..<whole.count).contains(place), "byte \(place)")
      }
    }
    for value in [UInt8](repeating: 0xFF, count: 1) {
      var bytes = whole
      for place in 16..<32 { bytes[place] = value }
      #expect(!opens(bytes))
    }
  }

  @Test func textDocuments() throws {
    func documents(_ path: String) throws -> [String] {
      var texts: [String] = []
      try TextDocuments(path).forEach { texts.append($0) }
      return texts
    }
    #expect(try documents(scratch.write("one\n\ntwo", to: "a.txt")) == ["one\n\ntwo"])
    #expect(
      try documents(
        scratch.write("{\"text\":\"a\"}\n\n{\"text\":\"\"}\n{\"id\":1,\"text\":\"b\"}", to: "b.jsonl")) == [
          "a", "b",
        ])
    for bytes in [Array("{\"words\":\"a\"}".utf8), Array("{\"text\":1}".utf8), Array("{".utf8), [0xFF]] {
      #expect(throws: DataError.self) { try documents(scratch.write(bytes, to: "c.jsonl")) }
    }
    #expect(throws: DataError.self) { try documents(scratch.write([0xFF], to: "c.txt")) }
  }

  // MARK: Checking

  @Test func checkCountsAndNames() throws {
    scratch.write(png, to: "a.png")
    scratch.write(Array(png.prefix(200)), to: "cut.png")
    let long = String(repeating: "word ", count: 300)
    let lines = [
      chat("a.png", "fine"), chat("missing.png", "x"), chat("cut.png", "x"), chat("a.png", long),
      "{\"messages\":[]}",
      "{\"messages\":[{\"role\":\"user\",\"content\":\"alone\"}]}", chat("a.png", "fine too"),
    ]
    let source = try DataFiles.open(scratch.write(lines.joined(separator: "\n"), to: "check.jsonl"))
    for threads in [1, 3] {
      var check = DataCheck()
      check.read(source, encoder: TinyData.encoder(maxTokens: 100), pool: ThreadPool(threads: threads)) { _ in
      }
      #expect(check.samples == 7 && check.usable == 2 && check.bad == 3)
      #expect(check.categories == ["media": 2, "too long": 1, "invalid": 1, "nothing supervised": 1])
      #expect(
        check.findings.map { $0.description.split(separator: ":")[1] } == ["2", "3", "4", "5", "6"])
      #expect(
        check.widths.quantile(0) == 84 && check.heights.quantile(1) == 60 && check.formats == ["png": 3])
      #expect(check.tokens.count == 2 && check.visualTokens.quantile(0.5) == 6 && check.supervised.total > 4)
      #expect(check.json["left_out"]?.integerValue == 2)
    }
    var bare = DataCheck()
    bare.read(source, encoder: nil, pool: ThreadPool(threads: 1)) { _ in }
    #expect(bare.usable == 4 && bare.bad == 3 && bare.tokens.count == 0)
  }
}
