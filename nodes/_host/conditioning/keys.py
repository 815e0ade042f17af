"""The host's conditioning keys for VACE.

``vace_frames`` [1, 32, R + t, h, w], ``vace_mask`` [1, 64, R + t, h, w] and ``vace_strength`` (a number, or one for
each token [1, tokens, 1]) are lists, one entry for each VCU (``WAN21_Vace.extra_conds`` in the host's
``comfy/model_base.py``). The host stacks them, so all must have the same length. ``vace_references`` is ours and
counts the leading R of each; ``vace_told``, too, has the codes of what the user was told of them.
"""

import comfy.model_management
import node_helpers
import torch

from ....vace_core.conditioning import VaceContext, pad_references, token_strength
from ....vace_core.errors import VaceInputError
from ....vace_core.video import SPATIAL_STRIDE, num_pixel_frames
from ..types import Conditioning
from .vae import empty_latent

FRAMES, MASK, STRENGTH, REFERENCES = "vace_frames", "vace_mask", "vace_strength", "vace_references"
TOLD = "vace_told"


def apply_context(
    conditionings: list[Conditioning], context: VaceContext, strength: float
) -> tuple[list[Conditioning], int]:
    """Conditionings with one more VCU, all VCUs brought to the same number of reference slots.

    Args:
        conditionings: Host conditionings, each a list of ``[tensor, dict]``.
        context: The VCU to add.
        strength: Its context scale.

    Returns:
        ``(conditionings, num_references)``; the second is the number of leading reference latents.

    Raises:
        VaceInputError: If a VCU that is already there has another size or length.
    """
    present = [_reference_counts(values, context) for c in conditionings for _, values in c]
    want = max([context.num_references, *(count for counts in present for count in counts)])
    empty = empty_latent()
    latents, mask = pad_references(context.latents, context.mask, context.num_references, want, empty)
    scale = token_strength(strength, context.reference_strengths, *latents.shape[2:])
    if isinstance(scale, torch.Tensor):
        scale = scale.to(comfy.model_management.get_torch_device())  # the host multiplies it with the hints as it is
    added = {FRAMES: [latents], MASK: [mask], STRENGTH: [scale], REFERENCES: [want], TOLD: [context.told]}
    counts = iter(present)
    padded = [[[tensor, _pad_entry(values, next(counts), want, empty)] for tensor, values in c] for c in conditionings]
    return [node_helpers.conditioning_set_values(c, added, append=True) for c in padded], want


def strengths_of(values: dict) -> tuple[float, ...]:
    """The strength of each VCU in a conditioning entry, that of its video where its references have their own."""
    return tuple(float(s.flatten()[-1] if isinstance(s, torch.Tensor) else s) for s in values[STRENGTH])


def _reference_counts(values: dict, context: VaceContext) -> list[int]:
    """Reference slots of each VCU in one conditioning entry; foreign ones are told by their length."""
    frames = values.get(FRAMES, [])
    ours = values.get(REFERENCES, [])
    # A node of another pack appends its VCU but no count: what is longer than the video are references.
    counts = [*ours, *(latents.shape[2] - context.video_length for latents in frames[len(ours) :])]
    for latents, count in zip(frames, counts, strict=True):
        size = latents.shape[3] * SPATIAL_STRIDE, latents.shape[4] * SPATIAL_STRIDE
        length = latents.shape[2] - max(count, 0)
        if size != context.size or length != context.video_length:
            (H, W), (other_h, other_w) = context.size, size
            raise VaceInputError(
                f"context is {W} x {H} with {num_pixel_frames(context.video_length)} frames, but positive or "
                f"negative already holds one of {other_w} x {other_h} with {num_pixel_frames(length)}. "
                f"Build both VCUs with the same width, height and length."
            )
    return counts


def _pad_entry(values: dict, counts: list[int], want: int, empty: torch.Tensor) -> dict:
    if FRAMES not in values:
        return values
    pairs = zip(values[FRAMES], values[MASK], counts, strict=True)
    padded = [pad_references(latents, mask, have, want, empty) for latents, mask, have in pairs]
    latents, masks = (list(column) for column in zip(*padded, strict=True))
    scales = [
        _pad_scale(scale, have, want, latents[0].shape[2]) for scale, have in zip(values[STRENGTH], counts, strict=True)
    ]
    return {**values, FRAMES: latents, MASK: masks, STRENGTH: scales, REFERENCES: [want] * len(latents)}


def _pad_scale(scale: float | torch.Tensor, have: int, want: int, length: int) -> float | torch.Tensor:
    """A strength for each token with the new, empty reference slots at full strength; a number stays one."""
    if not isinstance(scale, torch.Tensor) or want == have:
        return scale
    frame = scale.shape[1] // (length - (want - have))
    slots = scale[:, -1:].expand(-1, (want - have) * frame, -1)
    return torch.cat([scale[:, : have * frame], slots, scale[:, have * frame :]], dim=1)
