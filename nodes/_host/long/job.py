"""What is asked for: the sockets of VACE Sample Long Video."""

from collections.abc import Mapping
from dataclasses import dataclass

from ....vace_core.long import LongVcu
from ....vace_core.sampling import SamplerSettings
from ..types import CLIP, VAE, ModelPatcher


@dataclass(frozen=True)
class LongJob:
    """The sockets of VACE Sample Long Video.

    Attributes:
        models: ``model``, and ``low_noise_model`` if there are two experts.
        clip: Text encoder.
        vae: The Wan 2.1 VAE.
        source: What the whole video is made from.
        prompts: One for each segment, a line of dashes between them.
        negative_prompt: What to avoid.
        seed: Of the first segment.
        settings: Steps, guidance, shift, sampler and scheduler.
        boundary: Noise level at which the second expert takes over.
        strength: Context scale.
        segment_length: Most frames of a segment.
        overlap: Frames that a segment keeps of the one before.
        anchor: Whether later segments look at the first frame as a further reference.
        match_colour: Whether each segment is brought back to the original colours.
        drift_limit: Largest colour change accepted, in steps of 1/255; 0 for any.
        keep_pixels: Whether kept pixels of the source are put back exactly.
        run: Name of the folder that finished segments are kept in; empty for one of these inputs' own.
        redo: Segments to make again.
    """

    models: Mapping[str, ModelPatcher]
    clip: CLIP
    vae: VAE
    source: LongVcu
    prompts: str
    negative_prompt: str
    seed: int
    settings: SamplerSettings
    boundary: float
    strength: float
    segment_length: int
    overlap: int
    anchor: bool
    match_colour: bool
    drift_limit: float
    keep_pixels: bool
    run: str
    redo: str
