"""What a model makes of captions alone: does it keep what its base could do?"""

import torch
from torch import Tensor, nn

from ...training.flow_matching import sample_latents, velocity_of, with_guidance
from ...training.networks import device_of
from ...vace_core.video import LATENT_CHANNELS, SPATIAL_STRIDE, latent_length
from ..networks import decode_clips
from ..world import (
    LENGTH,
    SIZE,
    Scene,
    colour_share,
    motion_of,
    path_of,
    place_share,
    random_scene,
    shape_share,
    thing_mask,
    token_ids,
    word_vectors,
)

FIRST_SEED = 30_000_000
GUIDANCE, STEPS = 3.0, 16


def unseen_scenes(count: int) -> list[Scene]:
    """Scenes of one thing that no stage has seen."""
    return [random_scene(FIRST_SEED + n, second=False) for n in range(count)]


def sample_captions(
    model: nn.Module, captions: list[str], context: Tensor | None, strength: float, pixels: int = SIZE
) -> Tensor:
    """Latents of a video for each caption.

    Args:
        model: Wan, or Wan with VACE when there is a context.
        captions: Of the closed vocabulary.
        context: [B, 96, t, h, w] of an empty VCU.
        strength: Of the context.
        pixels: Height and width of the videos.
    """
    text = word_vectors([token_ids(caption) for caption in captions])
    nothing = word_vectors([[]] * len(captions))
    noise = torch.randn(
        len(captions), LATENT_CHANNELS, latent_length(LENGTH), pixels // SPATIAL_STRIDE, pixels // SPATIAL_STRIDE,
        generator=torch.Generator().manual_seed(FIRST_SEED),
    )  # fmt: skip
    place = device_of(model)
    context = context if context is None else context.to(place)
    velocities = (velocity_of(model, one.to(place), context, strength) for one in (text, nothing))
    return sample_latents(with_guidance(*velocities, GUIDANCE), noise.to(place), STEPS).cpu()


@torch.no_grad()
def measure_abilities(
    model: nn.Module,
    vae: nn.Module,
    count: int,
    context: Tensor | None = None,
    strength: float = 1.0,
    pixels: int = SIZE,
) -> dict[str, float]:
    """Which share of a number of captions comes true.

    Args:
        model: See `sample_captions`.
        vae: The miniature's.
        count: Captions.
        context: [1, 96, t, h, w] of an empty VCU, for a VACE model.
        strength: Of the context; 0 leaves the base alone.
        pixels: Height and width of the videos.

    Returns:
        ``colour``, ``shape``, ``place`` and ``motion``, each in [0, 1].
    """
    wanted = unseen_scenes(count)
    context = context if context is None else context.expand(count, -1, -1, -1, -1)
    latents = sample_captions(model, [scene.caption for scene in wanted], context, strength, pixels)
    scores = [_scores(decode_clips(vae, one[None])[0], scene) for one, scene in zip(latents, wanted, strict=True)]
    return {name: sum(score[name] for score in scores) / count for name in scores[0]}


def _scores(frames: Tensor, scene: Scene) -> dict[str, float]:
    thing = scene.things[0]
    mask = thing_mask(frames, thing.colour)
    return {
        "colour": colour_share(frames, thing.colour),
        "shape": shape_share(mask, thing.shape),
        "place": place_share(frames, scene.place),
        "motion": float(motion_of(path_of(mask)) == thing.motion),
    }
