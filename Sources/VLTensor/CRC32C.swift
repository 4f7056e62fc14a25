internal import CKernels

/// CRC-32C (Castagnoli): a checksum that finds damage to files.
public struct CRC32C: Sendable, Equatable {
  /// The checksum of what came so far.
  public private(set) var value: UInt32 = 0

  /// The checksum of nothing.
  public init() {}

  /// The checksum of `bytes`.
  public init(_ bytes: UnsafeRawBufferPointer) { update(bytes) }

  /// The checksum of `bytes`.
  public init(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// Goes on with more bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    value = ck_crc32c(value, base, Int64(bytes.count))
  }
}
