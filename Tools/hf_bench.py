"""Times `transformers` on the stages that `vlm bench` times, for the side-by-side table.

    python Tools/hf_bench.py MODEL_DIR [--stages load,encode,prefill,decode] [--side 448,1120] [--prompt 512,2048]
        [--after 512,4096] [--repeats N] [--decode-tokens N] [--threads 2] [--dtype float32|bfloat16] [--attention sdpa|eager]

Prints one JSON object: per stage the median, the smallest and the largest of the repeats. Stages:
    load      seconds from the call of from_pretrained to a model that can run
    encode    seconds for one square image of each --side in pixels (448: 1024 patches, 1120: 6400), patches given
    prefill   tokens a second for a prompt of each --prompt tokens into an empty cache
    decode    tokens a second, one at a time, after each of --after tokens; here the spread is that of single tokens

Inputs are random patches and tokens: time does not depend on the values. One short untimed run comes first in each stage. Only the
last position's logits are computed in prefill, as in generation. On a model with a short context, stages that
do not fit are left out.
"""

import argparse
import json
import resource
import statistics
import time

import torch
import transformers


def spread(values, digits=5):
    rounded = lambda value: float(f"{value:.{digits}g}")
    return {"median": rounded(statistics.median(values)), "min": rounded(min(values)), "max": rounded(max(values)),
            "count": len(values)}  # fmt: skip


def seconds(action):
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


class Bench:
    def __init__(self, model, repeats, decode_tokens):
        self.model, self.repeats, self.decode_tokens = model, repeats, decode_tokens
        self.random = torch.Generator().manual_seed(1)
        self.text = model.config.get_text_config()

    def tokens(self, count):
        # below every special token of the published and of the tiny vocabulary
        high = min(self.text.vocab_size, self.model.config.image_token_id) - 20
        return torch.randint(0, high, (1, count), generator=self.random)

    def step(self, tokens, cache):
        """Runs tokens after what the cache holds; returns the next token and the cache."""
        past = 0 if cache is None else cache.get_seq_length()
        positions = torch.arange(past, past + tokens.shape[1]).expand(3, 1, -1)
        output = self.model(input_ids=tokens, position_ids=positions, past_key_values=cache, use_cache=True,
                            logits_to_keep=1)  # fmt: skip
        return output.logits[:, -1:].argmax(-1), output.past_key_values

    def encode(self, side):
        patches = side // 14
        values = torch.randn(patches * patches, 1176, generator=self.random).to(self.model.dtype)
        grid = torch.tensor([[1, patches, patches]])
        run = lambda: self.model.model.visual(values, grid_thw=grid)
        self.model.model.visual(values[:16], grid_thw=torch.tensor([[1, 4, 4]]))
        return spread([seconds(run)[0] for _ in range(self.repeats)])

    def prefill(self, count):
        tokens = self.tokens(count)
        self.step(tokens[:, :64], None)
        return spread([count / seconds(lambda: self.step(tokens, None))[0] for _ in range(self.repeats)])

    def decode(self, after):
        cache = None
        for start in range(0, after, 1024):  # in pieces, to bound the memory of the mask and the scores
            token, cache = self.step(self.tokens(min(1024, after - start)), cache)
        token, cache = self.step(token, cache)
        rates = []
        for _ in range(self.decode_tokens):
            elapsed, (token, cache) = seconds(lambda: self.step(token, cache))
            rates.append(1 / elapsed)
        return spread(rates)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL_DIR")
    parser.add_argument("--stages", default="load,encode,prefill,decode")
    lengths = lambda text: [int(length) for length in text.split(",")]
    parser.add_argument("--side", type=lengths, default=[448, 1120])
    parser.add_argument("--prompt", type=lengths, default=[512, 2048])
    parser.add_argument("--after", type=lengths, default=[512, 4096])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--decode-tokens", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--attention", default="sdpa", choices=["sdpa", "eager"])
    arguments = parser.parse_args()
    stages = arguments.stages.split(",")
    torch.set_num_threads(arguments.threads)
    load = lambda: transformers.Qwen2VLForConditionalGeneration.from_pretrained(
        arguments.model, dtype=getattr(torch, arguments.dtype), attn_implementation=arguments.attention
    ).eval()
    elapsed, model = seconds(load)
    result = {"peer": f"transformers {transformers.__version__}, torch {torch.__version__}", "dtype": arguments.dtype,
              "attention": arguments.attention, "threads": arguments.threads}  # fmt: skip
    if "load" in stages:
        result["load_s"] = float(f"{elapsed:.4g}")
    bench = Bench(model, arguments.repeats, arguments.decode_tokens)
    context = bench.text.max_position_embeddings
    with torch.inference_mode():
        for side in arguments.side:
            if "encode" in stages:
                result[f"encode_{side}_s"] = bench.encode(side)
        for count in arguments.prompt:
            if "prefill" in stages and count <= context:
                result[f"prefill_{count}_tokens_per_s"] = bench.prefill(count)
        for after in arguments.after:
            if "decode" in stages and after + arguments.decode_tokens < context:
                result[f"decode_after_{after}_tokens_per_s"] = bench.decode(after)
    result["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
