"""One call of the host's model, as far as VACE needs it; the same for attached adapters and merged VACE models.

The host's wrapper around a call is written here once. What installs the VCUs' work, the blocks of an adapter or the
strengths of a merged model, is handed a `ModelCall` in which everything is worked out.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import comfy.conds
import comfy.model_base
import torch
from comfy.patcher_extension import WrappersMP
from torch import Tensor

from ....vace_core.strength import StrengthFields, applies_to, num_active_blocks
from ..conditioning import REFERENCES
from ..models import add_sampling_check, strength_fields
from ..types import BaseModel, Conds, ModelPatcher, TransformerOptions
from .checks import require_vcus
from .scaling import scale_strengths

# What the host hands from ``extra_conds`` to the model call: its own two names, and our number of reference latents.
CONTEXT_KEY, STRENGTHS_KEY = "vace_context", "vace_strength"
NUM_REFERENCES_KEY = "vace_num_references"


@dataclass(frozen=True, eq=False)
class ActiveVcus:
    """The VCUs that have an effect in one call through one adapter.

    Attributes:
        context: [B, VCUs, 96, n, h, w], of these alone, as the model computes.
        strengths: For each of them a number, or one for each token [1, tokens, 1].
        factors: For each of them a factor for each block of the adapter.
    """

    context: Tensor
    strengths: tuple[float | Tensor, ...]
    factors: tuple[tuple[float, ...], ...]

    @property
    def num_blocks(self) -> int:
        """Leading blocks of the adapter that must run; 0 where no VCU has an effect."""
        return max(map(num_active_blocks, self.factors), default=0)


@dataclass(frozen=True, eq=False)
class ModelCall:
    """One call of the model, prepared once from what the host hands to it.

    Attributes:
        base: The host's model that is called.
        device: That computes.
        context: [B, VCUs, 96, n, h, w], n the latent frames of this call: all R + t, or those of a context window; as
            the host gives it, for most of it may have no effect.
        strengths: Each VCU's at this noise level: a number, or one for each token [1, tokens, 1].
        options: The call's transformer options; a copy, to be added to.
        inputs: What goes to the network by name beside these, without the VCUs; a copy, to be added to.
    """

    base: BaseModel
    device: torch.device
    context: Tensor
    strengths: tuple[float | Tensor, ...]
    options: TransformerOptions
    inputs: dict[str, object]

    def active_vcus(self, num_blocks: int, vcus: Sequence[int] = ()) -> ActiveVcus:
        """The VCUs that have an effect through an adapter.

        A strength for each token always counts, a number counts if it is not 0, and one of the blocks' factors must
        not be 0.

        Args:
            num_blocks: Blocks of the adapter.
            vcus: Numbers of the VCUs that it works on, from 1; empty for all.
        """
        fields = strength_fields(self.options) or StrengthFields()
        factors = {
            index: fields.of(index + 1).block_factors(num_blocks)
            for index, strength in enumerate(self.strengths)
            if applies_to(vcus, index + 1) and (isinstance(strength, Tensor) or strength != 0)
        }
        active = {index: each for index, each in factors.items() if num_active_blocks(each)}
        strengths = tuple(self.strengths[index] for index in active)
        whole = len(active) == self.context.shape[1]
        context = self.context if whole else self.context[:, list(active)]  # a copy, at real size of many megabytes
        return ActiveVcus(_as_computed(context, self.base, self.device), strengths, tuple(active.values()))


def wrap_model_calls(clone: ModelPatcher, key: str, install: Callable[[ModelCall], AbstractContextManager]) -> None:
    """Have VCUs work in each call of a MODEL, a clone of ours, by the host's ``APPLY_MODEL`` wrapper.

    Numbers of VCUs that no prompt has are refused as sampling begins.

    Args:
        clone: The MODEL, which hands `CONTEXT_KEY` and `STRENGTHS_KEY` to its calls.
        key: Whose wrapper it is.
        install: Prepares the model and the call, and takes back afterwards what it changed of the model.
    """
    clone.add_object_patch("extra_conds", _with_reference_count(clone.get_model_object("extra_conds")))
    clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, key, _around_call(install))
    add_sampling_check(clone, key, _check_prompts)


def _around_call(install: Callable[[ModelCall], AbstractContextManager]) -> Callable:
    """The wrapper: all that is worked out of the host's arguments, once."""

    def apply_model(
        executor: Callable,
        x: Tensor,
        t: Tensor,
        c_concat: Tensor | None = None,
        c_crossattn: Tensor | None = None,
        control: object | None = None,
        transformer_options: TransformerOptions | None = None,
        **inputs: object,
    ) -> Tensor:
        references, options = inputs.pop(NUM_REFERENCES_KEY, 0), dict(transformer_options or {})
        context, strengths = inputs.pop(CONTEXT_KEY, None), inputs.pop(STRENGTHS_KEY, None)
        if context is None:
            return executor(x, t, c_concat, c_crossattn, control, options, **inputs)
        base = executor.class_obj
        strengths = [_as_computed(strength, base, x.device) for strength in strengths]  # one for each token is rounded
        strengths = scale_strengths(strengths, options, base.model_sampling, context, references)
        call = ModelCall(base, x.device, context, tuple(strengths), options, inputs)
        with install(call):
            return executor(x, t, c_concat, c_crossattn, control, call.options, **call.inputs)

    return apply_model


def _as_computed(value: Tensor | float, base: BaseModel, device: torch.device) -> Tensor | float:
    """As the host converts all that it hands to a model."""
    return comfy.model_base.convert_tensor(value, base.get_dtype_inference(), device)


def _with_reference_count(extra_conds: Callable) -> Callable:
    """``extra_conds`` of a model, and the number of reference latents, which the host does not hand on."""

    def counted(**kwargs: object) -> dict:
        count = max(kwargs.get(REFERENCES) or [0])
        return {**extra_conds(**kwargs), NUM_REFERENCES_KEY: comfy.conds.CONDConstant(count)}

    return counted


def _check_prompts(model: ModelPatcher, noise_shape: Sequence[int], conds: Conds, _options: dict) -> Sequence[int]:
    require_vcus(model, conds)
    return noise_shape
