"""Mask nodes in the real host: the sockets reach the core, reports tell what happened."""

import pytest
import torch

from harness.hearing import heard
from harness.inputs import footage
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.augment import MASK_MODES, augment_mask
from wan_vace.vace_core.masks.region import RegionShape
from wan_vace.vace_core.masks.shape import draw_box_mask
from wan_vace.vace_core.video.inputs import legal_mask

pytestmark = pytest.mark.host


def square():
    mask = torch.zeros(3, 32, 48)
    mask[:, 8:20, 16:32] = 1
    return mask


@pytest.mark.parametrize("mode", MASK_MODES)
def test_augmenting(call, mode):
    settings = {"ratio": 0.8, "iterations": 2}
    mask, report = call("VaceAugmentMask", mask=square(), mode=mode, augment_seed=4, **settings)
    assert torch.equal(mask, augment_mask(square(), mode, seed=4, **settings)) and report == ""


def test_growing_and_shrinking_to_nothing(call):
    mask, report = call("VaceGrowMask", mask=square(), grow=10.0, feather=20.0, unit="% of object")
    assert torch.equal(mask, RegionShape(10, 20, "% of object").apply(square())) and report == ""
    mask, report = call("VaceGrowMask", mask=square(), grow=-20.0, feather=0.0, unit="pixels")
    assert not mask.any() and report == "The mask is black in every frame: nothing would be generated."


def test_holes_are_filled_and_flicker_goes_before_it_grows(call):
    mask = square()
    mask[:, 12, 20], mask[1] = 0, 0  # a hole in each frame, and a frame that is missing
    settings = {"grow": 2.0, "feather": 0.0, "unit": "pixels", "fill_holes": True, "steady": 3}
    changed, _ = call("VaceGrowMask", mask=mask, **settings)
    assert mask[0].any() and torch.equal(changed, RegionShape(2.0).apply(square()).expand(3, -1, -1))
    with pytest.raises(ValueError, match="steady must be an odd number of frames, 1 or more, got 4"):
        call("VaceGrowMask", mask=mask, **{**settings, "steady": 4})


def test_drawing(call, caplog):
    text = "0,0,10,10 40,0,60,10"
    caplog.set_level("INFO", logger="wan_vace")
    mask, report = call("VaceDrawBoxMask", boxes=text, width=50, height=30, length=7, easing="ease out")
    assert torch.equal(mask, heard(draw_box_mask, text, 30, 50, 7, "ease out")[0]) and mask.shape == (7, 30, 50)
    assert report.startswith("boxes: box ") and "reaches out of the frame of 50 x 30" in report
    logged = [record for record in caplog.records if record.name == "wan_vace"]
    assert [r.levelname for r in logged] == ["INFO"] and logged[0].getMessage() == f"VACE Draw Box Mask: {report}"


def test_a_picture_instead_of_a_mask_is_refused(call):
    with pytest.raises(ValueError, match="mask looks like a picture"):
        call("VaceGrowMask", mask=torch.full((1, 8, 8), 0.5), grow=1.0, feather=0.0, unit="pixels")


MOSTLY_GREY = [
    footage.BOY_AND_DOG, footage.DRAGON, footage.DANCER, footage.WHITE_DRESS, footage.PORTRAIT
]  # fmt: skip


@pytest.mark.parametrize("channel", ["red", "green", "blue", "gray"])
@pytest.mark.parametrize("name", MOSTLY_GREY)
def test_real_footage_is_told_from_a_mask(name, channel):
    frames = torch.from_numpy(footage.load(name, 9)) / 255
    pixels = {"gray": frames @ torch.tensor([0.299, 0.587, 0.114])}
    pixels |= dict(zip(("red", "green", "blue"), frames.unbind(-1), strict=True))
    with pytest.raises(VaceInputError, match="mask looks like a picture"):
        legal_mask("mask", pixels[channel])


def test_a_feathered_mask_grows_again(call):
    mask = torch.zeros(1, 480, 480)
    mask[:, 210:270, 210:270] = 1
    soft, _ = call("VaceGrowMask", mask=mask, grow=0.0, feather=200.0, unit="pixels")
    assert ((soft > 0.1) & (soft < 0.9)).float().mean() > 0.5
    again, _ = call("VaceGrowMask", mask=soft, grow=8.0, feather=0.0, unit="pixels")
    assert (again >= soft).all()


def test_a_repair_of_a_node_without_a_report_is_logged(call, caplog):
    caplog.set_level("INFO", logger="wan_vace")
    video, mask = torch.rand(2, 16, 16, 1), torch.ones(2, 16, 16)
    inactive, _ = call("VaceSplitByMask", control_video=video, control_masks=mask)
    assert inactive.shape == (2, 16, 16, 3)
    logged = [record.getMessage() for record in caplog.records if record.name == "wan_vace"]
    assert logged == ["VACE Split by Mask: control_video has one channel; it is used as grey RGB."]
