"""What a checkpoint without a VACE adapter is, told from its names, and which file is needed instead."""

from collections.abc import Callable, Sequence

from ..errors import VaceInputError
from .keys import is_lora, name_prefix

# Files with an adapter by the width of the base they fit: the adapter alone, and a whole VACE model.
EXAMPLES = {
    1536: ("Wan2_1-VACE_module_1_3B_bf16.safetensors", "wan2.1_vace_1.3B_fp16.safetensors"),
    5120: ("Wan2_1-VACE_module_14B_bf16.safetensors", "wan2.1_vace_14B_fp16.safetensors"),
}
# Channels a Wan model takes: its latent, and what is stacked on it.
BASE = "a Wan text-to-video model"
WAN_KINDS = {16: BASE, 36: "a Wan image-to-video model"}


def refuse_checkpoint(name: str, keys: Sequence[str], shape_of: Callable[[str], Sequence[int]]) -> None:
    """Say what a file is that holds no adapter, and what to choose instead.

    Args:
        name: The file.
        keys: Names of all its tensors.
        shape_of: Shape of the tensor with a name.

    Raises:
        VaceInputError: Always.
    """
    wan, kind = _wan(keys, shape_of), checkpoint_kind(keys, shape_of)
    module, whole = EXAMPLES.get(wan and wan[0], EXAMPLES[5120])
    base = "It is a base to put an adapter on: load it with Load Diffusion Model. " if kind == BASE else ""
    raise VaceInputError(
        f"{name} is {kind}; it has no VACE adapter (vace_patch_embedding and vace_blocks). "
        f"{base}Choose a VACE module such as {module}, or a whole VACE model such as {whole}."
    )


def checkpoint_kind(keys: Sequence[str], shape_of: Callable[[str], Sequence[int]]) -> str:
    """What a checkpoint is, in the words of a sentence that begins with "it is".

    Args:
        keys: Names of all its tensors.
        shape_of: Shape of the tensor with a name.
    """
    found = _wan(keys, shape_of)
    return found[1] if found else _other(keys)


def _wan(keys: Sequence[str], shape_of: Callable[[str], Sequence[int]]) -> tuple[int, str] | None:
    """Width and kind of a Wan base model."""
    prefix = name_prefix(keys, r"blocks\.0\.(?:self_attn\.q|attn1\.to_q)\.")
    embedding = f"{prefix}patch_embedding.weight"
    if prefix is None or embedding not in keys or len(shape_of(embedding)) != 5:
        return None
    width, channels = shape_of(embedding)[:2]
    return width, WAN_KINDS.get(channels, f"a Wan model with {channels} input channels")


def _other(keys: Sequence[str]) -> str:
    def has(*starts: str) -> bool:
        return any(key.startswith(starts) for key in keys)

    if is_lora(keys):
        return "a LoRA"
    if has("encoder.block.", "shared.", "token_embedding.", "token_embd.", "text_model."):
        return "a text encoder"
    if has("vision_model.", "visual."):
        return "a CLIP vision encoder"
    if has("encoder.") and has("decoder."):
        return "a VAE"
    return "no model that is known here" if keys else "empty"
