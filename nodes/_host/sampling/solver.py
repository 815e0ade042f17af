"""The official solver as a SAMPLER of the host, and the official schedule as its SIGMAS.

The mathematics is `vace_core.sampling`'s. Here it calls the model as the host's own samplers do, so guidance, masks,
hooks, context windows, previews and interrupts are the host's.
"""

from collections.abc import Callable

import torch
from comfy.patcher_extension import WrappersMP, add_wrapper_with_key, copy_nested_dicts
from comfy.samplers import KSAMPLER
from torch import Tensor
from tqdm.auto import trange

from ....vace_core.sampling import UniPc, official_sigmas, whole_timesteps
from ..types import ModelPatcher

SOLVER_KEY = "wan_vace_whole_timesteps"


def official_sampler(state: UniPc | None = None) -> KSAMPLER:
    """The official solver.

    Args:
        state: Of the expert that sampled before on the same schedule; None begins anew in every run.
    """

    def sample_official(
        model: Callable,
        x: Tensor,
        sigmas: Tensor,
        extra_args: dict | None = None,
        callback: Callable | None = None,
        disable: bool | None = None,
    ) -> Tensor:
        solver, levels = UniPc() if state is None else state, sigmas.double().tolist()
        arguments, each = tell_whole_timesteps(extra_args or {}), x.new_ones([x.shape[0]])
        for step in trange(len(levels) - 1, disable=disable):
            clip = model(x, sigmas[step] * each, **arguments)
            if callback is not None:
                told = {"x": x, "i": step, "sigma": sigmas[step], "sigma_hat": sigmas[step], "denoised": clip}
                callback(told)
            x = solver.step(x, clip, levels[step], levels[step + 1])
        return x

    return KSAMPLER(sample_official)


def tell_whole_timesteps(extra_args: dict) -> dict:
    """A sampler's arguments for the model, which tell it whole timesteps, rounded down, as the official code does.

    Args:
        extra_args: As the host gives them to a sampler; they stay as they are.
    """
    options = {**extra_args.get("model_options", {})}
    options["transformer_options"] = copy_nested_dicts(options.get("transformer_options", {}))
    add_wrapper_with_key(WrappersMP.DIFFUSION_MODEL, SOLVER_KEY, _round_timestep, options["transformer_options"])
    return {**extra_args, "model_options": options}


def _round_timestep(executor: Callable, x: Tensor, timestep: Tensor, *args: object, **kwargs: object) -> Tensor:
    return executor(x, whole_timesteps(timestep), *args, **kwargs)


def official_schedule(model: ModelPatcher, steps: int, denoise: float) -> Tensor:
    """SIGMAS of the official schedule at the model's shift.

    Args:
        model: MODEL; gives the shift.
        steps: Sampling steps that are made.
        denoise: Share of the schedule to make, in (0, 1]; as in the host, the part before is left out.
    """
    shift = float(getattr(model.get_model_object("model_sampling"), "shift", 1.0))
    whole = official_sigmas(max(int(steps / denoise), steps), shift)
    return torch.tensor(whole[-(steps + 1) :], dtype=torch.float32)
