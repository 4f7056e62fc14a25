"""The tables of docs/model-card.md, measured again.

    python3 Tools/model_card.py figures --out Runs/card       # asks the model inside: the tables of what it can and cannot do
    python3 Tools/model_card.py recipes Runs --curves Runs/small-curves.csv
                                                              # a line for each run of Tools/train_small_model, and their curves
    python3 Tools/model_card.py losses Runs                   # held-out losses per token at their last evaluations

Needs only Python's own library. `figures` keeps what has been asked in --out and does not ask it again of the same model.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent

# A row of the card: what it says, the target in per cent, the task, and options unlike the usual ones.
USUAL = {"--difficulty": "0", "--size": "84..112", "--count": "200", "--max-tokens": "64"}
CAN = [
    ("colour", 95, "scenes/colour", {}),
    ("shape", 95, "scenes/shape", {}),
    ("count", 95, "scenes/count", {}),
    ("relations", 90, "scenes/relation", {}),
    ("phrase → box, IoU ≥ 0.5", 85, "grounding/phrase-to-box", {}),
    ("lines of text, every character: numbers of 1 to 5", 85, "lines/number", {}),
    ("the same: mixed characters, 1 to 4", 85, "lines/mixed", {}),
    ("the same: words of 3 or 4 letters", 85, "lines/word", {}),
    ("the same: 1 to 12 characters of any kind (`lines/line`, 56 to 168 px)", 85, "lines/line", {"--size": "56..168"}),
    ("several lines, every character (`lines/column`, 84 to 196 px)", None, "lines/column", {"--size": "84..196"}),
    ("the rank of a card", 95, "cards/rank", {}),
    ("rank and suit of a card", 95, "cards/card", {}),
    ("cards: suits, ranks, both, lists of two, counts, sums, boxes", None, "cards", {}),
    ("clicks inside the target, by box", 85, "screens/click", {}),
    ("the same, by a point", 85, "screens/point", {}),
    ("chart questions", 70, "charts", {}),
    ("the same, 84 to 168 px", 70, "charts", {"--size": "84..168"}),
    ("receipts: total", 70, "receipts/total", {}),
    ("the same, 84 to 140 px", 70, "receipts/total", {"--size": "84..140"}),
    ("receipts: total, date, price, shop, items, the dearest", None, "receipts", {}),
    ("direction of motion (56 to 84 px, 4 to 6 frames)", 90, "clips/direction", {"--size": "56..84", "--frames": "4..6"}),
    ("captions of one or two things, every word", None, "scenes/caption", {}),
    ("position, one of nine or of two halves", None, "scenes/position", {}),
    ("maps, every cell of 9 to 16", None, "scenes/map", {"--max-tokens": "128"}),
    ("lists of one to three things, every word", None, "scenes/list", {}),
    ("places of two or three things, every one", None, "scenes/places", {}),
    ("what is in a box", None, "grounding/box-to-phrase", {}),
    ("what lies beside", None, "scenes/beside", {}),
    ("is there such a thing", None, "scenes/exists", {}),
    ("dialogue, of seven kinds", None, "dialogue", {}),
    ("Chinese: one to four frequent characters", None, "chinese-lines", {}),
    ("Chinese: questions about scenes", None, "chinese-questions", {}),
]
LARGE = {"--size": "140..224", "--count": "60"}
LARGER = [
    ("shape", None, "scenes/shape", LARGE),
    ("relations", None, "scenes/relation", LARGE),
    ("captions", None, "scenes/caption", LARGE),
    ("phrase → box, IoU ≥ 0.5", None, "grounding/phrase-to-box", LARGE),
    ("the rank of a card", None, "cards/rank", LARGE),
]
DEFAULT_TASKS = [
    "scenes", "grounding", "lines", "cards", "screens", "quads", "paragraphs", "receipts", "forms", "tables", "charts",
    "comparisons", "clips", "dialogue", "text", "chinese-lines", "chinese-questions",
]
DEFAULT = {"--count": "30", "--max-tokens": "64"}


def ask(options: argparse.Namespace, task: str, settings: dict[str, str]) -> dict:
    """What `vlm eval synth` counts for one task, as the JSON has it for the task."""
    name = "-".join([task.replace("/", "-")] + [value for _, value in sorted(settings.items())])
    file = options.out / f"{name}.json"
    if not file.exists():
        command = [options.vlm, "eval", "synth", "--tasks", task, "--out", file]
        command += [part for setting in settings.items() for part in setting]
        if options.model:
            command += ["--model", options.model]
        subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
    return json.loads(file.read_text())["tasks"][0]


def share(counts: dict) -> str:
    least, most = (100 * bound for bound in counts["interval_95"])
    return f"{100 * counts['accuracy']:.0f} % ({least:.0f}–{most:.0f})"


def figures(options: argparse.Namespace) -> None:
    options.out.mkdir(parents=True, exist_ok=True)
    skills = []
    print("| | wanted | right |\n|---|---|---|")
    for rows, base in ((CAN, USUAL), (LARGER, USUAL)):
        for words, wanted, task, changes in rows:
            counts = ask(options, task, base | changes)
            print(f"| {words} | {f'{wanted} %' if wanted else '–'} | {share(counts)} |", flush=True)
            if len(counts["skills"]) > 1:
                parts = [f"{name} {part['right']} of {part['questions']}" for name, part in sorted(counts["skills"].items())]
                skills.append(f"{words}: {', '.join(parts)}")
        print()
    print("\n".join(skills))
    print("\n| task | questions | right |\n|---|---|---|")
    for task in DEFAULT_TASKS:
        counts = ask(options, task, DEFAULT)
        print(f"| `{task}` | {counts['questions']} | {share(counts)} |", flush=True)


def runs_of(directory: pathlib.Path) -> list[tuple[str, list[dict]]]:
    """Name and metrics of every run in a directory, oldest first."""
    runs = []
    for recipe in directory.glob("*/recipe.json"):
        metrics = recipe.parent / "metrics.jsonl"
        lines = [json.loads(line) for line in metrics.read_text().splitlines()]
        runs.append((metrics.stat().st_mtime, json.loads(recipe.read_text())["name"], lines))
    return [(name, lines) for _, name, lines in sorted(runs, key=lambda run: run[0])]


def is_step(line: dict) -> bool:
    return "gradient_norm" in line


def is_evaluation(line: dict) -> bool:
    return "evaluation" in line


def recipes(options: argparse.Namespace) -> None:
    totals = [0, 0, 0, 0.0]
    curves = []
    for name, lines in runs_of(options.runs):
        steps = [line for line in lines if is_step(line)]
        held_out = {line["step"]: line["evaluation"]["loss"] for line in lines if is_evaluation(line)}
        losses = list(held_out.values())
        sums = [len(steps), sum(line["samples"] for line in steps), sum(line["tokens"] for line in steps),
                sum(sum(line["seconds"].values()) for line in steps) / 60]
        totals = [total + part for total, part in zip(totals, sums)]
        three = ", ".join(f"{loss:.2f}" for loss in (losses[0], losses[len(losses) // 2], losses[-1])) if losses else ""
        print(f"| `{name}` | {sums[0]} | {sums[1]:,} | {sums[2]:,} | {sums[3]:.0f} | {three} |")
        for end in range(50, len(steps) + 1, 50):
            part = steps[end - 50:end]
            curves.append([name, part[-1]["step"], f"{statistics.mean(line['loss'] for line in part):.4f}",
                           f"{statistics.mean(line['gradient_norm'] for line in part):.3f}",
                           f"{held_out[end]:.4f}" if end in held_out else ""])
    print(f"| all | {totals[0]} | {totals[1]:,} | {totals[2]:,} | {totals[3]:.0f} | |")
    if options.curves:
        with options.curves.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["run", "step", "loss", "gradient_norm", "held_out_loss"])
            writer.writerows(curves)


def losses(options: argparse.Namespace) -> None:
    columns = {}
    for name, lines in runs_of(options.runs):
        evaluations = [line["evaluation"]["sources"] for line in lines if is_evaluation(line)]
        if evaluations:
            columns[name] = evaluations[-1]
    print("| | " + " | ".join(f"`{name}`" for name in columns) + " |")
    print("|" + "---|" * (1 + len(columns)))
    for source in dict.fromkeys(source for column in columns.values() for source in column):
        cells = [f"{column[source]:.2f}" if source in column else "–" for column in columns.values()]
        print(f"| {source} | " + " | ".join(cells) + " |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    kind = kinds.add_parser("figures")
    kind.add_argument("--out", type=pathlib.Path, default=ROOT / "Runs/card")
    kind.add_argument("--model", type=pathlib.Path, help="a checkpoint instead of the model inside")
    kind.add_argument("--vlm", type=pathlib.Path, default=ROOT / "vlm")
    kind.set_defaults(work=figures)
    kind = kinds.add_parser("recipes")
    kind.add_argument("runs", type=pathlib.Path)
    kind.add_argument("--curves", type=pathlib.Path, help="the file to write losses to, means over fifty steps")
    kind.set_defaults(work=recipes)
    kind = kinds.add_parser("losses")
    kind.add_argument("runs", type=pathlib.Path)
    kind.set_defaults(work=losses)
    options = parser.parse_args()
    options.work(options)


if __name__ == "__main__":
    main()
