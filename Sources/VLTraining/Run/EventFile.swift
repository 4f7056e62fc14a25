internal import Glibc
internal import VLTensor

/// A log of scalars that TensorBoard reads.
///
/// Written by hand: the format is a length, a CRC, a protocol buffer and a CRC per record, and five fields of two
/// messages are needed (`Event` and `Summary` of tensorboard/compat/proto). A protocol-buffer library and the code that
/// it generates for them would be many times as much.
final class EventFile {
  private let descriptor: Int32
  private let path: String

  /// Starts a file in a run's directory. What an earlier file has from `step` on is void: training goes on from there.
  init(directory: String, step: Int) throws {
    var host = [CChar](repeating: 0, count: 256)
    gethostname(&host, host.count - 1)
    let name = String(decoding: host.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    path = directory + "/events.out.tfevents.\(Int(Self.now)).\(name).\(getpid())"
    descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw DurableFiles.failure(path) }
    try write(Self.event(step: nil) { $0.string(3, "brain.Event:2") })
    // SessionLog.status = START
    try write(Self.event(step: step) { $0.message(7) { $0.varint(1, 1) } })
  }

  deinit { close(descriptor) }

  /// Adds the values of a step.
  func add(_ values: [(tag: String, value: Double)], step: Int) throws {
    try write(
      Self.event(step: step) { event in
        event.message(5) { summary in
          for (tag, value) in values {
            summary.message(1) {
              $0.string(1, tag)
              $0.float(2, Float(value))
            }
          }
        }
      })
  }

  private func write(_ event: [UInt8]) throws {
    try DurableFiles.write(Self.record(event), descriptor, path)
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func event(step: Int?, _ body: (inout ProtocolBuffer) -> Void) -> [UInt8] {
    var event = ProtocolBuffer()
    event.double(1, now)
    if let step { event.varint(2, UInt64(step)) }
    body(&event)
    return event.bytes
  }

  /// A record: length, masked CRC of the length, data, masked CRC of the data; little-endian.
  static func record(_ data: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(data.count))
    return length + littleEndian(masked(length)) + data + littleEndian(masked(data))
  }

  private static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = CRC32C(bytes).value
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }
}

private func littleEndian<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { Array($0) }
}

/// The few kinds of fields that events have.
private struct ProtocolBuffer {
  private(set) var bytes: [UInt8] = []

  mutating func varint(_ field: Int, _ value: UInt64) {
    raw(UInt64(field) << 3)
    raw(value)
  }

  mutating func double(_ field: Int, _ value: Double) {
    raw(UInt64(field) << 3 | 1)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func float(_ field: Int, _ value: Float) {
    raw(UInt64(field) << 3 | 5)
    bytes += littleEndian(value.bitPattern)
  }

  mutating func string(_ field: Int, _ value: String) { delimited(field, Array(value.utf8)) }

  mutating func message(_ field: Int, _ body: (inout ProtocolBuffer) -> Void) {
    var inner = ProtocolBuffer()
    body(&inner)
    delimited(field, inner.bytes)
  }

  private mutating func delimited(_ field: Int, _ content: [UInt8]) {
    raw(UInt64(field) << 3 | 2)
    raw(UInt64(content.count))
    bytes += content
  }

  private mutating func raw(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }
}
