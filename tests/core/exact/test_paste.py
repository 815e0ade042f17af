"""Pasting back, against scipy's distance transform and sums by numpy."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from harness.hearing import heard
from harness.letting_go import watched
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.exact.paste import BORDER, SIDES, paste_back, paste_parts
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.vcu.unit import EXTENSION, REPAINT, Vcu, empty_vcu

H, W = 16, 32


def unit(seed=0, num_frames=3, whole=(), **fields):
    """A VCU of noise with blobs in its mask that move; frames in ``whole`` are kept."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.zeros(num_frames, H, W)
    for frame in mask:
        for _ in range(int(torch.randint(0, 3, (), generator=generator))):
            y, x, size = (int(torch.randint(0, limit, (), generator=generator)) for limit in (H, W, 14))
            frame[y : y + size, x : x + size] = torch.rand((), generator=generator)
    mask[list(whole)] = 0
    frames = torch.rand(num_frames, H, W, 3, generator=generator)
    return Vcu(frames, mask, kind=REPAINT, control_amount=0.0, **fields)


def generated(vcu, seed=1):
    return torch.rand(vcu.frames.shape, generator=torch.Generator().manual_seed(seed))


def distances(selected):
    """To the nearest selected pixel of each frame, by scipy; far where there is none."""
    far = np.full(selected.shape[1:], 1e6)
    return np.stack([ndimage.distance_transform_edt(~frame) if frame.any() else far for frame in selected])


units = st.builds(
    unit, st.integers(0, 9999), st.integers(1, 6), st.lists(st.integers(0, 0), max_size=1)
)  # the first frame is sometimes kept whole


@settings(deadline=None, max_examples=60)
@given(units, st.sampled_from([0, 1, 2.5, 4, 9, 100]), st.sampled_from(SIDES))
def test_all_outside_mask_and_feather_is_the_source_and_all_inside_the_models(vcu, feather, side):
    made = generated(vcu)
    (pasted, report), _ = heard(paste_back, made, vcu, feather, side)
    inside = vcu.mask.numpy() > 0.5
    near, deep = distances(inside), distances(~inside)
    outer, inner = (feather, 0) if side == "outside" else (0, feather)
    kept, replaced = torch.from_numpy(near >= outer + 1), torch.from_numpy(deep >= inner + 1)
    assert torch.equal(pasted[kept], vcu.frames[kept]) and torch.equal(pasted[replaced], made[replaced])
    assert report.outside_difference == 0
    np.testing.assert_allclose(report.exact_share, kept.float().mean(), atol=1e-6)
    band = ~kept & ~replaced
    low, high = torch.minimum(made, vcu.frames)[band], torch.maximum(made, vcu.frames)[band]
    assert (pasted[band] >= low).all() and (pasted[band] <= high).all()
    weight = 1 - near / (feather + 1) if side == "outside" else deep / (feather + 1)
    expected = vcu.frames + (made - vcu.frames) * torch.from_numpy(weight.clip(0, 1)).float()[..., None]
    torch.testing.assert_close(pasted, expected)


@settings(deadline=None, max_examples=40)
@given(units)
def test_the_report_is_what_numpy_finds(vcu):
    made = generated(vcu)
    (_, report), notes = heard(paste_back, made, vcu)
    inside = vcu.mask.numpy() > 0.5
    change = 255 * (made.numpy().astype(float) - vcu.frames.numpy())
    np.testing.assert_allclose(report.kept_share, (~inside).mean())
    if inside.all():
        return
    before, after = np.zeros_like(inside), np.zeros_like(inside)
    before[1:], after[:-1] = inside[:-1], inside[1:]
    border = ~inside & ((distances(inside) <= BORDER) | before | after)
    if border.any():
        np.testing.assert_allclose(report.border_error, np.abs(change[border]).mean(), rtol=1e-4)
    else:
        assert report.border_error is None
    np.testing.assert_allclose(report.drift, change[~inside].mean(0), atol=1e-3)
    means = np.stack([c[~i].mean(0) for c, i in zip(change, inside, strict=True) if not i.all()])
    worst = [column[np.abs(column).argmax()] for column in means.T]
    np.testing.assert_allclose(report.worst_drift, worst, atol=1e-3)
    np.testing.assert_allclose(report.largest_drift, np.abs(report.drift).max())
    assert notes == []


def test_a_feather_of_three_pixels_by_hand_on_either_side():
    mask = torch.zeros(1, H, W)
    mask[..., 16:] = 1
    vcu = Vcu(torch.zeros(1, H, W, 3), mask, kind=REPAINT, control_amount=0.0)
    rows = {side: paste_back(torch.ones(1, H, W, 3), vcu, 3, side)[0][0, 8, :, 0].tolist() for side in SIDES}
    assert rows["outside"] == [0] * 13 + [0.25, 0.5, 0.75] + [1] * 16
    assert rows["inside"] == [0] * 16 + [0.25, 0.5, 0.75] + [1] * 13


def test_a_still_mask_gives_what_the_same_mask_in_every_frame_gives():
    vcu = unit(5)
    still = replace(vcu, mask=vcu.mask[1:2].expand(3, -1, -1))
    repeated = replace(vcu, mask=vcu.mask[1:2].repeat(3, 1, 1))
    for side in SIDES:
        one, other = (paste_back(generated(vcu), each, 4, side) for each in (still, repeated))
        assert torch.equal(one[0], other[0]) and one[1:] == other[1:]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_in_parts_it_is_what_it_is_at_once_and_is_measured_alike(size, side):
    vcu, numbers = unit(5, 5), []
    made = generated(vcu)
    (expected, report), _ = heard(paste_back, made, vcu, 2.5, side)
    parts, _ = heard(lambda: list(paste_parts(made.split(size), vcu, 2.5, side, numbers.extend)))
    assert torch.equal(torch.cat(parts), expected) and all(len(part) == 1 for part in parts)
    assert numbers == report.notes()


@pytest.mark.parametrize("size", [1, 2])
def test_no_part_is_held_while_the_next_is_made(size):
    vcu, held = unit(5, 5), []
    pasted = paste_parts(watched(generated(vcu).split(size), held), vcu, measured=list)
    assert sum(map(len, pasted)) == 5 and held == [0] * len(range(0, 5, size))


def test_whole_kept_frames_come_back_whole_and_their_border_is_in_time():
    mask = torch.ones(5, H, W)
    mask[:2] = 0
    vcu = replace(unit(2, 5), mask=mask, kind=EXTENSION, control_amount=1.0)
    made = generated(vcu)
    for side in SIDES:
        (pasted, report), _ = heard(paste_back, made, vcu, 4, side)
        assert torch.equal(pasted, torch.cat([vcu.frames[:2], made[2:]]))
        expected = 255 * (made[1] - vcu.frames[1]).abs().mean()
        assert report.border_error == pytest.approx(expected.item(), rel=1e-4)
        assert report.kept_share == report.exact_share == 0.4


def test_the_sentences_give_the_numbers():
    mask = torch.zeros(2, H, W)
    mask[0, :, 24:] = 1
    vcu = Vcu(torch.full((2, H, W, 3), 0.25), mask, kind=REPAINT, control_amount=0.0)
    made = vcu.frames + torch.tensor([2.0, -1.0, 0.0]) / 255
    made[1] += 4 / 255
    (_, report), _ = heard(paste_back, made, vcu, 0)
    assert sentences(report.notes()) == [
        "The VCU keeps 87.5% of the video; 87.5% is now exactly the source.",
        "The largest difference from the source outside the mask and its feather is 0 of 255.",
        # 4 columns of frame 0, and the 8 of frame 1 that frame 0 generates: (1 + 2 * 13 / 3) / 3
        "At the border the model's own pixels differ from the source by 3.2 of 255 on average; that is what the join "
        "has to hide.",
        "Before pasting, the colour of what is kept had changed by red +4.3, green +1.3, blue +2.3 of 255 on average, "
        "and in the worst frame by red +6.0, green +3.0, blue +4.0.",
    ]


def test_nothing_but_kept_pixels_has_no_border():
    vcu = replace(unit(), mask=torch.zeros(3, H, W))
    (pasted, report), _ = heard(paste_back, generated(vcu), vcu)
    assert torch.equal(pasted, vcu.frames) and report.exact_share == 1
    assert "touches nothing that is generated" in sentences(report.notes())[2]


def test_a_vcu_that_keeps_nothing_says_so_and_changes_nothing():
    made = torch.rand(5, H, W, 3)
    for vcu in (empty_vcu(5, H, W), Vcu(torch.rand(5, H, W, 3), torch.ones(5, H, W))):
        for side in SIDES:
            (pasted, report), notes = heard(paste_back, made, vcu, 4, side)
            assert torch.equal(pasted, made) and sentences(report.notes()) == [] and report.largest_drift == 0
            assert len(notes) == 1 and notes[0].startswith("The VCU keeps no pixel")


def test_inside_an_empty_area_there_is_nothing_to_blend_to_and_it_is_told():
    mask = torch.zeros(1, H, W)
    mask[..., 8:] = 1
    frames = torch.rand(1, H, W, 3, generator=torch.Generator().manual_seed(3))
    frames[:, :8, 8:] = 0.5  # the upper half is empty as around an outpainted video
    vcu = Vcu(frames, mask, kind=REPAINT, control_amount=0.0)
    made = generated(vcu)
    (pasted, _), notes = heard(paste_back, made, vcu, 4, "inside")
    assert torch.equal(pasted[:, :8, 8:], made[:, :8, 8:]) and torch.equal(pasted[..., :8, :], frames[..., :8, :])
    assert not torch.equal(pasted[:, 8:, 8:12], made[:, 8:, 8:12])
    assert len(notes) == 1 and notes[0].startswith("50% of the feather lies where the VCU is empty")
    assert heard(paste_back, made, vcu, 4, "outside")[1] == []


def test_control_under_the_mask_is_not_blended_in():
    vcu = replace(unit(4, 3), control_amount=1.0)
    assert 0 < (vcu.mask > 0.5).float().mean() < 1
    with pytest.raises(VaceInputError, match=r"feather_side is inside, but what this VCU holds under its mask is"):
        paste_back(generated(vcu), vcu, 4, "inside")
    hard = paste_back(generated(vcu), vcu, 0, "inside")[0]
    assert torch.equal(hard, paste_back(generated(vcu), vcu, 0, "outside")[0])


def test_half_precision_frames_are_pasted_in_full_precision_and_nothing_is_written_to():
    vcu = unit(6)
    made = generated(vcu).half()
    before = made.clone(), vcu.frames.clone(), vcu.mask.clone()
    pasted, _ = paste_back(made, vcu, 0)
    kept = vcu.mask <= 0.5
    assert pasted.dtype == torch.float32 and torch.equal(pasted[kept], vcu.frames[kept])
    assert all(torch.equal(a, b) for a, b in zip(before, (made, vcu.frames, vcu.mask), strict=True))


def test_repairs_of_the_frames_are_told():
    vcu = unit()
    _, notes = heard(paste_back, generated(vcu)[..., :1] * 1.1, vcu)
    assert len(notes) == 2 and notes[0].startswith("frames has one channel") and "clamped" in notes[1]


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, H, W, 3), r"frames has 4 frames but vcu has 3\. Connect all frames of VACE Decode Latent, uncut"),
        ((6, H, W, 3), r"frames has 6 frames but vcu has 3.*of a batch, paste back each video by itself"),
        ((3, H, 48, 3), rf"frames is 48 x {H} but vcu is {W} x {H}\. Connect the frames at the size"),
    ],
)
def test_another_count_or_size_is_refused_with_both(shape, message):
    with pytest.raises(VaceInputError, match=message):
        paste_back(torch.rand(shape), unit())


def test_settings_are_checked():
    with pytest.raises(VaceInputError, match="feather_side must be one of outside, inside, got both"):
        paste_back(generated(unit()), unit(), 4, "both")
    with pytest.raises(VaceInputError, match="feather must be 0 or more, got -1"):
        paste_back(generated(unit()), unit(), -1)
