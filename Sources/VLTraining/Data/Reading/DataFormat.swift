/// The forms in which training data is read. docs/data.md describes each.
public enum DataFormat: String, Sendable, CaseIterable {
  /// `messages` with roles and parts, one JSON object per line or in one array.
  case chat
  /// LLaVA's JSON: `conversations` of `human` and `gpt` with `<image>` markers.
  case llava
  /// Qwen-VL's JSON: `conversations` of `user` and `assistant`, or one `text`, with `<img>`, `<ref>`, `<box>`, `<quad>`.
  case qwen
  /// Tar shards whose members belong together by their names.
  case webdataset
  /// Text as tokens, as `vlm data tokenize` writes it.
  case tokens
}
