"""BlazePose's arithmetic by hand, and the order of its steps with networks whose answers are known."""

import math

import numpy as np
import pytest
import torch

from wan_vace.annotators.pose.blazepose import (
    BLAZE_FILES,
    HEAT_SIDE,
    NUM_BLAZE,
    NUM_CIRCLES,
    PLACES,
    POINTS_COUNTS,
    BlazePose,
    known_places,
    made_exact,
    surest_circle,
    to_wholebody,
)
from wan_vace.annotators.pose.detect import Found
from wan_vace.annotators.pose.people import SURE
from wan_vace.annotators.pose.runtimes import Runtime
from wan_vace.annotators.pose.squares import TurnedSquare
from wan_vace.annotators.protocol import silent

SIDE, YES, NO = 96, 8.0, -8.0


def where(height, width):
    """[H, W, 3], whose first two channels say where each pixel's middle is."""
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([x, y, torch.ones_like(x)], -1)


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.5, math.pi])
def test_a_turned_square_shows_what_lies_in_it(angle):
    square = TurnedSquare(60.0, 50.0, 40.0, angle)
    picture = square.cut(where(110, 130), 16, "zeros")
    steps = (torch.arange(16) + 0.5) / 16
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    torch.testing.assert_close(picture[0, :2], square.in_frame(torch.stack([x, y], -1)).permute(2, 0, 1))
    corners = square.in_frame(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
    assert torch.linalg.vector_norm(corners[1] - corners[0]).item() == pytest.approx(40)
    # Turned clockwise as one sees it: with rows that count downwards, from right towards below.
    assert math.atan2(*(corners[1] - corners[0]).flip(0)) == pytest.approx(angle, abs=1e-5)


@pytest.mark.parametrize("angle", [0.0, 0.4, -2.5, 3.0])
def test_somebody_is_upright_in_the_square_around(angle):
    hips = torch.tensor([70.0, 40.0])
    rim = hips + 20 * torch.tensor([math.sin(angle), -math.cos(angle)])  # turned clockwise from straight above
    square = TurnedSquare.around(hips, rim)
    assert square.side == pytest.approx(2 * 20 * 1.25) and square.angle == pytest.approx(angle, abs=1e-6)
    torch.testing.assert_close(square.in_frame(torch.tensor([[0.5, 0.5], [0.5, 0.1]])), torch.stack([hips, rim]))
    assert TurnedSquare.around(hips, hips).side == 1


def test_beyond_the_frame_there_is_nothing_or_its_rim():
    frame = torch.ones(10, 20, 3)
    whole = TurnedSquare.whole(10, 20)
    letterboxed = whole.cut(frame, 20, "zeros")[0, 0]
    assert (letterboxed[5:15] == 1).all() and not letterboxed[:5].any() and not letterboxed[15:].any()
    assert (whole.cut(frame, 20, "border") == 1).all()


def test_the_places_that_the_finder_knows():
    places = known_places()
    assert places.shape == (NUM_CIRCLES, 2) and NUM_CIRCLES == 28 * 28 * 2 + 14 * 14 * 2 + 7 * 7 * 6
    for start, count, cells in ((0, 2, 28), (1568, 2, 14), (1960, 6, 7)):
        for row, column in ((0, 0), (2, 5), (cells - 1, cells - 1)):
            at = start + (row * cells + column) * count
            expected = torch.tensor([(column + 0.5) / cells, (row + 0.5) / cells])
            assert torch.equal(places[at : at + count], expected.expand(count, 2))


def finder_answer(*found):
    """What the finder answers: of each (number, score, box, hips, rim), in parts of its picture."""
    circles, scores = torch.zeros(NUM_CIRCLES, 12), torch.full((NUM_CIRCLES,), NO)
    for number, score, (left, top, right, bottom), hips, rim in found:
        place = known_places()[number]
        centre, size = (
            torch.tensor([(left + right) / 2, (top + bottom) / 2]),
            torch.tensor([right - left, bottom - top]),
        )
        pairs = [centre - place, size, torch.tensor(hips) - place, torch.tensor(rim) - place]
        circles[number, :8] = torch.cat(pairs) * 224
        scores[number] = score
    return torch.cat([circles.flatten(), scores])


ONE = (200, 1.0, (0.1, 0.1, 0.3, 0.3), (0.2, 0.4), (0.2, 0.1))
SAME = (201, 0.5, (0.11, 0.1, 0.31, 0.3), (0.24, 0.4), (0.24, 0.1))
OTHER = (2000, 3.0, (0.6, 0.6, 0.9, 0.9), (0.7, 0.8), (0.7, 0.5))


def test_whom_the_finder_is_surest_of():
    assert surest_circle(finder_answer(), 0.5) is None
    found = surest_circle(finder_answer(ONE, OTHER), 0.5)
    torch.testing.assert_close(found, torch.tensor([OTHER[3], OTHER[4]]))
    assert surest_circle(finder_answer(ONE), 0.8) is None  # 1.0 is a sureness of 0.73
    sureness = [1 / (1 + math.exp(-each[1])) for each in (ONE, SAME)]
    found = surest_circle(finder_answer(ONE, SAME), 0.5)
    x = (0.2 * sureness[0] + 0.24 * sureness[1]) / sum(sureness)
    torch.testing.assert_close(found, torch.tensor([[x, 0.4], [x, 0.1]]))
    assert surest_circle(finder_answer((5, 9.0, (0.5, 0.5, 0.5, 0.5), (0.5, 0.5), (0.5, 0.5))), 0.5) is None


def exact_by_hand(place, heat):
    """A point moved to the middle of the map's 7 x 7 places around it."""
    heat = 1 / (1 + np.exp(-heat))
    column, row = (int(part * HEAT_SIDE) for part in place)
    if not (0 <= place[0] < 1 and 0 <= place[1] < 1):
        return place
    rows, columns = (range(max(at - 3, 0), min(at + 4, HEAT_SIDE)) for at in (row, column))
    around = [(heat[y, x], x, y) for y in rows for x in columns]
    total = sum(weight for weight, _, _ in around)
    if max(weight for weight, _, _ in around) < 0.5:
        return place
    return [sum(each[0] * each[k] for each in around) / total / HEAT_SIDE for k in (1, 2)]


def test_points_are_made_exact_by_the_map_where_it_is_sure():
    generator = torch.Generator().manual_seed(3)
    places = torch.rand(30, 2, generator=generator)
    places[:4] = torch.tensor([[0.0, 0.999], [-0.02, 0.5], [0.5, 1.0], [0.01, 0.02]])
    heat = torch.randn(30, HEAT_SIDE, HEAT_SIDE, generator=generator) * 3 - 6
    expected = [exact_by_hand(place, each) for place, each in zip(places.tolist(), heat.numpy(), strict=True)]
    exact = made_exact(places, heat)
    np.testing.assert_allclose(exact, expected, atol=1e-5)
    moved = (exact != places).any(1)
    assert 5 < moved.sum() < 28 and not moved[1:3].any()


def test_points_have_coco_s_numbers():
    points = torch.zeros(NUM_BLAZE, 4)
    points[:, 0], points[:, 2:] = torch.arange(NUM_BLAZE), YES
    points[15, 2:], points[16, 2], points[16, 3] = torch.tensor([0.0, YES]), YES, NO
    whole = to_wholebody(points)
    # COCO: left and right hip 11, 12; ankles 15, 16; heels 19, 22. BlazePose: 23, 24; 27, 28; 29, 30.
    assert whole[[0, 11, 12, 15, 16, 19, 22], 0].tolist() == [0, 23, 24, 27, 28, 29, 30]
    assert whole[[18, 21, 23, 90, 95], 2].tolist() == [0] * 5 and (whole[:, 2] > SURE).sum() == len(PLACES) - 4
    assert whole[9, 2].item() == pytest.approx(SURE) and whole[91, 2].item() == pytest.approx(SURE)
    assert whole[10, 2] < 0.001 and len(set(PLACES.values())) == 33


class Networks:
    """A finder and a reader of points: who is where is said by the frame's colour at the middle of what they see.

    Red: a person, upright, whose hips are at the middle of what the reader sees. All else: nobody.
    """

    def __init__(self):
        self.looked = []

    def finder(self, pixels):
        """Someone at the middle of a picture with red in it."""
        self.looked.append("find")
        red = bool((pixels[0, 0] > 0.9).any())
        return finder_answer((800, 9.0 if red else NO, (0.3, 0.3, 0.7, 0.7), (0.5, 0.5), (0.5, 0.2)))[None]

    def reader(self, pixels):
        """Points in a column."""
        self.looked.append("read")
        points = torch.full((NUM_BLAZE, 5), 128.0)
        points[:, 1] += torch.linspace(-60, 60, NUM_BLAZE)
        points[33, :2], points[34, :2] = torch.tensor([128.0, 128]), torch.tensor([128.0, 128 - 256 * 0.4])
        points[:, 2:] = YES
        person = torch.tensor([float((pixels[0, 0] > 0.9).any())])
        return torch.cat([points.flatten(), person, torch.full((POINTS_COUNTS[2],), NO)])[None]

    def load(self):
        """Both, as the detector takes them."""
        return (
            Runtime("finder", self.finder, (NUM_CIRCLES * 13,), 1, True),
            Runtime("reader", self.reader, (sum(POINTS_COUNTS),), 1, True),
        )


def follow(colours, height=SIDE, width=SIDE, networks=None):
    frames = torch.zeros(len(colours), height, width, 3)
    frames[..., 0] = torch.tensor([float(colour == "red") for colour in colours])[:, None, None]
    networks = networks or Networks()
    return Found(**BlazePose(networks.load, ("files",))(frames, silent)), networks.looked


def test_a_person_is_found_once_and_then_followed():
    found, looked = follow(["red", "red", "red"])
    assert looked == ["find", "read", "read", "read", "read"] and found.counts.tolist() == [1, 1, 1]
    assert not found.searched.any()
    # In a square that keeps its place: the points are where the reader sees them.
    side = 2 * 0.3 * SIDE * 1.25
    expected = SIDE / 2 + side * torch.linspace(-60, 60, NUM_BLAZE)[23] / 256
    torch.testing.assert_close(found.points[0, 11, :2], torch.tensor([SIDE / 2, expected]))
    torch.testing.assert_close(found.points[:, 11], found.points[:1, 11].expand(3, -1), atol=1e-2, rtol=0)


def test_who_leaves_is_looked_for_in_the_same_frame_and_found_again():
    found, looked = follow(["black", "red", "red", "black", "black", "red"])
    assert found.counts.tolist() == [0, 1, 1, 0, 0, 1]
    assert looked == [
        *("find",),
        *("find", "read", "read"),
        *("read",),
        *("read", "find"),
        *("find",),
        *("find", "read", "read"),
    ]
    assert found.people(SIDE, SIDE).present[:, 0].tolist() == [False, True, True, False, False, True]


def test_nobody_is_nobody():
    found, looked = follow(["black"] * 3)
    assert found.counts.tolist() == [0, 0, 0] and found.points.shape == (0, 133, 3) and looked == ["find"] * 3
    with pytest.raises(ValueError, match=r"No person was found in any of the 3 frames"):
        found.people(SIDE, SIDE)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 200), (200, 3), (40, 90)])
def test_a_picture_of_any_size(height, width):
    found, _ = follow(["red", "red"], height, width)
    assert found.counts.tolist() == [1, 1] and found.points.isfinite().all()


def test_each_setting_and_file_is_another_identity():
    load = Networks().load
    one = BlazePose(load, ("a",)).identity
    assert one == BlazePose(load, ("a",)).identity
    assert len({one, BlazePose(load, ("b",)).identity, BlazePose(load, ("a",), 0.6).identity}) == 3


def test_an_interruption_stops_between_frames():
    done = []

    def tick(at, of):
        done.append((at, of))
        if at == 2:
            raise KeyboardInterrupt

    networks = Networks()
    with pytest.raises(KeyboardInterrupt):
        BlazePose(networks.load, ())(torch.zeros(5, 8, 8, 3), tick)
    assert done == [(1, 5), (2, 5)] and len(BLAZE_FILES) == 2
