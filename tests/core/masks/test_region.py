"""A region's shape: grown, augmented and feathered, in this order."""

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.augment import augment_mask
from wan_vace.vace_core.masks.region import AS_GIVEN, RegionShape
from wan_vace.vace_core.masks.shape import UNITS, feather_mask, grow_mask


def square():
    """[1, 128, 128], an object of 20 x 20 in the middle."""
    mask = torch.zeros(1, 128, 128)
    mask[:, 54:74, 54:74] = 1
    return mask


def test_both_settings_mean_the_object_before_it_grew():
    shape = RegionShape(10, 20, UNITS[1])  # of 20 pixels, so 10 % are 2 pixels and 20 % are 4
    assert torch.equal(shape.apply(square()), feather_mask(grow_mask(square(), 2), 4))


def test_a_region_as_given_is_the_same_soft_pixels_too():
    soft = square() * 0.7
    assert AS_GIVEN.apply(soft) is soft


def test_it_grows_first_then_it_is_augmented_by_seed_and_ratio_and_then_feathered():
    shaped = RegionShape(2, 3, augment="bbox_expand", seed=5, ratio=0.9).apply(square())
    by_hand = augment_mask(grow_mask(square(), 2), "bbox_expand", seed=5, ratio=0.9)
    assert torch.equal(shaped, feather_mask(by_hand, 3))
    for seed, ratio in ((6, 0.9), (5, 0.3)):  # both make a difference here
        assert not torch.equal(by_hand, augment_mask(grow_mask(square(), 2), "bbox_expand", seed=seed, ratio=ratio))


def test_a_feather_may_be_narrow_but_not_negative():
    assert RegionShape(feather=0.5).apply(square()).sum() > 400
    told = r"^feather must be 0 or more, got -0\.5\. Use a negative grow to shrink\.$"
    with pytest.raises(VaceInputError, match=told):
        RegionShape(feather=-0.5)
    assert RegionShape(feather=0).feather == 0
