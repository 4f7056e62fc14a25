"""How well a linear map reads row and column of a picture's token out of each block of the text model, and how large the
states are on their way from the patch embedding to the last block.

    python Tools/position_probe.py Runs/small-1/checkpoint Runs/small-2h/checkpoint

For each checkpoint and block the explained share of the variance of rows and of columns (R²), on pictures that the map was
not fitted to: plain scenes of 112 px, sixteen tokens each. Near 0 the model cannot tell places of that axis apart. Sizes are
root mean squares: a block that adds little to a large state is hardly heard by the next one.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import torch
from PIL import Image
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKENS = 16


def draw(vlm: pathlib.Path, count: int, out: str) -> list[tuple[Image.Image, str]]:
    """Pictures with a question each, from training's draw."""
    subprocess.run([vlm, "synth", out, "--tasks", "scenes/colour", "--count", str(count), "--difficulty", "0",
                    "--size", "112..113"], check=True, capture_output=True)
    samples = []
    for line in (pathlib.Path(out) / "data.jsonl").read_text().splitlines():
        picture, question = json.loads(line)["messages"][0]["content"]
        samples.append((Image.open(pathlib.Path(out) / picture["image"]).convert("RGB"), question["text"]))
    return samples


def hidden_states(directory: str, samples: list[tuple[Image.Image, str]]
                  ) -> tuple[list[np.ndarray], np.ndarray, list[float]]:
    """Of every picture token: its state before the first block and after each, and its row and column. Then the sizes of the
    encoder's states: patch embedding, each block."""
    model = Qwen2VLForConditionalGeneration.from_pretrained(directory, torch_dtype=torch.float32).eval()
    images = Qwen2VLImageProcessor.from_pretrained(directory)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    encoder = model.model.visual
    sizes: list[list[float]] = [[] for _ in range(1 + len(encoder.blocks))]
    for place, module in zip(sizes, [encoder.patch_embed, *encoder.blocks]):
        module.register_forward_hook(
            lambda _, __, output, place=place: place.append(float(output.square().mean().sqrt())))
    states: list[list[np.ndarray]] = []
    places: list[tuple[int, int]] = []
    for image, question in samples:
        pixels = images(images=[image], return_tensors="pt")
        _, rows, columns = (pixels["image_grid_thw"][0] // torch.tensor([1, 2, 2])).tolist()
        if rows * columns != TOKENS:
            continue
        text = ("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n<|vision_start|>"
                + "<|image_pad|>" * TOKENS + f"<|vision_end|>{question}<|im_end|>\n<|im_start|>assistant\n")
        tokens = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            output = model(**tokens, **pixels, output_hidden_states=True)
        mask = tokens.input_ids[0] == model.config.image_token_id
        states.append([layer[0][mask].numpy() for layer in output.hidden_states])
        places += [divmod(index, columns) for index in range(TOKENS)]
    return ([np.concatenate(layer) for layer in zip(*states)], np.array(places, dtype=float),
            [float(np.mean(values)) for values in sizes])


def explained(states: np.ndarray, places: np.ndarray) -> np.ndarray:
    """R² of rows and columns for the last third of the tokens, the map (ridge 10) fitted to the others."""
    fitted = np.arange(len(places)) < len(places) * 2 // 3
    scaled = (states - states[fitted].mean(0)) / (states[fitted].std(0) + 1e-6)
    scaled = np.c_[scaled, np.ones(len(scaled))]
    known = scaled[fitted]
    weights = np.linalg.solve(known.T @ known + 10 * np.eye(known.shape[1]), known.T @ places[fitted])
    errors = ((scaled[~fitted] @ weights - places[~fitted]) ** 2).mean(0)
    return 1 - errors / places[~fitted].var(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--count", type=int, default=150, help="pictures")
    parser.add_argument("--vlm", type=pathlib.Path, default=ROOT / "vlm")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        samples = draw(options.vlm, options.count, directory + "/pictures")
    for checkpoint in options.checkpoints:
        layers, places, sizes = hidden_states(checkpoint, samples)
        print(checkpoint)
        print("  encoder, patch embedding and blocks: size " + ", ".join(f"{size:.1f}" for size in sizes))
        for block, states in enumerate(layers):
            row, column = explained(states, places)
            name = f"after block {block}" if block else "before the first"
            size = float(np.sqrt(np.square(states).mean()))
            # The last one is normalised.
            print(f"  {name}: rows {row:.2f}, columns {column:.2f}" + (f", size {size:.1f}" if block < len(layers) - 1 else ""))


if __name__ == "__main__":
    main()
