"""References: on white, letterboxed as the official code does, alpha never dropped."""

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.references import letterbox, split_references

# Wan-Video/Wan2.1 at 9737cba, wan/vace.py, prepare_source: scale = min(H / h, W / w), sizes by int(),
# offsets by floor. Worked out by hand from that formula for a 480 x 832 (H x W) canvas:
# picture (h, w) -> top, left, rows, columns of the picture on the canvas.
OFFICIAL_GEOMETRY = {
    "wide": ((100, 1000), (198, 0, 83, 832)),
    "tall": ((1000, 100), (0, 392, 480, 48)),
    "tiny": ((3, 5), (0, 16, 480, 800)),
    "square": ((333, 333), (0, 176, 480, 480)),
    "one pixel high": ((1, 2000), (239, 0, 1, 832)),
}


@pytest.mark.parametrize("case", OFFICIAL_GEOMETRY)
def test_letterbox_has_the_official_geometry(case):
    (h, w), (top, left, rows, columns) = OFFICIAL_GEOMETRY[case]
    canvas = letterbox(torch.zeros(h, w, 3), 480, 832)
    black = canvas.amax(-1) == 0
    ys, xs = black.any(1).nonzero(), black.any(0).nonzero()
    assert canvas.shape == (480, 832, 3)
    assert (ys[0].item(), xs[0].item(), len(ys), len(xs)) == (top, left, rows, columns)
    assert (canvas[~black] == 1).all()


def test_letterbox_samples_bilinearly_without_antialiasing_as_the_official_code():
    stripes = torch.zeros(64, 64, 3)
    stripes[:, ::4] = 1
    shrunk = letterbox(stripes, 16, 16)
    smooth = letterbox(stripes, 16, 16, antialias=True)
    # Each output pixel lies between source columns 4x + 1 and 4x + 2, which are black.
    assert (shrunk == 0).all()
    assert smooth.mean() == pytest.approx(0.25, abs=0.02)


def test_letterbox_leaves_a_picture_of_the_right_size_alone():
    picture = torch.rand(32, 48, 3)
    assert letterbox(picture, 32, 48) is picture


def test_alpha_becomes_white_and_hidden_colours_stay_hidden():
    notes = []
    rgba = torch.zeros(1, 8, 8, 4)
    rgba[..., 0] = 1  # red everywhere, also where nobody sees it
    rgba[:, :, :4, 3] = 1
    (picture,) = split_references("reference_image_0", rgba, notes)
    assert picture.shape == (8, 8, 3)
    assert (picture[:, :4] == torch.tensor([1.0, 0, 0])).all() and (picture[:, 4:] == 1).all()
    assert notes == ["reference_image_0: the transparent part is laid on white."]


def test_a_batch_is_that_many_references_in_order():
    images = torch.stack([torch.full((4, 4, 3), i / 4) for i in range(3)])
    assert [p[0, 0, 0].item() for p in split_references("reference_image_0", images, [])] == [0, 0.25, 0.5]


def test_a_wholly_transparent_reference_is_refused():
    with pytest.raises(VaceInputError, match=r"reference_image_1: picture 0 is wholly transparent.*alpha shows the"):
        split_references("reference_image_1", torch.zeros(1, 8, 8, 4), [])
