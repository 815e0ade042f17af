"""The strength field on the host's merged VACE model; neither the model nor the host's code is edited.

One wrapper around the model call scales ``vace_strength`` and drops what has no effect. The factor of a block is given
by a list that knows which block the host is at, since the host multiplies every hint with ``vace_strength[vcu]``.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from comfy.patcher_extension import WrappersMP, add_wrapper_with_key, copy_nested_dicts
from torch import Tensor

from ..types import ModelPatcher, TransformerOptions, WanModel
from .model_call import CONTEXT_KEY, STRENGTHS_KEY, ActiveVcus, ModelCall, wrap_model_calls

MERGED_KEY = "wan_vace_merged_strength"


def follow_fields(clone: ModelPatcher) -> ModelPatcher:
    """A merged VACE MODEL, a clone of ours that carries fields, made to follow them."""
    if not clone.get_wrappers(WrappersMP.APPLY_MODEL, MERGED_KEY):
        wrap_model_calls(clone, MERGED_KEY, _install_strengths)
    return clone


@contextmanager
def _install_strengths(call: ModelCall) -> Iterator[None]:
    """The VCUs that have an effect at the fields' strengths, and the blocks that have one."""
    network = call.base.diffusion_model
    active = call.active_vcus(network.vace_layers)
    call.inputs[CONTEXT_KEY] = active.context if active.num_blocks else call.context[:, :1]  # the host embeds one
    call.inputs[STRENGTHS_KEY] = list(active.strengths)
    if active.num_blocks:
        call.options["wrappers"] = copy_nested_dicts(call.options.get("wrappers", {}))
        add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, MERGED_KEY, _give_block_strengths(active), call.options)
    with _leading_blocks(network, active.num_blocks):
        yield


def _give_block_strengths(active: ActiveVcus) -> Callable:
    """A wrapper that puts the strengths in where the host no longer turns them into the model's precision."""

    def wrapper(executor: Callable, *args: object, **kwargs: object) -> Tensor:
        options = next(value for value in (*args, kwargs.get("transformer_options")) if isinstance(value, dict))
        kwargs[STRENGTHS_KEY] = _BlockStrengths(active, executor.class_obj.vace_layers_mapping, options)
        return executor(*args, **kwargs)

    return wrapper


class _BlockStrengths(list):
    """Strengths of the VCUs at the base block that runs."""

    def __init__(self, active: ActiveVcus, mapping: dict[int, int], options: TransformerOptions) -> None:
        super().__init__(active.strengths)
        self.factors = active.factors
        self.mapping = mapping
        self.options = options

    def __getitem__(self, vcu: int) -> float | Tensor:
        return super().__getitem__(vcu) * self.factors[vcu][self.mapping[self.options["block_index"]]]


@contextmanager
def _leading_blocks(network: WanModel, count: int) -> Iterator[None]:
    """The network with its leading adapter blocks alone, the others not being computed.

    Safe: the host reads the table once for each block of a call and nowhere else, a network runs one call at a time
    (every further GPU has a copy of its own), and the table is replaced, not written to, and put back whatever happens.
    """
    whole = network.vace_layers_mapping
    network.vace_layers_mapping = {layer: index for layer, index in whole.items() if index < count}
    try:
        yield
    finally:
        network.vace_layers_mapping = whole
