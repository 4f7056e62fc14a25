/// Chat formats as Jinja templates, for programs that render them; ``ChatML`` does without.
public enum ChatTemplate {
  /// What ``ChatML`` writes, and published checkpoints' templates too: the default system turn unless there is one;
  /// parts in their order; one pad token between `<|vision_start|>` and `<|vision_end|>` for a visual, which a
  /// processor repeats as often as its grid says; numbers before visuals with `add_vision_id`.
  public static let qwen2VL = """
    {%- set seen = namespace(images=0, videos=0) -%}
    {%- for message in messages -%}
      {%- if loop.first and message['role'] != 'system' -%}
        {{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}
      {%- endif -%}
      {{- '<|im_start|>' + message['role'] + '\\n' -}}
      {%- if message['content'] is string -%}
        {{- message['content'] -}}
      {%- else -%}
        {%- for part in message['content'] -%}
          {%- if part['type'] == 'image' or 'image' in part or 'image_url' in part -%}
            {%- set seen.images = seen.images + 1 -%}
            {%- if add_vision_id -%}{{- 'Picture ' + (seen.images | string) + ': ' -}}{%- endif -%}
            {{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
          {%- elif part['type'] == 'video' or 'video' in part -%}
            {%- set seen.videos = seen.videos + 1 -%}
            {%- if add_vision_id -%}{{- 'Video ' + (seen.videos | string) + ': ' -}}{%- endif -%}
            {{- '<|vision_start|><|video_pad|><|vision_end|>' -}}
          {%- elif 'text' in part -%}
            {{- part['text'] -}}
          {%- endif -%}
        {%- endfor -%}
      {%- endif -%}
      {{- '<|im_end|>\\n' -}}
    {%- endfor -%}
    {%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
    """
}
