"""Masks of people, by a network for people near the camera."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..protocol import Tick, chunks, on_threads
from .colour_cut import clean_mask

PERSON_SIDE, AT_ONCE = 256, 8  # pixels that the network looks at, and frames
# Of the file: the picture that it takes, all that it answers, and what is wanted of it.
SELFIE_FILE = ((PERSON_SIDE, PERSON_SIDE), {"person": (PERSON_SIDE, PERSON_SIDE, 1)}, ("person",))


@dataclass(frozen=True, eq=False)
class PersonMask:
    """People near the camera, by mediapipe's selfie segmentation; an `Annotator` of masks [T, H, W, 1], 0 or 1.

    Source: ``SelfieSegmentationCpu`` of mediapipe 0.10.14, general model.

    Attributes:
        load: Gives the network of `SELFIE_FILE`.
        weights: What tells its weights apart.
        threshold: In [0, 1]; above it a pixel is of a person.
        clean: Whether hairs, small islands and small holes go.
    """

    load: Callable[[], Callable[[Tensor], Tensor]]
    weights: tuple[object, ...]
    threshold: float = 0.5
    clean: bool = True

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights, settings."""
        return "person", self.weights, self.threshold, self.clean

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """Masks [T, H, W, 1], 0 or 1, of frames [T, H, W, 3]."""
        network, size = self.load(), frames.shape[1:3]
        masks = torch.empty((*frames.shape[:3], 1), device=frames.device)
        for part in chunks(len(frames), AT_ONCE):
            pixels = rearrange(frames[part], "t h w c -> t c h w")
            # Its shape is not kept, as in training.
            pixels = F.interpolate(pixels, (PERSON_SIDE, PERSON_SIDE), mode="bilinear", antialias=True)
            answer = rearrange(network(pixels), "t (h w) -> t 1 h w", h=PERSON_SIDE)
            inside = F.interpolate(answer, size, mode="bilinear") > self.threshold
            inside = rearrange(inside, "t 1 h w -> t h w")
            if self.clean:
                inside = torch.from_numpy(np.stack(on_threads(_cleaned, list(inside.cpu().numpy()))))
            masks[part] = inside[..., None].to(masks)
            tick(part.stop, len(frames))
        return masks


def _cleaned(mask: np.ndarray) -> np.ndarray:
    return clean_mask(mask, np.zeros_like(mask))
