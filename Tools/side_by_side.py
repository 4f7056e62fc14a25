"""Times `vlm bench` and `transformers` alternately on one stage: ours, theirs, ours, theirs, each in a process of its own.

    python Tools/side_by_side.py MODEL_DIR STAGE [--repeats N] [--vlm .build/release/vlm] [--tokens 24]

STAGE is load, encode:SIDE, prefill:TOKENS or decode:TOKENS. Machines drift with their neighbours; in alternation both
programs meet the same weather. Prints one JSON object: every run's figure, the medians, their ratio, the shares of this machine's
ceilings in our runs (each measured in the same process), and the largest memory of both. Higher is better for tokens a second
(prefill, decode), lower for seconds (load, encode); the ratio is always how many times faster we are.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys


def run(command):
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed with status {result.returncode}")
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL_DIR")
    parser.add_argument("stage", metavar="STAGE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--vlm", default=".build/release/vlm")
    parser.add_argument("--tokens", type=int, default=24)
    arguments = parser.parse_args()
    stage, _, size = arguments.stage.partition(":")
    option = {"load": None, "encode": "--side", "prefill": "--prompt", "decode": "--after"}.get(stage, "")
    if option == "" or (option is not None) != size.isdigit():
        parser.error(f"{arguments.stage} is none of load, encode:SIDE, prefill:TOKENS, decode:TOKENS")
    chosen = [option, size] if option else []
    ours = [arguments.vlm, "bench", arguments.model, "--only", stage, "--runs", "1", "--tokens", str(arguments.tokens),
            "--format", "json", *chosen]  # fmt: skip
    theirs = [sys.executable, os.path.join(os.path.dirname(__file__), "hf_bench.py"), arguments.model, "--stages", stage,
              "--repeats", "1", "--decode-tokens", str(arguments.tokens), *chosen]  # fmt: skip
    key = {"load": "load_s", "encode": f"encode_{size}_s", "prefill": f"prefill_{size}_tokens_per_s",
           "decode": f"decode_after_{size}_tokens_per_s"}[stage]  # fmt: skip
    fast = stage in ("prefill", "decode")
    result = {"stage": arguments.stage, "unit": "tokens/s" if fast else "s", "ours": [], "theirs": [], "shares": [],
              "ceilings": [], "our_peak_bytes": 0, "their_peak_bytes": 0}  # fmt: skip
    for _ in range(arguments.repeats):
        report = run(ours)
        figure = report["figures"][0]
        result["ours"].append(figure["tokens_per_second"] if fast else figure["median_seconds"])
        result["shares"].append(figure["share_of_ceiling"])
        result["ceilings"].append(report["ceilings"])
        result["our_peak_bytes"] = max(result["our_peak_bytes"], figure["peak_bytes"])
        report = run(theirs)
        result["theirs"].append(report[key] if stage == "load" else report[key]["median"])
        result["their_peak_bytes"] = max(result["their_peak_bytes"], report["peak_memory_bytes"])
    a, b = statistics.median(result["ours"]), statistics.median(result["theirs"])
    shares = [share for share in result["shares"] if share is not None]
    result |= {"our_median": a, "their_median": b, "times_faster": a / b if fast else b / a,
               "median_share": statistics.median(shares) if shares else None}  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main()
