"""An adapter on a plain Wan model, through the host's own extension points; the base is never edited.

The base's blocks are wrapped for the length of one model call (``patches_replace``), so that other patches of the same
blocks, context windows and split batches keep working. Equal to the host's merged VACE model bit for bit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import comfy.conds
import comfy.ldm.wan.model
import comfy.model_base
import torch
from comfy.patcher_extension import CallbacksMP, WrappersMP
from torch import Tensor

from ....vace_core.adapter import layer_mapping
from ....vace_core.errors import VaceInputError
from ....vace_core.strength import ALL_VCUS, StrengthField, StrengthFields, applies_to
from ....vace_core.video import LATENT_CHANNELS, MASK_CHANNELS
from ..conditioning import FRAMES, MASK, STRENGTH
from ..strength import (
    FIELDS_KEY,
    NUM_REFERENCES_KEY,
    active_vcus,
    follow_fields,
    is_merged,
    require_finite,
    require_vcus,
    scale_strengths,
    with_reference_count,
)
from .blocks import install_blocks
from .estimate import memory_with_vcus, shape_with_vcus
from .hooks import apply_hooks, carry_hooks
from .model import ADAPTER_KEY, clone_for_base


def attach(model: object, adapter: object, vcus: tuple[int, ...] = ()) -> object:
    """A clone of ``model`` with the adapter.

    Args:
        model: A MODEL of Wan 2.1 or 2.2, text to video.
        adapter: From `build_adapter`.
        vcus: Numbers of the VCUs it works on, from 1; empty for all. Kept on the clone, not on the adapter, which may
            serve others on another model.

    Raises:
        VaceInputError: If the base is not such a model, of another width, or has this adapter already.
    """
    _require_base(model, adapter.model.shape.dim)
    attached = model.get_additional_models_with_key(ADAPTER_KEY)
    adapter = clone_for_base(model, adapter)
    if any(other.model is adapter.model for other in attached):
        raise VaceInputError("model has this adapter already. Apply it once, and name all its VCUs in vcus.")
    network = model.get_model_object("diffusion_model")
    layer_mapping(len(network.blocks), adapter.model.shape.num_layers, adapter.model.layers)  # refused here, not later
    clone = model.clone()
    clone.set_additional_models(ADAPTER_KEY, [*clone.get_additional_models_with_key(ADAPTER_KEY), adapter])
    clone.set_attachments(ADAPTER_KEY, (*_served(model), vcus))
    if not attached:
        latent_format = model.get_model_object("latent_format")
        extra_conds = _with_context(model.get_model_object("extra_conds"), latent_format)
        clone.add_object_patch("extra_conds", with_reference_count(extra_conds))
        sampling = _Sampling()
        memory_required = memory_with_vcus(model.get_model_object("memory_required"), sampling.at_work)
        clone.add_object_patch("memory_required", memory_required)
        clone.add_callback_with_key(CallbacksMP.ON_PRE_RUN, ADAPTER_KEY, sampling.begin)
        clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, ADAPTER_KEY, _apply_model)
        clone.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, ADAPTER_KEY, _prepare_sampling)
        carry_hooks(clone)
    return clone


def is_attached(model: object) -> bool:
    """Whether a MODEL has an adapter of ours."""
    return bool(model.get_additional_models_with_key(ADAPTER_KEY))


def _served(model: object) -> tuple[tuple[int, ...], ...]:
    """The VCUs of each attached adapter, in their order."""
    return model.get_attachment(ADAPTER_KEY) or ()


def _count(served: Sequence[Sequence[int]], present: int) -> int:
    """Of so many VCUs, how many are worked on, once for each adapter."""
    return sum(applies_to(numbers, vcu) for numbers in served for vcu in range(1, present + 1))


@dataclass
class _Sampling:
    """The same for the model that samples last, which may be a clone with more adapters, or with weights of its own."""

    served: Sequence[Sequence[int]] = ()

    def begin(self, model: object) -> None:
        self.served = _served(model)

    def at_work(self, present: int) -> int:
        return _count(self.served, present)


def _require_base(model: object, dim: int) -> None:
    network = model.get_model_object("diffusion_model")
    if is_merged(model):
        raise VaceInputError(
            "model is a VACE model already, with its own adapter inside. Use it as it is, or load the plain "
            "text-to-video file of the same size as the base."
        )
    if type(network) is not comfy.ldm.wan.model.WanModel:
        raise VaceInputError(
            f"model is a {type(network).__name__}; the adapter fits Wan 2.1 and 2.2 text-to-video models only. "
            f"Load one with Load Diffusion Model."
        )
    channels = network.patch_embedding.weight.shape[1]
    if network.model_type != "t2v" or channels != LATENT_CHANNELS:
        raise VaceInputError(
            f"model is an image-to-video Wan model ({channels} input channels); the adapter needs a text-to-video one "
            f"({LATENT_CHANNELS}). Load the t2v file."
        )
    if network.dim != dim:
        raise VaceInputError(
            f"model is {network.dim} wide but the adapter is {dim}: they are of different sizes. The 1.3B adapter "
            f"(1536) fits 1.3B models, the 14B adapter (5120) fits 14B models."
        )


def _with_context(previous: Callable, latent_format: object) -> Callable:
    """``extra_conds`` of the base, and the VCUs as the host's merged model packs them."""

    def extra_conds(**kwargs: object) -> dict:
        out = previous(**kwargs)
        noise = kwargs["noise"]
        frames = kwargs.get(FRAMES) or [noise.new_zeros(noise.shape[0], 2 * LATENT_CHANNELS, *noise.shape[2:])]
        masks = kwargs.get(MASK) or [noise.new_ones(noise.shape[0], MASK_CHANNELS, *noise.shape[2:])] * len(frames)
        packed = [_pack(f.to(noise), m.to(noise), latent_format) for f, m in zip(frames, masks, strict=True)]
        _require_fit(packed, noise)
        strengths = kwargs.get(STRENGTH) or [1.0] * len(packed)
        require_finite(strengths)
        out["vace_context"] = comfy.conds.CONDRegular(torch.stack(packed, dim=1))
        out["vace_strength"] = comfy.conds.CONDConstant(strengths)
        return out

    return extra_conds


def _pack(frames: Tensor, mask: Tensor, latent_format: object) -> Tensor:
    """[B, 96, t, h, w] in the model's space."""
    halves = [latent_format.process_in(half) for half in frames.split(LATENT_CHANNELS, dim=1)]
    return torch.cat([*halves, mask], dim=1)


def _require_fit(packed: Sequence[Tensor], noise: Tensor) -> None:
    for context in packed:
        if context.shape[2:] != packed[0].shape[2:]:
            raise VaceInputError(
                f"VCUs of different size in one pass: {list(packed[0].shape[2:])} and {list(context.shape[2:])} latent "
                f"frames, rows, columns. Build them with the same width, height and length."
            )
    if packed[0].shape[2:] != noise.shape[2:]:
        raise VaceInputError(
            f"VACE context is {list(packed[0].shape[2:])} latent frames, rows, columns, references included, but the "
            f"latent that is sampled is {list(noise.shape[2:])}. Sample the latent that VACE Apply Context gives."
        )


def _prepare_sampling(
    executor: Callable, model: object, noise_shape: Sequence, conds: dict, *args: object, **kwargs: object
) -> tuple:
    """Count the adapters' work in the host's memory estimate, once for each VCU of each."""
    served = _served(model)
    require_vcus(model, conds, served)
    present = max((len(c.get(FRAMES, [None])) for group in conds.values() for c in group), default=1)
    return executor(model, shape_with_vcus(noise_shape, _count(served, present)), conds, *args, **kwargs)


def _apply_model(
    executor: Callable,
    x: Tensor,
    t: Tensor,
    c_concat: Tensor | None = None,
    c_crossattn: Tensor | None = None,
    control: object | None = None,
    transformer_options: dict | None = None,
    **kwargs: object,
) -> Tensor:
    """One model call with the adapters' blocks chained behind the base's."""
    context, strengths = kwargs.pop("vace_context", None), kwargs.pop("vace_strength", None)
    references = kwargs.pop(NUM_REFERENCES_KEY, 0)
    options = dict(transformer_options or {})
    if context is not None:
        base = executor.class_obj
        # As the host does with all it hands to a model; a strength for each token is rounded with the rest.
        context, *strengths = (
            comfy.model_base.convert_tensor(value, base.get_dtype_inference(), x.device)
            for value in (context, *strengths)
        )
        strengths = scale_strengths(strengths, options, base.model_sampling, context, references)
        patches = dict(options.get("patches_replace", {}))
        patches["dit"] = dict(patches.get("dit", {}))
        patcher = base.current_patcher
        for adapter, vcus in zip(patcher.get_additional_models_with_key(ADAPTER_KEY), _served(patcher), strict=True):
            live = active_vcus(strengths, options, adapter.model.shape.num_layers, vcus)
            if live:
                apply_hooks(patcher, adapter)
            install_blocks(patches["dit"], adapter.model, base.diffusion_model, context, strengths, live)
        options["patches_replace"] = patches
    return executor(x, t, c_concat, c_crossattn, control, options, **kwargs)


def set_strength_field(model: object, strength_field: StrengthField, vcu: int = ALL_VCUS) -> object:
    """A clone of ``model`` whose VACE blocks, attached or merged, follow the field.

    Args:
        model: A MODEL with VACE.
        strength_field: Takes the place of one set before for the same number.
        vcu: Number of the VCU it is for, from 1; `ALL_VCUS` for those that have none of their own.

    Raises:
        VaceInputError: If the model has no VACE blocks, or the field does not fit them.
    """
    fields = (
        model.model_options["transformer_options"].get(FIELDS_KEY, StrengthFields()).with_field(vcu, strength_field)
    )
    if is_merged(model):
        strength_field.block_factors(model.get_model_object("diffusion_model").vace_layers)
        return follow_fields(model, fields)
    if not is_attached(model):
        raise VaceInputError(
            "model has no VACE adapter of its own. Put VACE Apply Adapter on a text-to-video model first, or load a "
            "Wan2.1-VACE file, which has its adapter inside."
        )
    for adapter, vcus in zip(model.get_additional_models_with_key(ADAPTER_KEY), _served(model), strict=True):
        if vcu == ALL_VCUS or applies_to(vcus, vcu):
            strength_field.block_factors(adapter.model.shape.num_layers)
    clone = model.clone()
    clone.model_options["transformer_options"][FIELDS_KEY] = fields
    return clone
