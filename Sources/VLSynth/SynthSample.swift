public import VLJSON
public import VLMedia

/// A box in thousandths of a picture's width and height, as Qwen2-VL writes them: whole numbers in 0...999.
public struct SynthBox: Sendable, Hashable {
  /// Left, top, right and bottom.
  public var left, top, right, bottom: Int

  /// A box from its sides.
  public init(left: Int, top: Int, right: Int, bottom: Int) {
    self.left = left
    self.top = top
    self.right = right
    self.bottom = bottom
  }

  /// The box of `frame` (pixels) in a picture of this size.
  init(_ frame: Frame, in size: PixelSize) {
    self.init(
      left: SynthPoint.thousandths(frame.left, of: size.width),
      top: SynthPoint.thousandths(frame.top, of: size.height),
      right: SynthPoint.thousandths(frame.right, of: size.width),
      bottom: SynthPoint.thousandths(frame.bottom, of: size.height))
  }

  /// Width times height.
  public var area: Int { max(0, right - left) * max(0, bottom - top) }
  /// The middle.
  public var centre: SynthPoint { SynthPoint(x: (left + right) / 2, y: (top + bottom) / 2) }

  /// Whether the point lies in the box or on its edge.
  public func contains(_ point: SynthPoint) -> Bool {
    (left...max(left, right)).contains(point.x) && (top...max(top, bottom)).contains(point.y)
  }

  /// Intersection over union, 0...1.
  public func overlap(with other: SynthBox) -> Double {
    let width = max(0, min(right, other.right) - max(left, other.left))
    let height = max(0, min(bottom, other.bottom) - max(top, other.top))
    let union = area + other.area - width * height
    return union == 0 ? (self == other ? 1 : 0) : Double(width * height) / Double(union)
  }
}

/// A point in thousandths of a picture's width and height.
public struct SynthPoint: Sendable, Hashable {
  /// From the left and from the top, 0...999.
  public var x, y: Int

  /// A point.
  public init(x: Int, y: Int) {
    self.x = x
    self.y = y
  }

  /// `position` pixels of `side` as a whole number in 0...999: the published rounding, down.
  static func thousandths(_ position: Double, of side: Int) -> Int {
    min(999, max(0, Int(position / Double(side) * 1000)))
  }
}

/// Four corners, clockwise from where the text starts, in thousandths.
public struct SynthQuad: Sendable, Hashable {
  /// The corners: start and end of the upper edge, end and start of the lower.
  public var corners: [SynthPoint]

  /// A quad from its four corners.
  public init(_ corners: [SynthPoint]) {
    precondition(corners.count == 4, "SynthQuad: \(corners.count) corners")
    self.corners = corners
  }

  /// The smallest upright box around it.
  public var bounds: SynthBox {
    let (xs, ys) = (corners.map(\.x), corners.map(\.y))
    return SynthBox(
      left: xs.min() ?? 0, top: ys.min() ?? 0, right: xs.max() ?? 0, bottom: ys.max() ?? 0)
  }
}

/// One piece of a message. What becomes special tokens is a case of its own, so text can never forge one.
public enum SynthPart: Sendable, Hashable {
  /// Plain text.
  case text(String)
  /// What a box is of: `<|object_ref_start|>…<|object_ref_end|>`.
  case ref(String)
  /// A place: `<|box_start|>(x1,y1),(x2,y2)<|box_end|>`.
  case box(SynthBox)
  /// A place with four corners: `<|quad_start|>(x,y),(x,y),(x,y),(x,y)<|quad_end|>`.
  case quad(SynthQuad)
  /// A picture, by its place in ``SynthSample/images``.
  case image(Int)
  /// A clip, by its frames' places in ``SynthSample/images``.
  case video([Int], framesPerSecond: Double)
}

/// One turn of the conversation.
public struct SynthMessage: Sendable, Hashable {
  /// Who speaks.
  public enum Role: String, Sendable, Hashable {
    /// The one who asks.
    case user
    /// The one who answers; what training learns.
    case assistant
  }

  /// Who speaks.
  public var role: Role
  /// What is said, in order, with nothing between the parts.
  public var parts: [SynthPart]

  /// A turn.
  public init(_ role: Role, _ parts: [SynthPart]) {
    self.role = role
    self.parts = parts
  }

  /// The turn as text, with the special tokens spelled out; pictures and clips are left out.
  public var text: String {
    parts.map { part in
      switch part {
      case .text(let text): text
      case .ref(let label): "<|object_ref_start|>\(label)<|object_ref_end|>"
      case .box(let box): "<|box_start|>(\(box.left),\(box.top)),(\(box.right),\(box.bottom))<|box_end|>"
      case .quad(let quad):
        "<|quad_start|>" + quad.corners.map { "(\($0.x),\($0.y))" }.joined(separator: ",") + "<|quad_end|>"
      case .image, .video: ""
      }
    }.joined()
  }
}

/// What a right answer is, in a form that a program can check: see ``SynthScore``.
public enum SynthKey: Sendable, Hashable {
  /// Any of these words, apart from case, spaces at the ends and a final full stop.
  case exact([String])
  /// A number, within this share of it (0: exactly).
  case number(Double, tolerance: Double)
  /// This text, character for character.
  case transcription(String)
  /// One box, right from an intersection over union of 0.5.
  case box(SynthBox)
  /// These boxes in any order, all of them right and no others.
  case boxes([SynthBox])
  /// A point inside this box; the centre, if the answer is a box.
  case point(SynthBox)
  /// These items in this order, with commas or line ends between them.
  case list([String])
  /// These items in any order.
  case set([String])
  /// These texts, each with its place.
  case readings([SynthReading])
}

/// A text and where it is.
public struct SynthReading: Sendable, Hashable {
  /// What is written.
  public var text: String
  /// Where.
  public var quad: SynthQuad

  /// A text and its place.
  public init(text: String, quad: SynthQuad) {
    self.text = text
    self.quad = quad
  }
}

/// A drawn conversation: pictures, questions, answers, and how to tell whether another answer is right.
public struct SynthSample: Sendable, Hashable {
  /// Which sample it is: `task/split/seed/index`.
  public var id: String
  /// The task that drew it.
  public var task: String
  /// What it asks for within the task.
  public var skill: String
  /// The pictures and frames that the messages name.
  public var images: [RGBImage]
  /// The turns, user and assistant alternating.
  public var messages: [SynthMessage]
  /// One for each of the assistant's turns, in order.
  public var keys: [SynthKey]
  /// What was drawn and asked, for checking the answer independently.
  public var facts: JSONObject

  /// A sample.
  public init(
    id: String, task: String, skill: String, images: [RGBImage], messages: [SynthMessage],
    keys: [SynthKey], facts: JSONObject
  ) {
    self.id = id
    self.task = task
    self.skill = skill
    self.images = images
    self.messages = messages
    self.keys = keys
    self.facts = facts
  }
}
