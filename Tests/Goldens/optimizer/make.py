"""Makes adamw.json: PyTorch's AdamW with clipping by the global norm, step by step.

    python Tests/Goldens/optimizer/make.py
"""

import json
import pathlib

import torch

STEPS = 10
generator = torch.Generator().manual_seed(7)


def random(*shape):
    return torch.randn(*shape, generator=generator)


# Two matrices that decay and a vector that does not, with a learning rate each.
parameters = [torch.nn.Parameter(random(5, 7)), torch.nn.Parameter(random(1, 33)), torch.nn.Parameter(random(19))]
groups = [
    {"params": [parameters[0]], "lr": 1e-2, "weight_decay": 0.1},
    {"params": [parameters[1]], "lr": 3e-3, "weight_decay": 0.1},
    {"params": [parameters[2]], "lr": 1e-2, "weight_decay": 0.0},
]
optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8)
rates = [group["lr"] for group in groups]
result = {
    "torch": torch.__version__, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "clip": 5.0,
    "decay": [group["weight_decay"] for group in groups],
    "start": [p.detach().flatten().tolist() for p in parameters], "steps": [],
}
for step in range(STEPS):
    # A rate that changes, and sizes between ½ and 2 so that the norm is above the limit in some steps only.
    for group, rate in zip(groups, rates):
        group["lr"] = rate * (step + 1) / STEPS
    for p in parameters:
        size = torch.rand(p.shape, generator=generator) * 1.5 + 0.5
        sign = torch.randint(0, 2, p.shape, generator=generator) * 2 - 1
        p.grad = size * sign * (1.0 if step % 2 else 0.25)
    gradients = [p.grad.flatten().tolist() for p in parameters]
    norm = torch.nn.utils.clip_grad_norm_(parameters, 5.0)
    optimizer.step()
    result["steps"].append({
        "rates": [group["lr"] for group in groups], "gradients": gradients, "norm": norm.item(),
        "parameters": [p.detach().flatten().tolist() for p in parameters],
    })
path = pathlib.Path(__file__).parent / "adamw.json"
path.write_text(json.dumps(result))
