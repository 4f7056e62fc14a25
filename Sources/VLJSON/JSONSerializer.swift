extension JSONValue {
  /// How a JSON text is laid out.
  public enum Layout: Sendable {
    /// On one line, without spaces.
    case compact
    /// On one line, with a space after each colon and comma.
    case spaced
    /// A line per member and element, indented by two spaces; arrays of numbers, and what is empty, stay on one line.
    case pretty
  }

  /// The value as a JSON text: keys in their order, doubles in the shortest form that reads back the same.
  ///
  /// JSON has no infinities and no NaN: such a number is written as `null`, as JavaScript does.
  public func serialized(_ layout: Layout = .compact) -> String {
    var out = ""
    write(to: &out, layout, indent: 0)
    return out
  }

  private func write(to out: inout String, _ layout: Layout, indent: Int) {
    switch self {
    case .null: out += "null"
    case .bool(let value): out += value ? "true" : "false"
    case .integer(let value): out += String(value)
    case .unsigned(let value): out += String(value)
    case .number(let value): out += value.isFinite ? value.description : "null"
    case .string(let value): Self.write(value, to: &out)
    case .array(let elements):
      let isRow = layout == .pretty && elements.allSatisfy { $0.doubleValue != nil }
      let layout = isRow ? .spaced : layout
      Self.writeList(elements, "[", "]", to: &out, layout, indent) { element, out, indent in
        element.write(to: &out, layout, indent: indent)
      }
    case .object(let object):
      Self.writeList(object.members, "{", "}", to: &out, layout, indent) { member, out, indent in
        Self.write(member.0, to: &out)
        out += layout == .compact ? ":" : ": "
        member.1.write(to: &out, layout, indent: indent)
      }
    }
  }

  private static func writeList<Items: Sequence>(
    _ items: Items, _ open: String, _ close: String, to out: inout String, _ layout: Layout, _ indent: Int,
    _ write: (Items.Element, inout String, Int) -> Void
  ) {
    out += open
    var isFirst = true
    for item in items {
      if !isFirst { out += layout == .spaced ? ", " : "," }
      if layout == .pretty { out += "\n" + String(repeating: " ", count: 2 * (indent + 1)) }
      write(item, &out, indent + 1)
      isFirst = false
    }
    if layout == .pretty && !isFirst { out += "\n" + String(repeating: " ", count: 2 * indent) }
    out += close
  }

  private static func write(_ string: String, to out: inout String) {
    out += "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": out += "\\\""
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\r": out += "\\r"
      case "\t": out += "\\t"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: out.unicodeScalars.append(scalar)
      }
    }
    out += "\""
  }
}
