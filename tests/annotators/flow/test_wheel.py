"""The colours of motion: the official hues, torchvision's drawing, two implementations."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torchvision.utils import flow_to_image

from wan_vace.annotators.flow.wheel import by_numpy, by_torch, colour_wheel, flow_colours, largest_motion, speed

# The 55 hues that make_colorwheel in RAFT's flow_viz.py and Middlebury's colorcode.cpp give: red to yellow to green ...
OFFICIAL = """
ff0000 ff1100 ff2200 ff3300 ff4400 ff5500 ff6600 ff7700 ff8800 ff9900 ffaa00 ffbb00 ffcc00 ffdd00 ffee00
ffff00 d5ff00 aaff00 80ff00 55ff00 2bff00
00ff00 00ff3f 00ff7f 00ffbf
00ffff 00e8ff 00d1ff 00baff 00a3ff 008cff 0074ff 005dff 0046ff 002fff 0018ff
0000ff 1300ff 2700ff 3a00ff 4e00ff 6200ff 7500ff 8900ff 9c00ff b000ff c400ff d700ff eb00ff
ff00ff ff00d5 ff00aa ff0080 ff0055 ff002b
"""
HUES = OFFICIAL.split()


def rgb(hue):
    return torch.tensor(list(bytes.fromhex(hue)))


def moved(angle, length=1.0):
    """A field [1, 1, 1, 2] of one motion; the angle goes from right by way of down."""
    return length * torch.tensor([math.cos(angle), math.sin(angle)]).reshape(1, 1, 1, 2)


def drawn(flow, radius):
    return flow_colours(flow, torch.tensor(radius)).int()


def far(a, b):
    return (a.int() - b.int()).abs().max().item()


def test_the_wheel_has_the_55_official_hues():
    assert [bytes(hue).hex() for hue in colour_wheel().tolist()] == HUES


@pytest.mark.parametrize("hue", range(55))
def test_each_hue_is_drawn_for_its_direction(hue):
    angle = 2 * math.pi * hue / 54
    if hue == 54:
        angle -= 1e-6  # the full turn is the first hue again
    assert far(drawn(moved(angle, 10.0), 10.0)[0, 0, 0], rgb(HUES[hue])) <= 1


@pytest.mark.parametrize(
    ("x", "y", "colour"), [(1, 0, "red"), (0, 1, "yellow"), (-1, 0, "cyan"), (0, -1, "blue violet")]
)
def test_directions_have_the_colours_of_the_wheel(x, y, colour):
    red, green, blue = drawn(torch.tensor([x, y]).reshape(1, 1, 1, 2).float(), 1.0)[0, 0, 0].tolist()
    expected = {
        "red": red == 255 and green == blue == 0,
        "yellow": red == 255 and green > 200 and blue == 0,
        "cyan": red == 0 and green > 200 and blue == 255,
        "blue violet": 60 < red < 120 and green == 0 and blue == 255,
    }
    assert expected[colour]


def test_rest_is_white_and_half_the_speed_half_the_colour():
    assert drawn(torch.zeros(1, 1, 1, 2), 0.0).tolist() == [[[[255, 255, 255]]]]
    assert far(drawn(moved(0.0, 2.0), 4.0)[0, 0, 0], torch.tensor([255, 127, 127])) <= 1


def test_faster_than_the_radius_keeps_full_colour():
    assert torch.equal(drawn(moved(1.0, 9.0), 3.0), drawn(moved(1.0, 3.1), 3.0))


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.floats(0.01, 200), st.integers(0, 9999))
@example(1, 14, 160.186500836363, 1331)
def test_colours_are_those_of_torchvision_and_alike_in_both_implementations(height, width, fastest, seed):
    flow = torch.randn(3, height, width, 2, generator=torch.Generator().manual_seed(seed)) * fastest
    radius = largest_motion(flow)
    ours = flow_colours(flow, radius)
    published = torch.stack([flow_to_image(one.movedim(-1, 0)).movedim(0, -1) for one in flow])
    assert ours.dtype == torch.uint8
    slower = speed(flow) < radius.view(-1, 1, 1) * 0.9999  # at the fastest torchvision may fall below 0 and wrap to 255
    assert not slower.any() or far(ours[slower], published[slower]) <= 1
    assert far(by_numpy(flow, radius + 1e-5), by_torch(flow, radius + 1e-5)) <= 1


def test_a_radius_for_all_is_torchvision_s_drawing_of_a_batch():
    flow = torch.randn(4, 9, 7, 2) * torch.tensor([1.0, 5.0, 2.0, 9.0]).reshape(4, 1, 1, 1)
    published = flow_to_image(flow.movedim(-1, 1)).movedim(1, -1)
    assert far(flow_colours(flow, largest_motion(flow).amax()), published) <= 1


def test_the_largest_motion_is_of_each_field():
    flow = torch.zeros(2, 4, 5, 2)
    flow[0, 1, 2], flow[1, 3, 4] = torch.tensor([3.0, -4.0]), torch.tensor([0.0, 7.0])
    assert largest_motion(flow).tolist() == [5, 7]
