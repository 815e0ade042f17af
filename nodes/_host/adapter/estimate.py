"""The adapters' work in the host's two memory estimates: when models are loaded, and when prompts are batched."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from comfy.patcher_extension import CallbacksMP

from ....vace_core.strength import applies_to
from ..conditioning import FRAMES
from ..models import ADAPTER_KEY, adapter_vcus, add_sampling_check
from ..strength import CONTEXT_KEY
from ..types import Conds, ModelPatcher

# The host counts a fifth more memory for its merged VACE model, whatever the number of VCUs.
MEMORY_PER_VCU = 0.2


def count_vcus_in_memory(clone: ModelPatcher) -> None:
    """Have the host count the adapters' work on a MODEL, a clone of ours, once for each VCU of each adapter."""
    sampling = _SamplingModel()
    memory_required = _memory_with_vcus(clone.get_model_object("memory_required"), sampling.count_work)
    clone.add_object_patch("memory_required", memory_required)
    clone.add_callback_with_key(CallbacksMP.ON_PRE_RUN, ADAPTER_KEY, sampling.begin)
    add_sampling_check(clone, ADAPTER_KEY, _shape_to_load_for)


@dataclass
class _SamplingModel:
    """The model that samples last: a clone of the one that is counted for, with more adapters or other weights."""

    vcus_by_adapter: Sequence[Sequence[int]] = ()

    def begin(self, model: ModelPatcher) -> None:
        self.vcus_by_adapter = adapter_vcus(model)

    def count_work(self, present: int) -> int:
        return _count_work(self.vcus_by_adapter, present)


def _count_work(vcus_by_adapter: Sequence[Sequence[int]], present: int) -> int:
    """Of so many VCUs, how many are worked on, once for each adapter."""
    return sum(applies_to(vcus, vcu) for vcus in vcus_by_adapter for vcu in range(1, present + 1))


def _shape_to_load_for(
    model: ModelPatcher, noise_shape: Sequence[int], conds: Conds, _options: dict
) -> Sequence[float]:
    """A latent's shape as large as the work is, by which the host makes room when it loads models."""
    present = max((len(entry.get(FRAMES, [None])) for group in conds.values() for entry in group), default=1)
    return _shape_with_vcus(noise_shape, _count_work(adapter_vcus(model), present))


def _memory_with_vcus(memory_required: Callable, count_work: Callable[[int], int]) -> Callable:
    """``memory_required`` of the base, by which the host decides how many prompts run in one call, with the VCUs.

    Args:
        memory_required: The base's own.
        count_work: From the number of VCUs in the conditioning to that of VCUs times adapters at work.
    """

    def with_vcus(input_shape: Sequence[int], cond_shapes: dict | None = None) -> float:
        contexts = (cond_shapes or {}).get(CONTEXT_KEY, [])  # [B, VCUs, 96, t, h, w]; none while models are loaded
        vcus = count_work(max(shape[1] for shape in contexts)) if contexts else 0
        return memory_required(_shape_with_vcus(input_shape, vcus), cond_shapes=cond_shapes or {})

    return with_vcus


def _shape_with_vcus(shape: Sequence[int], vcus: int) -> list[float]:
    """A latent's shape, its batch as large as the work of so many VCUs makes it."""
    return [shape[0] * (1 + MEMORY_PER_VCU * vcus), *shape[1:]]
