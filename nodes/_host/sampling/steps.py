"""The steps from a VCU to its frames, in their order, whoever takes them.

VACE Sample VCU puts them into a graph, so that the host runs and caches each by itself (`graph`). VACE Sample Long
Video takes them at once, for one segment after the other (`DirectSteps`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol, TypeVar

import comfy.model_management
from torch import Tensor

from ....vace_core.conditioning import VaceContext
from ....vace_core.notes import collect_notes
from ....vace_core.sampling import SamplerSettings
from ....vace_core.vcu import Vcu
from ..conditioning import apply_context, decode_video, empty_video_latent, encode_vcu
from ..types import CLIP, VAE, Conditioning, Latent, ModelPatcher
from .inputs import SamplingInputs
from .sample import sample_context

Prompt = TypeVar("Prompt")
Context = TypeVar("Context")
Unsampled = TypeVar("Unsampled")
Sampled = TypeVar("Sampled")
Frames = TypeVar("Frames")

# How a VCU is encoded where no node asks for anything else: as the weights were trained.
OFFICIAL_ENCODING = {"mask_edges": "official", "antialias_references": False}


class VcuSteps(Protocol[Prompt, Context, Unsampled, Sampled, Frames]):
    """Who takes the steps; what one gives is handed to the next: a value, or a link to one that is to come."""

    def encode_prompt(self, text: str) -> Prompt:
        """A text as conditioning."""

    def encode_vcu(self) -> Context:
        """The VCU as the context that the adapter reads."""

    def apply_context(self, positive: Prompt, negative: Prompt, context: Context) -> tuple[Prompt, Prompt, Unsampled]:
        """Both prompts with the context, and the latent to sample."""

    def sample(self, positive: Prompt, negative: Prompt, latent: Unsampled) -> Sampled:
        """What is sampled, references included."""

    def decode(self, sampled: Sampled) -> Frames:
        """The frames, without references and as many as the VCU has."""


def sample_vcu(
    steps: VcuSteps[Prompt, Context, Unsampled, Sampled, Frames], prompt: str, negative_prompt: str
) -> tuple[Sampled, Frames]:
    """From a VCU and two texts to what is sampled and its frames.

    What the VCU keeps is pasted back behind this: a long video corrects colours in between.
    """
    positive, negative = (steps.encode_prompt(text) for text in (prompt, negative_prompt))
    context = steps.encode_vcu()
    positive, negative, latent = steps.apply_context(positive, negative, context)
    sampled = steps.sample(positive, negative, latent)
    return sampled, steps.decode(sampled)


@dataclass(frozen=True)
class DirectSteps:
    """The steps of one VCU, each taken at once.

    Attributes:
        vcu: What the model is to look at.
        seed: Of the noise.
        models: ``model``, and ``low_noise_model`` if there are two experts.
        encode_prompt: As `encode_prompts_once` gives it.
        vae: The Wan 2.1 VAE.
        settings: Steps, guidance, shift, sampler and scheduler.
        boundary: Noise level at which the second expert takes over.
        strength: Context scale.
    """

    vcu: Vcu
    seed: int
    models: Mapping[str, ModelPatcher]
    encode_prompt: Callable[[str], Conditioning]
    vae: VAE
    settings: SamplerSettings
    boundary: float
    strength: float

    def encode_vcu(self) -> VaceContext:
        """Inactive and reactive half, mask and references."""
        return encode_vcu(self.vae, self.vcu, **OFFICIAL_ENCODING)

    def apply_context(
        self, positive: Conditioning, negative: Conditioning, context: VaceContext
    ) -> tuple[Conditioning, Conditioning, Latent]:
        """Both prompts with the context, and an empty latent of its size."""
        (positive, negative), count = apply_context([positive, negative], context, self.strength)
        return positive, negative, empty_video_latent(context, count, 1)

    def sample(self, positive: Conditioning, negative: Conditioning, latent: Latent) -> Latent:
        """The sampled latent; there is nothing to repair in one that was made for this context."""
        inputs = SamplingInputs(
            latent,
            self.seed,
            self.settings,
            positive=positive,
            negative=negative,
            boundary=self.boundary,
            **self.models,
        )
        with collect_notes():  # of the experts, which each of many calls would tell anew
            return sample_context(inputs)

    def decode(self, sampled: Latent) -> Tensor:
        """Frames [T, H, W, 3], unless the user has stopped the run."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        return decode_video(self.vae, sampled, None, None)


def encode_prompts_once(clip: CLIP) -> Callable[[str], Conditioning]:
    """A function from a text to its conditioning; a text that comes again is not encoded again."""
    return cache(lambda text: clip.encode_from_tokens_scheduled(clip.tokenize(text)))
