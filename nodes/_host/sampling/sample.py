"""Sampling with the host's own guiders, noise and model management, for latents that begin with references."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import comfy.model_management
import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview
import torch
from comfy_extras.nodes_model_advanced import ModelSamplingSD3
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.notes import tell
from ....vace_core.sampling import OFFICIAL_SAMPLER, OFFICIAL_SCHEDULER, UniPc, note_guidance
from ....vace_core.video import num_pixel_frames, num_tokens
from ..conditioning import fit_latent, sampled_latent
from ..models import SampledVideo, require_finite_step, tell_untrained
from ..types import Latent, ModelPatcher, Sampler
from .inputs import ContextShape, SamplingInputs, context_shape, require_usable
from .solver import official_sampler, official_schedule

SEEDS = 2**64
LAST_SEED = SEEDS - 2  # of a solver's own noise, for which the host counts one further
# Keys of an empty latent that the host's samplers drop as well: they describe what was asked for, not what came out.
DROPPED = ("downscale_ratio_spacial", "downscale_ratio_temporal")


def sample_context(inputs: SamplingInputs) -> Latent:
    """Sample a LATENT as the host's samplers do.

    With the official solver this is the official code's loop, with guidance, masks and memory being the host's. With a
    solver of the host and one model it is its KSampler, with a guider or sigmas its SamplerCustomAdvanced, and with two
    experts two KSamplerAdvanced in a row, bit for bit. We differ in one case: in a row, the host forgets the original
    behind a noise mask when the second begins and gives noise there; here it is kept.

    Args:
        inputs: What and how.

    Returns:
        The LATENT with references. What was repaired, and what leaves the trained range, is told.

    Raises:
        VaceInputError: If the inputs contradict each other or do not fit the VCU.
    """
    require_usable(inputs)
    shape = context_shape(inputs)
    _tell_untrained_inputs(inputs, shape)
    latent = fit_latent(inputs.latent, shape)
    with explain_errors(_describe_size(latent["samples"].shape[0], shape)):
        samples = _sample(inputs, latent, shape.references)
    latent = {key: value for key, value in latent.items() if key not in DROPPED}
    return sampled_latent(latent, samples, shape.references)


def _tell_untrained_inputs(inputs: SamplingInputs, shape: ContextShape) -> None:
    width, height = shape.size
    frames = num_pixel_frames(shape.length - shape.references)
    tell_untrained(SampledVideo(frames, height, width, shape.references, shape.strengths), inputs.patcher, shape.told)
    cfg = inputs.settings.cfg if inputs.guider is None else getattr(inputs.guider, "cfg", 1.0)
    note_guidance(inputs.settings, cfg, all_steps=inputs.sigmas is None and inputs.denoise == 1)


@dataclass(frozen=True)
class _Pass:
    """One call of the host's sampling."""

    model: ModelPatcher
    solver: Sampler
    sigmas: Tensor
    noise: Tensor
    samples: Tensor
    mask: Tensor | None
    seed: int
    callback: Callable


def _sample(inputs: SamplingInputs, latent: Latent, references: int) -> Tensor:
    model = inputs.patcher if inputs.guider is not None else _with_shift(inputs.model, inputs.settings.shift)
    samples, sigmas = latent["samples"], _sigmas(inputs, model)
    noise = comfy.sample.prepare_noise(samples, inputs.seed, latent.get("batch_index"))
    callback = _callback(model, references, len(sigmas) - 1)
    first = _Pass(model, _solver(inputs), sigmas, noise, samples, latent.get("noise_mask"), inputs.seed, callback)
    return _sample_experts(inputs, first) if inputs.low_noise_model is not None else _sample_pass(inputs, first)


def _sample_experts(inputs: SamplingInputs, first: _Pass) -> Tensor:
    """The first expert down to the boundary, the second from there on, on one schedule.

    The second draws its own noise, if its solver draws any, from the next seed: with the same one it would draw again
    what the first has drawn.
    """
    low = _with_shift(inputs.low_noise_model, inputs.settings.shift)
    begin, below = switch_step(first.sigmas, inputs.boundary), f"below the boundary of {inputs.boundary:g}"
    if begin == 0:
        tell("model-unused", f"model is not used: every step begins {below}.")
        return _sample_pass(inputs, replace(first, model=low))
    if begin == len(first.sigmas) - 1:
        tell("model-unused", f"low_noise_model is not used: no step begins {below}.")
        return _sample_pass(inputs, first)
    half = _sample_pass(inputs, replace(first, sigmas=first.sigmas[: begin + 1]))
    noise, samples = torch.zeros_like(half, device="cpu"), half
    if first.mask is not None:
        noise, samples = _remaining_noise(low, half, first.samples, first.sigmas[begin].cpu()), first.samples
    second = replace(first, model=low, sigmas=first.sigmas[begin:], noise=noise, samples=samples)
    second = replace(second, seed=(inputs.seed + 1) % SEEDS, callback=_continue_callback(first.callback, begin))
    return _sample_pass(inputs, second)


def switch_step(sigmas: Tensor, boundary: float) -> int:
    """The first step that begins below the boundary, as Wan 2.2 chooses its expert (``t >= boundary`` is high noise).

    Args:
        sigmas: Noise levels, one more than steps.
        boundary: In [0, 1].

    Returns:
        In [0, steps]; ``steps`` when none does.
    """
    return int((sigmas[:-1] >= boundary).sum())


def _remaining_noise(model: ModelPatcher, half: Tensor, samples: Tensor, sigma: Tensor) -> Tensor:
    """The noise that, laid on the original at this level, is the half-sampled latent.

    The host hands a half-sampled latent on as ``x / (1 - sigma)``. Given as the original of a second run it would be
    pasted back behind the noise mask, its noise included.
    """
    into = model.get_model_object("latent_format").process_in
    samples = samples.to(half)
    original = into(samples) if torch.count_nonzero(samples) else samples  # the host leaves an empty latent as it is
    return ((1 - sigma) / sigma * (into(half) - original)).cpu()


def _sample_pass(inputs: SamplingInputs, run: _Pass) -> Tensor:
    solver, sigmas = run.solver, run.sigmas.clone()  # the host's uni_pc writes into it
    quiet = not comfy.utils.PROGRESS_BAR_ENABLED
    common = {"callback": run.callback, "disable_pbar": quiet, "seed": min(run.seed, LAST_SEED)}
    if inputs.guider is not None:
        result = inputs.guider.sample(run.noise, run.samples, solver, sigmas, denoise_mask=run.mask, **common)
        return result.to(comfy.model_management.intermediate_device())
    return comfy.sample.sample_custom(
        run.model,
        run.noise,
        inputs.settings.cfg,
        solver,
        sigmas,
        inputs.positive,
        inputs.negative,
        run.samples,
        noise_mask=run.mask,
        **common,
    )


def _with_shift(model: ModelPatcher, shift: float) -> ModelPatcher:
    return ModelSamplingSD3().patch(model, shift)[0] if shift else model


def _solver(inputs: SamplingInputs) -> Sampler:
    """The solver of the whole run; of two experts the second goes on with what the first has seen."""
    if inputs.sampler_object is not None:
        return inputs.sampler_object
    if inputs.settings.sampler == OFFICIAL_SAMPLER:
        return official_sampler(UniPc() if inputs.low_noise_model is not None else None)
    return comfy.samplers.sampler_object(inputs.settings.sampler)


def _sigmas(inputs: SamplingInputs, model: ModelPatcher) -> Tensor:
    """The noise levels: those given, the official ones, or KSampler's, which for some solvers leaves out one.

    Raises:
        VaceInputError: If the host's scheduler gives NaN.
    """
    if inputs.sigmas is not None:
        return inputs.sigmas
    settings = inputs.settings
    if settings.scheduler == OFFICIAL_SCHEDULER:
        return official_schedule(model, settings.steps, inputs.denoise)
    own = inputs.sampler_object is not None or settings.sampler == OFFICIAL_SAMPLER
    if not own and settings.sampler in comfy.samplers.KSampler.DISCARD_PENULTIMATE_SIGMA_SAMPLERS:
        tell(
            "noise-level-left-out",
            f"{settings.sampler} leaves out the last noise level before 0 in ComfyUI, which costs detail. "
            f"{OFFICIAL_SAMPLER} takes all of them.",
        )
    sigmas = comfy.samplers.KSampler(
        model,
        steps=settings.steps,
        device=model.load_device,
        sampler="euler" if own else settings.sampler,  # euler's are BasicScheduler's: all of them
        scheduler=settings.scheduler,
        denoise=inputs.denoise,
        model_options=model.model_options,
    ).sigmas
    if not sigmas.isfinite().all():
        raise VaceInputError(
            f"settings.scheduler is {settings.scheduler}, whose noise levels are NaN at settings.steps "
            f"{settings.steps}. Take more steps or another scheduler."
        )
    return sigmas


def _callback(model: ModelPatcher, references: int, steps: int) -> Callable:
    """The host's progress and preview, which shows the first latent frame: the video's instead of a reference's."""
    host = latent_preview.prepare_callback(model, steps)

    def callback(step: int, x0: Tensor, x: Tensor, total_steps: int) -> None:
        require_finite_step(step, x0)
        host(step, x0[:, :, references:] if x0.ndim == 5 else x0, x, steps)

    return callback


def _continue_callback(callback: Callable, done: int) -> Callable:
    return lambda step, x0, x, total_steps: callback(done + step, x0, x, done + total_steps)


def _describe_size(batch: int, shape: ContextShape) -> str:
    width, height = shape.size
    frames = num_pixel_frames(shape.length - shape.references)
    videos = f", {batch} videos at once" if batch > 1 else ""
    return (
        f"{width} x {height}, {frames} frames, {shape.references} references, {shape.vcus} "
        f"VCU{'s' * (shape.vcus > 1)}{videos}: {batch * num_tokens(shape.length, height, width):,} tokens"
    )


@contextmanager
def explain_errors(extent: str) -> Iterator[None]:
    """Say what ran out and what to lower when the host runs out of memory, in an error of the host's own type.

    So the host still unloads its models and gives its tips. All other errors pass as they are.

    Args:
        extent: Size of what is sampled.
    """
    try:
        yield
    except (VaceInputError, comfy.model_management.InterruptProcessingException):
        raise
    except Exception as error:
        if not _is_out_of_memory(error):
            raise
        raise type(error)(
            f"Out of memory while sampling {extent}. Lower the size or the length first: every token counts. Then take "
            f"away references, crop to the mask with VACE Crop VCU, sample long videos with VACE Set Context Windows, "
            f"or load an fp8 or GGUF model (with VACE Load Adapter the base and the adapter each). It said: {error}"
        ) from error


def _is_out_of_memory(error: Exception) -> bool:
    known = getattr(comfy.model_management, "is_oom", None)  # also knows errors of other accelerators; newer hosts only
    return known(error) if known else isinstance(error, comfy.model_management.OOM_EXCEPTION)
