"""What is to be sampled, and everything about it that can be wrong."""

from collections.abc import Iterable
from dataclasses import dataclass

import comfy.samplers
import torch
from torch import Tensor

from ....vace_core.errors import VaceInputError
from ....vace_core.sampling import OFFICIAL_SAMPLER, OFFICIAL_SCHEDULER, SamplerSettings
from ....vace_core.video import LATENT_CHANNELS
from ..conditioning import FRAMES, REFERENCES, TOLD, ContextShape, strengths_of
from ..models import require_vace_model, require_vace_models
from ..types import Conditioning, Guider, Latent, ModelPatcher, Sampler

SAMPLERS = [OFFICIAL_SAMPLER, *comfy.samplers.KSampler.SAMPLERS]
SCHEDULERS = [OFFICIAL_SCHEDULER, *comfy.samplers.KSampler.SCHEDULERS]


@dataclass(frozen=True)
class SamplingInputs:
    """The sockets of VACE Sample Context.

    Attributes:
        latent: LATENT of the VCU's size.
        seed: Of the noise.
        settings: Steps, guidance, shift, sampler and scheduler.
        denoise: Share of the noise to begin at, in (0, 1].
        model: MODEL; the high-noise expert when there are two.
        positive: CONDITIONING with the VCU.
        negative: CONDITIONING with the VCU.
        low_noise_model: MODEL that takes over below ``boundary``.
        boundary: Noise level of the flow schedule, in [0, 1].
        guider: GUIDER instead of model, positive and negative.
        sigmas: SIGMAS instead of steps, scheduler and denoise.
        sampler_object: SAMPLER instead of the settings' own.
    """

    latent: Latent
    seed: int
    settings: SamplerSettings
    denoise: float = 1.0
    model: ModelPatcher | None = None
    positive: Conditioning | None = None
    negative: Conditioning | None = None
    low_noise_model: ModelPatcher | None = None
    boundary: float = 0.875
    guider: Guider | None = None
    sigmas: Tensor | None = None
    sampler_object: Sampler | None = None

    @property
    def patcher(self) -> ModelPatcher:
        """The MODEL that samples first."""
        return self.model if self.guider is None else self.guider.model_patcher


def require_usable(inputs: SamplingInputs) -> None:
    """Refuse inputs that contradict each other or cannot be sampled.

    Raises:
        VaceInputError: The message names the sockets.
    """
    _require_one_source(inputs)
    _require_numbers(inputs)
    if inputs.guider is not None:
        require_vace_model(inputs.patcher, "guider's model")
    require_vace_models(inputs.patcher, inputs.low_noise_model, inputs.boundary)


def context_shape(inputs: SamplingInputs) -> ContextShape:
    """Size of the VCUs in the conditioning.

    Raises:
        VaceInputError: If there is none, or nobody says how many references it begins with.
    """
    socket = "positive" if inputs.guider is None else "guider"
    for values in _conditioning_values(inputs):
        if FRAMES not in values:
            continue
        if REFERENCES not in values:
            raise VaceInputError(
                f"{socket} holds a VACE context of another node, which does not say how many references it begins "
                f"with. Make it with VACE Encode VCU and VACE Apply Context, or sample it with KSampler."
            )
        frames, references = values[FRAMES][0], max(values[REFERENCES])
        pictures = frames[:1, :LATENT_CHANNELS, :references]
        told = frozenset(code for codes in values.get(TOLD, ()) for code in codes)
        size = (references, *frames.shape[2:], len(values[FRAMES]))
        return ContextShape(*size, pictures, strengths_of(values), told)
    raise VaceInputError(
        f"{socket} holds no VCU. Connect positive and negative of VACE Apply Context"
        f"{' to the guider' if inputs.guider else ''}; without a VCU use KSampler."
    )


def _conditioning_values(inputs: SamplingInputs) -> Iterable[dict]:
    if inputs.guider is None:
        return [values for _, values in inputs.positive]
    return [values for group in inputs.guider.original_conds.values() for values in group]


def _require_one_source(inputs: SamplingInputs) -> None:
    sockets = ("model", "positive", "negative", "low_noise_model")
    connected = [name for name in sockets if getattr(inputs, name) is not None]
    if inputs.guider is not None and connected:
        raise VaceInputError(
            f"guider is connected together with {_join_names(connected)}. A guider has its own model, prompts and cfg: "
            f"disconnect it, or {_join_names(connected)}."
        )
    missing = [name for name in sockets[:3] if name not in connected]
    if inputs.guider is None and missing:
        raise VaceInputError(
            f"{_join_names(missing)} {'is' if len(missing) == 1 else 'are'} not connected. "
            f"Connect model, positive and negative, or a guider instead of all three."
        )


def _require_numbers(inputs: SamplingInputs) -> None:
    settings, sigmas = inputs.settings, inputs.sigmas
    if not 0 < inputs.denoise <= 1:
        raise VaceInputError(f"denoise is {inputs.denoise:g}; it must be above 0 and at most 1, which makes all anew.")
    if sigmas is not None and sigmas.numel() < 2:
        raise VaceInputError(
            f"sigmas holds {sigmas.numel()} noise levels, so there is no step to sample; two make one step. "
            f"Raise the steps or the denoise of the scheduler that made it."
        )
    if sigmas is not None and inputs.denoise < 1:
        raise VaceInputError(
            f"denoise is {inputs.denoise:g} but sigmas is connected, which already says where to begin. "
            f"Set denoise to 1 here, and to {inputs.denoise:g} on the scheduler that makes sigmas."
        )
    for name, value, known in (
        ("sampler", settings.sampler, SAMPLERS),
        ("scheduler", settings.scheduler, SCHEDULERS),
    ):
        if value not in known:
            raise VaceInputError(f"settings.{name} is {value}, which this ComfyUI does not have. Choose another.")
    if inputs.denoise < 1 and torch.count_nonzero(inputs.latent["samples"]) == 0:
        raise VaceInputError(
            f"denoise is {inputs.denoise:g} but latent is empty, so there is nothing to keep. Set denoise to 1, or "
            f"connect an encoded video of the VCU's size and length (VAE Encode)."
        )


def _join_names(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
