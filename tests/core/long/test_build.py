"""A long VCU built in parts against the same built at once."""

from dataclasses import replace

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long.build import build_long_vcu, paired
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.vcu.build import build_vcu
from wan_vace.vace_core.video import Target


def bytes_video(T, H, W):
    return torch.randint(0, 256, (T, H, W, 3)) / 255


def parts_of(frames, mask=None, size=7):
    masks = [None] * len(frames.split(size)) if mask is None else mask.split(size)
    return zip(frames.split(size), masks, strict=True)


def build(path, parts, references=(), **settings):
    return build_long_vcu(path / "long.vcu", parts, references, **settings)


@pytest.mark.parametrize("T", [1, 7, 20])
@pytest.mark.parametrize("masked", [False, True])
def test_same_as_built_at_once(tmp_path, T, masked):
    frames = bytes_video(T, 32, 48)
    mask = (torch.rand(T, 32, 48) > 0.5).float() if masked else None
    picture = torch.rand(1, 20, 30, 3)
    whole = build_vcu(frames, mask, [("reference", picture)])
    long = replace(build(tmp_path, parts_of(frames, mask), [("reference", picture)]), fps=24.0)
    read = long.segment(0, T)
    torch.testing.assert_close(read.frames, whole.frames, atol=1e-7, rtol=0)
    assert torch.equal(read.mask, whole.mask)
    assert (read.kind, read.control_amount, read.fps) == (whole.kind, whole.control_amount, 24.0)
    assert torch.equal(read.references[0].image, whole.references[0].image)


def test_resized_as_at_once_and_told_once(tmp_path):
    frames = bytes_video(20, 30, 50)
    target = Target(width=32, height=32, fit="contain")
    whole = build_vcu(frames, target=target)
    long = build(tmp_path, parts_of(frames), target=target)
    read = long.segment(0, 20)
    torch.testing.assert_close(read.frames, whole.frames, atol=0.5 / 255 + 1e-6, rtol=0)
    torch.testing.assert_close(read.mask, whole.mask, atol=0.5 / 254 + 1e-6, rtol=0)
    told = [note for note in sentences(long.notes) if "resized" in note]
    assert told == ["video is resized from 50 x 30 to 32 x 32 (contain)."]


def test_no_frame_is_refused(tmp_path):
    with pytest.raises(VaceInputError, match="video holds no frame"):
        build(tmp_path, iter(()))


def test_black_mask_is_told(tmp_path):
    long = build(tmp_path, parts_of(bytes_video(5, 32, 32), torch.zeros(5, 32, 32)))
    assert any("black everywhere" in note for note in sentences(long.notes))


def pair(frames, masks, part=8, mask_part=8):
    video, mask = torch.rand(frames, 4, 4, 3), torch.rand(masks, 4, 4)
    return mask, list(paired(video.split(part), mask.split(mask_part)))


@pytest.mark.parametrize("parts", [(8, 8), (1, 16), (5, 3), (16, 1)])  # a large video comes in smaller parts
@pytest.mark.parametrize(("frames", "masks"), [(20, 20), (20, 18), (17, 16), (17, 14)])
def test_mask_of_the_same_or_nearly_the_same_length(frames, masks, parts, notes):
    mask, parts = pair(frames, masks, *parts)
    joined = torch.cat([part for _, part in parts])
    assert torch.equal(joined[:masks], mask)
    assert torch.equal(joined[masks:], mask[-1:].expand(frames - masks, -1, -1))
    assert bool(notes) == (frames != masks)
    assert all(f"{frames - masks} frame" in note or "its last frame is held" in note for note in sentences(notes))


@pytest.mark.parametrize("parts", [(8, 8), (1, 16), (5, 3), (16, 1)])
def test_short_mask_is_refused_with_its_count(parts):
    with pytest.raises(VaceInputError, match="mask has 12 frames but video has more"):
        pair(20, 12, *parts)


def test_longer_mask_is_cut_and_told(notes):
    _, parts = pair(16, 24)
    assert sum(len(mask) for _, mask in parts) == 16
    assert sentences(notes) == ["mask is longer than video; it is cut."]
