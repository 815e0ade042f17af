"""How a region is shaped before it is generated: grown, augmented, feathered."""

from dataclasses import dataclass

from torch import Tensor

from ..errors import VaceInputError
from .augment import augment_mask
from .shape import PIXELS, feather_mask, grow_mask, in_pixels


@dataclass(frozen=True)
class RegionShape:
    """How the region is changed before it is generated: grown, augmented, feathered, in this order.

    Attributes:
        grow: How far it grows in all directions; negative shrinks it.
        feather: Width of a soft edge around it, 0 or more.
        unit: Of both, one of `vace_core.masks.UNITS`; per cent are of the region as given.
        augment: One of `vace_core.masks.MASK_MODES`; ``original`` leaves it as it is.
        seed: Of the augmentation.
        ratio: Of the augmentation: largest growth as a part of the object's size.
    """

    grow: float = 0.0
    feather: float = 0.0
    unit: str = PIXELS
    augment: str = "original"
    seed: int = 0
    ratio: float = 0.3

    def __post_init__(self) -> None:
        if self.feather < 0:
            raise VaceInputError(f"feather must be 0 or more, got {self.feather:g}. Use a negative grow to shrink.")

    def apply(self, region: Tensor) -> Tensor:
        """[T, H, W] in [0, 1], of a region of the same kind."""
        edge = in_pixels(region, self.feather, self.unit)
        region = grow_mask(region, in_pixels(region, self.grow, self.unit))
        if self.augment != "original":
            region = augment_mask(region, self.augment, seed=self.seed, ratio=self.ratio)
        return feather_mask(region, edge)


AS_GIVEN = RegionShape()
