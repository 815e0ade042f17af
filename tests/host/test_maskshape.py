"""Mask nodes in the real host: the sockets reach the core, reports tell what happened."""

import pytest
import torch

from wan_vace.vace_core.maskaug import MASK_MODES, augment_mask
from wan_vace.vace_core.maskshape import draw_boxes, reshape_mask

pytestmark = pytest.mark.host


def square():
    mask = torch.zeros(3, 32, 48)
    mask[:, 8:20, 16:32] = 1
    return mask


@pytest.mark.parametrize("mode", MASK_MODES)
def test_augmenting(call, mode):
    settings = {"seed": 4, "ratio": 0.8, "iterations": 2}
    mask, report = call("VaceAugmentMask", mask=square(), mode=mode, **settings)
    assert torch.equal(mask, augment_mask(square(), mode, **settings)) and report == ""


def test_growing_and_shrinking_to_nothing(call):
    mask, report = call("VaceGrowMask", mask=square(), grow=10.0, feather=20.0, unit="% of object")
    assert torch.equal(mask, reshape_mask(square(), 10, 20, "% of object")) and report == ""
    mask, report = call("VaceGrowMask", mask=square(), grow=-20.0, feather=0.0, unit="pixels")
    assert not mask.any() and report == "The mask is black in every frame: nothing would be generated."


def test_drawing(call):
    text = "0,0,10,10 40,0,60,10"
    mask, report = call("VaceDrawBoxMask", boxes=text, width=50, height=30, length=7, easing="ease out")
    assert torch.equal(mask, draw_boxes(text, 30, 50, 7, "ease out")) and mask.shape == (7, 30, 50)
    assert report.startswith("boxes: box ") and "reaches out of the frame of 50 x 30" in report


def test_a_picture_instead_of_a_mask_is_refused(call):
    with pytest.raises(ValueError, match="mask looks like a picture"):
        call("VaceGrowMask", mask=torch.full((1, 8, 8), 0.5), grow=1.0, feather=0.0, unit="pixels")
