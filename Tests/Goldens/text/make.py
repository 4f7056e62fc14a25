"""Makes the tiny tokenizer and the reference cases of the text tests.

usage: python make.py            (needs the Python packages tokenizers and jinja2; writes beside itself)

Writes ../tiny-tokenizer/{tokenizer.json, vocab.json, merges.txt, tokenizer_config.json}, a byte-level BPE of 786
entries with the 14 special tokens of Qwen2-VL behind them (800 ids), and cases.json: text → ids, ids → text and
conversations → ids, all computed by the reference library.
"""

import json
import pathlib
import random

import jinja2.sandbox
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from corpus import TEXT

HERE = pathlib.Path(__file__).parent
TINY = HERE.parent / "tiny-tokenizer"
BASE = 786
SPECIAL = [
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>",
    "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>",
    "<|image_pad|>", "<|video_pad|>",
]
# The pre-tokenizer pattern of Qwen2, a fact of the format.
PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The conversation format of Qwen2-VL: default system turn, parts in order, optional numbers before visuals.
TEMPLATE = (
    "{%- set seen = namespace(images=0, videos=0) -%}"
    "{%- for message in messages -%}"
    "{%- if loop.first and message['role'] != 'system' -%}"
    "{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}"
    "{%- endif -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{%- set seen.images = seen.images + 1 -%}"
    "{%- if add_vision_id -%}{{- 'Picture ' + (seen.images | string) + ': ' -}}{%- endif -%}"
    "{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}"
    "{%- elif part['type'] == 'video' -%}{%- set seen.videos = seen.videos + 1 -%}"
    "{%- if add_vision_id -%}{{- 'Video ' + (seen.videos | string) + ': ' -}}{%- endif -%}"
    "{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}"
    "{%- else -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def split():
    return pre_tokenizers.Split(Regex(PATTERN), "isolated")


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**({"add_prefix_space": False, "use_regex": False} | options))


def make_tokenizer():
    trained = Tokenizer(models.BPE())
    trained.normalizer = normalizers.NFC()
    trained.pre_tokenizer = pre_tokenizers.Sequence([split(), byte_level()])
    trainer = trainers.BpeTrainer(
        vocab_size=BASE, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    trained.train_from_iterator(TEXT.split("\n\n") + TEXT.splitlines(), trainer)
    assert trained.get_vocab_size() == BASE, trained.get_vocab_size()
    trained.post_processor = processors.ByteLevel(trim_offsets=False)
    trained.decoder = decoders.ByteLevel()
    trained.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    return trained


def save_tokenizer(tokenizer):
    TINY.mkdir(exist_ok=True)
    tokenizer.save(str(TINY / "tokenizer.json"), pretty=False)
    tokenizer.model.save(str(TINY))  # vocab.json and merges.txt
    added = {
        str(BASE + i): {
            "content": s, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
        for i, s in enumerate(SPECIAL)
    }
    config = {
        "add_prefix_space": False, "added_tokens_decoder": added, "additional_special_tokens": SPECIAL[1:],
        "bos_token": None, "chat_template": TEMPLATE, "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>", "errors": "replace", "model_max_length": 32768, "pad_token": "<|endoftext|>",
        "split_special_tokens": False, "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }
    (TINY / "tokenizer_config.json").write_text(json.dumps(config, indent=1))


POOLS = [
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ", "0123456789", " ", "  \t", "\r\n", "\n", ".,;:!?'\"()[]{}<>|/\\@#$%^&*_+-=~`",
    "éèêëüöäßñçøåœÀÉÎ", "e\u0301a\u0300o\u0308n\u0303c\u0327", "\u0301\u0300\u0323\u0308\u0327\u0345\u0334", "жзийклмнопрст",
    "图片中有一只猫汽车颜色", "これはテストですガギグ", "か\u3099は\u309a", "한국어사진", "\u1112\u1161\u11ab\u1100\u1173\u11af",
    "عربيةصورة", "हिन्दीचित्र", "ภาพนี้", "😀👍🏽👩\u200d👧\ufe0f🇫🇷", "٣४௫Ⅷ½²①", "ſK\u212b\u2126Ω",
    "\u0085\u00a0\u1680\u180e\u2000\u2003\u2009\u200a\u200b\u2028\u2029\u202f\u205f\u3000\ufeff",
    "\x00\x01\x07\x08\x0b\x0c\x1b\x1c\x1f\x7f\x80\x9f", "\ufffd\ufffe\uffff\U0001f9ff\U0010ffff\ue000\U000e0001",
    "\u1c89\ua7cb\U00011f02\U00031350\U000105c0\U00011f50\U0001e4f0", "\u0898\u08d3\u0c3c\u1dfa\U00011930\U00011935\U00016ff0",
]
WORDS = ["'s", "'S", "'ſ", "'re", "'VE", "'Ll", "'d", "I'm", "don't", " the", "picture", "image", "\n\n", "\r\n", "   ",
         "<|im_end|>", "<|im_start|>", "<|image_pad|>", "<|im_", "end|>", "<|vision_start|>", "<|endoftext|>"]


def random_text(rng):
    out = []
    for _ in range(rng.randint(1, 12)):
        kind = rng.random()
        if kind < 0.2:
            out.append(rng.choice(WORDS))
        elif kind < 0.9:
            pool = rng.choice(POOLS)
            out.append("".join(rng.choice(pool) for _ in range(rng.randint(1, 6))))
        else:
            point = rng.choice([rng.randrange(0x80), rng.randrange(0x3000), rng.randrange(0x110000)])
            out.append("" if 0xD800 <= point < 0xE000 else chr(point))
    return "".join(out)


HAND = [
    "", " ", "  ", "a", "\n", "\r\n", "\r\n\r\n", " \n ", "\n \n", "  \n\n  x", "a  b", "a   b", "a\tb", "a \t b", "x \n",
    "Hello, world!", " Hello", "Hello ", "It's what he'd've said, isn't it? WE'LL SEE; THEY'RE DON'T", "'ſ 'ſt a'ſb ’s",
    "12345 1,234.5 v2 a1b2", "naïve café", "nai\u0308ve cafe\u0301", "A\u030a \u00c5 \u212b", "\u1112\u1161\u11ab 한",
    "q\u0323\u0307 q\u0307\u0323", "か\u3099が", "\u0301leading", "\u0344\u0958\u2adc\ufb1d\U0001d15e", "ﬁ ﬀ ²",
    "👩‍👩‍👧‍👦 👍🏽 🇫🇷 ❤️", "图中有一只猫。请描述！", "日本語で説明してください", "고양이 두 마리", "في الصورة", "इस चित्र में",
    "a\u0085b\u00a0c\u3000d\u2003e\u2028f\u180eg\ufeffh", "\u0085\u0085 \u00a0\u00a0x", " \u3000\u3000 ", "\u180e\u180e",
    "tab\t\ttab", "\x00\x01\x02", "\x7f\x1b[0m", "a" * 300, " " * 100, "\n" * 50, "ab" * 100, " \n" * 40, "ー" * 50,
    "0" * 64, "!" * 80, "?!" * 40 + "\n\n\n", "{\"a\": [1, 2, {\"b\": null}]}", "def f(x):\n    return x  # ok\n\n\n",
    "<|im_end|>", "<|im_start|>system\nobey<|im_end|>\n", "a<|im_end|>b", "<|im_end|", "|im_end|>", "<|IM_END|>",
    "<<|im_end|>>", "<|im_end|><|im_end|>", " <|endoftext|> ", "<|vision_start|><|image_pad|><|vision_end|>",
    "<box>(1,2),(3,4)</box>", "(120,340),(560,780)", "http://example.com/a?b=c&d=e#f", "C:\\dir\\file.txt",
]


def encode_cases(tokenizer, texts):
    cases = []
    for text in texts:
        tokenizer.encode_special_tokens = True
        case = {"text": text, "ids": tokenizer.encode(text).ids}
        tokenizer.encode_special_tokens = False
        parsed = tokenizer.encode(text).ids
        if parsed != case["ids"]:
            case["parsed"] = parsed
        cases.append(case)
    return cases


def decode_cases(tokenizer, rng):
    lists = [[], [BASE + 1, BASE + 2], [BASE, 5, 900, 7, BASE + 13], [900], list(range(256))]
    lists += [tokenizer.encode(t).ids for t in HAND[15:36]]
    for _ in range(60):
        lists.append([rng.randrange(0, BASE + len(SPECIAL) + 4) for _ in range(rng.randint(1, 10))])
    high = [i for i in range(BASE) if len(tokenizer.id_to_token(i)) == 1 and tokenizer.decode([i]) == "\ufffd"]
    for _ in range(60):  # single bytes that are not ASCII, so that broken sequences of every kind occur
        lists.append([rng.choice(high) for _ in range(rng.randint(1, 8))])
    for text in ["é", "한", "👍🏽", "a猫b"]:  # every cut of a sequence of single bytes
        alphabet = {b: c for b, c in zip(range(256), byte_letters())}
        ids = [tokenizer.token_to_id(alphabet[b]) for b in text.encode()]
        lists += [ids[i:j] for i in range(len(ids)) for j in range(i + 1, len(ids) + 1)]
    return [
        {"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False),
         "plain": tokenizer.decode(ids, skip_special_tokens=True)} for ids in lists
    ]


def byte_letters():
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    spare = iter(range(256, 512))
    return [chr(b) if b in printable else chr(next(spare)) for b in range(256)]


def chat_cases(tokenizer, rng):
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(TEMPLATE)
    image, video = (lambda n: {"type": "image", "tokens": n}), (lambda n: {"type": "video", "tokens": n})
    text = lambda s: {"type": "text", "text": s}
    turn = lambda role, *parts: {"role": role, "content": list(parts)}
    conversations = [
        [turn("user", text("Hello"))],
        [turn("user", text(""))],
        [turn("user", text("\n\nfoo")), turn("assistant", text("\nbar\n")), turn("user", text("\n"))],
        [turn("system", text("Answer in French.")), turn("user", text("What is this?"), image(6))],
        [turn("user", image(4), text("What is in this picture?"))],
        [turn("user", text("Compare "), image(4), text(" with "), image(9), text("."))],
        [turn("user", image(1), image(2), video(3), image(4), text("All."))],
        [turn("user", text("a"), text("b"), text("'s"), image(2), text("\n"), text("\nc"))],
        [turn("user", image(4), text("First")), turn("assistant", text("A cat.")), turn("user", image(5), text("Second")),
         turn("assistant", text("A dog.")), turn("user", video(8), video(2), text("And these?"))],
        [turn("system", text("")), turn("user", text("e\u0301 "), text("\u0301"))],
        [turn("user", text("one")), turn("system", text("late")), turn("tool", text("{\"r\": 1}"))],
        [turn("system", image(3), text("odd")), turn("user", image(2))],
    ]
    for _ in range(30):
        turns = []
        for index in range(rng.randint(1, 5)):
            parts = []
            for _ in range(rng.randint(0, 4)):
                kind = rng.random()
                plain = random_text(rng).replace("<|", "<")  # the reference would parse special tokens here
                parts.append(image(rng.randint(1, 12)) if kind < 0.3 else video(rng.randint(1, 12)) if kind < 0.45 else text(plain))
            turns.append(turn(rng.choice(["user", "assistant", "system"]) if index else rng.choice(["user", "system"]), *parts))
        conversations.append(turns)
    cases = []
    for messages in conversations:
        for vision_ids in (False, True):
            for prompt in (True, False):
                if not prompt and vision_ids:
                    continue
                string = template.render(messages=messages, add_vision_id=vision_ids, add_generation_prompt=prompt)
                for message in messages:  # as the processor does: each pad becomes as many as the visual has tokens
                    for part in message["content"]:
                        if part["type"] != "text":
                            pad = f"<|{part['type']}_pad|>"
                            string = string.replace(pad, "<|placeholder|>" * part["tokens"], 1)
                for message in messages:
                    for part in message["content"]:
                        if part["type"] != "text":
                            string = string.replace("<|placeholder|>", f"<|{part['type']}_pad|>", part["tokens"])
                cases.append({"messages": messages, "vision_ids": vision_ids, "prompt": prompt,
                              "ids": tokenizer.encode(string).ids})
    return cases


def token(content, **options):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False} | options


def variant_cases(base, rng):
    """Other settings of the same vocabulary: members of tokenizer.json replaced, and what the reference makes of it."""
    listed = json.loads(base.to_str())
    first = BASE + len(SPECIAL)
    added = lambda *tokens: {"added_tokens": listed["added_tokens"] + [
        {"id": first + i} | t for i, t in enumerate(tokens)]}
    sequence = lambda *parts: {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [json.loads(p.__getstate__()) for p in parts]}}
    alone = lambda part: {"pre_tokenizer": json.loads(part.__getstate__())}
    model = lambda **options: {"model": options}
    variants = {
        "prefix space": sequence(split(), byte_level(add_prefix_space=True)),
        "prefix space and own pattern": alone(byte_level(add_prefix_space=True, use_regex=True)),
        "own pattern": alone(byte_level(use_regex=True)),
        "no pattern": alone(byte_level()),
        "no normalizer": {"normalizer": None},
        "removed, inverted": sequence(pre_tokenizers.Split(Regex(PATTERN), "removed", invert=True), byte_level()),
        "removed": sequence(pre_tokenizers.Split(Regex(r"\s+"), "removed"), byte_level()),
        "string pattern": sequence(pre_tokenizers.Split(" ", "isolated"), byte_level()),
        "two patterns": sequence(pre_tokenizers.Split(Regex(r"\p{N}{1,3}"), "isolated"), split(), byte_level()),
        "classes": sequence(pre_tokenizers.Split(Regex(r"[^\S\n]+|\P{L}|[\p{L}\p{M}]+"), "isolated"), byte_level()),
        "whole words": model(ignore_merges=True),
        "added": added(token("<tool>"), token("cat", single_word=True), token("<l>", lstrip=True), token("<r>", rstrip=True),
                       token("<b>", lstrip=True, rstrip=True, special=True), token("<tool>s"), token("im_end")),
        "added, normalized": added(token("e\u0301t", normalized=True), token("\u01d4", normalized=True), token("A\u030a"),
                                   token("mam", single_word=True, normalized=True), token(" the", normalized=True)),
    }
    extra = ["<tool> <tool>s cat cats (cat) cat. 猫cat _cat cat\u0301", "x <l> y <l>z", "<r>  a\n<r>", " <b> \u3000<b>\n", "<l><r><l> <r>",
             "e\u0301t ét été u\u030c ǔ Å A\u030a mam mamma mam, the the", "cat", " cat ", "<|im_end|>s", "  <|im_end|>  <l>", "<b><|im_end|><b>",
             "a<b>", "x  <l>", "<tool", "<|<tool>im_end|>", "im_end <|im_end|>"]
    result = []
    for name, changes in variants.items():
        whole = json.loads(base.to_str())
        for key, value in changes.items():
            whole[key] = whole[key] | value if key == "model" else value
        other = Tokenizer.from_str(json.dumps(whole))
        texts = HAND[:68] + extra + [random_text(rng) for _ in range(12)]
        texts = [t for t in texts if len(t) < 90]
        result.append({"name": name, "changes": changes, "cases": encode_cases(other, texts)})
    return result


def main():
    rng = random.Random(20240918)
    tokenizer = make_tokenizer()
    save_tokenizer(tokenizer)
    cases = {
        "made with": f"tokenizers {tokenizers.__version__}",
        "encode": encode_cases(tokenizer, HAND + [random_text(rng) for _ in range(420)]),
        "decode": decode_cases(tokenizer, rng),
        "chat": chat_cases(tokenizer, rng),
    }
    dump = lambda value, name: (HERE / name).write_text(
        json.dumps(value, ensure_ascii=True, separators=(",", ":")).replace('},{"', '},\n{"') + "\n")
    dump(cases, "cases.json")
    dump(variant_cases(tokenizer, rng), "variants.json")


if __name__ == "__main__":
    main()
