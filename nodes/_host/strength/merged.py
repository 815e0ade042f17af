"""The strength field on the host's merged VACE model; neither the model nor the host's code is edited.

One wrapper around the model call scales ``vace_strength`` and drops what has no effect. The factor of a block is given
by a list that knows which block the host is at, since the host multiplies every hint with ``vace_strength[vcu]``.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import comfy.ldm.wan.model
import comfy.model_base
from comfy.patcher_extension import WrappersMP, add_wrapper_with_key, copy_nested_dicts
from torch import Tensor

from ....vace_core.strength import StrengthFields, num_active_blocks
from .model_call import FIELDS_KEY, NUM_REFERENCES_KEY, active_vcus, require_vcus, scale_strengths, with_reference_count

MERGED_KEY = "wan_vace_merged_strength"


def is_merged(model: object) -> bool:
    """Whether a MODEL has its adapter inside, as the host loads a VACE file."""
    return isinstance(model.get_model_object("diffusion_model"), comfy.ldm.wan.model.VaceWanModel)


def follow_fields(model: object, fields: StrengthFields) -> object:
    """A clone of a merged VACE ``model`` that follows the fields, which must fit it."""
    clone = model.clone()
    clone.model_options["transformer_options"][FIELDS_KEY] = fields
    if not model.get_wrappers(WrappersMP.APPLY_MODEL, MERGED_KEY):
        clone.add_object_patch("extra_conds", with_reference_count(model.get_model_object("extra_conds")))
        clone.add_wrapper_with_key(WrappersMP.APPLY_MODEL, MERGED_KEY, _apply_model)
        clone.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, MERGED_KEY, _prepare_sampling)
    return clone


def _prepare_sampling(
    executor: Callable, model: object, noise_shape: Sequence, conds: dict, *args: object, **kwargs: object
) -> tuple:
    require_vcus(model, conds)
    return executor(model, noise_shape, conds, *args, **kwargs)


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
    """One model call at the field's strength."""
    references = kwargs.pop(NUM_REFERENCES_KEY, 0)
    options = dict(transformer_options or {})
    base, context = executor.class_obj, kwargs["vace_context"]
    network, dtype = base.diffusion_model, base.get_dtype_inference()
    strengths = [comfy.model_base.convert_tensor(s, dtype, x.device) for s in kwargs["vace_strength"]]
    strengths = scale_strengths(strengths, options, base.model_sampling, context.to(x.device), references)
    live = active_vcus(strengths, options, network.vace_layers)
    if live:
        kwargs["vace_context"] = context[:, list(live)]
        options["wrappers"] = copy_nested_dicts(options.get("wrappers", {}))
        scale = _scale([strengths[vcu] for vcu in live], list(live.values()))
        add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, MERGED_KEY, scale, options)
    with _only(network, max(map(num_active_blocks, live.values()), default=0)):
        return executor(x, t, c_concat, c_crossattn, control, options, **kwargs)


def _scale(strengths: Sequence, factors: Sequence[Sequence[float]]) -> Callable:
    """Put the strengths in where the host no longer turns them into a plain list of the model's precision."""

    def wrapper(executor: Callable, *args: object, **kwargs: object) -> Tensor:
        options = next(value for value in (*args, kwargs.get("transformer_options")) if isinstance(value, dict))
        kwargs["vace_strength"] = _BlockStrengths(strengths, factors, executor.class_obj.vace_layers_mapping, options)
        return executor(*args, **kwargs)

    return wrapper


class _BlockStrengths(list):
    """Strengths of the VCUs at the base block that runs."""

    def __init__(
        self, strengths: Sequence, factors: Sequence[Sequence[float]], mapping: dict[int, int], options: dict
    ) -> None:
        super().__init__(strengths)
        self.factors = factors
        self.mapping = mapping
        self.options = options

    def __getitem__(self, vcu: int) -> float | Tensor:
        return super().__getitem__(vcu) * self.factors[vcu][self.mapping[self.options["block_index"]]]


@contextmanager
def _only(network: object, count: int) -> Iterator[None]:
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
