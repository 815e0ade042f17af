"""Layout drawings in the real host."""

import pytest
import torch

pytestmark = pytest.mark.host


def test_boxes_are_control_with_their_frames_beside(call):
    vcu, report, frames = call(
        "VaceDrawLayout", boxes="cat: 4,4,20,20 24,4,40,20", width=48, height=32, length=5, easing="linear",
        official_motion=True,
    )  # fmt: skip
    assert frames is vcu.frames and frames.shape == (5, 32, 48, 3) and vcu.kind == "control"
    assert '"cat" is drawn black' in report


def test_a_line_that_is_no_box_is_refused(call):
    with pytest.raises(ValueError, match=r'boxes, line 1 \("here"\)'):
        call("VaceDrawLayout", boxes="here", width=48, height=32, length=5, easing="linear", official_motion=True)


def test_a_tracked_mask_is_outlined_in_its_colour(call):
    mask = torch.zeros(5, 32, 48)
    mask[:, 8:24, 8:24] = 1
    vcu, report, frames = call("VaceTrackLayout", mask=mask, colour="#ff0000", width=0, height=0, length=0, fit="cover")
    assert frames is vcu.frames and frames[0, 8, 12].tolist() == [1, 0, 0] and (frames[:, 14:18, 14:18] == 1).all()
    assert report == ""


def test_a_drawing_leads_a_generation(call, vae):
    vcu = call(
        "VaceDrawLayout", boxes="4,4,20,20", width=48, height=32, length=5, easing="linear", official_motion=False
    )[0]
    context = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]
    assert (context.mask == 1).all()
