/// The sizes of a tensor's axes, outermost first. `[]` is a scalar.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
  /// Size per axis, each at least 0.
  public let axes: [Int]

  /// A shape with these axes.
  public init(_ axes: [Int]) {
    precondition(axes.allSatisfy { $0 >= 0 }, "Shape: negative size in \(axes)")
    self.axes = axes
  }

  /// A shape written as a literal: `[rows, columns]`.
  public init(arrayLiteral axes: Int...) { self.init(axes) }

  /// How many axes there are.
  public var rank: Int { axes.count }
  /// How many elements there are: the product of the axes.
  public var count: Int { axes.reduce(1, *) }
  /// The size of one axis; negative indices count from the last.
  public subscript(_ axis: Int) -> Int { axes[axis < 0 ? axes.count + axis : axis] }
  /// The size of the last axis, 1 for a scalar.
  public var last: Int { axes.last ?? 1 }
  /// All axes but the last taken together: how many rows of ``last`` elements there are.
  public var rows: Int { axes.dropLast().reduce(1, *) }

  /// `[2, 3]`
  public var description: String { "[" + axes.map(String.init).joined(separator: ", ") + "]" }
}
