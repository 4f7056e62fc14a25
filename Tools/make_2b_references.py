"""Writes reference files on the checkpoint of make_2b_checkpoint.py, for `vlm verify` at the true scale.

    python Tools/make_2b_references.py MODEL_DIR OUT_DIR [--only photo,two-images,text-only,several-turns] [--threads N]

Photographs are public-domain ones that come with scikit-image; they are copied into OUT_DIR. Inputs of text layers 0, 1, 14
and 27, all logits, 24 greedy tokens with their margins. Needs about 12 GB of memory and a few minutes; the files are too
large to be kept in the repository.
"""

import argparse
import os
import shutil

import skimage
import torch

import write_reference


def image(name):
    return {"type": "image", "image": name}


def text(words):
    return {"type": "text", "text": words}


CASES = {
    "photo": {"messages": [{"role": "user", "content": [image("chelsea.png"), text("What is in this picture?")]}]},
    "two-images": {
        "messages": [{"role": "user", "content": [image("astronaut.png"), image("coffee.png"), text("Compare them.")]}],
        "max_pixels": 150528,
    },
    "text-only": {
        "messages": [{"role": "user", "content": "Explain in two sentences why the sky is blue; puis en français, 再用中文。"}]
    },
    "several-turns": {
        "messages": [
            {"role": "system", "content": "You describe photographs in one sentence."},
            {"role": "user", "content": [image("chelsea.png"), text("Which animal is it?")]},
            {"role": "assistant", "content": "A cat looks to the side."},
            {"role": "user", "content": [text("And here, "), image("astronaut.png"), text("who is it?")]},
        ],
        "max_pixels": 100352,
    },
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL_DIR")
    parser.add_argument("out", metavar="OUT_DIR")
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    os.makedirs(arguments.out, exist_ok=True)
    photographs = os.path.join(os.path.dirname(skimage.__file__), "data")
    for name in ("chelsea.png", "coffee.png", "astronaut.png"):
        shutil.copyfile(f"{photographs}/{name}", f"{arguments.out}/{name}")
    oracle = write_reference.Oracle(arguments.model)
    for name in arguments.only.split(","):
        path = f"{arguments.out}/{name}.safetensors"
        tensors = write_reference.write(oracle, CASES[name], path, layers="0,1,14,last", generate=24)
        print(write_reference.summary(path, tensors), flush=True)


if __name__ == "__main__":
    main()
