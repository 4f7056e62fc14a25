"""Random Qwen2-VL checkpoints: configuration files, tensor list and a safetensors writer that streams.

Imported by make_tiny_model.py and make_2b_checkpoint.py; not a command by itself.

A checkpoint is described by `Sizes`. `tensors(sizes)` lists every tensor of the published layout with its shape and its
distribution; `newer_name` maps a published name to the one that newer savers write. Each tensor is drawn from a generator
seeded by its published name, so a tensor has the same values whatever else is written, in whatever order.
"""

import dataclasses
import json
import os
import struct
import zlib

import torch

SAFETENSORS_DTYPE = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
CONFIG_DTYPE = {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}
IMAGE_MEAN = [0.48145466, 0.4578275, 0.40821073]
IMAGE_STD = [0.26862954, 0.26130258, 0.27577711]

# The chat format of the published checkpoints, as a template that `transformers` can render. Content is a string or a list
# of parts; pads are single here and are repeated to each image's token count after rendering.
CHAT_TEMPLATE = (
    "{%- set seen = namespace(pictures=0, videos=0) -%}"
    "{%- for message in messages -%}"
    "{%- if loop.first and message.role != 'system' -%}"
    "{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}"
    "{%- endif -%}"
    "{{- '<|im_start|>' + message.role + '\\n' -}}"
    "{%- if message.content is string -%}{{- message.content -}}"
    "{%- else -%}{%- for part in message.content -%}"
    "{%- if part.type == 'image' -%}"
    "{%- set seen.pictures = seen.pictures + 1 -%}"
    "{%- if add_vision_id -%}{{- 'Picture ' ~ seen.pictures ~ ': ' -}}{%- endif -%}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif part.type == 'video' -%}"
    "{%- set seen.videos = seen.videos + 1 -%}"
    "{%- if add_vision_id -%}{{- 'Video ' ~ seen.videos ~ ': ' -}}{%- endif -%}"
    "{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}"
    "{%- elif part.type == 'text' -%}{{- part.text -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)

SPECIAL_TOKENS = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>",
    "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
]  # fmt: skip


@dataclasses.dataclass
class Sizes:
    """Everything that decides the shapes of a Qwen2-VL checkpoint."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    intermediate: int
    vocabulary: int
    mrope_section: list
    vision_embed: int
    vision_depth: int
    vision_heads: int
    mlp_ratio: int = 4
    tied: bool = True
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6
    context: int = 32768

    @property
    def head_dim(self):
        return self.hidden // self.heads


def tensors(s):
    """Yields (published name, shape, role) for every tensor; the role picks the distribution."""
    kv = s.kv_heads * s.head_dim
    yield "model.embed_tokens.weight", (s.vocabulary, s.hidden), "embedding"
    for i in range(s.layers):
        p = f"model.layers.{i}."
        yield p + "input_layernorm.weight", (s.hidden,), "norm"
        for name, rows, role in (("q", s.hidden, "query_key"), ("k", kv, "query_key"), ("v", kv, "linear")):
            yield p + f"self_attn.{name}_proj.weight", (rows, s.hidden), role
            yield p + f"self_attn.{name}_proj.bias", (rows,), "bias"
        yield p + "self_attn.o_proj.weight", (s.hidden, s.hidden), "linear"
        yield p + "post_attention_layernorm.weight", (s.hidden,), "norm"
        yield p + "mlp.gate_proj.weight", (s.intermediate, s.hidden), "linear"
        yield p + "mlp.up_proj.weight", (s.intermediate, s.hidden), "linear"
        yield p + "mlp.down_proj.weight", (s.hidden, s.intermediate), "linear"
    yield "model.norm.weight", (s.hidden,), "final_norm"
    if not s.tied:
        yield "lm_head.weight", (s.vocabulary, s.hidden), "head"
    e, m, wide = s.vision_embed, s.vision_embed * s.mlp_ratio, s.vision_embed * 4
    yield "visual.patch_embed.proj.weight", (e, 3, 2, 14, 14), "patch"
    for i in range(s.vision_depth):
        p = f"visual.blocks.{i}."
        yield from layer_norm(p + "norm1", e)
        yield p + "attn.qkv.weight", (3 * e, e), "query_key_value"
        yield p + "attn.qkv.bias", (3 * e,), "bias"
        yield from linear(p + "attn.proj", e, e)
        yield from layer_norm(p + "norm2", e)
        yield from linear(p + "mlp.fc1", m, e)
        yield from linear(p + "mlp.fc2", e, m)
    yield from layer_norm("visual.merger.ln_q", e)
    yield from linear("visual.merger.mlp.0", wide, wide)
    yield from linear("visual.merger.mlp.2", s.hidden, wide)


def linear(prefix, rows, columns):
    yield prefix + ".weight", (rows, columns), "linear"
    yield prefix + ".bias", (rows,), "bias"


def layer_norm(prefix, width):
    yield prefix + ".weight", (width,), "norm"
    yield prefix + ".bias", (width,), "bias"


def newer_name(name):
    """The name that newer savers write for a tensor of the published layout."""
    if name.startswith("visual."):
        return "model." + name
    if name.startswith("model."):
        return "model.language_model." + name[len("model.") :]
    return name


def config(s, dtype, special, nested=False):
    """config.json: text fields at the top level as published, or under `text_config` as newer savers nest them."""
    text = {
        "hidden_act": "silu",
        "hidden_size": s.hidden,
        "initializer_range": 0.02,
        "intermediate_size": s.intermediate,
        "max_position_embeddings": s.context,
        "max_window_layers": s.layers,
        "num_attention_heads": s.heads,
        "num_hidden_layers": s.layers,
        "num_key_value_heads": s.kv_heads,
        "rms_norm_eps": s.rms_norm_eps,
        "rope_theta": s.rope_theta,
        "rope_scaling": {"type": "mrope", "mrope_section": s.mrope_section},
        "sliding_window": s.context,
        "use_cache": True,
        "use_sliding_window": False,
        "vocab_size": s.vocabulary,
    }
    vision = {
        "depth": s.vision_depth,
        "embed_dim": s.vision_embed,
        "hidden_size": s.hidden,
        "in_chans": 3,
        "mlp_ratio": s.mlp_ratio,
        "num_heads": s.vision_heads,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "spatial_patch_size": 14,
        "temporal_patch_size": 2,
    }
    result = {
        "architectures": ["Qwen2VLForConditionalGeneration"],
        "attention_dropout": 0.0,
        "model_type": "qwen2_vl",
        "bos_token_id": special["<|endoftext|>"],
        "eos_token_id": special["<|im_end|>"],
        "vision_start_token_id": special["<|vision_start|>"],
        "vision_end_token_id": special["<|vision_end|>"],
        "vision_token_id": special["<|vision_pad|>"],
        "image_token_id": special["<|image_pad|>"],
        "video_token_id": special["<|video_pad|>"],
        "tie_word_embeddings": s.tied,
    }
    if nested:
        text["rope_scaling"] = {"type": "default", "rope_type": "default", "mrope_section": s.mrope_section}
        text |= {"model_type": "qwen2_vl_text", "dtype": CONFIG_DTYPE[dtype], "tie_word_embeddings": s.tied}
        vision |= {"model_type": "qwen2_vl", "hidden_act": "quick_gelu", "dtype": CONFIG_DTYPE[dtype]}
        result |= {"text_config": text, "dtype": CONFIG_DTYPE[dtype], "transformers_version": "4.57.6"}
    else:
        result |= text | {"torch_dtype": CONFIG_DTYPE[dtype], "transformers_version": "4.41.2"}
    return result | {"vision_config": vision}


def generation_config(special):
    """generation_config.json with the published defaults: sampling on, but so narrow that it is greedy."""
    return {
        "bos_token_id": special["<|endoftext|>"],
        "do_sample": True,
        "eos_token_id": [special["<|im_end|>"], special["<|endoftext|>"]],
        "pad_token_id": special["<|endoftext|>"],
        "temperature": 0.01,
        "top_k": 1,
        "top_p": 0.001,
        "transformers_version": "4.37.0",
    }


def preprocessor_config():
    return {
        "image_mean": IMAGE_MEAN,
        "image_processor_type": "Qwen2VLImageProcessor",
        "image_std": IMAGE_STD,
        "max_pixels": 12845056,
        "merge_size": 2,
        "min_pixels": 3136,
        "patch_size": 14,
        "processor_class": "Qwen2VLProcessor",
        "temporal_patch_size": 2,
    }


def write_json(path, value, indent=2):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=indent, ensure_ascii=False)
        file.write("\n")


def write_configs(directory, s, dtype, special, nested=False):
    """Writes every JSON file of a checkpoint except the tokenizer's own."""
    os.makedirs(directory, exist_ok=True)
    write_json(f"{directory}/config.json", config(s, dtype, special, nested))
    write_json(f"{directory}/generation_config.json", generation_config(special))
    write_json(f"{directory}/preprocessor_config.json", preprocessor_config())
    write_json(f"{directory}/chat_template.json", {"chat_template": CHAT_TEMPLATE})


def chunks(name, shape, deviation, mean=0.0, seed=0, rows=None):
    """Yields float32 pieces of a normal tensor, flat, at most 2^24 values each.

    `deviation` is a number, or a function from the first row's index of a piece and the piece (as a matrix of rows) to
    the scaled piece. Pieces have whole rows, so that it can treat rows differently.
    """
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()) ^ seed)
    columns = 1
    for extent in shape[1:]:
        columns *= extent
    step = max(1, (1 << 24) // columns)
    for row in range(0, shape[0], step):
        piece = torch.randn(min(step, shape[0] - row), columns, generator=generator)
        piece = deviation(row, piece) if callable(deviation) else piece * deviation
        yield (piece + mean).flatten()


def write_safetensors(path, entries, dtype):
    """Streams a safetensors file. `entries` is a list of (name, shape, function that yields float32 pieces).

    The whole file never lies in memory, so a checkpoint of any size can be written on a small machine.
    """
    size = torch.empty(0, dtype=dtype).element_size()
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, shape, _ in entries:
        count = 1
        for extent in shape:
            count *= extent
        header[name] = {
            "dtype": SAFETENSORS_DTYPE[dtype],
            "shape": list(shape),
            "data_offsets": [offset, offset + count * size],
        }
        offset += count * size
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(encoded)))
        file.write(encoded)
        for name, _, pieces in entries:
            for piece in pieces():
                file.write(piece.to(dtype).contiguous().view(torch.uint8).numpy().tobytes())
        if file.tell() != 8 + len(encoded) + offset:
            raise ValueError(f"{path}: the pieces of a tensor do not add up to its shape")
    return offset
