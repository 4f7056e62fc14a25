import Glibc
import Testing
import VLMedia

/// Files and `data:` URLs.
@Suite struct MediaSourceTests {
  private func failure(_ source: MediaSource, limits: MediaLimits = MediaLimits()) -> MediaError? {
    do throws(MediaError) {
      _ = try source.load(limits: limits)
      return nil
    } catch { return error }
  }

  private func base64(_ bytes: [UInt8]) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var text = ""
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for index in 0..<4 { text.append(index <= group.count ? alphabet[bits >> (18 - 6 * index) & 63] : "=") }
    }
    return text
  }

  @Test func textIsAPathOrAURL() {
    #expect(MediaSource("photo.jpg") == .file("photo.jpg"))
    #expect(MediaSource("DATA:,") == .dataURL("DATA:,"))
  }

  @Test func dataURLsDecode() throws {
    for count in 1...70 {
      var noise = Noise(state: UInt64(count))
      let bytes = (0..<count).map { _ in noise.byte() }
      #expect(try MediaSource("data:image/png;base64," + base64(bytes)).load() == bytes)
    }
    let url = try DataURL("Data:image/jpeg;charset=utf-8;BASE64,aGVsbG8=")
    #expect(url.mediaType == "image/jpeg")
    #expect(url.bytes == Array("hello".utf8))
    #expect(try DataURL("data:;base64,aGVsbG8=").mediaType == "")
  }

  @Test func aDataURLBecomesAPicture() throws {
    let bytes = try Expected.file("420.jpg")
    let decoded = try MediaSource("data:image/jpeg;base64," + base64(bytes)).decode()
    #expect(try decoded == ImageDecoder.decode(bytes, name: "420.jpg"))
  }

  @Test func badDataURLs() {
    for text in [
      "data:", "data:image/png", "data:image/png,hello", "data:image/png;base64", "data:base64,aGVsbG8=",
      "data:image/png;base64,aGVsbG8", "data:image/png;base64,aGVsb G8", "data:image/png;base64,aGVs\nbG8=",
      "data:image/png;base64,aGVsbG8%3D", "data:image/png;base64,aGVsbG9=", "data:image/png;base64,a===",
      "data:image/png;base64,====", "data:image/png;base64,aG=sbG8=", "data:image/png;base64,aGVs\u{e9}bG8",
      "data:image/png;base64,aGVsbG8=aGVsbG8=", "data:image/png;base64,aG-_",
    ] {
      #expect(failure(.dataURL(text))?.kind == .badDataURL, "\(text)")
    }
    #expect(failure(.dataURL("data:image/png;base64,"))?.kind == .empty)
    #expect(failure(.dataURL("photo.jpg"))?.kind == .badDataURL)
    #expect(failure(.dataURL("data:;base64,aGVsbG8="), limits: MediaLimits(maxBytes: 5)) == nil)
    #expect(failure(.dataURL("data:;base64,aGVsbG8="), limits: MediaLimits(maxBytes: 4))?.kind == .tooLarge)
    let long = "data:;base64," + String(repeating: "AAAA", count: 1000)
    #expect(failure(.dataURL(long), limits: MediaLimits(maxBytes: 100))?.kind == .tooLarge)
  }

  @Test func filesThatCannotBeRead() throws {
    #expect(failure(.file("/nonexistent/photo.jpg"))?.kind == .unreadable)
    #expect(
      failure(.file("/nonexistent/photo.jpg"))?.description.hasPrefix("/nonexistent/photo.jpg: there is no")
        == true)
    #expect(failure(.file("/etc"))?.problem == "this is a directory")
    #expect(failure(.file(""))?.kind == .unreadable)
    #expect(failure(.file("a\0b"))?.kind == .unreadable)
    #expect(failure(.file("/dev/null"))?.kind == .empty)
    #expect(failure(.file("/dev/zero"), limits: MediaLimits(maxBytes: 1 << 20))?.kind == .tooLarge)
    #expect(failure(.data([], name: "upload"))?.kind == .empty)
    #expect(failure(.data([1, 2], name: "upload"), limits: MediaLimits(maxBytes: 1))?.name == "upload")

    var path = Array("/tmp/vlmedia-XXXXXX".utf8CString)
    let descriptor = mkstemp(&path)
    try #require(descriptor >= 0)
    defer { unlink(path) }
    let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    #expect(failure(.file(name))?.kind == .empty)
    #expect(write(descriptor, "12345", 5) == 5)
    #expect(try MediaSource.file(name).load() == Array("12345".utf8))
    #expect(failure(.file(name), limits: MediaLimits(maxBytes: 4))?.kind == .tooLarge)
    close(descriptor)
    if geteuid() != 0 {
      chmod(path, 0)
      #expect(failure(.file(name))?.problem == "it may not be read")
    }
  }
}
