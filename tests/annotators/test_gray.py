"""Gray, against golden pixels of the official weights."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wan_vace.annotators.gray import BT601_LUMA, gray

# ali-vilab/VACE at 48eb44f, GrayAnnotator: cv2.COLOR_BGR2GRAY applied to RGB, Y = 0.114 R + 0.587 G + 0.299 B.
OFFICIAL = {(1, 0, 0): 0.114, (0, 1, 0): 0.587, (0, 0, 1): 0.299, (1, 1, 1): 1.0, (1, 1, 0): 0.701, (0, 0, 0): 0.0}


@pytest.mark.parametrize("colour", OFFICIAL)
def test_gray_has_the_official_value(colour):
    out = gray(torch.tensor(colour, dtype=torch.float32).expand(2, 3, 4, 3))
    assert out.shape == (2, 3, 4, 3)
    torch.testing.assert_close(out, torch.full_like(out, OFFICIAL[colour]))


@given(st.tuples(*[st.floats(0, 1, width=32)] * 3))
def test_swapping_red_and_blue_turns_one_look_into_the_other(colour):
    frame = torch.tensor(colour)[None, None, None]
    torch.testing.assert_close(gray(frame), gray(frame.flip(-1), BT601_LUMA))
