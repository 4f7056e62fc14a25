"""Makes an adapter of the tiny model as PEFT saves it, and what transformers answers with it.

    python Tests/Goldens/adapter/make.py
"""

import json
import pathlib

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, Qwen2VLForConditionalGeneration

here = pathlib.Path(__file__).parent
tiny = here.parent / "tiny"
torch.manual_seed(3)
model = Qwen2VLForConditionalGeneration.from_pretrained(tiny, dtype=torch.float32)
config = LoraConfig(r=2, lora_alpha=8, target_modules=["q_proj", "v_proj", "gate_proj", "fc1"], task_type="CAUSAL_LM")
model = get_peft_model(model, config).eval()
for name, parameter in model.named_parameters():
    if "lora_" in name:  # large enough that every answer changes
        torch.nn.init.normal_(parameter, std=0.3)
model.save_pretrained(here)
(here / "README.md").unlink(missing_ok=True)
saved = json.loads((here / "adapter_config.json").read_text())
saved["base_model_name_or_path"] = "Tests/Goldens/tiny"
saved["target_modules"].sort()
(here / "adapter_config.json").write_text(json.dumps(saved, indent=2) + "\n")
(here / "adapter_model.safetensors").chmod(0o644)
tokenizer = AutoTokenizer.from_pretrained(tiny)
question = "Hello"
text = (
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n"
    f"<|im_start|>user\n{question}<|im_end|>\n<|im_start|>assistant\n"
)
ids = tokenizer(text, return_tensors="pt")["input_ids"]
answers = {}
for name in ("with", "without"):
    context = model.disable_adapter() if name == "without" else torch.no_grad()
    with context, torch.no_grad():
        out = model.generate(
            input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, top_k=None, top_p=None,
            temperature=None, max_new_tokens=12, output_scores=True, return_dict_in_generate=True)
    scores = torch.stack(out.scores).squeeze(1)
    best = scores.topk(2).values
    print(name, out.sequences[0, ids.shape[1]:].tolist(), "least margin", float((best[:, 0] - best[:, 1]).min()))
    answers[name] = out.sequences[0, ids.shape[1] :].tolist()
assert answers["with"] != answers["without"]
(here / "answers.json").write_text(json.dumps({"question": question, **answers}) + "\n")
