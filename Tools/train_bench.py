"""One optimiser step of a small Qwen2-VL in PyTorch, alternated with `vlm bench train` on the same work.

    python Tools/train_bench.py --vlm .build/release/vlm --rounds 3

Both sides train the model of Sources/SmallModel/small/config.json with six text blocks and a vocabulary of 4096 (10.64
million parameters, float32, AdamW) on eight samples of a 224² image and 64 supervised tokens. Each side runs in a process of its own, so
that peak memory is its own.
"""

import argparse
import json
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


SMALL = ROOT / "Sources/SmallModel/small"


def make_model(directory: pathlib.Path) -> None:
    """The directory that both sides read their sizes from."""
    for path in SMALL.iterdir():
        if path.suffix == ".json":
            (directory / path.name).write_bytes(path.read_bytes())
    config = json.loads((SMALL / "config.json").read_text())
    config["vocab_size"] = 4096
    config["num_hidden_layers"] = 6
    (directory / "config.json").write_text(json.dumps(config))


def torch_side(model_directory: str, steps: int, threads: int, batch: int, side: int, text: int) -> dict:
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    config = Qwen2VLConfig(**json.loads((pathlib.Path(model_directory) / "config.json").read_text()))
    config._attn_implementation = "sdpa"
    model = Qwen2VLForConditionalGeneration(config).float().train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, betas=(0.9, 0.95), weight_decay=0.1)
    rows = side // 14
    image_tokens = rows * rows // 4
    pixels = torch.rand(batch * rows * rows, 1176) * 2 - 1
    grid = torch.tensor([[1, rows, rows]] * batch)
    ids = torch.randint(20, 3000, (batch, 1 + image_tokens + text + 1))
    ids[:, 0] = config.vision_start_token_id
    ids[:, 1 : 1 + image_tokens] = config.image_token_id
    labels = ids.clone()
    labels[:, : 2 + image_tokens] = -100  # the labels are moved by one place inside the model
    mask = torch.ones_like(ids)
    times: dict[str, list[float]] = {"forward": [], "backward": [], "optimizer": []}
    losses = []
    for step in range(-2, steps):
        start = time.perf_counter()
        loss = model(input_ids=ids, attention_mask=mask, pixel_values=pixels, image_grid_thw=grid, labels=labels).loss
        losses.append(loss.item())
        middle = time.perf_counter()
        loss.backward()
        end = time.perf_counter()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        done = time.perf_counter()
        if step >= 0:
            for name, value in zip(times, (middle - start, end - middle, done - end)):
                times[name].append(value)
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "seconds": [sum(parts) for parts in zip(*times.values())],
        **{f"{name}_seconds": value for name, value in times.items()},
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "first_loss": losses[0], "last_loss": losses[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vlm", default=str(ROOT / ".build/release/vlm"), help="the built program")
    parser.add_argument("--rounds", type=int, default=3, help="how often the sides take turns")
    parser.add_argument("--steps", type=int, default=8, help="measured steps per turn")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--text", type=int, default=64)
    parser.add_argument("--torch-only", metavar="MODEL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torch_only:
        result = torch_side(
            options.torch_only, options.steps, options.threads, options.batch, options.side, options.text)
        print(json.dumps(result))
        return

    shared = [
        f"--steps={options.steps}", f"--threads={options.threads}", f"--batch={options.batch}",
        f"--side={options.side}", f"--text={options.text}",
    ]
    sides: dict[str, list[dict]] = {"vlm": [], "PyTorch": []}
    with tempfile.TemporaryDirectory() as directory:
        make_model(pathlib.Path(directory))
        for _ in range(options.rounds):
            command = [options.vlm, "bench", "train", directory, "--format", "json", *shared]
            out = subprocess.run(command, check=True, capture_output=True, text=True)
            sides["vlm"].append(json.loads(out.stdout)["figures"][0])
            command = [sys.executable, __file__, f"--torch-only={directory}", *shared]
            out = subprocess.run(command, check=True, capture_output=True, text=True)
            sides["PyTorch"].append(json.loads(out.stdout.splitlines()[-1]))

    def middle(runs: list[dict], key: str) -> float:
        return statistics.median(value for run in runs for value in run[key])

    print(f"{options.rounds} turns of {options.steps} steps each, {options.threads} threads; medians in milliseconds\n")
    print(f"{'':12}{'vlm':>10}{'PyTorch':>10}{'ratio':>8}")
    for label, key in [
        ("step", "seconds"), ("forward", "forward_seconds"), ("backward", "backward_seconds"),
        ("AdamW", "optimizer_seconds"),
    ]:
        ours, theirs = middle(sides["vlm"], key), middle(sides["PyTorch"], key)
        print(f"{label:12}{ours * 1e3:10.1f}{theirs * 1e3:10.1f}{theirs / ours:8.2f}")
    ours, theirs = (max(run["peak_bytes"] for run in sides[side]) / 2**30 for side in sides)
    print(f"{'peak GiB':12}{ours:10.2f}{theirs:10.2f}{theirs / ours:8.2f}")
    per_turn = [
        statistics.median(b["seconds"]) / statistics.median(a["seconds"])
        for a, b in zip(sides["vlm"], sides["PyTorch"])
    ]
    print("ratio of each turn: " + ", ".join(f"{ratio:.2f}" for ratio in per_turn))
    first = sides["vlm"][0], sides["PyTorch"][0]
    print(f"parameters {first[0]['parameters']} and {first[1]['parameters']}; "
          f"loss {first[0]['first_loss']:.2f} → {first[0]['last_loss']:.2f} and "
          f"{first[1]['first_loss']:.2f} → {first[1]['last_loss']:.2f}")


if __name__ == "__main__":
    main()
