"""Checks that a checkpoint written by `vlm train` loads in transformers and answers as `vlm ask` does.

    python Tools/check_export.py --vlm .build/release/vlm CHECKPOINT --image picture.png "What is it?" "And where?"

With --adapter, CHECKPOINT is what the adapter belongs to, and PEFT puts it on.
"""

import argparse
import json
import subprocess
import sys

import torch
from PIL import Image
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration, Qwen2VLImageProcessor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint")
    parser.add_argument("questions", nargs="+")
    parser.add_argument("--vlm", required=True, help="the built program")
    parser.add_argument("--image", help="a picture to ask about")
    parser.add_argument("--adapter", help="a directory with adapter_config.json")
    parser.add_argument("--max-tokens", type=int, default=16)
    options = parser.parse_args()

    model, report = Qwen2VLForConditionalGeneration.from_pretrained(
        options.checkpoint, dtype=torch.float32, output_loading_info=True)
    problems = {key: value for key, value in report.items() if value}
    if problems:
        sys.exit(f"transformers reports {problems}")
    if options.adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, options.adapter)
    model.eval()
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    processor = Qwen2VLImageProcessor.from_pretrained(options.checkpoint)
    failures = 0
    for question in options.questions:
        command = [options.vlm, "ask", question, "--model", options.checkpoint, "--greedy", "--format", "json"]
        command += ["--max-tokens", str(options.max_tokens)]
        if options.image:
            command += ["--image", options.image]
        if options.adapter:
            command += ["--adapter", options.adapter]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["tokens"]

        inputs = {}
        visual = ""
        if options.image:
            pixels = processor([Image.open(options.image).convert("RGB")], return_tensors="pt")
            inputs = {"pixel_values": pixels["pixel_values"], "image_grid_thw": pixels["image_grid_thw"]}
            count = int(pixels["image_grid_thw"].prod()) // processor.merge_size**2
            visual = "<|vision_start|>" + "<|image_pad|>" * count + "<|vision_end|>"
        text = (
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
            f"<|im_start|>user\n{visual}{question}<|im_end|>\n<|im_start|>assistant\n"
        )
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            out = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, top_k=None, top_p=None,
                temperature=None, max_new_tokens=options.max_tokens, **inputs)
        theirs = out[0, ids.shape[1] :].tolist()
        stops = model.generation_config.eos_token_id
        stops = stops if isinstance(stops, list) else [stops]
        while ours and ours[-1] in stops:
            ours.pop()
        while theirs and theirs[-1] in stops:
            theirs.pop()
        alike = ours == theirs
        failures += not alike
        print(f"{'same' if alike else 'DIFFERENT'}: {question!r} → {tokenizer.decode(theirs)!r}")
        if not alike:
            print(f"  vlm {ours}\n  transformers {theirs}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
