"""NaN told from numbers, and named while it is sampled, whatever the model."""

import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError


def is_finite(values: Tensor) -> bool:
    """Whether no value is NaN or infinite; no copy of them is made."""
    return all(bound.isfinite() for bound in torch.aminmax(values))


def require_finite_step(step: int, denoised: Tensor) -> None:
    """Stop a run that can only end in a black video.

    Args:
        step: From 0.
        denoised: What the step takes the finished latent to be.

    Raises:
        VaceInputError: If it is NaN or infinite.
    """
    if not is_finite(denoised):
        raise VaceInputError(
            f"model gives NaN or infinite values at step {step + 1}, so the video would be black. Its file or a LoRA "
            f"on it may be damaged, or quantised in a way that ComfyUI reads wrongly (scaled fp8 e5m2, files for "
            f"LightX2V or Wan2GP), or float16 is too narrow for it. Choose it in bf16, fp16 or fp8 e4m3, or "
            f"start ComfyUI with --bf16-unet."
        )
