"""What a run gave, as short texts that are equal only if every byte is, for the fuzzer."""

import dataclasses
import hashlib
from collections.abc import Iterator

import torch
from comfy_api.latest import io

MOST = 64  # wires that one node takes


def pieces(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Tensors, texts and numbers in a value, each with where it stands; of anything else only its type."""
    if hasattr(value, "get_components"):
        value = value.get_components()
    if dataclasses.is_dataclass(value):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        for key, each in value.items():
            yield from pieces(each, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for k, each in enumerate(value):
            yield from pieces(each, f"{path}.{k}")
    elif isinstance(value, torch.Tensor | str | int | float | None):
        yield path, value
    else:
        yield path, type(value).__name__


def digest(value: object) -> str:
    """A hash, then where numbers are not finite, if any are not."""
    found, hashed = [], hashlib.sha256()
    for path, piece in pieces(value):
        if isinstance(piece, torch.Tensor):
            tensor = piece.detach().cpu().contiguous()
            hashed.update(f"{path} {tuple(tensor.shape)} {tensor.dtype}".encode())
            hashed.update(tensor.view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b"")
            if tensor.is_floating_point() and not tensor.isfinite().all():
                found.append(path)
        else:
            hashed.update(f"{path} {piece!r}".encode(errors="backslashreplace"))
    return " ".join([hashed.hexdigest()[:16], *(f"{path or '.'} is not finite" for path in found)])


class DevDigest(io.ComfyNode):
    """An end that tells whether two runs gave the same."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Its sockets."""
        return io.Schema(
            node_id="DevDigest",
            display_name="Digest (development)",
            category="vace/development",
            description="Shows a hash of what it takes.",
            is_dev_only=True,
            is_output_node=True,
            inputs=[io.AnyType.Input(f"input_{k}", optional=True) for k in range(MOST)],
        )

    @classmethod
    def execute(cls, **inputs: object) -> io.NodeOutput:
        """Hash each wire."""
        return io.NodeOutput(ui={"digest": [f"{name} {digest(value)}" for name, value in sorted(inputs.items())]})
