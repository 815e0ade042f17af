"""Strength as a field: over sampling steps, adapter blocks, latent frames, picture area, and references."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from .errors import VaceInputError
from .grid import PATCH_SIZE

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)"
_POINT = re.compile(rf"^({_NUMBER})(%?):({_NUMBER})$")
EXAMPLE = "'1' for all, '1, 1, 0.5, 0' spread evenly, or points such as '0:1, 40%:1, 60%:0'"
MAX_STRENGTH = 1000.0
# Bisection steps for the share of the schedule that a noise level stands for; far below any step's width.
BISECTIONS = 40


@dataclass(frozen=True)
class Curve:
    """A value over [0, 1], linear between its points and constant outside them.

    Attributes:
        points: (place, value), places rising; two at one place make a jump.
    """

    points: tuple[tuple[float, float], ...] = ((0.0, 1.0),)

    def at(self, place: float) -> float:
        """The value at a place; at a jump, the later one."""
        if place < self.points[0][0]:
            return self.points[0][1]
        for (x0, y0), (x1, y1) in pairwise(self.points):
            if x0 <= place < x1:
                return y0 + (y1 - y0) * (place - x0) / (x1 - x0)
        return self.points[-1][1]

    @property
    def is_one(self) -> bool:
        """Whether it changes nothing."""
        return all(value == 1 for _, value in self.points)


def parse_curve(name: str, text: str) -> Curve:
    """A curve from what a user typed.

    Args:
        name: The socket's name.
        text: A number, several spread evenly from 0 to 1, or ``place:value`` points; empty is 1 throughout.

    Raises:
        VaceInputError: If it is none of these, falls back in place, or leaves the range of strengths.
    """
    words = [word for word in re.split(r"[,;\s]+", text.strip()) if word]
    if not words:
        return Curve()
    if all(re.fullmatch(_NUMBER, word) for word in words):
        last = max(len(words) - 1, 1)
        points = tuple((k / last, float(word)) for k, word in enumerate(words))
    else:
        points = tuple(_point(name, word) for word in words)
    for (before, _), (after, _) in pairwise(points):
        if after < before:
            raise VaceInputError(f"{name}: place {after:g} comes after {before:g}; places must rise from 0 to 1.")
    for _, value in points:
        require_strength(name, value)
    return Curve(points)


def _point(name: str, word: str) -> tuple[float, float]:
    match = _POINT.match(word)
    if not match:
        raise VaceInputError(f"{name}: '{word}' is no point. Write {EXAMPLE}.")
    place = float(match[1]) / (100 if match[2] else 1)
    if not 0 <= place <= 1:
        raise VaceInputError(f"{name}: place {word.partition(':')[0]} is outside the clip of 0 to 1 (0 % to 100 %).")
    return place, float(match[3])


def require_strength(name: str, value: float) -> None:
    """Refuse NaN and what is no strength.

    Raises:
        VaceInputError: If ``value`` is not in [0, 1000].
    """
    if not 0 <= value <= MAX_STRENGTH:
        raise VaceInputError(f"{name} holds {value:g}; a strength must be in [0, {MAX_STRENGTH:g}].")


@dataclass(frozen=True, eq=False)
class StrengthField:
    """Factors on a VCU's strength.

    Attributes:
        steps: Over the sampling schedule, 0 pure noise and 1 the finished video.
        frames: Over the video's latent frames, references not counted.
        blocks: One for each adapter block; empty for 1 throughout.
        references: On all reference latents.
        mask: [T, H, W], in [0, 1], a factor on the picture area; None for 1 throughout.
    """

    steps: Curve = Curve()
    frames: Curve = Curve()
    blocks: tuple[float, ...] = ()
    references: float = 1.0
    mask: Tensor | None = None

    def block_factors(self, num_layers: int) -> tuple[float, ...]:
        """One factor for each adapter block.

        Raises:
            VaceInputError: If the list has another length.
        """
        if self.blocks and len(self.blocks) != num_layers:
            raise VaceInputError(
                f"blocks has {len(self.blocks)} strengths but the adapter has {num_layers} blocks. "
                f"Give {num_layers}, or leave it empty."
            )
        return self.blocks or (1.0,) * num_layers

    def token_factors(self, references: int, t: int, h: int, w: int) -> Tensor | None:
        """[1, tokens, 1] factors in time order, references first; None when all are 1.

        Args:
            references: Leading reference latents.
            t: Latent frames of the video.
            h: Latent rows.
            w: Latent columns.
        """
        if self.frames.is_one and self.references == 1 and self.mask is None:
            return None
        rows, columns = h // PATCH_SIZE, w // PATCH_SIZE
        over_time = torch.tensor([self.frames.at(k / max(t - 1, 1)) for k in range(t)])
        video = over_time[:, None, None].expand(t, rows, columns)
        if self.mask is not None:
            video = video * _on_tokens(self.mask, t, rows, columns)
        prefix = torch.full((references, rows, columns), float(self.references))
        return torch.cat([prefix, video]).reshape(1, -1, 1)


def _on_tokens(mask: Tensor, t: int, rows: int, columns: int) -> Tensor:
    """[t, rows, columns] mean of a mask [T, H, W] over what each token stands for."""
    volume = mask[None, None].float()  # [1, 1, T, H, W]
    return F.interpolate(volume, size=(t if len(mask) > 1 else 1, rows, columns), mode="area")[0, 0].expand(t, -1, -1)


def share_of_schedule(sigma: float, percent_to_sigma: Callable[[float], float]) -> float:
    """How far sampling has come when the noise level is ``sigma``: 0 at the start, 1 at the end.

    Found from the model's own schedule at the time of sampling, so a shift set later counts.

    Args:
        sigma: The noise level.
        percent_to_sigma: The host's schedule, falling from share 0 to share 1.
    """
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if percent_to_sigma(middle) > sigma else (low, middle)
    return high


def parse_blocks(name: str, text: str) -> tuple[float, ...]:
    """Strengths of the adapter blocks, one number each; empty for 1 throughout.

    Raises:
        VaceInputError: If a word is no number, or no strength.
    """
    words = [word for word in re.split(r"[,;\s]+", text.strip()) if word]
    for word in words:
        if not re.fullmatch(_NUMBER, word):
            raise VaceInputError(
                f"{name}: '{word}' is no number. Write one strength for each block, such as 1, 1, 0.5, 0."
            )
        require_strength(name, float(word))
    return tuple(float(word) for word in words)


def live_blocks(factors: Sequence[float]) -> int:
    """How many leading blocks must run: those behind the last one above 0 have no effect on anything."""
    return max((index + 1 for index, factor in enumerate(factors) if factor != 0), default=0)
