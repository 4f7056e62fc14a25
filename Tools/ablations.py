"""The two ablations of docs/training.md: trains every arm with several seeds and prints the table.

    python3 Tools/ablations.py resolution --out Runs/ablations --seeds 3
    python3 Tools/ablations.py positions --out Runs/ablations --seeds 3

The first begins from the model inside, the second from one of the runs that made it (Tools/train_small_model), which has seen no clips;
--from names another checkpoint. Needs only Python's own library. Finished runs are kept and not made again; `--set key=value` goes to every run.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent

# For each ablation: its arms with what they change in which file, and what is asked afterwards.
RESOLUTION = ["--tasks", "scenes/shape,scenes/count,scenes/colour,scenes/caption", "--difficulty", "0.1"]
CLIPS = ["--tasks", "clips/direction", "--difficulty", "0", "--size", "56..57"]
ABLATIONS = {
    "resolution": {
        "from": ROOT / "Sources/SmallModel/small",
        "arms": {
            "4 tokens": ("preprocessor_config.json", {"min_pixels": 4 * 784, "max_pixels": 4 * 784}),
            "16 tokens": ("preprocessor_config.json", {"min_pixels": 16 * 784, "max_pixels": 16 * 784}),
            "36 tokens": ("preprocessor_config.json", {"min_pixels": 36 * 784, "max_pixels": 36 * 784}),
            "dynamic": ("preprocessor_config.json", {}),
        },
        "questions": {
            "56 to 112 px": RESOLUTION + ["--size", "56..112"],
            "112 to 224 px": RESOLUTION + ["--size", "112..224"],
        },
    },
    "positions": {
        "from": ROOT / "Runs/small-2a/checkpoint",
        "arms": {
            "M-RoPE": ("config.json", {}),
            "1-D": ("config.json", {"position_style": "sequential"}),
        },
        "questions": {
            "4 to 8 frames": CLIPS + ["--frames", "4..8"],
            "16 frames": CLIPS + ["--frames", "16..16"],
            "32 frames": CLIPS + ["--frames", "32..32"],
        },
    },
}


def run(*command: object) -> str:
    return subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def make_start(source: pathlib.Path, directory: pathlib.Path, file: str, changes: dict) -> None:
    """A checkpoint like `source` with other settings."""
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(source, directory)
    settings = json.loads((directory / file).read_text())
    (directory / file).write_text(json.dumps(settings | changes))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ablation", choices=list(ABLATIONS))
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "Runs/ablations")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--count", type=int, default=200, help="held-out questions of each task")
    parser.add_argument("--vlm", type=pathlib.Path, default=ROOT / "vlm")
    parser.add_argument("--from", type=pathlib.Path, dest="source", help="the checkpoint to begin from")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    ablation = ABLATIONS[options.ablation]
    source = options.source or ablation["from"]
    if not (source / "config.json").exists():
        parser.error(f"{source} has no checkpoint; Tools/train_small_model makes it, or name another with --from")
    settings = [argument for setting in options.set for argument in ("--set", setting)]
    questions = ablation["questions"]
    rows = []
    for arm, (file, changes) in ablation["arms"].items():
        start = options.out / options.ablation / arm.replace(" ", "-") / "start"
        make_start(source, start, file, changes)
        tokens: list[float] = []
        right: dict[str, list[float]] = {name: [] for name in questions}
        for seed in range(options.seeds):
            out = start.parent / f"seed-{seed}"
            if not (out / "checkpoint/config.json").exists():
                shutil.rmtree(out, ignore_errors=True)
                recipe = ROOT / f"Recipes/ablation-{options.ablation}.yaml"
                run(options.vlm, "train", recipe, "--out", out, "--set", f"model.from={start}", "--set", f"seed={seed}",
                    *settings)
            lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
            steps = [line for line in lines if "tokens" in line and "loss" in line]
            tokens.append(sum(line["tokens"] for line in steps) / sum(line["samples"] for line in steps))
            for name, arguments in questions.items():
                answers = json.loads(run(options.vlm, "eval", "synth", "--model", out / "checkpoint", "--count",
                                         options.count, "--max-tokens", 48, "--format", "json", *arguments))
                asked = sum(task["questions"] for task in answers["tasks"])
                right[name].append(100 * sum(task["right"] for task in answers["tasks"]) / asked)
            print(f"{arm}, seed {seed}: " + ", ".join(f"{name} {values[-1]:.1f} %" for name, values in right.items()),
                  flush=True)
        cells = [f"{statistics.mean(values):.1f} ± {statistics.stdev(values) if len(values) > 1 else 0:.1f} ({min(values):.1f}–{max(values):.1f})"
                 for values in right.values()]
        rows.append(f"| {arm} | {statistics.mean(tokens):.1f} | " + " | ".join(cells) + " |")
    print(f"\n| | tokens a sample | " + " | ".join(f"{name}, right %" for name in questions) + " |")
    print("|" + "---|" * (2 + len(questions)))
    print("\n".join(rows))


if __name__ == "__main__":
    main()
