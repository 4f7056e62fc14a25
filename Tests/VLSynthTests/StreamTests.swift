import Testing
import VLJSON
import VLMedia
import VLSynth

struct StreamTests {
  @Test func samplesDoNotDependOnThreadsOrOrder() async throws {
    let settings = try SynthSettings()
    let stream = try SynthStream(seed: 3, split: .train, settings: settings)
    let alone = (0..<120).map { stream.sample(at: $0) }
    let together = await withTaskGroup(of: (Int, SynthSample).self) { group in
      for index in (0..<120).reversed() { group.addTask { (index, stream.sample(at: UInt64(index))) } }
      var samples: [Int: SynthSample] = [:]
      for await (index, sample) in group { samples[index] = sample }
      return (0..<120).compactMap { samples[$0] }
    }
    #expect(alone == together)
    // And not on what another stream, with studios of its own, drew before.
    let again = try SynthStream(seed: 3, split: .train, settings: settings)
    #expect(again.sample(at: 77) == alone[77])
    #expect(try SynthStream(seed: 4, split: .train, settings: settings).sample(at: 77) != alone[77])
  }

  @Test func splitsShareNoRandomNumbers() throws {
    for seed in [0, 1, 12345, UInt64.max] as [UInt64] {
      for index in 0..<500 as Range<UInt64> {
        for domain in ["mixture", "scenes", "lines"] {
          let train = SynthRandom(domain: domain, seed: seed, split: .train, index: index)
          let heldOut = SynthRandom(domain: domain, seed: seed, split: .heldOut, index: index)
          #expect(train.gamma & 3 == 1)
          #expect(heldOut.gamma & 3 == 3)
        }
      }
    }
    let settings = try SynthSettings()
    let train = try SynthStream(tasks: "scenes,lines", seed: 3, split: .train, settings: settings)
    let heldOut = try SynthStream(tasks: "scenes,lines", seed: 3, split: .heldOut, settings: settings)
    let seen = Set((0..<300).map { train.sample(at: $0).images })
    #expect((0..<300).allSatisfy { !seen.contains(heldOut.sample(at: $0).images) })
  }

  @Test func randomNumbersAreEven() {
    var random = SynthRandom(domain: "test", seed: 1, split: .train, index: 0)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { counts[random.int(0...6)] += 1 }
    // Binomial deviation 93; five of them.
    #expect(counts.allSatisfy { abs($0 - 10_000) < 465 })
    let mean = (0..<10_000).reduce(0.0) { sum, _ in sum + random.real(2...4) } / 10_000
    #expect(abs(mean - 3) < 0.03)
    #expect(random.weighted([0, 1, 0]) == 1)
    #expect(random.shuffled(Array(0..<50)).sorted() == Array(0..<50))
    #expect(Set(random.some(5, of: Array(0..<9))).count == 5)
  }

  @Test func clipsHaveTheFramesAskedFor() throws {
    for (frames, expected) in [(4...4, [4]), (12...12, [12]), (5...9, [6, 8])]
      as [(ClosedRange<Int>, Set<Int>)]
    {
      let stream = try SynthStream(
        tasks: "clips", seed: 2, split: .train, settings: SynthSettings(sides: 56...84, frames: frames))
      #expect(Set((0..<40).map { stream.sample(at: $0).images.count }) == expected)
    }
    for frames in [2...4, 7...7, 60...66] {
      #expect(throws: SynthError.self) { _ = try SynthSettings(frames: frames) }
    }
  }

  /// Geometry and words of what needs no font, in one number: it changes when samples do.
  @Test func geometryIsAsItWas() throws {
    let samples = try SynthSample.drawn("scenes,grounding,comparisons,clips,dialogue,text", 200)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for sample in samples {
      let line = sample.json(paths: sample.images.map { "\($0.width)x\($0.height)" }).serialized()
      for byte in line.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    #expect(String(hash, radix: 16) == "e2c77c8c52d91d54")
  }

  @Test(arguments: SynthTasks.list.map(\.name)) func samplesAreWellFormed(task: String) throws {
    let sides: [ClosedRange<Int>] = [112...224, 84...84, 84...448]
    for (number, sides) in sides.enumerated() {
      for sample in try SynthSample.drawn(task, 60, seed: UInt64(number), sides: sides) {
        #expect(sample.task == task)
        #expect(sample.messages.count == 2 * sample.keys.count)
        for (index, message) in sample.messages.enumerated() {
          #expect(message.role == (index % 2 == 0 ? .user : .assistant))
          #expect(!message.text.isEmpty)
        }
        for image in sample.images {
          #expect(sides.contains(image.width) && (28...sides.upperBound).contains(image.height))
          if !["lines", "chinese-lines"].contains(task) { #expect(image.height >= sides.lowerBound) }
        }
        var shown: [Int] = []
        for part in sample.messages.flatMap(\.parts) {
          switch part {
          case .image(let index): shown.append(index)
          case .video(let frames, _):
            shown += frames
            #expect(frames.count % 2 == 0 && Set(frames.map { sample.images[$0].width }).count == 1)
          case .box(let box):
            #expect((0...999).contains(box.left) && (0...999).contains(box.top))
            #expect((box.left + 1...999).contains(box.right) && (box.top + 1...999).contains(box.bottom))
          case .quad(let quad):
            #expect(quad.corners.allSatisfy { (0...999).contains($0.x) && (0...999).contains($0.y) })
          case .text, .ref: break
          }
        }
        #expect(shown == Array(sample.images.indices))
        // The answer that is taught must itself count as right.
        for (index, key) in sample.keys.enumerated() {
          let score = SynthScore.score(key, sample.messages[2 * index + 1].text)
          #expect(score.isRight && score.isParsed && score.value == 1, "\(sample.id): \(sample.answer)")
        }
      }
    }
  }

  @Test(arguments: SynthTasks.list) func everySkillIsDrawnAndCanBeAskedForAlone(task: SynthTasks.Info) throws
  {
    for skill in task.skills {
      let samples = try SynthSample.drawn("\(task.name)/\(skill.name)", 12)
      #expect(samples.allSatisfy { $0.skill == skill.name && $0.task == task.name })
    }
  }

  /// Skills that came later leave a task's samples as they were.
  @Test func skillsWithoutWeightAreDrawnByNameOnly() throws {
    let named = SynthTasks.list.flatMap { task in
      task.skills.filter { $0.weight == 0 }.map { (task.name, $0.name) }
    }
    #expect(
      named.map { "\($0)/\($1)" } == [
        "lines/grid", "lines/line", "lines/column", "lines/find", "lines/pairs", "screens/find",
        "receipts/read",
        "charts/read", "charts/quiz", "charts/places", "charts/order", "charts/find",
        "dialogue/claims", "dialogue/counts",
      ])
    for (task, skill) in named {
      #expect(try SynthSample.drawn(task, 300).allSatisfy { $0.skill != skill })
    }
  }

  @Test func weightsMix() throws {
    let samples = try SynthSample.drawn("text=3,scenes", 800, difficulty: 0)
    let share = Double(samples.filter { $0.task == "text" }.count) / 800
    #expect(abs(share - 0.75) < 0.08)  // five deviations of 0.015
  }

  @Test(arguments: [
    ("kards", "there is no such task"), ("scenes=0", "weight"), ("scenes=x", "weight"),
    ("scenes/kolour", "no such skill"),
    ("scenes,,lines", "there is no such task"), ("scenes=1=2", "weight"),
    ("scenes/count/more", "no such skill"),
  ])
  func wrongTasksAreNamed(tasks: String, problem: String) throws {
    let settings = try SynthSettings()
    let error = #expect(throws: SynthError.self) {
      _ = try SynthStream(tasks: tasks, seed: 0, split: .train, settings: settings)
    }
    #expect(error?.description.contains(problem) == true)
    #expect(error?.description.contains("\n") == false)
  }

  @Test(arguments: ["screens", "receipts", ""]) func picturesTooSmallForATaskAreRefused(tasks: String) throws
  {
    let settings = try SynthSettings(sides: 56...112)
    let error = #expect(throws: SynthError.self) {
      _ = try SynthStream(tasks: tasks, seed: 0, split: .train, settings: settings)
    }
    #expect(error?.description.contains("84") == true)
    _ = try SynthStream(tasks: "scenes,cards", seed: 0, split: .train, settings: settings)
  }

  @Test func wrongSettingsAreNamed() {
    #expect(throws: SynthError.self) { try SynthSettings(sides: 10...100) }
    #expect(throws: SynthError.self) { try SynthSettings(sides: 100...5000) }
    #expect(throws: SynthError.self) { try SynthSettings(difficulty: 1.5) }
    #expect(throws: SynthError.self) { try SynthSettings(difficulty: .nan) }
  }
}
