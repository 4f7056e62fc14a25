import Glibc
import TestKit
import Testing
import VLJSON
import VLText

/// A corpus with a trainer's settings and what the reference made of it (Tests/Goldens/text/training.py).
private struct TrainingCase: CustomTestStringConvertible {
  var name: String
  var files: [String]
  var trainer: BytePairTrainer
  var size: Int
  var merges: [String]
  var encodings: [JSONValue]

  var testDescription: String { name }

  init(_ json: JSONValue) throws {
    func member(_ key: String) throws -> JSONValue { try #require(json[key], "\(key)") }
    func strings(_ key: String) throws -> [String] {
      try #require(member(key).arrayValue).map { try #require($0.stringValue) }
    }
    name = try #require(member("name").stringValue)
    files = try strings("files")
    size = try #require(member("size").integerValue)
    merges = try strings("merges")
    encodings = try #require(member("encode").arrayValue)
    trainer = BytePairTrainer(vocabularySize: try #require(member("vocabulary").integerValue))
    trainer.minimumCount = try #require(member("minimum").integerValue)
    trainer.maximumTokenBytes = try member("longest").integerValue
    let unit = try #require(member("unit").stringValue)
    trainer.unit = try #require(TextUnit(rawValue: unit))
    trainer.specialTokens = try strings("special")
  }

  static let all: [TrainingCase] = {
    guard let list = try? References.json("text/training.json").arrayValue else { return [] }
    return list.compactMap { try? TrainingCase($0) }
  }()

  /// Trains on the files with `change` made to the settings.
  func train(_ change: (inout BytePairTrainer) -> Void = { _ in }) throws -> TrainedTokenizer {
    let scratch = Scratch()
    var trainer = trainer
    change(&trainer)
    return try trainer.train(files: files.enumerated().map { scratch.write($0.element, to: "\($0.offset)") })
  }
}

@Suite struct Training {
  @Test func thereAreReferences() { #expect(TrainingCase.all.count == 46) }

  @Test(arguments: TrainingCase.all) private func equalsTheReference(_ reference: TrainingCase) throws {
    let trained = try reference.train()
    #expect(trained.vocabularySize == reference.size)
    #expect(trained.mergesText() == "#version: 0.2\n" + reference.merges.map { $0 + "\n" }.joined())
    let tokenizer = try Tokenizer(tokenizerJSON: Array(trained.tokenizerJSON().utf8), file: reference.name)
    #expect(tokenizer.vocabularySize == reference.size)
    for (id, token) in reference.trainer.specialTokens.enumerated() {
      #expect(tokenizer.id(of: token) == id && tokenizer.isSpecial(id))
    }
    for (index, merge) in reference.merges.enumerated() {
      let token = merge.split(separator: " ").joined()
      #expect(tokenizer.id(of: token) == reference.trainer.specialTokens.count + 256 + index)
    }
    for encoding in reference.encodings {
      let text = try #require(encoding["text"]?.stringValue)
      let ids = try #require(encoding["ids"]).ids
      #expect(try tokenizer.encodeParsingSpecialTokens(text) == ids, "\(text.debugDescription)")
    }
  }

  @Test func neitherThreadsNorBlocksChangeAnything() throws {
    for reference in TrainingCase.all
    where reference.name.hasPrefix("everything") || reference.name.hasPrefix("odd") {
      for (threads, blockSize) in [(1, 64), (2, 100), (3, 257), (8, 1000), (2, 1 << 20)] {
        let trained = try reference.train {
          $0.threads = threads
          $0.blockSize = blockSize
        }
        #expect(
          trained.mergesText() == "#version: 0.2\n" + reference.merges.map { $0 + "\n" }.joined(),
          "\(reference.name), \(threads) threads, blocks of \(blockSize)")
      }
    }
  }

  @Test func cutsAnywhereGiveTheSamePieces() throws {
    // Many small texts in blocks as small as they get: a wrong place to cut changes the counts.
    var generator = SeededGenerator(seed: 3)
    let atoms = [
      "a", "b", "'s", "'", "1", "22", " ", "  ", "\n", "\n\n", "\r\n", "\t", ".", "。", "，", "猫", "狗", "é",
      "e\u{301}",
      "\u{301}", "\u{3000}", "\u{85}", "\u{A0}", "\u{2028}", "䷀", "!?", "👍", "\u{1100}", "\u{1161}", "_x",
      "\u{0}",
    ]
    let scratch = Scratch()
    for round in 0..<40 {
      let text = (0..<2000).map { _ in atoms.randomElement(using: &generator) ?? "a" }.joined()
      let path = scratch.write(text, to: "text")
      var trainer = BytePairTrainer(vocabularySize: 500)
      let whole = try trainer.train(files: [path])
      trainer.blockSize = 64
      let inBlocks = try trainer.train(files: [path])
      #expect(inBlocks.mergesText() == whole.mergesText(), "round \(round)")
      #expect(inBlocks.statistics.pieces == whole.statistics.pieces, "round \(round)")
      #expect(inBlocks.statistics.differentPieces == whole.statistics.differentPieces, "round \(round)")
    }
  }

  @Test func filesAreThoseOfTheReference() throws {
    let reference = try #require(TrainingCase.all.first)
    let scratch = Scratch()
    let trained = try reference.train()
    try trained.write(to: scratch.path + "/out")
    for name in ["tokenizer.json", "vocab.json", "merges.txt"] {
      let expected = Scratch.read(Goldens.directory + "/text/trained/" + name)
      #expect(!expected.isEmpty && Scratch.read(scratch.path + "/out/" + name) == expected, "\(name)")
    }
    let configuration = try JSONValue(parsing: Scratch.read(scratch.path + "/out/tokenizer_config.json"))
    let template = String(
      decoding: Scratch.read(Goldens.directory + "/text/chat_template.jinja"), as: UTF8.self)
    #expect(configuration["chat_template"]?.stringValue == template)
    #expect(configuration["eos_token"]?.stringValue == "<|im_end|>")
    let tokenizer = try Tokenizer(directory: scratch.path + "/out")
    _ = try ChatML(tokenizer)  // has every token of the format
    let files = scratch.path + "/files"
    try trained.write(to: files)
    unlink(files + "/tokenizer.json")
    let other = try Tokenizer(directory: files)
    let text = "There isn't <|im_end|> a blue circle."
    #expect(try other.encodeParsingSpecialTokens(text) == tokenizer.encodeParsingSpecialTokens(text))
    #expect(try other.encode(text) == tokenizer.encode(text))
  }

  @Test func statisticsAddUp() throws {
    let scratch = Scratch()
    let path = scratch.write("abab ab\n", to: "text")
    let seen = try BytePairTrainer(vocabularySize: 300).train(files: [path]).statistics
    #expect(seen.corpusBytes == 8)
    #expect(seen.pieces == 3 && seen.differentPieces == 3)
    // ab (3 times), then Ġab before abab by their ids: 'abab', 'Ġab', line feed
    #expect(seen.corpusTokens == 3)
    #expect(seen.lastCount == 1)
  }
}

@Suite struct TrainingOnBadInput {
  private func failure(
    _ files: [String], _ change: (inout BytePairTrainer) -> Void = { _ in }
  ) -> TokenizerTrainingError? {
    var trainer = BytePairTrainer(vocabularySize: 300)
    change(&trainer)
    do throws(TokenizerTrainingError) {
      _ = try trainer.train(files: files)
      return nil
    } catch {
      #expect(!error.description.contains("\n"))
      return error
    }
  }

  @Test(arguments: [1, 2, 5]) func bytesThatAreNoTextAreNamed(threads: Int) {
    let scratch = Scratch()
    let good = Array(String(repeating: "words of text\n", count: 500).utf8)
    let first = scratch.write(good, to: "good")
    for (fault, at) in [
      ([0xFF], 0), ([0xC0, 0x80], 700), ([0xED, 0xA0, 0x80], 3_001), ([0xF4, 0x90, 0x80, 0x80], 6_999),
    ] as [([UInt8], Int)] {
      // Another fault further on must not be the one that is reported.
      let second = scratch.write(good[..<at] + fault + good[at...] + [0xFF] + good, to: "bad")
      let error = failure([first, second, second]) {
        $0.threads = threads
        $0.blockSize = 128
      }
      #expect(error == TokenizerTrainingError(.notUTF8(offset: at), file: second))
    }
    let cutOff = scratch.write(good + [0xE7, 0x8C], to: "cut")
    #expect(failure([cutOff]) == TokenizerTrainingError(.notUTF8(offset: good.count), file: cutOff))
  }

  @Test func nothingToReadIsAnError() {
    let scratch = Scratch()
    let empty = scratch.write("", to: "empty")
    #expect(failure([empty])?.reason == .emptyCorpus)
    #expect(failure([])?.reason == .emptyCorpus)
    for path in [scratch.path + "/none", scratch.path] {
      let error = failure([empty, path])
      #expect(error?.file == path)
      guard case .unreadable = error?.reason else {
        Issue.record("\(path): \(error.map(\.description) ?? "no error")")
        continue
      }
    }
  }

  @Test func aTextWithoutEndIsAnError() {
    let scratch = Scratch()
    let path = scratch.write([UInt8](repeating: UInt8(ascii: "a"), count: 65 << 20), to: "long")
    #expect(failure([path])?.reason == .noPlaceToCut(offset: 0, limit: 64 << 20))
  }

  @Test func settingsAreChecked() {
    let scratch = Scratch()
    let path = scratch.write("ab ab ab", to: "text")
    func message(_ change: (inout BytePairTrainer) -> Void) -> String {
      failure([path], change)?.description ?? "no error"
    }
    #expect(message { $0.vocabularySize = 269 }.contains("269 is outside 270..."))
    #expect(message { $0.vocabularySize = .max }.contains("is outside 270..."))
    #expect(message { $0.minimumCount = -1 }.contains("-1 is negative"))
    #expect(message { $0.maximumTokenBytes = 1 }.contains("at most 1 bytes"))
    #expect(message { $0.specialTokens = ["<a>", "<b>", "<a>"] }.contains("\"<a>\" is listed twice"))
    #expect(message { $0.specialTokens = [""] }.contains("is empty"))
    #expect(message { $0.specialTokens = [String(repeating: "x", count: 2000)] }.contains("longer than 1024"))
    // A token that text could become: a byte's letter, and what a merge makes.
    for token in ["a", "Ġ", "ab", "Ġab"] {
      #expect(
        failure([path]) { $0.specialTokens = [token] }?.reason == .specialTokenFromText(token), "\(token)")
    }
    #expect(
      failure([path]) { $0.specialTokens = ["ba", "é", "<ab>"] }
        == TokenizerTrainingError(.specialTokenFromText("é")))
    #expect(failure([path]) { $0.specialTokens = ["ba", " ab", "<ab>"] } == nil)
  }

  @Test func aTokenizerIsNotOverwritten() throws {
    let scratch = Scratch()
    let path = scratch.write("ab ab ab", to: "text")
    let trained = try BytePairTrainer(vocabularySize: 300).train(files: [path])
    let out = scratch.path + "/out"
    try trained.write(to: out)
    #expect(throws: TokenizerTrainingError(.exists, file: out)) { try trained.write(to: out) }
    #expect(throws: TokenizerTrainingError.self) { try trained.write(to: scratch.path + "/none/out") }
    #expect(throws: TokenizerTrainingError.self) { try trained.write(to: path) }
  }
}
