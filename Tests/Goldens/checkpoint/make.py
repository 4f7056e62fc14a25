"""Writes types.safetensors and halves.safetensors beside itself, with the reference implementation of the format.

    python Tests/Goldens/checkpoint/make.py

types.safetensors holds every element type that torch can store, among them a scalar and a tensor without elements.
halves.safetensors holds 16-bit patterns (zeros, subnormals, limits, infinities, NaN, and an arithmetic sequence over
the rest) with the float32 values that torch gives them.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

here = Path(__file__).resolve().parent

types = {
    "bool": torch.tensor([True, False, True]),
    "u8": torch.tensor([0, 1, 255], dtype=torch.uint8),
    "i8": torch.tensor([-128, 0, 127], dtype=torch.int8),
    "f8_e4m3": torch.tensor([0.5, -448.0, 2.0]).to(torch.float8_e4m3fn),
    "f8_e5m2": torch.tensor([0.5, -57344.0, 2.0]).to(torch.float8_e5m2),
    "i16": torch.tensor([-32768, 32767], dtype=torch.int16),
    "u16": torch.tensor([0, 65535], dtype=torch.uint16),
    "f16": torch.tensor([[0.5, -65504.0], [6e-8, 1.0]], dtype=torch.float16),
    "bf16": torch.tensor([[0.5, -3e38], [1e-40, 1.0]], dtype=torch.bfloat16),
    "i32": torch.tensor([-(2**31), 2**31 - 1], dtype=torch.int32),
    "u32": torch.tensor([0, 2**32 - 1], dtype=torch.uint32),
    "f32": torch.tensor([[0.1, -1.5, 3.0], [1e-45, 3.4e38, -0.0]]),
    "c64": torch.tensor([1.0 + 2.0j]),
    "f64": torch.tensor([0.1, 1e300, -2.0], dtype=torch.float64),
    "i64": torch.tensor([-(2**63), 2**63 - 1, 42], dtype=torch.int64),
    "u64": torch.tensor([0, 2**63 - 1], dtype=torch.uint64),
    "u64.large": torch.tensor([2**64 - 1], dtype=torch.uint64),
    "scalar": torch.tensor(7.25),
    "nothing": torch.zeros(3, 0, 5),
    "Ünïcødé \"quoted\"": torch.tensor([1, 2, 3], dtype=torch.int64),
}
save_file(types, here / "types.safetensors", metadata={"request": '{"messages": ["a\\tb", "日本"]}'})


def patterns(special):
    return torch.tensor(sorted(set(special) | set(range(0, 65536, 509))), dtype=torch.int32).to(torch.uint16)


f16 = patterns([0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00]).view(torch.float16)
bf16 = patterns([0x0000, 0x8000, 0x0001, 0x007F, 0x0080, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80, 0x7FC0]).view(torch.bfloat16)
save_file(
    {"f16": f16, "f16.float32": f16.float(), "bf16": bf16, "bf16.float32": bf16.float()}, here / "halves.safetensors"
)
