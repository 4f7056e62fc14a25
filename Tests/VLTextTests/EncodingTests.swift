import Testing
import VLJSON
import VLText

@Suite struct Encoding {
  @Test func equalsTheReference() throws {
    let tokenizer = try References.tiny()
    let cases = try #require(References.json("text/cases.json")["encode"]?.arrayValue)
    #expect(cases.count > 400)
    for reference in cases {
      let text = try #require(reference["text"]?.stringValue)
      let ids = try #require(reference["ids"]).ids
      #expect(try tokenizer.encode(text) == ids, "\(text.debugDescription)")
      #expect(
        try tokenizer.encodeParsingSpecialTokens(text) == reference["parsed"]?.ids ?? ids,
        "\(text.debugDescription)")
    }
  }

  @Test func otherSettingsEqualTheReference() throws {
    let base = try #require(References.json("tiny-tokenizer/tokenizer.json").objectValue)
    for variant in try #require(References.json("text/variants.json").arrayValue) {
      let name = try #require(variant["name"]?.stringValue)
      var whole = base
      for (key, change) in try #require(variant["changes"]?.objectValue).members {
        if key == "model", var model = whole["model"]?.objectValue, let settings = change.objectValue {
          for (setting, value) in settings.members { model[setting] = value }
          whole[key] = .object(model)
        } else {
          whole[key] = change
        }
      }
      let tokenizer = try Tokenizer(
        tokenizerJSON: Array(JSONValue.object(whole).serialized().utf8), file: name)
      for reference in try #require(variant["cases"]?.arrayValue) {
        let text = try #require(reference["text"]?.stringValue)
        let ids = try #require(reference["ids"]).ids
        #expect(try tokenizer.encode(text) == ids, "\(name): \(text.debugDescription)")
        #expect(
          try tokenizer.encodeParsingSpecialTokens(text) == reference["parsed"]?.ids ?? ids,
          "\(name), parsed: \(text.debugDescription)")
      }
    }
  }

  @Test func vocabularyAndMergesGiveTheSame() throws {
    let tokenizer = try References.tiny()
    let scratch = ScratchDirectory()
    for name in ["vocab.json", "merges.txt", "tokenizer_config.json"] {
      scratch.write(name, try References.bytes(References.tinyDirectory + "/" + name))
    }
    let other = try Tokenizer(directory: scratch.path + "/")
    #expect(other.vocabularySize == tokenizer.vocabularySize)
    #expect(other.specialTokenIDs == tokenizer.specialTokenIDs)
    for reference in try #require(References.json("text/cases.json")["encode"]?.arrayValue) {
      let text = try #require(reference["text"]?.stringValue)
      #expect(try other.encode(text) == tokenizer.encode(text))
      #expect(try other.encodeParsingSpecialTokens(text) == tokenizer.encodeParsingSpecialTokens(text))
    }
  }

  @Test func mergesAsStringsGiveTheSame() throws {
    let tokenizer = try References.tiny()
    var whole = try #require(References.json("tiny-tokenizer/tokenizer.json").objectValue)
    var model = try #require(whole["model"]?.objectValue)
    let merges = try #require(model["merges"]?.arrayValue)
    model["merges"] = .array(
      merges.map { pair in .string((pair.arrayValue ?? []).compactMap(\.stringValue).joined(separator: " ")) }
    )
    model["vocab"] = nil  // and the merges before the vocabulary
    model["vocab"] = whole["model"]?["vocab"]
    whole["model"] = .object(model)
    let other = try Tokenizer(
      tokenizerJSON: Array(JSONValue.object(whole).serialized().utf8), file: "strings")
    for text in ["The picture shows a small red bicycle", "图中有一只猫坐在沙发上", " \n\n x"] {
      #expect(try other.encode(text) == tokenizer.encode(text))
    }
  }

  @Test func userTextNeverBecomesSpecial() throws {
    let tokenizer = try References.tiny()
    for token in tokenizer.addedTokens {
      for text in [
        token.content, "a\(token.content)b", "\(token.content)\(token.content)", " \(token.content)\n",
      ] {
        let ids = try tokenizer.encode(text)
        #expect(ids.allSatisfy { !tokenizer.isSpecial($0) })
        #expect(tokenizer.decode(ids, skipSpecialTokens: true) == text)
      }
      #expect(try tokenizer.encodeParsingSpecialTokens(token.content) == [token.id])
    }
  }

  @Test func longTextsTakeLinearTime() throws {
    // Quadratic merging would take hours on these.
    let tokenizer = try References.tiny()
    for unit in ["a", " ", "\n", " \n", "!", "7", "the", "猫", "e\u{301}", "\u{301}"] {
      let text = String(repeating: unit, count: 1 << 20 / unit.utf8.count)
      let ids = try tokenizer.encode(text)
      #expect(ids.count <= text.utf8.count)
    }
  }

  @Test func shortAndLongPiecesMergeAlike() throws {
    // Pieces up to 48 bytes are merged by scanning, longer ones by a queue; a run of letters behind a digit is a
    // piece of its own, so equal tails must have equal tokens wherever the merges are settled.
    let tokenizer = try References.tiny()
    var generator = SeededGenerator(seed: 11)
    let letters = Array("abcdehilnorst")
    for length in 2...120 {
      let word = String((0..<length).map { _ in letters.randomElement(using: &generator) ?? "a" })
      #expect(try tokenizer.encode(word) == naiveMerge(word, tokenizer), "\(word)")
    }
  }

  /// Merging as the definition says it, with the merges read from the file.
  private func naiveMerge(_ word: String, _ tokenizer: Tokenizer) throws -> [Int] {
    var parts = word.map(String.init)
    while true {
      var best: (rank: Int, place: Int)?
      for place in 0..<parts.count - 1 {
        if let rank = Self.ranks[parts[place] + " " + parts[place + 1]], rank < best?.rank ?? .max {
          best = (rank, place)
        }
      }
      guard let best else { break }
      parts[best.place] += parts.remove(at: best.place + 1)
    }
    return try parts.map { try #require(tokenizer.id(of: $0)) }
  }

  private static let ranks: [String: Int] = {
    let text = (try? References.bytes(References.tinyDirectory + "/merges.txt")) ?? []
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst()
    return Dictionary(uniqueKeysWithValues: lines.enumerated().map { (String($1), $0) })
  }()

  @Test func namesAndNumbers() throws {
    let tokenizer = try References.tiny()
    #expect(tokenizer.vocabularySize == 800)
    #expect(tokenizer.specialTokenIDs == Set(786..<800))
    #expect(tokenizer.id(of: "<|im_end|>") == 788)
    #expect(tokenizer.token(of: 788) == "<|im_end|>")
    #expect(tokenizer.id(of: "no such token") == nil)
    #expect(tokenizer.token(of: 800) == nil)
    #expect(tokenizer.token(of: -1) == nil)
    for id in 0..<800 {
      let token = try #require(tokenizer.token(of: id))
      #expect(tokenizer.id(of: token) == id)
    }
  }
}

@Suite struct Decoding {
  @Test func equalsTheReference() throws {
    let tokenizer = try References.tiny()
    let cases = try #require(References.json("text/cases.json")["decode"]?.arrayValue)
    #expect(cases.count > 150)
    for reference in cases {
      let ids = try #require(reference["ids"]).ids
      let all = try #require(reference["text"]?.stringValue)
      let plain = try #require(reference["plain"]?.stringValue)
      #expect(Array(tokenizer.decode(ids, skipSpecialTokens: false).utf8) == Array(all.utf8), "\(ids)")
      #expect(Array(tokenizer.decode(ids, skipSpecialTokens: true).utf8) == Array(plain.utf8), "\(ids)")
      for skip in [false, true] {
        var detokenizer = StreamingDetokenizer(tokenizer, skipSpecialTokens: skip)
        var streamed: [UInt8] = []
        for id in ids { streamed += Array(detokenizer.append(id).utf8) }
        streamed += Array(detokenizer.finish().utf8)
        #expect(streamed == Array((skip ? plain : all).utf8), "\(ids)")
      }
    }
  }

  @Test func halfCharactersAreHeldBack() throws {
    let tokenizer = try References.tiny()
    let single = Dictionary(
      uniqueKeysWithValues: (0..<800).compactMap { id -> (UInt8, Int)? in
        let bytes = tokenizer.bytes(of: id)
        return bytes.count == 1 ? (bytes[0], id) : nil
      })
    #expect(single.count == 256)
    var detokenizer = StreamingDetokenizer(tokenizer)
    var pieces: [String] = []
    for byte in "a猫👍".utf8 { pieces.append(detokenizer.append(try #require(single[byte]))) }
    #expect(pieces == ["a", "", "", "猫", "", "", "", "👍"])
    #expect(detokenizer.finish() == "")

    // A sequence that another character breaks off, and one that the end does.
    pieces = try [0xE7, 0x8C, 0x61, 0xE0, 0x80, 0xF0, 0x9F].map {
      detokenizer.append(try #require(single[$0]))
    }
    #expect(pieces == ["", "", "\u{FFFD}a", "", "\u{FFFD}\u{FFFD}", "", ""])
    #expect(detokenizer.finish() == "\u{FFFD}")
    #expect(detokenizer.finish() == "")
  }

  @Test func everySequenceOfBytesStreamsAsItDecodes() throws {
    let tokenizer = try References.tiny()
    var single = [Int](repeating: -1, count: 256)
    for id in 0..<786 where tokenizer.bytes(of: id).count == 1 {
      single[Int(tokenizer.bytes(of: id)[0])] = id
    }
    // All pairs and triples of the bytes at which UTF-8's rules change.
    let edges: [UInt8] = [
      0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE,
      0xEF, 0xF0,
      0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]
    for first in edges {
      for second in edges {
        for third in edges {
          let bytes = [first, second, third, 0x80, 0x41]
          var detokenizer = StreamingDetokenizer(tokenizer)
          var streamed = ""
          for byte in bytes { streamed += detokenizer.append(single[Int(byte)]) }
          streamed += detokenizer.finish()
          #expect(Array(streamed.utf8) == Array(String(decoding: bytes, as: UTF8.self).utf8), "\(bytes)")
        }
      }
    }
  }

  @Test func roundTrips() throws {
    let tokenizer = try References.tiny()
    for reference in try #require(References.json("text/cases.json")["chat"]?.arrayValue) {
      let ids = try #require(reference["ids"]).ids
      let text = tokenizer.decode(ids, skipSpecialTokens: false)
      #expect(try tokenizer.encodeParsingSpecialTokens(text) == ids)
    }
  }
}
