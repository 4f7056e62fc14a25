import Testing
import VLJSON
import VLText

@Suite struct BadFiles {
  private func reason(_ json: String) -> TokenizerError.Reason? { reason(Array(json.utf8)) }

  private func reason(_ bytes: [UInt8]) -> TokenizerError.Reason? {
    do throws(TokenizerError) {
      _ = try Tokenizer(tokenizerJSON: bytes, file: "dir/tokenizer.json")
      return nil
    } catch {
      #expect(error.description.hasPrefix("dir/tokenizer.json: "))
      #expect(!error.description.contains("\n"))
      return error.reason
    }
  }

  /// The tiny tokenizer with one member changed; `path` goes down through objects and array elements.
  private func changed(_ path: [String], _ value: JSONValue?) throws -> [UInt8] {
    func change(_ whole: JSONValue, _ path: ArraySlice<String>) -> JSONValue? {
      guard let key = path.first else { return value }
      switch whole {
      case .object(var object):
        object[key] = change(object[key] ?? .null, path.dropFirst())
        return .object(object)
      case .array(var elements):
        guard let index = Int(key), elements.indices.contains(index) else { return whole }
        elements[index] = change(elements[index], path.dropFirst()) ?? .null
        return .array(elements)
      default: return value
      }
    }
    let whole = try References.json("tiny-tokenizer/tokenizer.json")
    return Array((change(whole, path[...]) ?? .null).serialized().utf8)
  }

  @Test(
    arguments: [
      (["normalizer"], ["type": "NFKC"], "the normalizer NFKC"),
      (
        ["normalizer"], ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "Lowercase"]]],
        "the normalizer Lowercase"
      ),
      (["pre_tokenizer"], ["type": "Whitespace"], "the pre-tokenizer Whitespace"),
      (["pre_tokenizer"], nil, "a tokenizer without the pre-tokenizer ByteLevel"),
      (["pre_tokenizer", "pretokenizers"], [], "a tokenizer without the pre-tokenizer ByteLevel"),
      (
        ["pre_tokenizer", "pretokenizers"], [["type": "ByteLevel"], ["type": "ByteLevel"]],
        "a pre-tokenizer behind ByteLevel"
      ),
      (
        ["pre_tokenizer", "pretokenizers", "0", "behavior"], "MergedWithNext",
        "the behavior MergedWithNext of the pre-tokenizer Split"
      ),
      (["pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"], "a\\w+", "'\\w' in the pattern"),
      (
        ["pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"], "[a&&b]",
        "'&&' inside a class of the pattern"
      ),
      (
        ["pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"], "a(?i)b",
        "the group '(?i)' in the pattern"
      ),
      (
        ["pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"], "(*LIMIT_MATCH=1)a",
        "'(*' in the pattern"
      ),
      (["post_processor"], ["type": "TemplateProcessing"], "the post-processor TemplateProcessing"),
      (["decoder"], ["type": "WordPiece"], "the decoder WordPiece"),
      (["decoder"], nil, "a tokenizer without the decoder ByteLevel"),
      (["model", "type"], "Unigram", "the model Unigram"),
      (["model"], ["type": "Unigram", "vocab": [["a", -1.5]], "unk_id": 0], "the model Unigram"),
      (["model", "dropout"], 0.1, "dropout"),
      (["model", "continuing_subword_prefix"], "##", "continuing_subword_prefix of the model"),
      (["model", "end_of_word_suffix"], "</w>", "end_of_word_suffix of the model"),
      (["model", "novelty"], true, "the setting \"novelty\" of the model"),
    ] as [([String], JSONValue?, String)])
  func unsupported(path: [String], value: JSONValue?, name: String) throws {
    #expect(try reason(changed(path, value)) == .unsupported(name))
  }

  @Test(
    arguments: [
      (["model"], nil, "model"), (["model", "merges"], nil, "merges"), (["model", "vocab"], nil, "vocab"),
      (["added_tokens", "3", "id"], nil, "id"), (["added_tokens", "3", "content"], nil, "content"),
      (["pre_tokenizer", "pretokenizers", "0", "pattern"], nil, "pattern"),
      (["pre_tokenizer", "pretokenizers", "0", "behavior"], nil, "behavior"),
      (["normalizer"], ["kind": "NFC"], "type"),
    ] as [([String], JSONValue?, String)])
  func missingMembers(path: [String], value: JSONValue?, key: String) throws {
    guard case .json(let error) = try reason(changed(path, value)) else {
      Issue.record("no JSON error for \(path)")
      return
    }
    #expect(error.problem == .missingKey(key))
  }

  @Test(
    arguments: [
      (["model"], 3), (["model", "vocab", "a"], "one"), (["model", "vocab", "a"], 1.5),
      (["model", "merges"], "a b"),
      (["model", "merges", "0"], 7), (["model", "merges", "0"], ["a"]), (["model", "merges", "0"], []),
      (["model", "merges", "0"], ["a", "b", "c"]), (["model", "merges", "0"], "ab"),
      (["model", "merges", "0"], "a b c"),
      (["model", "merges", "0"], " b"), (["model", "merges", "0"], "a "),
      (["model", "merges", "0"], [1, 2]),
      (["model", "unk_token"], 4), (["model", "fuse_unk"], "no"), (["added_tokens"], 5),
      (["added_tokens", "0"], 5),
      (["added_tokens", "0", "id"], "x"), (["added_tokens", "0", "special"], 1), (["normalizer"], "NFC"),
      (["pre_tokenizer", "pretokenizers", "0", "invert"], "x"), (["decoder"], []),
    ] as [([String], JSONValue)])
  func wrongTypes(path: [String], value: JSONValue) throws {
    guard case .json(let error) = try reason(changed(path, value)), case .mismatch = error.problem else {
      Issue.record("no mismatch for \(path) = \(value)")
      return
    }
  }

  @Test(
    arguments: [
      (["model", "vocab", "a"], -1, "the token \"a\" has the impossible id -1"),
      (["model", "vocab", "a"], 4_194_305, "the token \"a\" has the impossible id 4194305"),
      (["model", "vocab", "b"], 0, "the token \"b\" has the id 0 of another"),
      (
        ["model", "merges", "0"], ["a", "qqq"],
        "merge 1 (\"a\" and \"qqq\") needs \"qqq\", which is not in the vocabulary"
      ),
      (
        ["model", "merges", "0"], ["q", "q"],
        "merge 1 (\"q\" and \"q\") needs \"qq\", which is not in the vocabulary"
      ),
      (
        ["model", "merges", "0"], ["猫", "q"],
        "merge 1 (\"猫\" and \"q\") needs \"猫\", which is not in the vocabulary"
      ),
      (["model", "unk_token"], "<unk>", "the unknown token \"<unk>\" is not in the vocabulary"),
      (
        ["added_tokens", "1", "id"], 786,
        "the added tokens \"<|endoftext|>\" and \"<|im_start|>\" share the id 786"
      ),
      (
        ["added_tokens", "1", "id"], 5,
        "the added token \"<|im_start|>\" with id 5 contradicts the vocabulary"
      ),
      (["added_tokens", "1", "id"], -1, "the added token \"<|im_start|>\" has the impossible id -1"),
      (["added_tokens", "1", "content"], "", "the added token 787 is empty or longer than 1024 bytes"),
      (
        ["added_tokens", "1", "content"], "he",
        "the added token \"he\" with id 787 contradicts the vocabulary"
      ),
      (
        ["pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"], "(a",
        "the pre-tokenizer's pattern is not valid (missing closing parenthesis)"
      ),
    ] as [([String], JSONValue, String)])
  func contradictions(path: [String], value: JSONValue, how: String) throws {
    #expect(try reason(changed(path, value)) == .invalid(how))
  }

  @Test func damagedJSON() throws {
    let whole = try References.bytes(References.tinyDirectory + "/tokenizer.json")
    var generator = SeededGenerator(seed: 5)
    let cuts =
      [0, 1, 2, whole.count - 1] + (0..<200).map { _ in Int.random(in: 0..<whole.count, using: &generator) }
    for cut in cuts {
      guard case .json(let error) = reason(Array(whole[..<cut])), error.problem == .unexpectedEnd else {
        Issue.record("cut at \(cut): \(String(describing: reason(Array(whole[..<cut]))))")
        continue
      }
      #expect(error.offset == cut)
    }
    let text = String(decoding: whole, as: UTF8.self)
    func problem(_ json: String) -> JSONError.Problem? {
      if case .json(let error) = reason(json) { error.problem } else { nil }
    }
    let twice = text.replacing("\"a\":", with: "\"!\":", maxReplacements: 1)
    #expect(problem(twice) == .duplicateKey("!"))
    #expect(problem("{\"x\":" + String(repeating: "[", count: 100_000)) == .tooDeep(limit: 128))
    #expect(problem("[]") == .mismatch(expected: "an object", found: "an array"))
    #expect(problem(text + "x") == .trailingText)
    var broken = whole
    let place = try #require(whole.firstIndex { $0 >= 0x80 })
    broken[place] = 0xFF
    if case .json(let error) = reason(broken) {
      #expect(error.problem == .invalidUTF8)
    } else {
      Issue.record("no error")
    }
  }

  @Test func specialTokensCannotBeMerged() throws {
    // A user could then type one, in letters.
    var listed = try #require(References.json("tiny-tokenizer/tokenizer.json")["added_tokens"]?.arrayValue)
    let word = try #require(References.tiny().id(of: "he"))
    listed.append(["id": .integer(word), "content": "he", "special": true])
    guard case .invalid(let how) = try reason(changed(["added_tokens"], .array(listed))) else {
      Issue.record("loaded")
      return
    }
    #expect(how.hasSuffix("makes the special token \(word)"))
  }

  @Test func hostilePatternsEnd() throws {
    for pattern in ["(?:a+)+[bc]", "(?:a|aa)+[bc]", "(a*)*[bc]", "a*a*a*a*a*a*[bc]"] {
      let bytes = try changed(["pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"], .string(pattern))
      let tokenizer = try Tokenizer(tokenizerJSON: bytes, file: "hostile")
      do {
        _ = try tokenizer.encode(String(repeating: "a", count: 3000))
        Issue.record("\(pattern) found its end")
      } catch {
        #expect(error == .patternTooSlow(pattern: pattern))
      }
    }
  }

  @Test func bytesWithoutTokens() throws {
    var vocabulary = try #require(
      References.json("tiny-tokenizer/tokenizer.json")["model"]?["vocab"]?.objectValue)
    let id = vocabulary["õ"]  // the letter of byte 0xF5, which occurs in no text
    vocabulary["õ"] = nil
    vocabulary["~"] = nil
    #expect(id != nil)
    let without = try changed(["model", "vocab"], .object(vocabulary))
    let tokenizer = try Tokenizer(tokenizerJSON: without, file: "gap")
    #expect(throws: EncodingError.byteWithoutToken(0x7E)) { try tokenizer.encode("a~b") }
    #expect(try tokenizer.encode("ab") == References.tiny().encode("ab"))
    var model = try #require(JSONValue(parsing: without)["model"]?.objectValue)
    model["byte_fallback"] = true
    #expect(
      try reason(changed(["model"], .object(model)))
        == .unsupported("byte_fallback with bytes that have no token of their own"))
    model["byte_fallback"] = false
    model["unk_token"] = "?"
    let unknown = try #require(References.tiny().id(of: "?"))
    let q = try #require(References.tiny().id(of: "q"))
    let replacing = try Tokenizer(tokenizerJSON: changed(["model"], .object(model)), file: "unknown")
    #expect(try replacing.encode("~~q") == [unknown, unknown, q])
    model["fuse_unk"] = true
    let fusing = try Tokenizer(tokenizerJSON: changed(["model"], .object(model)), file: "fused")
    #expect(try fusing.encode("~~q") == [unknown, q])
  }

  @Test func missingAndUnreadableFiles() throws {
    func reason(_ directory: String) -> (TokenizerError.Reason, String)? {
      do throws(TokenizerError) {
        _ = try Tokenizer(directory: directory)
        return nil
      } catch { return (error.reason, error.file) }
    }
    #expect(reason("/nonexistent/model")?.0 == .missing)
    let scratch = ScratchDirectory()
    #expect(reason(scratch.path)?.0 == .missing)
    scratch.write("vocab.json", "{\"a\":0,\"b\":1,\"ab\":2}")
    #expect(reason(scratch.path)?.0 == .missing)
    scratch.write("merges.txt", "")
    #expect(reason(scratch.path)?.0 == .invalid("there are no merges"))
    scratch.write("merges.txt", "#version: 0.2\n")
    #expect(reason(scratch.path)?.0 == .invalid("there are no merges"))
    scratch.write("merges.txt", "#version: 0.2\na b\n\n")
    #expect(reason(scratch.path)?.0 == .invalid("line 3 is no merge of two parts"))
    scratch.write("merges.txt", "a b\r\n")
    #expect(try Tokenizer(directory: scratch.path).encode("ab") == [2])
    scratch.write("tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{\"content\":\"y\"}}}")
    #expect(reason(scratch.path)?.1 == scratch.path + "/tokenizer_config.json")
    scratch.write("tokenizer_config.json", "{\"added_tokens_decoder\":{\"2\":{\"content\":\"y\"}}}")
    #expect(reason(scratch.path)?.0 == .invalid("the added token \"y\" with id 2 contradicts the vocabulary"))
    scratch.write("tokenizer.json", "")
    #expect(reason(scratch.path)?.1 == scratch.path + "/tokenizer.json")
    #expect(reason(References.tinyDirectory + "/tokenizer.json")?.0 == .missing)
  }

  /// Random damage to the tiny tokenizer: each result is a typed error or a tokenizer that works.
  @Test func randomDamageNeverTraps() throws {
    let whole = try References.bytes(References.tinyDirectory + "/tokenizer.json")
    let fragments = [
      "{", "}", "[", "]", "\"", ",", ":", "null", "true", "-1", "1e999", "99999999999999999999", "4194304",
      "\\u0000",
      "\\ud800", "[[[[", "\u{10FFFF}", "(?i:", ")*", "\\\\p{L}", "{9999}", "ByteLevel", "Sequence", "Split",
      " ", "a a",
      "\"type\":", "\"id\":0,",
    ].map { Array($0.utf8) }
    var generator = SeededGenerator(seed: 20_240_918)
    var loaded = 0
    for _ in 0..<4000 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        // Half of the damage goes to the settings at the start, the rest anywhere.
        let reach = Bool.random(using: &generator) ? min(3000, bytes.count) : bytes.count
        let place = Int.random(in: 0..<max(reach, 1), using: &generator)
        let length = min(Int.random(in: 0...12, using: &generator), bytes.count - place)
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &generator)
        case 1: bytes.removeSubrange(place..<place + length)
        case 2: bytes.insert(contentsOf: fragments.randomElement(using: &generator) ?? [], at: place)
        case 3:
          bytes.replaceSubrange(
            place..<place + length, with: fragments.randomElement(using: &generator) ?? [])
        default:
          let from = Int.random(in: 0..<bytes.count, using: &generator)
          bytes.insert(contentsOf: bytes[from..<min(from + length * 4, bytes.count)], at: place)
        }
        if bytes.isEmpty { bytes = [0x7B] }
      }
      do throws(TokenizerError) {
        let tokenizer = try Tokenizer(tokenizerJSON: bytes, file: "damaged")
        loaded += 1
        let ids = (try? tokenizer.encode("The picture <|im_end|> 图 e\u{301} 12\n\n")) ?? []
        _ = tokenizer.decode(ids, skipSpecialTokens: true)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    // Damage inside a word of the vocabulary is often harmless.
    #expect(loaded > 0)
  }
}
