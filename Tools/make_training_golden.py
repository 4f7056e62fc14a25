"""Writes Tests/Goldens/training/batch.safetensors: a batch, its loss, gradients and ten optimiser steps, as PyTorch has them.

    python Tools/make_training_golden.py

The model is Tests/Goldens/tiny, taken to float64 (and once more to float32, which bounds the reference's own rounding). The batch
is three samples with labels on some places: two with an image each, of different sizes, and one of text alone. Packing is what is
to be proved, so here every sample runs by itself and the losses are summed.

    samples            [3]        int64    tokens per sample
    input_ids          [T]        int64    all samples' tokens one after another
    targets            [T]        int64    the token that each place is to predict, -1 where nothing is learnt
    position_ids       [3, T]     int64    from get_rope_index, per sample
    image_grid_thw     [2, 3]     int64
    pixel_values       [N, 1176]  bfloat16 patches of both images; random, exact in bfloat16
    loss               [1]        float64  the sum of the cross-entropies, in float64
    loss_rounding      [1]        float64  how far the float32 run is from it
    steps              [10]       float64  mean losses before each of ten AdamW steps, in float64
    steps_rounding     [10]       float64  how far float32 runs are from them, the farthest of eight whose weights differ by roundings
    NAME.gradient      [n]        float32  of every parameter: all elements, or SAMPLE of a larger one, evenly spread
    NAME.projections   [5]        float64  of larger ones: the norm, then sums with the signs of SIGNS pseudo-random numbers
    NAME.rounding      [1]        float64  the largest difference of the float32 run in any element

AdamW: learning rate 1e-3, betas 0.9 and 0.95, epsilon 1e-8, weight decay 0.1 on matrices only, norm of the mean loss's gradient
clipped to 1. The signs come from the generator of the tests (`randomFloats`), seed 200 + index of the projection.
"""

import os

import numpy as np
import torch
from transformers.models.qwen2_vl import modeling_qwen2_vl as modeling

import write_reference

GOLDENS = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Tests", "Goldens"))
WHOLE, SAMPLE, SIGNS = 256, 128, 4
GRIDS = [(1, 4, 6), (1, 2, 4)]


def signs(count, seed):
    """The signs of the tests' pseudo-random numbers."""
    mask = (1 << 64) - 1
    state, result = (seed * 2654435761 + 12345) & mask, np.empty(count)
    for i in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) & mask
        result[i] = -1.0 if state >> 63 else 1.0
    return torch.from_numpy(result)


class Norm(torch.nn.Module):
    """RMSNorm that stays in the type of its input; the reference's always computes in float32."""

    def __init__(self, other):
        super().__init__()
        self.weight, self.epsilon = other.weight, other.variance_epsilon

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon))


def rotate_vision(q, k, cos, sin):
    """The reference's, without its detour through float32."""
    cos, sin = cos.unsqueeze(-2), sin.unsqueeze(-2)
    return (q * cos + modeling.rotate_half(q) * sin).to(q.dtype), (k * cos + modeling.rotate_half(k) * sin).to(k.dtype)


def open_model(dtype):
    model = write_reference.Oracle(f"{GOLDENS}/tiny").model
    frequencies = {name: buffer.clone() for name, buffer in model.named_buffers() if name.endswith("inv_freq")}
    model = model.to(dtype).train()
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if name.endswith("inv_freq"):
                continue
            if "RMSNorm" in type(child).__name__:
                setattr(parent, name, Norm(child))
    for name, buffer in frequencies.items():  # angles are float32 products in the network's definition
        parent, _, leaf = name.rpartition(".")
        model.get_submodule(parent).register_buffer(leaf, buffer, persistent=False)
    return model


def make_samples(model):
    """Tokens, targets and patches of each sample."""
    rng = np.random.default_rng(11)
    config = model.config
    text = lambda count: [int(x) for x in rng.integers(0, 786, count)]
    picture = lambda grid: [config.vision_start_token_id] + [config.image_token_id] * (grid[1] * grid[2] // 4) + [
        config.vision_end_token_id]  # fmt: skip
    result = []
    for before, grid, after, supervised in ((3, GRIDS[0], 11, 6), (1, GRIDS[1], 7, 5), (9, None, 0, 4)):
        ids = text(before) + (picture(grid) if grid else []) + text(after)
        if grid is None:
            ids[5] = ids[2]  # a token that comes twice
        targets = [-1] * len(ids)
        for place in range(len(ids) - 1 - supervised, len(ids) - 1):
            targets[place] = ids[place + 1]
        targets[len(ids) - 3] = -1  # a gap
        patches = None
        if grid:
            values = rng.standard_normal((grid[1] * grid[2], 1176)).astype(np.float32)
            patches = torch.from_numpy(values).bfloat16()
        result.append((ids, targets, grid, patches))
    return result


def losses(model, samples, dtype):
    """The sum of the cross-entropies of each sample, run by itself."""
    for ids, targets, grid, patches in samples:
        ids = torch.tensor([ids])
        vision = {}
        if grid:
            vision = {"pixel_values": patches.to(dtype), "image_grid_thw": torch.tensor([grid])}
        model.model.rope_deltas = None
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, **vision).logits[0]
        yield torch.nn.functional.cross_entropy(
            logits.to(dtype), torch.tensor(targets), ignore_index=-1, reduction="sum")  # fmt: skip


def published(name):
    """transformers' name of a parameter as it is published."""
    return name.replace("model.visual.", "visual.").replace("model.language_model.", "model.")


def gradients(dtype):
    model = open_model(dtype)
    samples = make_samples(model)
    total = sum(loss.detach() for loss in map(backward, losses(model, samples, dtype)))
    return total.double(), {published(n): p.grad.double().flatten() for n, p in model.named_parameters()}


def backward(loss):
    loss.backward()
    return loss


def ten_steps(dtype, seed=None):
    """Losses of ten steps; with a seed, of weights that are moved by a rounding first."""
    model = open_model(dtype)
    if seed is not None:
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for p in model.parameters():
                p.mul_(1 + 2.0**-23 * (2 * torch.rand(p.shape, generator=generator) - 1))
    samples = make_samples(model)
    count = sum(target >= 0 for _, targets, _, _ in samples for target in targets)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() == 1]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.95), eps=1e-8, foreach=False,
    )  # fmt: skip
    result = []
    for _ in range(10):
        optimizer.zero_grad()
        loss = sum(losses(model, samples, dtype)) / count
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        result.append(loss.detach().double())
    return torch.stack(result)


def main():
    torch.set_num_threads(1)
    modeling.apply_rotary_pos_emb_vision = rotate_vision
    model = open_model(torch.float32)
    samples = make_samples(model)
    positions = []
    for ids, _, grid, _ in samples:
        ids = torch.tensor([ids])
        grids = torch.tensor([grid]) if grid else None
        positions.append(model.model.get_rope_index(ids, grids, None, torch.ones_like(ids))[0][:, 0])
    tensors = {
        "samples": torch.tensor([len(ids) for ids, _, _, _ in samples]),
        "input_ids": torch.tensor(sum((ids for ids, _, _, _ in samples), [])),
        "targets": torch.tensor(sum((targets for _, targets, _, _ in samples), [])),
        "position_ids": torch.cat(positions, 1).long(),
        "image_grid_thw": torch.tensor(GRIDS),
        "pixel_values": torch.cat([patches for _, _, _, patches in samples if patches is not None]),
    }
    loss, exact = gradients(torch.float64)
    loss32, rounded = gradients(torch.float32)
    tensors["loss"], tensors["loss_rounding"] = loss.reshape(1), (loss32 - loss).abs().reshape(1)
    worst = 0
    for name, gradient in exact.items():
        rounding = (rounded[name] - gradient).abs().max()
        worst = max(worst, (rounding / gradient.abs().max()).item())
        tensors[f"{name}.rounding"] = rounding.reshape(1)
        if len(gradient) <= WHOLE:
            tensors[f"{name}.gradient"] = gradient.float()
            continue
        tensors[f"{name}.gradient"] = gradient[torch.arange(SAMPLE) * len(gradient) // SAMPLE].float()
        projections = [gradient.norm()] + [(gradient * signs(len(gradient), 200 + i)).sum() for i in range(SIGNS)]
        tensors[f"{name}.projections"] = torch.stack(projections)
    steps = ten_steps(torch.float64)
    runs = torch.stack([ten_steps(torch.float32, seed) for seed in (None, *range(7))])
    tensors["steps"], tensors["steps_rounding"] = steps, (runs - steps).abs().amax(0)
    os.makedirs(f"{GOLDENS}/training", exist_ok=True)
    path = f"{GOLDENS}/training/batch.safetensors"
    write_reference.save(path, tensors, {})
    print(f"{path}: {os.path.getsize(path)} bytes, {len(exact)} gradients, loss {loss.item():.9f} ({loss32.item():.9f} in float32), "
          f"largest relative rounding of a gradient {worst:.3g}")  # fmt: skip
    print("steps", [round(x, 6) for x in steps.tolist()], "rounding", [f"{x:.2g}" for x in tensors["steps_rounding"].tolist()])


if __name__ == "__main__":
    main()
