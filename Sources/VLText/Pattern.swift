internal import CPCRE2

/// A compiled regular expression.
///
/// `@unchecked Sendable`: a compiled pattern is never written after `init`, and PCRE2 documents that threads may share
/// it; what a match writes belongs to a ``PatternMatcher``.
final class Pattern: @unchecked Sendable {
  /// The pattern as its file has it.
  let source: String
  fileprivate let code: OpaquePointer

  /// Why a pattern was refused; one phrase.
  struct Failure: Error {
    /// What is wrong.
    var description: String
    /// Whether it is the program's limit rather than the file's fault.
    var isUnsupported: Bool
  }

  private static let maximumLength = 16_384

  /// Compiles a pattern in the reference's dialect, or a string to be found as it is.
  init(_ source: String, isLiteral: Bool = false) throws(Failure) {
    if source.utf8.count > Self.maximumLength {
      throw Failure(description: "a pattern longer than \(Self.maximumLength) bytes", isUnsupported: true)
    }
    var translated = source
    if !isLiteral {
      do { translated = try PatternDialect.translate(source) } catch {
        throw Failure(description: error.construct, isUnsupported: true)
      }
    }
    var options = PCRE2_UTF
    // Lines: ^ and $ match at every line in the reference's dialect.
    options |= isLiteral ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C
    var number: Int32 = 0
    var offset = 0
    let bytes = Array(translated.utf8)
    guard let code = pcre2_compile_8(bytes, bytes.count, options, &number, &offset, nil) else {
      let reason = PCRE2Message.text(number)
      throw Failure(description: "the pre-tokenizer's pattern is not valid (\(reason))", isUnsupported: false)
    }
    // Where executable memory is forbidden this fails, and matching interprets the pattern instead.
    pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
    self.source = source
    self.code = code
  }

  deinit { pcre2_code_free_8(code) }
}

/// Runs one pattern over texts, with bounds on its work.
///
/// PCRE2 backtracks, so some patterns take exponential time on some texts. Each match starts with a small step limit;
/// one that needs more draws on a budget that grows with the text, and an empty budget is an error. Patterns in use
/// need a few steps a character.
final class PatternMatcher {
  private let pattern: Pattern
  private let data: OpaquePointer?
  private let context: OpaquePointer?
  private var stack: OpaquePointer?
  private var budget = 100_000_000

  private static let firstLimit: UInt32 = 1_000

  init(_ pattern: Pattern) {
    self.pattern = pattern
    data = pcre2_match_data_create_from_pattern_8(pattern.code, nil)
    context = pcre2_match_context_create_8(nil)
  }

  deinit {
    pcre2_match_data_free_8(data)
    pcre2_match_context_free_8(context)
    pcre2_jit_stack_free_8(stack)
  }

  /// Calls `body` with each stretch of `text` in order, matches and what lies between them; stretches are not empty.
  func split(
    _ text: UnsafeBufferPointer<UInt8>,
    _ body: (_ stretch: UnsafeBufferPointer<UInt8>, _ isMatch: Bool) throws(EncodingError) -> Void
  ) throws(EncodingError) {
    budget += 1_000 * text.count
    var end = 0  // of the last stretch
    var searchStart = 0
    while searchStart <= text.count, let found = try next(in: text, from: searchStart) {
      if found.isEmpty {
        // Nothing to cut out here: go on one character further.
        searchStart = found.lowerBound + 1
        while searchStart < text.count && text[searchStart] & 0xC0 == 0x80 { searchStart += 1 }
        continue
      }
      if end < found.lowerBound {
        try body(UnsafeBufferPointer(rebasing: text[end..<found.lowerBound]), false)
      }
      try body(UnsafeBufferPointer(rebasing: text[found]), true)
      end = found.upperBound
      searchStart = end
    }
    if end < text.count { try body(UnsafeBufferPointer(rebasing: text[end...]), false) }
  }

  private func next(
    in text: UnsafeBufferPointer<UInt8>, from start: Int
  ) throws(EncodingError) -> Range<Int>? {
    guard start < text.count, let data, let context else { return nil }
    var limit = Self.firstLimit
    pcre2_set_match_limit_8(context, limit)
    while true {
      let result = pcre2_match_8(
        pattern.code, text.baseAddress, text.count, start, UInt32(PCRE2_NO_UTF_CHECK), data, context)
      switch result {
      case 1...:
        guard let bounds = pcre2_get_ovector_pointer_8(data), bounds[0] <= bounds[1] else {
          throw .patternFailed(pattern: pattern.source, reason: "a match that ends before it starts")
        }
        return bounds[0]..<bounds[1]
      case PCRE2_ERROR_NOMATCH: return nil
      case PCRE2_ERROR_MATCHLIMIT:
        limit = limit.multipliedReportingOverflow(by: 16).overflow ? .max : limit * 16
        if budget < Int(limit) { throw .patternTooSlow(pattern: pattern.source) }
        budget -= Int(limit)
        pcre2_set_match_limit_8(context, limit)
      case PCRE2_ERROR_JIT_STACKLIMIT where stack == nil:
        stack = pcre2_jit_stack_create_8(1 << 16, 1 << 24, nil)
        guard stack != nil else {
          throw .patternFailed(pattern: pattern.source, reason: PCRE2Message.text(result))
        }
        pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
      default: throw .patternFailed(pattern: pattern.source, reason: PCRE2Message.text(result))
      }
    }
  }
}

/// PCRE2's own words for its error numbers.
private enum PCRE2Message {
  static func text(_ number: Int32) -> String {
    var buffer = [UInt8](repeating: 0, count: 160)
    let count = pcre2_get_error_message_8(number, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<Int(count)], as: UTF8.self) : "error \(number)"
  }
}
