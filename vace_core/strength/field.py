"""Strength as a field: over sampling steps, adapter blocks, latent frames, picture area, and references."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ..errors import VaceInputError
from ..video import PATCH_SIZE
from .curves import NUMBER, Curve, require_strength, split_words

# Bisection steps for the share of the schedule that a noise level stands for; far below any step's width.
BISECTIONS = 40
# Stands for every VCU where a VCU's number, from 1 in the order they were added, is asked for.
ALL_VCUS = 0


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

    steps: Curve = field(default_factory=Curve)
    frames: Curve = field(default_factory=Curve)
    blocks: tuple[float, ...] = ()
    references: float = 1.0
    mask: Tensor | None = None

    def __post_init__(self) -> None:
        require_strength("references", self.references)

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
        return rearrange(torch.cat([prefix, video]), "t rows columns -> 1 (t rows columns) 1")


@dataclass(frozen=True, eq=False)
class StrengthFields:
    """The fields of all VCUs of a model.

    Attributes:
        by_vcu: The field of each VCU that has one of its own, and at `ALL_VCUS` that of all others.
    """

    by_vcu: Mapping[int, StrengthField] = field(default_factory=dict)

    def with_field(self, vcu: int, strength_field: StrengthField) -> "StrengthFields":
        """The same with this field in place of the one for the same number.

        Raises:
            VaceInputError: If ``vcu`` is negative.
        """
        if vcu < ALL_VCUS:
            raise VaceInputError(f"vcu is {vcu}. Set 0 for all VCUs, or 1, 2, ... for one of them.")
        return StrengthFields({**self.by_vcu, vcu: strength_field})

    def of(self, vcu: int) -> StrengthField:
        """The field of a VCU: its own, else the one for all, else 1 throughout.

        Args:
            vcu: Its number, from 1.
        """
        return self.by_vcu.get(vcu) or self.by_vcu.get(ALL_VCUS) or StrengthField()

    @property
    def highest(self) -> int:
        """The largest number of a VCU that has a field of its own; 0 for none."""
        return max(self.by_vcu, default=ALL_VCUS)


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
    words = split_words(text)
    for word in words:
        if not re.fullmatch(NUMBER, word):
            raise VaceInputError(
                f"{name}: '{word}' is no number. Write one strength for each block, such as 1, 1, 0.5, 0."
            )
        require_strength(name, float(word))
    return tuple(float(word) for word in words)


def num_active_blocks(factors: Sequence[float]) -> int:
    """How many leading blocks must run: those behind the last one above 0 have no effect on anything."""
    return max((index + 1 for index, factor in enumerate(factors) if factor != 0), default=0)


def parse_vcus(name: str, text: str) -> tuple[int, ...]:
    """Numbers of VCUs, from 1; empty for all.

    Raises:
        VaceInputError: If a word is no such number.
    """
    words = split_words(text)
    for word in words:
        if not re.fullmatch("[0-9]{1,9}", word) or int(word) == 0:
            raise VaceInputError(
                f"{name}: '{word}' is no number of a VCU. Write 1 for the VCU of the first VACE Apply Context, 2 for "
                f"the second, '1, 2' for both; empty is all."
            )
    return tuple(sorted({int(word) for word in words}))


def applies_to(vcus: Sequence[int], vcu: int) -> bool:
    """Whether a VCU is among those listed; an empty list means all."""
    return not vcus or vcu in vcus


def require_vcu(name: str, vcu: int, present: int) -> None:
    """Refuse the number of a VCU that is not there.

    Args:
        name: Where the number was set.
        vcu: The number.
        present: How many VCUs the conditioning holds.

    Raises:
        VaceInputError: If there are fewer.
    """
    if vcu > present:
        raise VaceInputError(
            f"{name} is {vcu}, but the conditioning that is sampled holds {present} VCU{'' if present == 1 else 's'}. "
            f"Choose a number that is there, or add a VCU with VACE Apply Context."
        )
