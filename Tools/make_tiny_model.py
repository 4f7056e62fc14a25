"""Writes a random Qwen2-VL of a few hundred kB with the true structure, for tests.

    python Tools/make_tiny_model.py OUT [--tokenizer DIR] [--shape tiny|odd] [--dtype bfloat16|float16|float32]
        [--untied] [--nested] [--new-names] [--shards N] [--seed S]

The committed ones, which make_goldens.py writes:
    Tests/Goldens/tiny         as published: bfloat16, tied head, one file, text fields at the top level of config.json
    Tests/Goldens/tiny-untied  as newer savers write: float16, own head, two shards with an index, `text_config`, names that
                               begin with model.visual. and model.language_model.; and the shape `odd`

Shape `tiny`: text 64 wide, 4 heads of 16 over 2 key-value heads, M-RoPE sections [2,3,3]; vision 32 wide, 2 heads of 16.
Shape `odd`: widths that no vector register divides: text 40 wide, 2 heads of 20 over 1 key-value head, sections [2,4,4],
vision 24 wide, 2 heads of 12, and values that differ from every default: mlp_ratio 3, rope_theta 1e4, rms_norm_eps 1e-5.

The weights are scaled so that mistakes show: attention scores spread by a few units, the residual stream is dominated by what
layers add rather than by the embedding of the last token, norm weights scatter around one, no bias is zero, logits spread by
several units. Rows of the vocabulary that no token owns are nearly zero, so they are never chosen.
"""

import argparse
import math
import os
import shutil

import torch
from tokenizers import Tokenizer

import qwen2vl_checkpoint as checkpoint

SHAPES = {
    "tiny": dict(hidden=64, layers=2, heads=4, kv_heads=2, intermediate=88, mrope_section=[2, 3, 3], vision_embed=32,
                 vision_depth=2, vision_heads=2),
    "odd": dict(hidden=40, layers=2, heads=2, kv_heads=1, intermediate=56, mrope_section=[2, 4, 4], vision_embed=24,
                vision_depth=2, vision_heads=2, mlp_ratio=3, rope_theta=1e4, rms_norm_eps=1e-5),
}  # fmt: skip


def distribution(name, shape, role, sizes, owned, seed):
    """A function that yields the pieces of one tensor. `owned` counts the vocabulary rows that a token uses."""
    fan_in = math.prod(shape[1:])
    deviation, mean = {
        "embedding": (0.5, 0.0),
        "head": (3 / math.sqrt(sizes.hidden), 0.0),
        "norm": (0.25, 1.0),
        "final_norm": (0.25, 1.0),
        "bias": (0.2, 0.0),
        "query_key": (1.5 / math.sqrt(fan_in), 0.0),
        "patch": (1 / math.sqrt(fan_in), 0.0),
        "linear": (1.2 / math.sqrt(fan_in), 0.0),
    }.get(role, (None, 0.0))
    if role == "query_key_value":  # the first two thirds of the rows are queries and keys
        rows = torch.arange(shape[0]).unsqueeze(1)
        scale = torch.where(rows < 2 * sizes.vision_embed, 1.5, 1.2) / math.sqrt(fan_in)
        deviation = lambda first, piece: piece * scale[first : first + piece.shape[0]]
    if role in ("embedding", "head"):
        scale = torch.where(torch.arange(shape[0]).unsqueeze(1) < owned, deviation, deviation / 100)
        deviation = lambda first, piece: piece * scale[first : first + piece.shape[0]]
    return lambda: checkpoint.chunks(name, shape, deviation, mean, seed)


def write_model(out, tokenizer, shape="tiny", dtype=torch.bfloat16, tied=True, nested=False, new_names=False, shards=1,
                seed=1):  # fmt: skip
    """Writes the checkpoint directory. The tokenizer files are copied from `tokenizer`."""
    os.makedirs(out, exist_ok=True)
    for stale in os.listdir(out):
        if stale.startswith("model") and (stale.endswith(".safetensors") or stale.endswith(".index.json")):
            os.remove(f"{out}/{stale}")
    for file in sorted(os.listdir(tokenizer)):
        if file in ("tokenizer.json", "vocab.json", "merges.txt", "tokenizer_config.json"):
            shutil.copyfile(f"{tokenizer}/{file}", f"{out}/{file}")
    backend = Tokenizer.from_file(f"{out}/tokenizer.json")
    special = {token: backend.token_to_id(token) for token in checkpoint.SPECIAL_TOKENS}
    missing = [token for token, number in special.items() if number is None]
    if missing:
        raise SystemExit(f"{tokenizer}/tokenizer.json lacks {', '.join(missing)}")
    owned = backend.get_vocab_size(with_added_tokens=True)
    vocabulary = (owned // 8 + 1) * 8  # a few rows more than tokens, as in the published checkpoints
    sizes = checkpoint.Sizes(vocabulary=vocabulary, tied=tied, context=4096, **SHAPES[shape])
    checkpoint.write_configs(out, sizes, dtype, special, nested)
    entries = [
        (checkpoint.newer_name(name) if new_names else name, dimensions,
         distribution(name, dimensions, role, sizes, owned, seed))
        for name, dimensions, role in checkpoint.tensors(sizes)
    ]  # fmt: skip
    if shards == 1:
        return checkpoint.write_safetensors(f"{out}/model.safetensors", entries, dtype)
    total, weight_map = 0, {}
    for i in range(shards):  # consecutive tensors, like the published shards
        part = entries[i * len(entries) // shards : (i + 1) * len(entries) // shards]
        file = f"model-{i + 1:05d}-of-{shards:05d}.safetensors"
        total += checkpoint.write_safetensors(f"{out}/{file}", part, dtype)
        weight_map |= {name: file for name, _, _ in part}
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    checkpoint.write_json(f"{out}/model.safetensors.index.json", index)
    return total


def main():
    goldens = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "Goldens")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--tokenizer", default=f"{goldens}/tiny-tokenizer", help="a directory (default: the tests' own)")
    parser.add_argument("--shape", default="tiny", choices=sorted(SHAPES))
    parser.add_argument("--dtype", default="bfloat16", choices=["bfloat16", "float16", "float32"])
    parser.add_argument("--untied", action="store_true", help="an own lm_head.weight")
    parser.add_argument("--nested", action="store_true", help="text fields under text_config")
    parser.add_argument("--new-names", action="store_true", help="model.visual.… and model.language_model.…")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    size = write_model(a.out, a.tokenizer, a.shape, getattr(torch, a.dtype), not a.untied, a.nested, a.new_names, a.shards,
                       a.seed)  # fmt: skip
    print(f"{a.out}: {size} bytes of weights")


if __name__ == "__main__":
    main()
