/// The list of tasks: what `vlm synth --list` prints.
public struct SynthTasks: Sendable {
  static let all: [any SynthTask] = [
    ScenesTask(), GroundingTask(), LinesTask(), CardsTask(), ScreensTask(), QuadsTask(), ParagraphsTask(),
    ReceiptsTask(), FormsTask(), TablesTask(), ChartsTask(), ComparisonsTask(), ClipsTask(), DialogueTask(),
    TextTask(), ChineseLinesTask(), ChineseQuestionsTask(),
  ]

  /// A task, as a person sees it.
  public struct Info: Sendable, Hashable {
    /// Its name in settings.
    public let name: String
    /// One line about it.
    public let summary: String
    /// What it asks for.
    public let skills: [SynthSkill]
    /// Whether it needs a font with Chinese characters.
    public let drawsChinese: Bool
  }

  /// Every task there is.
  public static var list: [Info] {
    all.map {
      Info(name: $0.name, summary: $0.summary, skills: $0.skills, drawsChinese: $0.drawsChinese)
    }
  }

  /// What may be drawn, each with its weight.
  struct Choice: Sendable {
    let task: any SynthTask
    let skills: [SynthSkill]
    let weight: Double
  }

  /// The choices that a text such as `scenes=2,grounding/phrase-to-box,lines` names; all tasks alike if it is empty.
  ///
  /// - Returns: the choices, and the tasks that were left out because no font has Chinese characters. A task that is
  ///   named and cannot be drawn is an error instead.
  static func choices(
    _ text: String, fonts: SynthFonts
  ) throws(SynthError) -> (choices: [Choice], leftOut: [String]) {
    let noChinese = fonts.chinese.isEmpty
    if text.isEmpty {
      let possible = all.filter { !($0.drawsChinese && noChinese) }
      return (
        possible.map { Choice(task: $0, skills: $0.skills, weight: 1) },
        all.filter { $0.drawsChinese && noChinese }.map(\.name)
      )
    }
    var choices: [Choice] = []
    for item in text.split(separator: ",", omittingEmptySubsequences: false) {
      let parts = item.split(separator: "=", omittingEmptySubsequences: false)
      let path = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard let task = all.first(where: { $0.name == path[0] }) else {
        throw SynthError(
          name: "task \"\(path[0])\"",
          problem: "there is no such task", remedy: "choose from " + all.map(\.name).joined(separator: ", "))
      }
      guard !(task.drawsChinese && noChinese) else {
        throw SynthError(
          name: "task \"\(task.name)\"", problem: "no font with Chinese characters is installed",
          remedy: "install fonts-wqy-microhei or leave the task out")
      }
      var skills = task.skills
      if path.count > 1 {
        skills = skills.filter { $0.name == path[1] }
        guard path.count == 2, !skills.isEmpty else {
          throw SynthError(
            name: "task \"\(parts[0])\"", problem: "\(task.name) has no such skill",
            remedy: "choose from " + task.skills.map(\.name).joined(separator: ", "))
        }
      }
      var weight = 1.0
      if parts.count > 1 {
        guard parts.count == 2, let number = Double(parts[1]), number > 0, number < 1e9 else {
          throw SynthError(
            name: "task \"\(item)\"", problem: "the weight is not a number above 0",
            remedy: "write \(parts[0])=2")
        }
        weight = number
      }
      choices.append(Choice(task: task, skills: skills, weight: weight))
    }
    return (choices, [])
  }
}
