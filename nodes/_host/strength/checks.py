"""What the prompts say of VCUs and strengths, refused before it spoils a video."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.strength import StrengthFields, require_vcu
from ..conditioning import FRAMES
from ..models import adapter_vcus, strength_fields
from ..types import Conds, ModelPatcher


def require_vcus(model: ModelPatcher, conds: Conds) -> None:
    """Refuse the number of a VCU that no prompt has, before anything is loaded.

    Args:
        model: The MODEL that samples, with its adapters and fields.
        conds: The host's prompts.

    Raises:
        VaceInputError: If VACE Set Strength or VACE Apply Adapter names one.
    """
    present = max((len(entry.get(FRAMES) or ()) for group in conds.values() for entry in group), default=0)
    fields = strength_fields(model.model_options["transformer_options"]) or StrengthFields()
    require_vcu("vcu of VACE Set Strength", fields.highest, present)
    for vcus in adapter_vcus(model):
        require_vcu("vcus of VACE Apply Adapter", max(vcus, default=0), present)


def require_finite(strengths: Sequence[float | Tensor]) -> None:
    """Refuse what would turn the whole video into NaN.

    Raises:
        VaceInputError: If a strength of a VCU is NaN or infinite.
    """
    for number, strength in enumerate(strengths, start=1):
        if not torch.as_tensor(strength).isfinite().all():
            raise VaceInputError(
                f"vace_strength of VCU {number} in the conditioning is NaN or infinite; a strength must be a finite "
                f"number. Set it with VACE Apply Context."
            )
