/// Ways to name things of a scene so that exactly those are meant.
struct Reference: Sendable, Hashable {
  var shape: Shape?
  var paint: NamedColour?
  var size: ThingSize?

  func matches(_ thing: Thing) -> Bool {
    (shape == nil || thing.shape == shape) && (paint == nil || thing.paint == paint)
      && (size == nil || thing.plan.size == size)
  }

  /// "large red circle"; without a shape "red shape".
  var text: String { words(shape?.name ?? "shape") }
  /// "large red circles"; without a shape "red shapes".
  var plural: String { words(shape?.plural ?? "shapes") }

  private func words(_ noun: String) -> String {
    [size?.rawValue, paint?.name, noun].compactMap { $0 }.joined(separator: " ")
  }

  /// 大的红色圆形
  var chinese: String {
    (size.map { $0.chinese + "的" } ?? "") + (paint?.chinese ?? "") + (shape?.chinese ?? "图形")
  }

  /// A reference that means `thing` and no other, by no more attributes than needed; nil if there is none.
  static func to(
    _ thing: Thing, among things: [Thing], shape: Bool = true, paint: Bool = true,
    _ random: inout SynthRandom
  ) -> Reference? {
    var candidates: [Reference] = []
    if shape { candidates.append(Reference(shape: thing.shape)) }
    if paint { candidates.append(Reference(paint: thing.paint)) }
    if let size = thing.plan.size { candidates.append(Reference(size: size)) }
    let simple = random.shuffled(candidates)
    var all = random.chance(0.5) && shape && paint ? [] : simple
    if shape && paint { all.append(Reference(shape: thing.shape, paint: thing.paint)) }
    all += simple
    if let size = thing.plan.size {
      if shape { all.append(Reference(shape: thing.shape, size: size)) }
      if paint { all.append(Reference(paint: thing.paint, size: size)) }
      if shape && paint { all.append(Reference(shape: thing.shape, paint: thing.paint, size: size)) }
    }
    return all.first { reference in things.filter(reference.matches).count == 1 }
  }
}

/// The four sides that a thing can lie on, seen from another.
enum Side: String, Sendable, CaseIterable {
  case left, right, above, below

  /// "left of", "above"
  var words: [String] {
    switch self {
    case .left: ["left of", "to the left of"]
    case .right: ["right of", "to the right of"]
    case .above: ["above"]
    case .below: ["below", "under"]
    }
  }
  /// 左边
  var chinese: String {
    switch self {
    case .left: "左边"
    case .right: "右边"
    case .above: "上面"
    case .below: "下面"
    }
  }
  var opposite: Side {
    switch self {
    case .left: .right
    case .right: .left
    case .above: .below
    case .below: .above
    }
  }

  /// How far `a` lies on this side of `b`, between their nearest edges; negative if they overlap in that direction.
  func distance(_ a: Frame, from b: Frame) -> Double {
    switch self {
    case .left: b.left - a.right
    case .right: a.left - b.right
    case .above: b.top - a.bottom
    case .below: a.top - b.bottom
    }
  }
}
