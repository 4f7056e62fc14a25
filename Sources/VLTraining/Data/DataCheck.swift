public import VLJSON
internal import VLMedia
internal import VLModels
public import VLTensor

/// What a data set holds and what training would leave out of it: every sample is read, every picture decoded.
public struct DataCheck: Sendable {
  /// A sample that is of no use, and why.
  public struct Finding: Sendable, Equatable {
    /// Place, problem and remedy on one line.
    public var description: String
    /// Why, for counting.
    public var category: String
    /// Whether it is broken, rather than in order and left out.
    public var isBad: Bool
  }

  /// Smallest, mean, largest and some between, of whole numbers; and how many there are of each size.
  public struct Distribution: Sendable, Equatable {
    private(set) var counts: [Int: Int] = [:]

    /// How many numbers.
    public var count: Int { counts.values.reduce(0, +) }
    /// Their sum.
    public var total: Int { counts.reduce(0) { $0 + $1.key * $1.value } }
    /// Their mean; 0 for none.
    public var mean: Double { count == 0 ? 0 : Double(total) / Double(count) }

    mutating func add(_ value: Int, times: Int = 1) { counts[value, default: 0] += times }
    mutating func add(_ other: Distribution) {
      for (value, times) in other.counts { add(value, times: times) }
    }

    /// The smallest number that a share of them does not exceed: 0 the smallest of all, 1 the largest; 0 for none.
    public func quantile(_ share: Double) -> Int {
      let rank = max(1, Int((share * Double(count)).rounded(.up)))
      var seen = 0
      for (value, times) in counts.sorted(by: { $0.key < $1.key }) {
        seen += times
        if seen >= rank { return value }
      }
      return 0
    }

    /// How many lie in each of a few ranges of round bounds, from the one of the smallest to that of the largest.
    public var histogram: [(range: Range<Int>, count: Int)] {
      guard count > 0 else { return [] }
      // Powers of two, halved where all of them would fall into few.
      var bounds = [0, 1]
      while bounds[bounds.count - 1] <= quantile(1) {
        let last = bounds[bounds.count - 1]
        bounds.append(
          last >= 4 && last & (last - 1) == 0 ? last + last / 2 : last < 4 ? last * 2 : last / 3 * 4)
      }
      let bins = zip(bounds, bounds.dropFirst()).map { low, high in
        (low..<high, counts.reduce(0) { (low..<high).contains($1.key) ? $0 + $1.value : $0 })
      }
      return Array(bins.drop { $0.1 == 0 })
    }

    /// Count, mean, quantiles and histogram.
    public var json: JSONValue {
      [
        "count": .integer(count), "total": .integer(total), "mean": .number(mean),
        "min": .integer(quantile(0)), "p05": .integer(quantile(0.05)), "median": .integer(quantile(0.5)),
        "p95": .integer(quantile(0.95)), "max": .integer(quantile(1)),
        "histogram": .array(
          histogram.map {
            [
              "from": .integer($0.range.lowerBound), "below": .integer($0.range.upperBound),
              "count": .integer($0.count),
            ]
          }),
      ]
    }
  }

  /// Samples in all.
  public private(set) var samples = 0
  /// Samples that would be trained on.
  public private(set) var usable = 0
  /// Messages with each role.
  public private(set) var roles: [String: Int] = [:]
  /// Pictures; clips; boxes; quads.
  public private(set) var parts: [String: Int] = [:]
  /// Keys of records that change nothing, with how many records have them.
  public private(set) var unreadKeys: [String: Int] = [:]
  /// Widths of pictures and frames, upright, in pixels.
  public private(set) var widths = Distribution()
  /// Heights of pictures and frames, upright, in pixels.
  public private(set) var heights = Distribution()
  /// Pictures and frames of each format.
  public private(set) var formats: [String: Int] = [:]
  /// Tokens of usable samples; empty without an encoder.
  public private(set) var tokens = Distribution()
  /// Supervised tokens of usable samples.
  public private(set) var supervised = Distribution()
  /// Tokens of each picture and clip.
  public private(set) var visualTokens = Distribution()
  /// Samples of no use, by reason.
  public private(set) var categories: [String: Int] = [:]
  /// The first of them, in order.
  public private(set) var findings: [Finding] = []
  /// How many are broken, rather than left out.
  public private(set) var bad = 0

  /// Findings that are listed; all are counted.
  public static let listed = 1000

  /// Nothing yet.
  public init() {}

  /// Reads a source.
  /// - Parameters:
  ///   - source: with an end.
  ///   - encoder: counts tokens and knows the limits; nil to look at files and pictures alone.
  ///   - pool: the threads.
  ///   - progress: called with the number of samples done.
  public mutating func read(
    _ source: any SampleSource, encoder: SampleEncoder?, pool: ThreadPool, progress: (Int) -> Void
  ) {
    let count = source.count ?? 0
    // Pieces small enough to show progress, large enough to keep threads busy. They are added up in order.
    let piece = 16 * pool.threads
    for start in stride(from: 0, to: count, by: piece) {
      let slots = Slots(min(piece, count - start))
      pool.parallelFor(slots.count) { index in
        var one = DataCheck()
        one.read(source, start + index, encoder)
        slots.put(one, at: index)
      }
      for one in slots.take() { add(one) }
      progress(min(start + piece, count))
    }
  }

  private mutating func read(_ source: any SampleSource, _ index: Int, _ encoder: SampleEncoder?) {
    samples = 1
    do {
      let sample = try source.sample(at: index)
      for key in sample.unreadKeys { unreadKeys[key, default: 0] += 1 }
      for turn in sample.turns {
        roles[turn.message.role, default: 0] += 1
        for part in turn.message.parts {
          switch part {
          case .image: parts["images", default: 0] += 1
          case .video: parts["videos", default: 0] += 1
          case .box: parts["boxes", default: 0] += 1
          case .quad: parts["quads", default: 0] += 1
          case .text, .tokens, .reference: break
          }
        }
      }
      for visual in sample.visuals {
        for source in visual.sources {
          let header: ImageHeader
          do { header = try source.decode().header } catch {
            throw DataError(
              error.kind == .tooLarge ? .tooLarge : .media, sample.name, "\(error.name): \(error.problem)",
              remedy: error.remedy)
          }
          widths.add(header.width)
          heights.add(header.height)
          formats[header.format.rawValue, default: 0] += 1
        }
      }
      if let encoder {
        let layout = try encoder.layout(of: sample)
        tokens.add(layout.tokens.count)
        supervised.add(layout.supervisedCount)
        for visual in layout.visuals { visualTokens.add(visual.range.count) }
      }
      usable = 1
    } catch let rejection as SampleRejection {
      note(Finding(description: rejection.description, category: rejection.category, isBad: false))
    } catch {
      note(
        Finding(
          description: "\(error)", category: (error as? DataError)?.kind.rawValue ?? "unusable", isBad: true))
    }
  }

  private mutating func note(_ finding: Finding) {
    categories[finding.category, default: 0] += 1
    if finding.isBad { bad += 1 }
    if findings.count < Self.listed { findings.append(finding) }
  }

  private mutating func add(_ other: DataCheck) {
    samples += other.samples
    usable += other.usable
    roles.merge(other.roles, uniquingKeysWith: +)
    parts.merge(other.parts, uniquingKeysWith: +)
    unreadKeys.merge(other.unreadKeys, uniquingKeysWith: +)
    formats.merge(other.formats, uniquingKeysWith: +)
    widths.add(other.widths)
    heights.add(other.heights)
    tokens.add(other.tokens)
    supervised.add(other.supervised)
    visualTokens.add(other.visualTokens)
    bad += other.bad
    categories.merge(other.categories, uniquingKeysWith: +)
    findings += other.findings.prefix(Self.listed - findings.count)
  }

  /// Everything as JSON.
  public var json: JSONValue {
    func counts(_ counts: [String: Int]) -> JSONValue {
      var object = JSONObject()
      for (key, value) in counts.sorted(by: { $0.key < $1.key }) { object[key] = .integer(value) }
      return .object(object)
    }
    return [
      "samples": .integer(samples), "usable": .integer(usable), "bad": .integer(bad),
      "left_out": .integer(samples - usable - bad), "messages": counts(roles), "parts": counts(parts),
      "formats": counts(formats), "unread_keys": counts(unreadKeys), "widths": widths.json,
      "heights": heights.json, "tokens": tokens.json,
      "supervised_tokens": supervised.json, "visual_tokens": visualTokens.json, "reasons": counts(categories),
      "findings": .array(
        findings.map {
          ["reason": .string($0.category), "bad": .bool($0.isBad), "message": .string($0.description)]
        }),
    ]
  }

  /// Results of several threads. Unchecked: each index is written by one thread, and read when all are done.
  private final class Slots: @unchecked Sendable {
    private let values: UnsafeMutableBufferPointer<DataCheck>
    var count: Int { values.count }

    init(_ count: Int) {
      values = .allocate(capacity: count)
      values.initialize(repeating: DataCheck())
    }

    deinit {
      values.deinitialize()
      values.deallocate()
    }

    func put(_ value: DataCheck, at index: Int) { values[index] = value }
    func take() -> [DataCheck] { Array(values) }
  }
}
