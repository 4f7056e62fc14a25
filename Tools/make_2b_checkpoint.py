"""Writes a random checkpoint of the true Qwen2-VL-2B shape in the published form, for benchmarks and large-scale parity.

    python Tools/make_2b_checkpoint.py OUT [--layers N] [--vision-layers N] [--seed S]

2.2 billion parameters in bfloat16, one model.safetensors of 4.4 GB with a tied head, and the real tokenizer: its byte-level
vocabulary is taken from the `qwen.tiktoken` file inside the `dashscope` package (151643 entries in rank order, from which
the merges are recovered), so no download of a checkpoint is needed. The same seed gives the same bytes everywhere.
`--layers`/`--vision-layers` cut the depth for a quick try. Needs about 1 GB of memory; takes about half a minute.

The weights are normal with the published initializer range 0.02; queries and keys have twice that, so that attention is far
from uniform, norm weights scatter around one, biases are not zero, and the last norm is around four, so that logits
spread as much as a trained model's do.
"""

import argparse
import base64
import importlib.util
import os

import torch
import transformers
from transformers.convert_slow_tokenizer import Qwen2Converter
from transformers.models.qwen2.tokenization_qwen2 import bytes_to_unicode

import qwen2vl_checkpoint as checkpoint

TWO_B = dict(hidden=1536, layers=28, heads=12, kv_heads=2, intermediate=8960, vocabulary=151936,
             mrope_section=[16, 24, 24], vision_embed=1280, vision_depth=32, vision_heads=16)  # fmt: skip


def tiktoken_ranks():
    """The byte strings of the published vocabulary with their ids, which are also the merge ranks."""
    package = importlib.util.find_spec("dashscope").submodule_search_locations[0]
    ranks = {}
    with open(os.path.join(package, "resources", "qwen.tiktoken"), "rb") as file:
        for line in file:
            if line.strip():
                token, rank = line.split()
                ranks[base64.b64decode(token)] = int(rank)
    if len(ranks) != 151643:
        raise SystemExit(f"qwen.tiktoken has {len(ranks)} entries, not 151643: another version of dashscope?")
    return ranks


def last_merge(token, ranks):
    """The two parts whose merge makes `token`: what byte-pair encoding with only the earlier merges leaves of it."""
    parts = [token[i : i + 1] for i in range(len(token))]
    limit = ranks[token]
    while len(parts) > 2:
        best, at = limit, None
        for i in range(len(parts) - 1):
            rank = ranks.get(parts[i] + parts[i + 1], limit)
            if rank < best:
                best, at = rank, i
        if at is None:
            return None
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return parts


def write_tokenizer(directory):
    """tokenizer.json, vocab.json, merges.txt and tokenizer_config.json; returns the ids of the special tokens."""
    ranks = tiktoken_ranks()
    letters = bytes_to_unicode()
    spell = lambda token: "".join(letters[byte] for byte in token)
    vocabulary, merges = {}, []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        vocabulary[spell(token)] = rank
        if len(token) > 1:
            parts = last_merge(token, ranks)
            if parts is None:
                raise SystemExit(f"rank {rank} of qwen.tiktoken cannot be reached by merging two earlier tokens")
            merges.append((spell(parts[0]), spell(parts[1])))
    special = {token: len(vocabulary) + i for i, token in enumerate(checkpoint.SPECIAL_TOKENS)}
    checkpoint.write_json(f"{directory}/vocab.json", vocabulary, indent=None)
    with open(f"{directory}/merges.txt", "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges))

    class Slow:  # all that the converter asks of a slow tokenizer
        add_prefix_space = False

    converter = Qwen2Converter(Slow())
    tokenizer = converter.converted(vocab=vocabulary, merges=merges)
    added = [transformers.AddedToken(t, special=True, normalized=False) for t in checkpoint.SPECIAL_TOKENS]
    tokenizer.add_special_tokens(added)
    for token, number in special.items():
        if tokenizer.token_to_id(token) != number:
            raise SystemExit(f"{token} got id {tokenizer.token_to_id(token)}, not {number}")
    tokenizer.save(f"{directory}/tokenizer.json")
    decoder = {
        str(number): {"content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False,
                      "special": True}
        for token, number in special.items()
    }  # fmt: skip
    checkpoint.write_json(
        f"{directory}/tokenizer_config.json",
        {
            "add_prefix_space": False,
            "added_tokens_decoder": decoder,
            "additional_special_tokens": checkpoint.SPECIAL_TOKENS[1:],
            "bos_token": None,
            "chat_template": checkpoint.CHAT_TEMPLATE,
            "clean_up_tokenization_spaces": False,
            "eos_token": "<|im_end|>",
            "errors": "replace",
            "model_max_length": 32768,
            "pad_token": "<|endoftext|>",
            "padding_side": "left",
            "split_special_tokens": False,
            "tokenizer_class": "Qwen2Tokenizer",
            "unk_token": None,
        },
    )
    return special


def distribution(name, shape, role, sizes, seed):
    """A function that yields the pieces of one tensor."""
    deviation, mean = {
        "norm": (0.1, 1.0),
        "final_norm": (0.4, 4.0),
        "query_key": (0.04, 0.0),
    }.get(role, (0.02, 0.0))
    if role == "query_key_value":  # the first two thirds of the rows are queries and keys
        rows = torch.arange(shape[0]).unsqueeze(1)
        scale = torch.where(rows < 2 * sizes.vision_embed, 0.04, 0.02)
        deviation = lambda first, piece: piece * scale[first : first + piece.shape[0]]
    return lambda: checkpoint.chunks(name, shape, deviation, mean, seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", metavar="OUT")
    parser.add_argument("--layers", type=int, default=TWO_B["layers"])
    parser.add_argument("--vision-layers", type=int, default=TWO_B["vision_depth"])
    parser.add_argument("--seed", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    sizes = checkpoint.Sizes(**TWO_B | {"layers": arguments.layers, "vision_depth": arguments.vision_layers})
    os.makedirs(arguments.out, exist_ok=True)
    special = write_tokenizer(arguments.out)
    checkpoint.write_configs(arguments.out, sizes, torch.bfloat16, special)
    entries = [
        (name, shape, distribution(name, shape, role, sizes, arguments.seed))
        for name, shape, role in checkpoint.tensors(sizes)
    ]
    written = checkpoint.write_safetensors(f"{arguments.out}/model.safetensors", entries, torch.bfloat16)
    print(f"{arguments.out}: {written // 2} parameters in {len(entries)} tensors, {written} bytes")


if __name__ == "__main__":
    main()
