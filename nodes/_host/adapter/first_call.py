"""One look at what the model gives while the adapter works, so that NaN is named at the first step.

The look is at the model's output, which is small, and which whatever is NaN in a hint has reached.
"""

import weakref
from collections.abc import Callable
from typing import NamedTuple

from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ..models import is_finite
from ..types import ModelPatcher, TransformerOptions
from .model import ContextAdapter

# In the transformer options of one call, for the wrapper below.
WORK_KEY = "wan_vace_work"


class AdapterWork(NamedTuple):
    """What adapters do in one call of the model.

    Attributes:
        adapters: Those that have an effect, as the host holds them.
        context: [B, VCUs, 96, t, h, w].
        patches: The host's table of block replacements without theirs.
    """

    adapters: list[ModelPatcher]
    context: Tensor
    patches: dict


def check_first_call(clone: ModelPatcher) -> None:
    """Have the first model call of each run in which adapters work refused if it gives NaN; later calls cost nothing.

    Args:
        clone: A MODEL with an adapter, whose calls have an `AdapterWork` in their options when this is reached.
    """
    clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, WORK_KEY, _apply_model)


def _apply_model(
    executor: Callable,
    x: Tensor,
    t: Tensor,
    c_concat: Tensor | None = None,
    c_crossattn: Tensor | None = None,
    control: object | None = None,
    transformer_options: TransformerOptions | None = None,
    **inputs: object,
) -> Tensor:
    options = dict(transformer_options or {})
    work = options.pop(WORK_KEY, None)
    out = executor(x, t, c_concat, c_crossattn, control, options, **inputs)
    if work and work.adapters and not _is_checked(work.adapters[0].model, options.get("sample_sigmas")):
        alone = {**options, "patches_replace": work.patches}
        _require_finite(out, work, lambda: executor(x, t, c_concat, c_crossattn, control, alone, **inputs))
    return out


def _require_finite(out: Tensor, work: AdapterWork, base_alone: Callable[[], Tensor]) -> None:
    """Refuse NaN and say where it comes from; the base is asked alone only if there is some.

    Raises:
        VaceInputError: If the output is NaN or infinite.
    """
    if is_finite(out):
        return
    if not is_finite(work.context):
        raise VaceInputError(
            "The VACE context is NaN or infinite, so the video would be black. Look at the VCU with VACE Preview VCU, "
            "and encode it with another VAE file."
        )
    if not is_finite(base_alone()):
        raise VaceInputError(
            "model gives NaN or infinite values without its VACE adapter too, so the video would be black. Its file or "
            "a LoRA on it may be damaged, or quantised in a way that ComfyUI reads wrongly: choose it in bf16 or fp16."
        )
    names = " and ".join(dict.fromkeys(each.model.name for each in work.adapters))
    raise VaceInputError(
        f"The VACE adapter {names} gives NaN or infinite values, so the video would be black. Most likely its file is "
        f"damaged (download it again), a LoRA on it is too strong, or float16 is too narrow for it (start ComfyUI with "
        f"--bf16-unet)."
    )


def _is_checked(adapter: ContextAdapter, run: Tensor | None) -> bool:
    """Whether a run was looked at before; a run is known by the host's tensor of its noise levels."""
    seen = adapter.checked_run
    adapter.checked_run = None if run is None else weakref.ref(run)
    return run is not None and seen is not None and seen() is run
