/// Simple sentences that mean something.
enum Sentences {
  private static let people = [
    "The man", "The woman", "The child", "My friend", "The teacher", "A boy", "A girl", "The old king",
  ]
  private static let animals = ["The dog", "A cat", "The horse", "A small bird", "The brown cow", "The fox"]
  private static let verbs = [
    "sees", "finds", "likes", "wants", "draws", "buys", "paints", "takes", "brings", "hides",
  ]
  private static let adjectives = [
    "red", "small", "large", "old", "new", "green", "heavy", "bright", "cold", "round",
  ]
  private static let things = [
    "house", "ball", "book", "boat", "tree", "chair", "box", "cup", "hat", "key", "lamp", "stone", "table",
    "apple",
    "letter", "ticket", "flower", "bottle",
  ]
  private static let places = [
    "in the garden", "near the river", "on the hill", "at home", "in the kitchen", "by the sea",
    "under the bridge",
    "behind the school", "at the market", "in the park",
  ]

  /// One sentence, with its full stop.
  static func one(_ random: inout SynthRandom) -> String {
    let thing = random.pick(things)
    let object = random.chance(0.6) ? random.pick(adjectives) + " " + thing : thing
    switch random.int(0...4) {
    case 0:
      return "\(random.pick(people)) \(random.pick(verbs)) \(withArticle(object)) \(random.pick(places))."
    case 1: return "\(random.pick(animals)) sleeps \(random.pick(places))."
    case 2:
      let both = random.some(2, of: adjectives)
      return "The \(thing) is \(both[0]) and \(both[1])."
    case 3: return "\(random.pick(Words.names)) \(random.pick(verbs)) the \(object)."
    default: return "There is \(withArticle(object)) \(random.pick(places))."
    }
  }
}
