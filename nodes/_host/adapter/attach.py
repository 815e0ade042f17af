"""An adapter on a plain Wan model, through the host's own extension points; the base is never edited.

The base's blocks are wrapped for the length of one model call (``patches_replace``), so that other patches of the same
blocks, context windows and split batches keep working. Equal to the host's merged VACE model bit for bit.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import comfy.ldm.wan.model

from ....vace_core.adapter import layer_mapping
from ....vace_core.errors import VaceInputError
from ....vace_core.video import LATENT_CHANNELS
from ..models import ADAPTER_KEY, attached_adapters, is_attached, is_merged, with_adapter
from ..strength import ModelCall, wrap_model_calls
from ..types import ModelPatcher
from .blocks import install_blocks
from .conds import hand_vcus_to_model
from .estimate import count_vcus_in_memory
from .first_call import WORK_KEY, AdapterWork, check_first_call
from .hooks import apply_hooks, carry_hooks
from .model import clone_for_base


def attach(model: ModelPatcher, adapter: ModelPatcher, vcus: tuple[int, ...] = ()) -> ModelPatcher:
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
    adapter = clone_for_base(model, adapter)
    if any(other.patcher.model is adapter.model for other in attached_adapters(model)):
        raise VaceInputError("model has this adapter already. Apply it once, and name all its VCUs in vcus.")
    network = model.get_model_object("diffusion_model")
    layer_mapping(len(network.blocks), adapter.model.shape.num_layers, adapter.model.layers)  # refused here, not later
    clone = with_adapter(model, adapter, vcus)
    if not is_attached(model):  # else all of this is there, for however many adapters
        hand_vcus_to_model(clone)
        count_vcus_in_memory(clone)
        wrap_model_calls(clone, ADAPTER_KEY, _install_adapters)
        check_first_call(clone)  # behind the wrapper above, whose options it reads
        carry_hooks(clone)
    return clone


@contextmanager
def _install_adapters(call: ModelCall) -> Iterator[None]:
    """The adapters' blocks chained behind the base's, in the options of one call."""
    work = AdapterWork([], call.context, call.options.get("patches_replace", {}))
    patches = {**work.patches, "dit": dict(work.patches.get("dit", {}))}
    call.options.update({"patches_replace": patches, WORK_KEY: work})
    patcher = call.base.current_patcher
    for adapter in attached_adapters(patcher):
        active = call.active_vcus(adapter.num_blocks, adapter.vcus)
        if active.num_blocks:
            apply_hooks(patcher, adapter.patcher)
            work.adapters.append(adapter.patcher)
            install_blocks(patches["dit"], adapter.patcher.model, call.base.diffusion_model, active)
    yield


def _require_base(model: ModelPatcher, dim: int) -> None:
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
