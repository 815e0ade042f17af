"""What a model makes of captions alone: does it keep what its base could do?"""

import torch
from torch import Tensor, nn

from ...training import flow_matching
from ..networks import models
from ..world import measures, words
from ..world.scenes import LENGTH, SIZE, Scene, random_scene

FIRST_SEED = 30_000_000
GUIDANCE, STEPS = 3.0, 16
STRIDE_T, STRIDE = 4, 8


def scenes(count: int) -> list[Scene]:
    """Scenes of one thing that no stage has seen."""
    return [random_scene(FIRST_SEED + n, second=False) for n in range(count)]


def text_to_video(model: nn.Module, captions: list[str], context: Tensor | None, strength: float) -> Tensor:
    """Latents of a video for each caption.

    Args:
        model: Wan, or Wan with VACE when there is a context.
        captions: Of the closed vocabulary.
        context: [B, 96, t, h, w] of an empty VCU.
        strength: Of the context.
    """
    text = words.vectors([words.token_ids(caption) for caption in captions])
    nothing = words.vectors([[]] * len(captions))
    noise = torch.randn(
        len(captions), 16, (LENGTH - 1) // STRIDE_T + 1, SIZE // STRIDE, SIZE // STRIDE,
        generator=torch.Generator().manual_seed(FIRST_SEED),
    )  # fmt: skip
    place = models.device_of(model)
    context = context if context is None else context.to(place)
    velocities = (flow_matching.velocity_of(model, one.to(place), context, strength) for one in (text, nothing))
    return flow_matching.sample(flow_matching.guided(*velocities, GUIDANCE), noise.to(place), STEPS).cpu()


@torch.no_grad()
def measured(
    model: nn.Module, vae: nn.Module, count: int, context: Tensor | None = None, strength: float = 1.0
) -> dict[str, float]:
    """Which share of a number of captions comes true.

    Args:
        model: See `text_to_video`.
        vae: The miniature's.
        count: Captions.
        context: [1, 96, t, h, w] of an empty VCU, for a VACE model.
        strength: Of the context; 0 leaves the base alone.

    Returns:
        ``colour``, ``shape``, ``place`` and ``motion``, each in [0, 1].
    """
    wanted = scenes(count)
    context = context if context is None else context.expand(count, -1, -1, -1, -1)
    latents = text_to_video(model, [scene.caption for scene in wanted], context, strength)
    scores = [_scores(models.decode(vae, one[None])[0], scene) for one, scene in zip(latents, wanted, strict=True)]
    return {name: sum(score[name] for score in scores) / count for name in scores[0]}


def _scores(frames: Tensor, scene: Scene) -> dict[str, float]:
    thing = scene.things[0]
    mask = measures.thing_mask(frames, thing.colour)
    return {
        "colour": measures.colour_share(frames, thing.colour),
        "shape": measures.shape_share(mask, thing.shape),
        "place": measures.place_share(frames, scene.place),
        "motion": float(measures.motion_of(measures.path_of(mask)) == thing.motion),
    }
