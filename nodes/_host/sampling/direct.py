"""The steps from a VCU to its frames, each taken at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import comfy.model_management
from torch import Tensor

from ....vace_core.conditioning import VaceContext
from ....vace_core.sampling import SamplerSettings
from ....vace_core.vcu import Vcu
from ..conditioning import apply_context, decode_video, empty_video_latent, encode_vcu
from ..types import VAE, Conditioning, Latent, ModelPatcher
from .inputs import SamplingInputs
from .sample import sample_context
from .steps import OFFICIAL_ENCODING


@dataclass(frozen=True)
class DirectSteps:
    """The steps of one VCU; see `VcuSteps`.

    Attributes:
        vcu: What the model is to look at.
        seed: Of the noise.
        models: ``model``, and ``low_noise_model`` if there are two experts.
        encode_prompt: From a text to its conditioning.
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
        sampled, _ = sample_context(inputs)
        return sampled

    def decode(self, sampled: Latent) -> Tensor:
        """Frames [T, H, W, 3], unless the user has stopped the run."""
        comfy.model_management.throw_exception_if_processing_interrupted()
        return decode_video(self.vae, sampled, None, None)
