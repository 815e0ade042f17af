"""The VCUs of a prompt handed to a plain base, packed as the host packs them for its merged model."""

from collections.abc import Callable, Sequence

import comfy.conds
import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.video import LATENT_CHANNELS, MASK_CHANNELS
from ..conditioning import FRAMES, MASK, STRENGTH
from ..strength import CONTEXT_KEY, STRENGTHS_KEY, require_finite
from ..types import LatentFormat, ModelPatcher


def hand_vcus_to_model(clone: ModelPatcher) -> None:
    """Have a MODEL, a clone of ours, hand the VCUs of its prompts to each model call."""
    extra_conds, latent_format = clone.get_model_object("extra_conds"), clone.get_model_object("latent_format")
    clone.add_object_patch("extra_conds", _with_packed_vcus(extra_conds, latent_format))


def _with_packed_vcus(extra_conds: Callable, latent_format: LatentFormat) -> Callable:
    """``extra_conds`` of the base, and the VCUs; none where all of them are at strength 0, which costs nothing then."""

    def with_vcus(**kwargs: object) -> dict:
        out = extra_conds(**kwargs)
        noise = kwargs["noise"]
        frames = kwargs.get(FRAMES) or [noise.new_zeros(noise.shape[0], 2 * LATENT_CHANNELS, *noise.shape[2:])]
        masks = kwargs.get(MASK) or [noise.new_ones(noise.shape[0], MASK_CHANNELS, *noise.shape[2:])] * len(frames)
        _require_fit(frames, noise)
        strengths = kwargs.get(STRENGTH) or [1.0] * len(frames)
        require_finite(strengths)
        if all(not isinstance(strength, Tensor) and strength == 0 for strength in strengths):
            return out
        packed = [_pack_vcu(f.to(noise), m.to(noise), latent_format) for f, m in zip(frames, masks, strict=True)]
        out[CONTEXT_KEY] = comfy.conds.CONDRegular(torch.stack(packed, dim=1))
        out[STRENGTHS_KEY] = comfy.conds.CONDConstant(strengths)
        return out

    return with_vcus


def _pack_vcu(frames: Tensor, mask: Tensor, latent_format: LatentFormat) -> Tensor:
    """[B, 96, t, h, w] in the model's space."""
    halves = [latent_format.process_in(half) for half in frames.split(LATENT_CHANNELS, dim=1)]
    return torch.cat([*halves, mask], dim=1)


def _require_fit(vcus: Sequence[Tensor], noise: Tensor) -> None:
    for frames in vcus:
        if frames.shape[2:] != vcus[0].shape[2:]:
            raise VaceInputError(
                f"VCUs of different size in one pass: {list(vcus[0].shape[2:])} and {list(frames.shape[2:])} latent "
                f"frames, rows, columns. Build them with the same width, height and length."
            )
    if vcus[0].shape[2:] != noise.shape[2:]:
        raise VaceInputError(
            f"VACE context is {list(vcus[0].shape[2:])} latent frames, rows, columns, references included, but the "
            f"latent that is sampled is {list(noise.shape[2:])}. Sample the latent that VACE Apply Context gives."
        )
