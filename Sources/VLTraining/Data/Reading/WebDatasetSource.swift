internal import VLJSON
internal import VLMedia
internal import VLModels

/// Samples of a tar shard in WebDataset's form: neighbouring members whose names agree up to the first dot of the last
/// component are one sample.
///
/// A `.json` member with `messages`, `conversations` or a `text` is the sample, its pictures named by members (whole
/// name or what follows the key). Without one, a picture and a `.txt` are a picture and its caption.
public struct WebDatasetSource: SampleSource {
  /// The shard's path.
  public let name: String
  private let file: DataFile
  private let groups: [Group]

  private struct Group: Sendable {
    var key: String
    var members: [TarIndex.Member]
  }

  /// Opens a shard and finds its samples.
  /// - Throws: ``DataError``.
  public init(_ path: String) throws {
    name = path
    file = try DataFile(path)
    var groups: [Group] = []
    var seen: Set<String> = []
    for member in try TarIndex(file).members {
      let (key, isHidden) = Self.key(of: member.name)
      if isHidden { continue }
      if groups.last?.key == key {
        groups[groups.count - 1].members.append(member)
      } else {
        guard seen.insert(key).inserted else {
          throw DataError(
            .malformed, "\(path):\(member.name)", "it does not stand beside the other members of its sample",
            remedy: "write the members of a sample one behind the other (tar --sort=name)")
        }
        groups.append(Group(key: key, members: [member]))
      }
    }
    self.groups = groups
  }

  /// What a name has in common with the other members of its sample.
  private static func key(of name: String) -> (key: String, isHidden: Bool) {
    let start = name.lastIndex(of: "/").map(name.index(after:)) ?? name.startIndex
    let last = name[start...]
    let end = last.firstIndex(of: ".") ?? last.endIndex
    return (String(name[..<end]), last.hasPrefix("."))
  }

  /// How many samples there are.
  public var count: Int? { groups.count }

  /// The largest member that is read as text.
  private static let largestText = 64 << 20

  /// Sample `index`.
  /// - Throws: ``DataError`` with shard and member.
  public func sample(at index: Int) throws -> TrainingSample {
    let group = groups[index]
    let place = "\(name):\(group.key)"
    func suffix(_ member: TarIndex.Member) -> String {
      String(member.name.dropFirst(group.key.count + 1)).lowercased()
    }
    if let member = group.members.first(where: { suffix($0) == "json" }) {
      let bytes = try text(member)
      let value: JSONValue
      do { value = try JSONValue(parsing: bytes) } catch let error as JSONError {
        throw DataError(
          .malformed, "\(name):\(member.name)", "\(error)", remedy: "write this member again")
      }
      // The descriptions that downloaders leave beside picture and caption are no samples.
      if let format = value.objectValue.flatMap(SampleRecord.format) {
        return try SampleRecord(place: place) { path throws(PartForm.Problem) in
          try picture(path, in: group)
        }.sample(value, format)
      }
    }
    let pictures = group.members.filter { ["jpg", "jpeg", "png", "webp", "ppm"].contains(suffix($0)) }
    guard let caption = group.members.first(where: { suffix($0) == "txt" }), pictures.count == 1 else {
      let suffixes = group.members.map(suffix).joined(separator: ", ")
      throw DataError(
        .invalid, place, "it has neither a .json with messages nor one picture with a .txt (\(suffixes))",
        remedy: "add one or remove the sample")
    }
    guard let words = String(validating: try text(caption), as: UTF8.self) else {
      throw DataError(.malformed, "\(name):\(caption.name)", "it is not UTF-8", remedy: "convert it")
    }
    let image = try attempt(place) { () throws(PartForm.Problem) in try source(pictures[0]) }
    return TrainingSample(
      name: place,
      turns: [
        .init(Message(role: "user", parts: [.image(ImageInput(image))])),
        .init(Message(role: "assistant", words)),
      ])
  }

  private func text(_ member: TarIndex.Member) throws -> [UInt8] {
    guard member.count <= Self.largestText else {
      throw DataError(
        .tooLarge, "\(name):\(member.name)",
        "it has \(member.count) bytes and \(Self.largestText) are allowed",
        remedy: "put pictures into members of their own")
    }
    return try file.read(member.start..<member.start + member.count)
  }

  private func attempt<R>(_ place: String, _ body: () throws(PartForm.Problem) -> R) throws -> R {
    do { return try body() } catch { throw DataError(.media, place, "\(error)", remedy: error.remedy) }
  }

  private func picture(_ path: String, in group: Group) throws(PartForm.Problem) -> MediaSource {
    guard
      let member = group.members.first(where: { $0.name == path })
        ?? group.members.first(where: { $0.name.dropFirst(group.key.count + 1) == path })
    else {
      throw PartForm.Problem(
        "\"\(path.prefix(200))\" is no member of this sample",
        remedy: "members are \(group.members.map(\.name).joined(separator: ", "))")
    }
    return try source(member)
  }

  private func source(_ member: TarIndex.Member) throws(PartForm.Problem) -> MediaSource {
    let limit = MediaLimits().maxBytes
    guard member.count <= limit else {
      throw PartForm.Problem(
        "\(member.name) has \(member.count) bytes and \(limit) are allowed", remedy: "give a smaller picture")
    }
    do {
      return .data(try file.read(member.start..<member.start + member.count), name: member.name)
    } catch { throw PartForm.Problem("\(error)", remedy: "check the shard") }
  }
}
