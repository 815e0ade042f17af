"""The picture of a VCU on the node that made it."""

import logging

import pytest
import torch

from wan_vace.vace_core.vcu import Reference, Vcu, generated_share

pytestmark = pytest.mark.host
GREEN, VIOLET, BLUE = (63, 179, 127), (139, 116, 232), (74, 144, 217)


@pytest.fixture
def thumbnail(host):
    from wan_vace.nodes._thumbnail import thumbnail

    return lambda vcu: thumbnail(vcu)[0]


def colour(sheet, x, y):
    return tuple((sheet[y, x] * 255).round().int().tolist())


def near(one, other, by=4):
    return all(abs(a - b) <= by for a, b in zip(one, other, strict=True))


def test_what_is_kept_and_what_is_generated(thumbnail):
    frames, mask = torch.full((9, 64, 128, 3), 0.25), torch.zeros(9, 64, 128)
    mask[3:] = 1
    mask[8, :, :64] = 0
    sheet = thumbnail(Vcu(frames, mask, control_amount=0.0))
    left, width = 4, sheet.shape[1] - 8
    bar = [colour(sheet, left + round(width * (k + 0.5) / 9), 8) for k in range(9)]
    assert bar[:3] == [GREEN] * 3
    assert bar[3:8] == [VIOLET] * 5
    assert near(bar[8], [(a + b) / 2 for a, b in zip(GREEN, VIOLET, strict=True)])
    cell, below = 216 + 4, 108 + 4  # three beside each other
    assert near(colour(sheet, 4 + 108, 18 + 40), (64, 64, 64))  # frame 0 as it is
    assert near(colour(sheet, 4 + 2 * cell + 108, 18 + 40), [(64 + c) / 2 for c in VIOLET])  # frame 3 under a veil
    last = 4 + 2 * cell, 18 + below + 40
    assert near(colour(sheet, last[0] + 50, last[1]), (64, 64, 64))
    assert near(colour(sheet, last[0] + 170, last[1]), [(64 + c) / 2 for c in VIOLET])


def test_control_is_seen_through_the_veil(thumbnail):
    ones = torch.ones(1, 1, 1).expand(5, 64, 128)
    white = thumbnail(Vcu(torch.ones(5, 64, 128, 3), ones))
    assert near(colour(white, 100, 60), [0.8 * 255 + 0.2 * c for c in VIOLET])


def test_references_have_a_blue_frame(thumbnail):
    vcu = Vcu(torch.zeros(1, 128, 64, 3), torch.zeros(1, 128, 64), (Reference(torch.zeros(32, 64, 3)),))
    sheet = thumbnail(vcu)
    corner = 4 + 54 + 4, 18  # behind the only frame, which is upright
    assert colour(sheet, corner[0], corner[1]) == BLUE
    assert colour(sheet, corner[0] + 27, corner[1] + 54) == (0, 0, 0)
    assert colour(sheet, corner[0] + 27, corner[1] + 15) == (255, 255, 255)  # the whole picture, on white


def test_a_single_kept_frame_of_a_long_clip_is_on_the_bar(thumbnail):
    """A single kept frame among many is on the bar."""
    mask = torch.ones(200_000, 16, 16)
    mask[150_000] = 0
    frames = torch.zeros(1, 16, 16, 3).expand(200_000, -1, -1, -1)
    sheet = thumbnail(Vcu(frames, mask))
    assert {colour(sheet, x, 8) for x in range(4, sheet.shape[1] - 4)} == {GREEN, VIOLET}


def test_the_share_of_a_long_mask_is_that_of_each_frame():
    mask = torch.rand(130, 6, 5, generator=torch.Generator().manual_seed(3))
    assert torch.equal(generated_share(mask), torch.stack([(one > 0.5).float().mean() for one in mask]))


def test_a_very_wide_one_gives_no_huge_picture(thumbnail):
    sheet = thumbnail(Vcu(torch.zeros(5, 16, 8192, 3), torch.ones(5, 16, 8192)))
    assert sheet.shape[1] < 6 * 4 * 108 + 100


def test_a_picture_that_cannot_be_kept_costs_no_vcu(host_nodes, monkeypatch, caplog):
    from types import SimpleNamespace

    from wan_vace.nodes import _results

    def full(picture):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_results.ui, "PreviewImage", full)
    page = SimpleNamespace(hidden=SimpleNamespace(extra_pnginfo={"workflow": {"nodes": []}}))
    with caplog.at_level(logging.WARNING, "wan_vace"):
        assert _results.vcu_picture(page, Vcu(torch.zeros(1, 16, 16, 3), torch.ones(1, 16, 16))) is None
    assert "No space left" in caplog.text
