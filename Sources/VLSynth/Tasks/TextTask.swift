internal import VLJSON

/// Text without a picture.
struct TextTask: SynthTask {
  let name = "text"
  let summary = "no picture: copying, arithmetic, sorting, comparing, what comes next, small facts"
  let skills = [
    SynthSkill("copy", 2), SynthSkill("arithmetic", 3), SynthSkill("sort", 1.5), SynthSkill("compare", 1),
    SynthSkill("next", 1), SynthSkill("fact", 1), SynthSkill("letters", 1),
  ]

  func make(_ skill: String, _ random: inout SynthRandom, _ desk: Desk) -> Draft {
    Draft(images: [], media: [], turns: [turn(skill, desk.difficulty, &random)], facts: JSONObject())
  }

  private func turn(_ skill: String, _ difficulty: Double, _ random: inout SynthRandom) -> Turn {
    let most = 3 + Int((4 * difficulty).rounded())
    switch skill {
    case "copy":
      let text =
        random.chance(0.5)
        ? Sentences.one(&random)
        : (0..<random.int(1...most)).map { _ in random.pick(Words.english) }.joined(separator: " ")
      let question = Phrasing.say(
        ["Repeat: {0}", "Say this again: {0}", "Copy the text: {0}", "Write: {0}"], [text], &random)
      return Turn(
        [.text(question)], [.text(text)], .transcription(text),
        query: JSONObject(["ask": "copy", "text": .string(text)]))
    case "arithmetic": return arithmetic(difficulty, &random)
    case "sort":
      if random.chance(0.5) {
        let numbers = random.some(random.int(2...most), of: Array(1...99))
        let isUp = random.chance(0.7)
        let sorted = isUp ? numbers.sorted() : numbers.sorted(by: >)
        return list(
          isUp
            ? ["Sort: {0}", "Sort the numbers: {0}", "Put in order: {0}"]
            : ["Sort from large to small: {0}", "Sort downwards: {0}"],
          numbers.map(String.init), sorted.map(String.init), isUp ? "up" : "down", &random)
      }
      let words = random.some(random.int(2...most), of: Words.english)
      return list(
        ["Sort by the alphabet: {0}", "Sort the words: {0}", "Put in alphabetical order: {0}"], words,
        words.sorted(), "up", &random)
    case "compare":
      let numbers = random.some(random.int(2...most), of: Array(1...Int(20 + 979 * difficulty)))
      let isLargest = random.chance(0.6)
      let question = Phrasing.say(
        ["Which is the {0}: {1}?", "What is the {0} of {1}?", "Find the {0} number: {1}."],
        [isLargest ? "largest" : "smallest", numbers.map(String.init).joined(separator: ", ")], &random)
      let answer = (isLargest ? numbers.max() : numbers.min()) ?? 0
      return Turn(
        [.text(question)], [.text(String(answer))], .number(Double(answer), tolerance: 0),
        query: JSONObject([
          "ask": isLargest ? "largest" : "smallest", "of": .array(numbers.map { .integer($0) }),
        ]))
    case "next": return next(&random)
    case "fact":
      let (kind, pairs) = random.pick(Facts.all)
      let pair = random.pick(pairs)
      return Turn(
        Phrasing.say(kind, [pair.0], &random), pair.1,
        query: JSONObject(["ask": "fact", "of": .string(pair.0)]))
    default:
      let word = random.pick(Words.english)
      let query = JSONObject(["ask": "letters", "word": .string(word)])
      switch random.int(0...2) {
      case 0:
        let question = Phrasing.say(
          ["How many letters has the word {0}?", "How long is the word {0}?", "Count the letters of {0}."],
          [word], &random)
        return Turn(
          [.text(question)], [.text(String(word.count))], .number(Double(word.count), tolerance: 0),
          query: query)
      case 1:
        let question = Phrasing.say(
          ["Spell {0}.", "Spell the word {0}.", "Write {0} letter by letter."], [word], &random)
        let letters = word.map(String.init)
        return Turn(
          [.text(question)], [.text(letters.joined(separator: " "))],
          .exact([letters.joined(separator: " "), letters.joined(separator: "-")]), query: query)
      default:
        let question = Phrasing.say(
          ["What is the first letter of {0}?", "Which letter does {0} begin with?"], [word], &random)
        return Turn(question, String(word.prefix(1)), query: query)
      }
    }
  }

  private func list(
    _ templates: [String], _ items: [String], _ sorted: [String], _ order: String, _ random: inout SynthRandom
  ) -> Turn {
    let question = Phrasing.fill(random.pick(templates), [items.joined(separator: ", ")], &random)
    return Turn(
      [.text(question)], [.text(sorted.joined(separator: ", "))], .list(sorted),
      query: JSONObject([
        "ask": "sort", "order": .string(order), "items": .array(items.map { .string($0) }),
      ]))
  }

  private func arithmetic(_ difficulty: Double, _ random: inout SynthRandom) -> Turn {
    let most = Int(9 + 90 * difficulty)
    var (a, b) = (random.int(0...most), random.int(0...most))
    let (sign, result): (String, Int)
    switch random.int(0...2) {
    case 0: (sign, result) = ("+", a + b)
    case 1:
      if a < b { swap(&a, &b) }
      (sign, result) = ("-", a - b)
    default:
      (a, b) = (random.int(0...min(12, most)), random.int(0...min(12, most)))
      (sign, result) = (random.pick(["*", "×", "x"]), a * b)
    }
    let words = ["+": ["plus"], "-": ["minus"]][sign] ?? ["times"]
    let question = Phrasing.say(
      [
        "{0} {1} {2} =", "What is {0} {1} {2}?", "What is {0} {3} {2}?", "Calculate {0} {1} {2}.",
        "{0}{1}{2}?",
      ],
      [String(a), sign, String(b), random.pick(words)], &random)
    return Turn(
      [.text(question)], [.text(String(result))], .number(Double(result), tolerance: 0),
      query: JSONObject(["ask": "arithmetic", "a": .integer(a), "b": .integer(b), "sign": .string(sign)]))
  }

  private func next(_ random: inout SynthRandom) -> Turn {
    if random.chance(0.5) {
      let (start, step) = (random.int(0...30), random.int(1...9))
      let shown = (0..<4).map { start + step * $0 }
      let answer = start + step * 4
      let question = Phrasing.say(
        ["What comes next: {0}?", "Go on: {0}, ?", "Which number comes next: {0}?"],
        [shown.map(String.init).joined(separator: ", ")], &random)
      return Turn(
        [.text(question)], [.text(String(answer))], .number(Double(answer), tolerance: 0),
        query: JSONObject(["ask": "next", "of": .array(shown.map { .integer($0) })]))
    }
    let names = random.pick([
      Facts.weekdays, Facts.monthNames, Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ").map(String.init),
    ])
    let index = random.int(0...names.count - 2)
    let question = Phrasing.say(
      ["What comes after {0}?", "What follows {0}?", "After {0} comes?"], [names[index]], &random)
    return Turn(question, names[index + 1], query: JSONObject(["ask": "after", "of": .string(names[index])]))
  }
}

/// Small facts that hold for good.
enum Facts {
  static let weekdays = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
  static let monthNames = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November",
    "December",
  ]

  static let all: [([String], [(String, String)])] = [
    (
      ["What is the opposite of {0}?", "Name the opposite of {0}.", "The opposite of {0} is?"],
      [
        ("hot", "cold"), ("big", "small"), ("left", "right"), ("up", "down"), ("day", "night"),
        ("black", "white"),
        ("open", "closed"), ("young", "old"), ("fast", "slow"), ("high", "low"), ("wet", "dry"),
        ("full", "empty"),
        ("early", "late"), ("heavy", "light"), ("hard", "soft"), ("near", "far"), ("first", "last"),
        ("happy", "sad"),
      ]
    ),
    (
      ["What is the capital of {0}?", "Which city is the capital of {0}?", "Capital of {0}?"],
      [
        ("France", "Paris"), ("Italy", "Rome"), ("Spain", "Madrid"), ("Germany", "Berlin"),
        ("Japan", "Tokyo"),
        ("China", "Beijing"), ("Egypt", "Cairo"), ("Norway", "Oslo"), ("Austria", "Vienna"),
        ("Greece", "Athens"),
        ("Portugal", "Lisbon"), ("Ireland", "Dublin"), ("Poland", "Warsaw"), ("Sweden", "Stockholm"),
        ("Peru", "Lima"),
        ("Canada", "Ottawa"), ("Kenya", "Nairobi"), ("Finland", "Helsinki"),
      ]
    ),
    (
      ["What {colour} is {0}?", "Which {colour} is {0}?"],
      [
        ("snow", "white"), ("coal", "black"), ("grass", "green"), ("the sky", "blue"), ("blood", "red"),
        ("a lemon", "yellow"),
        ("chocolate", "brown"), ("an orange", "orange"),
      ]
    ),
    (
      ["How many {0}?"],
      [
        ("days are in a week", "7"), ("months are in a year", "12"), ("hours are in a day", "24"),
        ("minutes are in an hour", "60"), ("sides has a triangle", "3"), ("corners has a square", "4"),
        ("sides has a hexagon", "6"), ("legs has a dog", "4"), ("legs has a spider", "8"),
        ("cards has a suit", "13"), ("letters has the alphabet", "26"),
      ]
    ),
    (
      ["What is {0} in Chinese?", "How do you say {0} in Chinese?", "Translate {0} into Chinese."],
      NamedColour.all.map { ($0.name, $0.chinese) } + Shape.all.map { ($0.name, $0.chinese) }
    ),
  ]
}
