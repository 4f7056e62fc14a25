internal import VLJSON

/// Several lines of prose.
struct ParagraphsTask: SynthTask {
  let name = "paragraphs"
  let summary = "lines of prose: read them all, one of them, does a word occur"
  let skills = [SynthSkill("read", 2), SynthSkill("line", 2), SynthSkill("contains", 1)]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    let size = desk.pictureSize(&random, aspect: 0.9...2.2, large: true)
    var page = Page(size, &random, desk)
    let most = max(2, min(page.linesLeft, 2 + Int((4 * desk.difficulty).rounded())))
    let lines = wrap(page, random.int(2...most), &random)
    let position = random.pick([0, 0, 0.5])
    // A paragraph need not begin at the top.
    page.y += random.real(0...1) * max(0, Double(page.linesLeft - lines.count)) * page.lineHeight
    for line in lines {
      page.put(line, at: position)
      page.newLine()
    }
    let image = page.finish(&random, desk)
    return Draft(
      image, [turn(skill, lines, &random)],
      facts: JSONObject(["lines": .array(lines.map { .string($0) })]))
  }

  /// Sentences, broken into exactly this many lines that fit; the last may end before its sentence does.
  private func wrap(_ page: Page, _ count: Int, _ random: inout SynthRandom) -> [String] {
    var lines: [String] = []
    while lines.count < count {
      var line = ""
      for word in Sentences.one(&random).split(separator: " ").map(String.init) {
        let longer = line.isEmpty ? word : line + " " + word
        if page.width(of: longer) > page.width && !line.isEmpty {
          lines.append(line)
          line = word
        } else {
          line = longer
        }
      }
      lines.append(line)
    }
    return Array(lines.prefix(count))
  }

  private func turn(_ skill: String, _ lines: [String], _ random: inout SynthRandom) -> Turn {
    switch skill {
    case "read":
      let question = Phrasing.say(
        ["Read the text.", "What does the text say?", "Transcribe the text.", "Read the paragraph.", "OCR:"],
        &random)
      let text = lines.joined(separator: " ")
      return Turn([.text(question)], [.text(text)], .transcription(text), query: JSONObject(["ask": "read"]))
    case "line":
      var index = random.int(0...lines.count - 1)
      var name = Words.ordinals[min(index, Words.ordinals.count - 1)]
      if random.chance(0.25) {
        index = lines.count - 1
        name = "last"
      }
      let question = Phrasing.say(
        [
          "What does the {0} line say?", "Read the {0} line.", "What is written in the {0} line?",
          "What is the {0} line?",
        ],
        [name], &random)
      return Turn(
        [.text(question)], [.text(lines[index])], .transcription(lines[index]),
        query: JSONObject(["ask": "line", "line": .integer(index)]))
    default:
      let words = lines.flatMap { $0.split { !$0.isLetter }.map { $0.lowercased() } }.filter { $0.count > 2 }
      let word = random.chance(0.5) && !words.isEmpty ? random.pick(words) : random.pick(Words.english)
      let question = Phrasing.say(
        [
          "Does the text contain the word \"{0}\"?", "Is the word \"{0}\" in the text?",
          "Does the word \"{0}\" occur?", "Do you see the word \"{0}\"?",
        ], [word], &random)
      return Turn(
        question, words.contains(word) ? "yes" : "no",
        query: JSONObject(["ask": "contains", "word": .string(word)]))
    }
  }
}
