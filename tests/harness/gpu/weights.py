"""Random weights of real width, drawn on the device and written to a file in seconds.

With dynamic VRAM the host's layers hold no weights before they are loaded, so shapes are read from a network built of
torch's own layers on no device. Every tensor is a piece of one long row of random numbers, each from another place, so
that no two blocks are alike, and drawing costs nothing.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from torch import Tensor

from .device import takes

SEED = 7
SLACK = 2**20  # how far apart pieces may begin
DTYPES = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}
# Wan2.1-VACE as published; the host takes the number of heads to be dim / 128.
SIZES = {
    "1.3B": {"dim": 1536, "ffn_dim": 8960, "num_heads": 12, "num_layers": 30, "vace_layers": 15, "text_dim": 4096},
    "14B": {"dim": 5120, "ffn_dim": 13824, "num_heads": 40, "num_layers": 40, "vace_layers": 8, "text_dim": 4096},
}
TINY = {"dim": 128, "ffn_dim": 256, "num_heads": 1, "num_layers": 4, "vace_layers": 2, "text_dim": 4096}
CHANNELS = {"in_dim": 16, "out_dim": 16, "vace_in_dim": 96}
VAE = {"dim": 96, "z_dim": 16, "temperal_downsample": [False, True, True]}


def file_dtype(place: torch.device) -> torch.dtype:
    """bfloat16, as most files are, or float16 where the device does not take it."""
    return torch.bfloat16 if takes(place, torch.bfloat16) else torch.float16


def network_shapes(size: dict, vace: bool = True) -> dict[str, torch.Size]:
    """Names and shapes of a Wan2.1-VACE model's weights.

    Args:
        size: As in `SIZES`.
        vace: Whether with those of the adapter.
    """
    from comfy.ldm.wan.model import VaceWanModel

    network = VaceWanModel(**CHANNELS, **size, device="meta", dtype=torch.float32, operations=torch.nn)
    return {k: v.shape for k, v in network.state_dict().items() if vace or not k.startswith("vace_")}


def num_bytes(shapes: dict[str, torch.Size], dtype: torch.dtype) -> int:
    """Of a file of these shapes."""
    return sum(shape.numel() for shape in shapes.values()) * dtype.itemsize


class RandomRow:
    """A long row of normal random numbers, drawn once on the device, and by scale in the type of a file."""

    def __init__(self, length: int, place: torch.device, dtype: torch.dtype) -> None:
        generator = torch.Generator(device=place).manual_seed(SEED)
        self._row = torch.randn(length + SLACK, generator=generator, device=place)
        self._dtype = dtype
        self._scaled: dict[float, Tensor] = {}
        self._next = 0

    def take(self, name: str, shape: torch.Size) -> Tensor:
        """A tensor on the CPU: gains 1, biases and modulations small, all others with variance 1 / fan-in."""
        if name.endswith("gamma") or ("norm" in name and name.endswith("weight")):
            return torch.ones(shape, dtype=self._dtype)
        scale = 0.05 if name.endswith(("bias", "modulation")) else shape[1:].numel() ** -0.5
        if scale not in self._scaled:
            self._scaled[scale] = (self._row * scale).to(self._dtype).cpu()
        self._next = (self._next + 7919) % SLACK
        return self._scaled[scale][self._next : self._next + shape.numel()].view(shape)


def write_weights(path: Path, shapes: dict[str, torch.Size], place: torch.device, dtype: torch.dtype) -> Path:
    """Write a safetensors file of random weights, tensor after tensor, without a second copy in memory.

    Args:
        path: The file.
        shapes: By name.
        place: Device to draw on.
        dtype: Of the file.
    """
    row = RandomRow(max(shape.numel() for shape in shapes.values()), place, dtype)
    header, start = {}, 0
    for name, shape in shapes.items():
        end = start + shape.numel() * dtype.itemsize
        header[name] = {"dtype": DTYPES[dtype], "shape": list(shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            file.write(memoryview(row.take(name, shape).contiguous().view(torch.uint8).numpy()).cast("B"))
    return path


def write_vae(path: Path, tiny: bool, place: torch.device) -> Path:
    """A Wan2.1 VAE of real width with random weights, in float32."""
    from comfy.ldm.wan.vae import WanVAE

    with torch.device("meta"):
        network = WanVAE(**VAE | ({"dim": 4} if tiny else {}))
    return write_weights(path, {k: v.shape for k, v in network.state_dict().items()}, place, torch.float32)
