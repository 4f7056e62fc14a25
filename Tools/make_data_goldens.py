"""Writes Tests/Goldens/data/cases.json: conversations with what `transformers` makes of them for training.

    python Tools/make_data_goldens.py

Each case has `messages` in the form of docs/data.md (pictures of Tests/Goldens/references/images), and from transformers:
`input_ids` (chat template, Qwen2VLProcessor's placeholders), `grids` [t, h, w] of its pictures and clips, `position_ids`
[3][T] (`get_rope_index`), and `labels` [T]: the id that place t + 1 holds where that is supervised, else -1.

What is supervised is found without any knowledge of the template: for each message of the assistant the conversation is
rendered up to it with the generation prompt, and up to and including it; the difference is its words, the token that ends
its turn and the line end behind it, which is left out.
"""

import json
import os

import torch

import write_reference

GOLDENS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "Goldens"))
IMAGES = "../references/images"


def image(name):
    return {"type": "image", "image": f"{IMAGES}/{name}"}


def text(words):
    return {"type": "text", "text": words}


def turn(role, *parts):
    return {"role": role, "content": [text(part) if isinstance(part, str) else part for part in parts]}


FRAMES = {"type": "video", "video": [f"{IMAGES}/frame-{i}.png" for i in range(5)], "fps": 2}
CASES = {
    "one picture": [turn("user", image("scene.png"), "What is in this image?"), turn("assistant", "The garden.")],
    "several turns": [
        turn("system", "Read the list."), turn("user", image("scene.png"), image("other.png"), "What are these?"),
        turn("assistant", "The first is a bicycle,\n\nthe other  a table."), turn("user", "And?"),
        turn("assistant", "图片里有 what you see."),
    ],
    "text alone": [turn("user", "How are you?"), turn("assistant", "Straße, κόσμε, été.")],
    "places": [
        turn("user", image("wide-350x70.png"), "Where is ", {"type": "ref", "text": "the bicycle"}, "?"),
        turn("assistant", {"type": "ref", "text": "the bicycle"}, {"type": "box", "box": [12, 0, 999, 530]}, " and ",
             {"type": "box", "box": [1, 2, 3, 4]}),
        turn("user", "Read it."),
        turn("assistant", {"type": "ref", "text": "It is"}, {"type": "quad", "quad": [568, 121, 625, 131, 624, 182, 567, 172]}),
    ],
    "a clip": [turn("user", FRAMES, "What moves?"), turn("assistant", "The picture.")],
    "a clip and pictures": [
        turn("user", image("dot-5x3.png"), FRAMES, "Same?"), turn("assistant", "No."),
        turn("user", "And this ", image("rotated.jpg"), "?"), turn("assistant", "  Yes, indented"),
    ],
    "words that start with a line end": [turn("user", "List"), turn("assistant", "\n\nfirst\nsecond\n")],
    "nothing said": [turn("user", "Hello"), turn("assistant", "")],
}  # fmt: skip


def rendered(oracle, messages, prompt, vision_ids):
    def part(item):
        if item["type"] == "ref":
            return text(f"<|object_ref_start|>{item['text']}<|object_ref_end|>")
        if item["type"] in ("box", "quad"):
            numbers = item[item["type"]]
            points = ",".join(f"({x},{y})" for x, y in zip(numbers[::2], numbers[1::2]))
            return text(f"<|{item['type']}_start|>{points}<|{item['type']}_end|>")
        return item

    turns = [{"role": m["role"], "content": [part(item) for item in m["content"]]} for m in messages]
    return oracle.tokenizer.apply_chat_template(
        turns, tokenize=False, chat_template=oracle.template, add_generation_prompt=prompt, add_vision_id=vision_ids
    )


def make(oracle, messages, vision_ids):
    grids, kinds = [], []
    for item in (item for message in messages for item in message["content"]):
        if item["type"] in ("image", "video"):
            names = [item["image"]] if item["type"] == "image" else item["video"]
            frames = [write_reference.load_image(f"{GOLDENS}/data/{name}") for name in names]
            if item["type"] == "video" and len(frames) % 2:
                frames.append(frames[-1])
            grids.append([int(n) for n in oracle.patches(frames)[1]])
            kinds.append(item["type"])

    def ids(messages, prompt):
        words = rendered(oracle, messages, prompt, vision_ids)
        for kind, (t, h, w) in zip(kinds, grids):  # as Qwen2VLProcessor does, through a placeholder
            words = words.replace(f"<|{kind}_pad|>", "<|placeholder|>" * (t * h * w // 4), 1)
            words = words.replace("<|placeholder|>", f"<|{kind}_PAD|>")
        return oracle.tokenizer(words.replace("_PAD|>", "_pad|>")).input_ids

    tokens = ids(messages, False)
    labels = [-1] * len(tokens)
    for index, message in enumerate(messages):
        if message["role"] == "assistant":
            start = len(ids(messages[:index], True))
            whole = ids(messages[: index + 1], False)
            # Where words start with a line end, the last token of the prompt and theirs are one, which is not learnt.
            while start > 0 and ids(messages[:index], True)[:start] != whole[:start]:
                start -= 1
            if start < len(ids(messages[:index], True)):
                start += 1
            for place in range(start, len(whole) - 1):
                labels[place - 1] = tokens[place]
    tensor = torch.tensor([tokens])
    of = lambda kind: [grid for k, grid in zip(kinds, grids) if k == kind]
    image_grids = torch.tensor(of("image")) if of("image") else None
    video_grids = torch.tensor(of("video")) if of("video") else None
    positions = oracle.model.model.get_rope_index(tensor, image_grids, video_grids, torch.ones_like(tensor))[0]
    return {"input_ids": tokens, "labels": labels, "grids": grids, "position_ids": positions[:, 0].tolist()}


def main():
    oracle = write_reference.Oracle(f"{GOLDENS}/tiny")
    os.makedirs(f"{GOLDENS}/data", exist_ok=True)
    cases = []
    for name, messages in CASES.items():
        for vision_ids in (False, True):
            if vision_ids and not name.startswith(("several", "a clip and")):
                continue
            case = {"name": name, "messages": messages, "add_vision_id": vision_ids}
            cases.append(case | make(oracle, messages, vision_ids))
    with open(f"{GOLDENS}/data/cases.json", "w", encoding="utf-8") as file:
        file.write("[" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "]\n")


if __name__ == "__main__":
    main()
