"""Writes a reference file for `vlm verify`: what `transformers` computes for one request, stage by stage.

    python Tools/write_reference.py MODEL_DIR REQUEST.json OUT.safetensors
        [--generate N] [--layers all|none|0,5,last] [--logits all|none] [--no-pixel-values] [--no-vision-embeds]
        [--attention sdpa|eager] [--dtype float32] [--threads N]

REQUEST.json holds `messages` (content a string, or parts `{"type":"text","text":…}` and `{"type":"image","image":PATH}`)
and optionally `min_pixels` and `max_pixels`, for all its images or in the part of one. Image paths are relative to OUT's folder, because that is
where `vlm verify` looks; the same JSON is stored in the file.

OUT.safetensors holds
    input_ids         [T]          int64    the chat-formatted prompt, image pads repeated to each image's token count
    position_ids      [3, T]       int64    temporal, height and width ids
    image_grid_thw    [n, 3]       int64    per image, in patches
    pixel_values      [N, 1176]    float32  the normalised patches of all images in order
    vision_embeds     [tokens, H]  float32  after the merger
    hidden_states.L   [T, H]       float32  the input of text layer L; L = 0 is the spliced embeddings
    logits            [T, V]       float32
    generated_ids     [G]          int64    greedy; the last id is a stop token if one was reached before N
    generated_margins [G]          float32  the largest logit minus the second largest where each id was chosen
and `__metadata__`: `request` (the JSON above), `versions` (of the packages, JSON) and `format` ("pt").
`generated_margins` goes beyond what `vlm verify` needs for its own near-tie rule (it can read `logits`, which end where
generation starts): it tells for every generated token how close the decision was.

Rules on which references disagree, and which of them this file follows:
- Images are turned upright by their EXIF orientation, anything with alpha is composited on white, then resized by Pillow's
  bicubic to what `resized_size` says. That is smart_resize of `transformers` with every side clamped to at least 28, also
  before the area is compared with the limits, as `qwen-vl-utils` does (they differ only for a side under 14 pixels).
  Rescaling, normalisation and patches are Qwen2VLImageProcessor's (the slow one: no torchvision).
- Text of messages is encoded as plain text: a user who writes `<|im_end|>` gets the characters, not the token. Rendering
  the chat template to one string and encoding that, as is usual, would let users forge turns. Wherever the text has no
  look-alikes, both ways must agree, and the script checks that they do.

Everything runs in float32, from a bfloat16 checkpoint too. Memory: four bytes a parameter, plus logits and hidden states.
"""

import argparse
import json
import math
import os
import sys

import numpy as np
import torch
import transformers
from PIL import Image, ImageOps
from safetensors.torch import save as serialize

PAD = {"image": "<|image_pad|>", "video": "<|video_pad|>"}


def load_image(path):
    """An upright RGB picture, alpha composited on white."""
    image = ImageOps.exif_transpose(Image.open(path))
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def resized_size(height, width, min_pixels, max_pixels, factor=28):
    """Height and width after the resize (module docstring)."""
    if max(height, width) > 200 * min(height, width):
        raise SystemExit(f"an image of {width}x{height} has an aspect ratio over 200")
    sides = [max(factor, round(side / factor) * factor) for side in (height, width)]
    if sides[0] * sides[1] > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        sides = [max(factor, math.floor(side / shrink / factor) * factor) for side in (height, width)]
    elif sides[0] * sides[1] < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        sides = [max(factor, math.ceil(side * grow / factor) * factor) for side in (height, width)]
    return sides


class Oracle:
    """A checkpoint opened by `transformers`, with the pieces of preprocessing that a request needs."""

    def __init__(self, directory, dtype=torch.float32, attention="sdpa"):
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(directory, use_fast=True)
        self.processor = transformers.Qwen2VLImageProcessor.from_pretrained(directory)
        with open(f"{directory}/chat_template.json", encoding="utf-8") as file:
            self.template = json.load(file)["chat_template"]
        self.model, loading = transformers.Qwen2VLForConditionalGeneration.from_pretrained(
            directory, dtype=dtype, attn_implementation=attention, output_loading_info=True
        )
        if loading["missing_keys"] or loading["unexpected_keys"] or loading["mismatched_keys"]:
            raise SystemExit(f"{directory}: transformers does not find its tensors: {loading}")
        self.model.eval()

    def patches(self, frames, min_pixels=None, max_pixels=None):
        """The patches [N, 1176] and the grid (t, h, w) of one image (one frame) or one video (an even number of them)."""
        low = self.processor.min_pixels if min_pixels is None else min_pixels
        high = self.processor.max_pixels if max_pixels is None else max_pixels
        width, height = frames[0].size
        height, width = resized_size(height, width, low, high)
        resized = [frame.resize((width, height), Image.Resampling.BICUBIC) for frame in frames]
        p = self.processor
        values, grid = p._preprocess(
            resized, do_resize=False, do_rescale=True, rescale_factor=p.rescale_factor, do_normalize=True,
            image_mean=p.image_mean, image_std=p.image_std, patch_size=p.patch_size,
            temporal_patch_size=p.temporal_patch_size, merge_size=p.merge_size, do_convert_rgb=True,
        )  # fmt: skip
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)), grid

    def encode(self, messages, token_counts):
        """Token ids of the whole prompt; `token_counts` has one entry per image or video, in order."""
        counts = iter(token_counts)
        special = self.tokenizer.convert_tokens_to_ids
        pieces = []  # a string is text, an int is a special token

        def add(piece):
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] += piece
            else:
                pieces.append(piece)

        def turn(role, parts):
            add(special("<|im_start|>"))
            add(role + "\n")
            for part in parts:
                if part["type"] == "text":
                    add(part["text"])
                else:
                    add(special("<|vision_start|>"))
                    for _ in range(next(counts)):
                        add(special(PAD[part["type"]]))
                    add(special("<|vision_end|>"))
            add(special("<|im_end|>"))
            add("\n")

        if messages[0]["role"] != "system":
            turn("system", [{"type": "text", "text": "You are a helpful assistant."}])
        for message in messages:
            turn(message["role"], parts_of(message))
        add(special("<|im_start|>"))
        add("assistant\n")
        backend = self.tokenizer.backend_tokenizer
        backend.encode_special_tokens = True  # look-alikes stay text
        ids = []
        for piece in pieces:
            ids += backend.encode(piece, add_special_tokens=False).ids if isinstance(piece, str) else [piece]
        backend.encode_special_tokens = False
        self.check_against_template(messages, token_counts, ids)
        return ids

    def check_against_template(self, messages, token_counts, ids):
        """Where no text looks like a special token, the usual way (render, then encode one string) must agree."""
        texts = [part["text"] for m in messages for part in parts_of(m) if part["type"] == "text"]
        if any(token in text for token in self.tokenizer.get_added_vocab() for text in texts):
            return
        rendered = self.tokenizer.apply_chat_template(
            messages, chat_template=self.template, tokenize=False, add_generation_prompt=True
        )
        usual, counts = [], iter(token_counts)
        pads = {self.tokenizer.convert_tokens_to_ids(token) for token in PAD.values()}
        for token in self.tokenizer(rendered, add_special_tokens=False)["input_ids"]:
            usual += [token] * next(counts) if token in pads else [token]
        if usual != ids:
            raise SystemExit("encoding piece by piece and encoding the rendered template disagree")


def parts_of(message):
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def chosen_layers(text, count):
    if text == "none":
        return []
    if text == "all":
        return list(range(count))
    layers = [count - 1 if item == "last" else int(item) for item in text.split(",")]
    for layer in layers:
        if not 0 <= layer < count:
            raise SystemExit(f"--layers: there is no text layer {layer}; the model has {count}")
    return sorted(set(layers))


@torch.inference_mode()
def run(oracle, inputs, layers, logits, generate, vision_embeds=True):
    """Runs the network on prepared inputs and returns the tensors of a reference file.

    `inputs` has input_ids [T], and for images or videos pixel_values with image_grid_thw or video_grid_thw.
    """
    model = oracle.model
    ids = inputs["input_ids"].unsqueeze(0)
    images, videos = inputs.get("image_grid_thw"), inputs.get("video_grid_thw")
    vision = {}
    if images is not None:
        vision = {"pixel_values": inputs["pixel_values"], "image_grid_thw": images}
    elif videos is not None:
        vision = {"pixel_values_videos": inputs["pixel_values"], "video_grid_thw": videos}
    result = dict(inputs)
    positions, _ = model.model.get_rope_index(ids, images, videos, torch.ones_like(ids))
    result["position_ids"] = positions[:, 0].clone()
    if vision and vision_embeds:
        features = model.model.get_image_features if images is not None else model.model.get_video_features
        result["vision_embeds"] = torch.cat(features(inputs["pixel_values"], images if images is not None else videos))
    count = model.config.get_text_config().num_hidden_layers
    wanted = chosen_layers(layers, count)
    if wanted or logits == "all":
        model.model.rope_deltas = None
        output = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=bool(wanted), use_cache=False,
            logits_to_keep=0 if logits == "all" else 1, **vision,
        )  # fmt: skip
        for layer in wanted:
            result[f"hidden_states.{layer}"] = output.hidden_states[layer][0].clone()
        if logits == "all":
            result["logits"] = output.logits[0].float().clone()
        del output
    if generate:
        model.model.rope_deltas = None
        output = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=generate, do_sample=False, num_beams=1,
            repetition_penalty=1.0, temperature=None, top_p=None, top_k=None, return_dict_in_generate=True,
            output_logits=True, **vision,
        )  # fmt: skip
        result["generated_ids"] = output.sequences[0, ids.shape[1] :].clone()
        top = torch.stack([row[0].float().topk(2).values for row in output.logits])
        result["generated_margins"] = top[:, 0] - top[:, 1]
    return result


def prepare(oracle, request, folder):
    """The inputs of a request in the JSON form: images, patches, tokens."""
    patches, grids, counts = [], [], []
    for message in request["messages"]:
        for part in parts_of(message):
            if part["type"] == "image":
                image = load_image(os.path.join(folder, part["image"]))
                low, high = (part.get(key, request.get(key)) for key in ("min_pixels", "max_pixels"))
                values, grid = oracle.patches([image], low, high)
                patches.append(values)
                grids.append(grid)
                counts.append(grid[0] * grid[1] * grid[2] // 4)
    inputs = {"input_ids": torch.tensor(oracle.encode(request["messages"], counts))}
    if patches:
        inputs |= {"pixel_values": torch.cat(patches), "image_grid_thw": torch.tensor(grids)}
    return inputs


def versions():
    import PIL
    import safetensors
    import tokenizers

    packages = {"torch": torch, "transformers": transformers, "tokenizers": tokenizers, "pillow": PIL,
                "safetensors": safetensors, "numpy": np}  # fmt: skip
    return {name: module.__version__ for name, module in packages.items()}


def save(path, tensors, metadata, leave_out=()):
    kept = {name: tensor.contiguous() for name, tensor in tensors.items() if name not in leave_out}
    metadata = {"format": "pt", "versions": json.dumps(versions())} | metadata
    data = serialize(kept, metadata=metadata)
    # The writer orders the metadata at random: order it, so that the same request gives the same bytes.
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    with open(path, "wb") as file:
        file.write(len(encoded).to_bytes(8, "little"))
        file.write(encoded)
        file.write(memoryview(data)[8 + length :])


def write(oracle, request, path, layers="all", logits="all", generate=0, leave_out=()):
    """One reference file for a request; returns its tensors."""
    inputs = prepare(oracle, request, os.path.dirname(os.path.abspath(path)))
    tensors = run(oracle, inputs, layers, logits, generate, "vision_embeds" not in leave_out)
    save(path, tensors, {"request": json.dumps(request, ensure_ascii=False)}, leave_out)
    return tensors


def summary(path, tensors):
    text = f"{path}: {len(tensors['input_ids'])} tokens, {os.path.getsize(path)} bytes"
    for name in ("image_grid_thw", "video_grid_thw"):
        if name in tensors:
            text += f", {name} {tensors[name].tolist()}"
    if "generated_ids" in tensors:
        margins = tensors["generated_margins"]
        text += f", generated {tensors['generated_ids'].tolist()}, smallest margin {margins.min().item():.3g}"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL_DIR")
    parser.add_argument("request", metavar="REQUEST.json")
    parser.add_argument("out", metavar="OUT.safetensors")
    parser.add_argument("--generate", type=int, default=0, metavar="N", help="greedy tokens (default: none)")
    parser.add_argument("--layers", default="all", help="which hidden_states: all, none or a list such as 0,5,last")
    parser.add_argument("--logits", default="all", choices=["all", "none"])
    parser.add_argument("--no-pixel-values", action="store_true")
    parser.add_argument("--no-vision-embeds", action="store_true")
    parser.add_argument("--attention", default="sdpa", choices=["sdpa", "eager"])
    parser.add_argument("--dtype", default="float32", choices=["float32", "bfloat16", "float16", "float64"])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with open(arguments.request, encoding="utf-8") as file:
        request = json.load(file)
    unknown = set(request) - {"messages", "min_pixels", "max_pixels"}
    if unknown or "messages" not in request:
        sys.exit(f"{arguments.request}: needs messages, and knows only min_pixels and max_pixels besides")
    for part in (part for message in request["messages"] for part in parts_of(message)):
        unknown = set(part) - ({"type", "text"} if part["type"] == "text" else {"type", "image", "min_pixels", "max_pixels"})
        if unknown:
            sys.exit(f"{arguments.request}: a part of type {part['type']} has {', '.join(sorted(unknown))}, which does nothing")
    oracle = Oracle(arguments.model, getattr(torch, arguments.dtype), arguments.attention)
    leave_out = ["pixel_values"] * arguments.no_pixel_values + ["vision_embeds"] * arguments.no_vision_embeds
    tensors = write(oracle, request, arguments.out, arguments.layers, arguments.logits, arguments.generate, leave_out)
    print(summary(arguments.out, tensors))


if __name__ == "__main__":
    main()
