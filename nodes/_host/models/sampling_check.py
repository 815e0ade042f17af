"""A look at the prompts as sampling begins, before any model is loaded."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from comfy.patcher_extension import WrappersMP

from ..types import Conds, ModelPatcher

# (model, shape of the noise, prompts, model options) to the shape of the latent that memory is counted for.
SamplingCheck: TypeAlias = Callable[[ModelPatcher, Sequence[int], Conds, dict], Sequence[int]]


def add_sampling_check(model: ModelPatcher, key: str, check: SamplingCheck) -> None:
    """Have a MODEL, a clone of ours, checked each time that sampling begins.

    Args:
        model: The clone.
        key: Which check it is, to remove it by.
        check: Refuses prompts that do not fit with an error, and says how large a latent the host is to make room for.
    """

    def prepare_sampling(
        executor: Callable,
        model: ModelPatcher,
        noise_shape: Sequence[int],
        conds: Conds,
        *args: object,
        **kwargs: object,
    ) -> tuple:
        shape = check(model, noise_shape, conds, kwargs.get("model_options") or {})
        return executor(model, shape, conds, *args, **kwargs)

    model.add_wrapper_with_key(WrappersMP.PREPARE_SAMPLING, key, prepare_sampling)
