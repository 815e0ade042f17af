"""How exactly results of the host can be compared: float32 on demand, else by what the host computes in.

Needs the host in this process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

UNET_FLAGS = (
    "fp32_unet",
    "fp64_unet",
    "bf16_unet",
    "fp16_unet",
    "fp8_e4m3fn_unet",
    "fp8_e5m2_unet",
    "fp8_e8m0fnu_unet",
)
ROUNDINGS = 16  # of the largest value, that a run of a few steps may differ by: guidance alone multiplies by 7


@contextlib.contextmanager
def unet_flag(chosen: str | None) -> Iterator[None]:
    """Within, diffusion models are loaded as if the host was started with this flag of ``UNET_FLAGS`` and no other."""
    from comfy.cli_args import args

    before = {name: getattr(args, name) for name in UNET_FLAGS if hasattr(args, name)}
    vars(args).update({name: name == chosen for name in before})
    try:
        yield
    finally:
        vars(args).update(before)


def tolerances(
    dtype: torch.dtype, device: torch.device, expected: Tensor, rtol: float, atol: float
) -> dict[str, float]:
    """What ``torch.testing.assert_close`` and ``torch.allclose`` may let pass.

    Args:
        dtype: That the host computed in.
        device: That it computed on.
        expected: What is right.
        rtol: For float32 on the CPU, relative to each value.
        atol: For float32 on the CPU.

    Returns:
        Both as they are for float32 on the CPU, ten times as much for float32 on another device, which sums in another
        order; for 16 bits so many roundings of the largest value.
    """
    if dtype not in (torch.float16, torch.bfloat16):
        factor = 1 if device.type == "cpu" else 10
        return {"rtol": factor * rtol, "atol": factor * atol}
    return {"rtol": 0.0, "atol": max(atol, ROUNDINGS * torch.finfo(dtype).eps * expected.abs().max().item())}
