"""Makes the references of tokenizer training.

usage: python training.py        (needs the Python packages tokenizers and jinja2; writes beside itself)

Writes training.json: corpora with the settings of a BpeTrainer, the merges it finds and what the tokenizer makes of a
few texts; trained/, the files of one of them as the library writes them; and chat_template.jinja after comparing what it
renders with a plain renderer.
"""

import json
import pathlib
import random
import tempfile

import jinja2.sandbox
from tokenizers import Tokenizer, pre_tokenizers, trainers

from corpus import TEXT
from make import HAND, PATTERN, SPECIAL, random_text

HERE = pathlib.Path(__file__).parent
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
EMPTY = {
    "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": {"type": "NFC"},
    "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False}, BYTE_LEVEL]},
    "post_processor": BYTE_LEVEL, "decoder": BYTE_LEVEL,
    "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
              "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
              "vocab": {}, "merges": []},
}


def train(files, vocabulary, minimum=0, longest=None, unit="file", special=SPECIAL):
    tokenizer = Tokenizer.from_str(json.dumps(EMPTY))
    # The library's limit is one more than the longest token.
    limit = {} if longest is None else {"max_token_length": longest + 1}
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, min_frequency=minimum, special_tokens=special, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), **limit)
    if unit == "line":
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for index, text in enumerate(files):
                paths.append(f"{directory}/{index}")
                pathlib.Path(paths[-1]).write_bytes(text.encode())
            tokenizer.train(paths, trainer)
    else:
        tokenizer.train_from_iterator(files, trainer)
    return tokenizer


def case(name, files, vocabulary, texts=(), **settings):
    tokenizer = train(files, vocabulary, **settings)
    model = json.loads(tokenizer.to_str())["model"]
    # Everything else of the vocabulary follows: special tokens, bytes, and what the merges make in order.
    return {"name": name, "files": files, "vocabulary": vocabulary, "minimum": settings.get("minimum", 0),
            "longest": settings.get("longest"), "unit": settings.get("unit", "file"),
            "special": settings.get("special", SPECIAL), "size": tokenizer.get_vocab_size(),
            "merges": [" ".join(m) for m in model["merges"]],
            "encode": [{"text": t, "ids": tokenizer.encode(t).ids} for t in texts]}


ENGLISH = """There are three red circles and a blue square. The red circle is to the left of the blue square. How many circles
are there? There are three. What colour is the square? It's blue. Isn't the largest circle red? They're all red, and
the smallest one isn't to the right of the triangle: it's above it. Read the text: "Total: 12.50". The total is 12.50.
"""
CHINESE = "图中有三个红色的圆形和一个蓝色的正方形。红色的圆形在蓝色的正方形的左边。图中有几个圆形？图中有三个圆形。正方形是什么颜色？是蓝色。\n"
CODE = """def area(self, width, height):
    if width < 0 or height < 0:
        raise ValueError("a side is negative")

    return width * height


for (int i = 0; i < n; ++i) { sum += a[i] * b[i]; }  // -------- done --------
{"name": "area", "arguments": {"width": 3, "height": [4, 5, 6]}}
"""
ODD = "".join(HAND) + "e\u0301 été A\u030a\u212b \ufeff\u200b👩‍👩‍👧‍👦👩‍👩‍👧 ﬁﬁ ＡＢＣ　ＡＢＣ\u2028\u2029\u0085\r\n\r\n\t\t \u00a0\u00a0 ʼn's 'S 'ſ 'LL\x00\x00\x00"


def runs(rng, letters, count):
    return "".join(rng.choice(letters) * rng.choice([1, 1, 1, 2, 3, 5, 9]) for _ in range(count))


def main():
    rng = random.Random(5)
    everything = "\n".join(random_text(rng) for _ in range(500)) + TEXT + ODD
    cases = [
        case("English", [ENGLISH], 420, ["There are three circles. It's 12.5", "étoile"]),
        case("English, twice, least frequency", [ENGLISH, ENGLISH], 420, minimum=4),
        case("Chinese", [CHINESE], 400, ["图中有一个蓝色的圆形。"]),
        case("code", [CODE], 400, ["    return width\n\n\ndef f():\n        pass"]),
        case("code by lines", [CODE], 400, ["    return width\n\n\ndef f():\n        pass"], unit="line"),
        case("odd characters", [ODD], 500, [ODD]),
        case("odd characters by lines", [ODD, CODE, CHINESE], 520, unit="line"),
        case("several files", [ENGLISH[:301], CHINESE, "", CODE], 600, [ENGLISH]),
        case("nothing repeats", ["ba dc fe hg ab"], 300),
        case("ties", ["zy yx xw ab bc cd ab zy xw cd yx bc"], 300),
        case("ties of runs", ["aaaa bbbb aaaa bbbb -- == -- =="], 300),
        case("one letter", ["a"], 300),
        case("nothing to learn", ["a 1 b 2 ! ?"], 300),
        case("no room for merges", [ENGLISH], 256 + len(SPECIAL)),
        case("room for one", [ENGLISH], 257 + len(SPECIAL)),
        case("short tokens", [ENGLISH + CODE], 500, longest=3),
        case("pairs only", [ENGLISH], 500, longest=2),
        case("no special tokens", [ENGLISH], 330, special=[]),
        case("other special tokens", [ENGLISH], 330, special=["<pad>", "<é>", "<|im_end|>"]),
        case("special tokens in the text", ["<|im_start|>user\nred<|im_end|>\n" * 20], 330, ["<|im_end|>"]),
        case("everything", [everything], 900, HAND[:40]),
        case("everything by lines", [everything], 900, unit="line"),
    ]
    for index in range(24):  # runs, in which pairs overlap
        letters = ["a", "ab", "-=", "ab-", "a ", "\n ab", "é猫a", "a\u0301b", "  \n\r\tx"][index % 9]
        cases.append(case(
            f"runs {index}", [runs(rng, letters, 150)], 300, unit=["file", "line"][index % 2],
            minimum=[0, 2][index // 2 % 2], longest=[None, 5, 8][index % 3]))
    with open(HERE / "training.json", "w") as file:
        json.dump(cases, file, ensure_ascii=False, separators=(",", ":"))

    directory = HERE / "trained"
    directory.mkdir(exist_ok=True)
    tokenizer = train([ENGLISH], 420)
    tokenizer.save(str(directory / "tokenizer.json"), pretty=True)
    tokenizer.model.save(str(directory))
    check_template((HERE / "chat_template.jinja").read_text())


def render(messages, vision_ids, prompt):
    """What the template should give, in plain words."""
    out, seen = [], {"image": 0, "video": 0}
    if messages and messages[0]["role"] != "system":
        out.append("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n")
    for message in messages:
        out.append(f"<|im_start|>{message['role']}\n")
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            kind = "image" if part.get("type") == "image" or "image" in part or "image_url" in part else \
                "video" if part.get("type") == "video" or "video" in part else "text"
            if kind == "text":
                out.append(part.get("text", ""))
                continue
            seen[kind] += 1
            if vision_ids:
                out.append(f"{'Picture' if kind == 'image' else 'Video'} {seen[kind]}: ")
            out.append(f"<|vision_start|><|{kind}_pad|><|vision_end|>")
        out.append("<|im_end|>\n")
    return "".join(out) + ("<|im_start|>assistant\n" if prompt else "")


def check_template(source):
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(source)
    rng = random.Random(9)
    parts = [{"type": "image", "image": "a.png"}, {"type": "image"}, {"image": "b.png"}, {"type": "image_url", "image_url": {"url": "u"}},
             {"type": "video", "video": "c.mp4"}, {"video": ["f.png"]}, {"type": "text", "text": "\n two\n"}, {"text": " x"},
             {"type": "text", "text": ""}, {"type": "audio"}]
    for _ in range(2000):
        messages = [
            {"role": rng.choice(["system", "user", "assistant", "tool"]),
             "content": rng.choice(["", "plain", " \nlines\n "]) if rng.random() < 0.3 else rng.choices(parts, k=rng.randint(0, 5))}
            for _ in range(rng.randint(0, 5))]
        for vision_ids in (False, True):
            for prompt in (False, True):
                text = template.render(messages=messages, add_vision_id=vision_ids, add_generation_prompt=prompt)
                assert text == render(messages, vision_ids, prompt), (messages, text)


if __name__ == "__main__":
    main()
