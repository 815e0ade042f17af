"""The VCU of a long video, read in segments from memory and from disk."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.conditioning.halves import split_for_encoding
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long.vcu import OnDiskWriter, in_memory
from wan_vace.vace_core.notes import Note
from wan_vace.vace_core.tasks.extension import extend_vcu
from wan_vace.vace_core.vcu.build import build_vcu
from wan_vace.vace_core.vcu.references import Reference
from wan_vace.vace_core.vcu.unit import EXTENSION, REPAINT, Vcu, empty_vcu
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.fit import Clip


def footage(T, H=16, W=32):
    """A video as it comes from an 8-bit file."""
    return torch.randint(0, 256, (T, H, W, 3)).float() / 255


def on_disk(path, vcu, step=3):
    with OnDiskWriter(path, vcu.height, vcu.width) as writer:
        for frames, mask in zip(vcu.frames.split(step), vcu.mask.split(step), strict=True):
            writer.append(frames, mask)
        about = ("references", "kind", "control_amount", "fps", "audio", "notes")
        return replace(writer.finish(), **{name: getattr(vcu, name) for name in about})


def repaint(T=11, **fields):
    mask = (torch.rand(T, 16, 32) > 0.5).float()
    return Vcu(footage(T), mask, (Reference(torch.rand(4, 4, 3), 2.0),), REPAINT, **fields)


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_segments_are_the_vcu_in_parts(where, tmp_path):
    vcu = repaint(control_amount=0.5, fps=24.0, audio="sound", notes=(Note("any", "a"),))
    long = in_memory(vcu) if where == "memory" else on_disk(tmp_path / "x.rgbm", vcu)
    assert (long.num_frames, long.height, long.width) == (11, 16, 32)
    for name in ("references", "kind", "control_amount", "fps", "audio", "notes"):
        assert getattr(long, name) == getattr(vcu, name)
    for start, stop in ((0, 11), (0, 1), (4, 9), (10, 11)):
        part = long.segment(start, stop)
        assert torch.equal(part.frames, vcu.frames[start:stop]) and torch.equal(part.mask, vcu.mask[start:stop])
        assert (part.kind, part.control_amount, part.fps) == (REPAINT, 0.5, 24.0)
        assert part.references == vcu.references
        assert part.audio is None and part.notes == ()
    for start, stop in ((-1, 2), (3, 3), (5, 12)):
        with pytest.raises(VaceInputError, match=f"Frames {start} to {stop} were asked for; the VCU has 11"):
            long.segment(start, stop)


@pytest.mark.parametrize(
    "vcu",
    [
        empty_vcu(5, 16, 32),
        extend_vcu(Clip(footage(4)), after=5),
        build_vcu(
            footage(5, 24, 24), control_masks=torch.ones(5, 24, 24), target=Target(width=48, height=32, fit="contain")
        ),
        build_vcu(footage(5)),
    ],
    ids=["empty", "extension", "bars", "control"],
)
def test_what_is_empty_stays_exactly_grey_on_disk(vcu, tmp_path):
    rounded = (vcu.frames * 255).round() / 255  # resizing left the 256 steps, and a mask of 1 by a little
    vcu = replace(vcu, frames=torch.where(vcu.frames == 0.5, vcu.frames, rounded), mask=vcu.mask.round())
    back = on_disk(tmp_path / "x.rgbm", vcu).segment(0, vcu.num_frames)
    assert torch.equal(back.frames, vcu.frames) and torch.equal(back.mask, vcu.mask)
    for was, now in zip(split_for_encoding(vcu), split_for_encoding(replace(back, kind=vcu.kind)), strict=True):
        assert torch.equal(was, now)


@settings(max_examples=40, deadline=None)
@given(value=st.floats(0, 1, width=32), mask=st.floats(0, 1, width=32))
def test_anything_else_is_rounded_to_the_nearest_step(value, mask, tmp_path_factory):
    vcu = Vcu(torch.full((1, 16, 16, 3), value), torch.full((1, 16, 16), mask))
    back = on_disk(tmp_path_factory.mktemp("x") / "x.rgbm", vcu).segment(0, 1)
    assert (back.frames - value).abs().max() <= 0.5 / 255 + 1e-6
    assert (back.mask - mask).abs().max() <= 0.5 / 254 + 1e-6
    assert mask not in (0, 0.5, 1) or (back.mask == mask).all()


def test_mid_grey_that_is_kept_is_no_empty_pixel(tmp_path):
    vcu = Vcu(torch.full((1, 16, 16, 3), 0.5), torch.zeros(1, 16, 16), kind=EXTENSION)
    back = on_disk(tmp_path / "x.rgbm", vcu).segment(0, 1)
    assert torch.equal(back.frames, torch.full_like(vcu.frames, 128 / 255))
    one_channel = vcu.frames.clone()
    one_channel[..., 0] = 128 / 255
    shown = replace(vcu, frames=one_channel, mask=torch.ones(1, 16, 16))
    back = on_disk(tmp_path / "y.rgbm", shown).segment(0, 1)
    assert torch.equal(back.frames, torch.full_like(vcu.frames, 128 / 255))
    nearly = replace(vcu, mask=torch.full((1, 16, 16), 1 - 1e-6))
    back = on_disk(tmp_path / "z.rgbm", nearly).segment(0, 1)
    assert (back.frames == 0.5).all() and (back.mask == 1).all()


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_the_fingerprint_tells_everything_that_decides_about_the_frames(where, tmp_path):
    def print_of(vcu):
        return (in_memory(vcu) if where == "memory" else on_disk(tmp_path / "x.rgbm", vcu)).fingerprint()

    vcu = repaint()
    pixel, hole = vcu.frames.clone(), vcu.mask.clone()
    pixel[7, 3, 5, 1] = 1 - pixel[7, 3, 5, 1]
    hole[0, 0, 0] = 1 - hole[0, 0, 0]
    others = [
        replace(vcu, frames=pixel),
        replace(vcu, mask=hole),
        replace(vcu, frames=vcu.frames.flip(0), mask=vcu.mask.flip(0)),
        replace(vcu, kind=EXTENSION),
        replace(vcu, control_amount=0.5),
        replace(vcu, references=()),
        replace(vcu, references=(Reference(vcu.references[0].image, 1.0),)),
        replace(vcu, frames=vcu.frames[:-1], mask=vcu.mask[:-1]),
    ]
    assert len({print_of(other) for other in [vcu, *others]}) == 9
    assert print_of(replace(vcu, fps=9.0, notes=(Note("any", "a"),), audio="b")) == print_of(vcu)


def test_an_hour_of_nothing_takes_no_memory():
    long = in_memory(empty_vcu(57601, 720, 1280))
    assert long.segment(57600, 57601).num_frames == 1
    assert long.fingerprint() != in_memory(empty_vcu(57601, 1280, 720)).fingerprint()


def test_what_is_not_finished_leaves_nothing_behind(tmp_path):
    path = tmp_path / "x.rgbm"
    with pytest.raises(VaceInputError, match="The video holds no frames"), OnDiskWriter(path, 16, 32) as writer:
        writer.finish()
    with (
        pytest.raises(VaceInputError, match=r"frames holds NaN.*it is not stored"),
        OnDiskWriter(path, 16, 32) as writer,
    ):
        writer.append(footage(1), torch.ones(1, 16, 32))
        writer.append(footage(1) * float("nan"), torch.ones(1, 16, 32))
    with (
        pytest.raises(VaceInputError, match=r"mask must have shape \[1, 16, 32\]"),
        OnDiskWriter(path, 16, 32) as writer,
    ):
        writer.append(footage(1), torch.ones(2, 16, 32))
    shape = r"frames must have shape \[T, 16, 32, 3\]"
    with pytest.raises(VaceInputError, match=shape), OnDiskWriter(path, 16, 32) as writer:
        writer.append(footage(1, 32), torch.ones(1, 32, 32))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_gone_or_damaged_is_named(tmp_path):
    path = tmp_path / "x.rgbm"
    long = on_disk(path, repaint())
    data = bytearray(path.read_bytes())
    data[16 * 32 * 4 * 2 + 5] ^= 1
    path.write_bytes(data)
    assert long.segment(0, 2).num_frames == 2
    with pytest.raises(VaceInputError, match=r"x.rgbm in .* is damaged: frame 2 is not as it was written. Queue the"):
        long.segment(0, 3)
    path.unlink()
    with pytest.raises(VaceInputError, match=r"x.rgbm in .* is gone. Queue the node that wrote it again"):
        long.segment(0, 3)
