"""Files of frames: what is in them, eight bits, fingerprints, and a disk that fails."""

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long import frame_file
from wan_vace.vace_core.long.frame_file import FrameFile, FrameWriter, fingerprint, from_8bit, to_8bit


def test_another_failure_of_the_disk_is_not_called_full(tmp_path, monkeypatch):
    def broken(_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    said = pytest.raises(VaceInputError, match=r"x cannot be written to .* \(Input/output error\)\. Look whether")
    with said, FrameWriter(tmp_path / "x", (1, 1, 3)) as writer:
        writer.finish({})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is always full is Linux's")
def test_a_disk_that_is_full_only_on_closing_is_told_and_nothing_stays(tmp_path):
    """What is written waits in memory, and nobody finished the file."""
    (tmp_path / "x.part").symlink_to("/dev/full")
    with (
        pytest.raises(VaceInputError, match="The disk is full: x needs"),
        FrameWriter(tmp_path / "x", (1, 1, 3)) as writer,
    ):
        writer.append(torch.zeros(1, 1, 1, 3, dtype=torch.uint8))
    assert list(tmp_path.iterdir()) == []


def test_the_file_begins_with_plain_frames(tmp_path):
    frames = torch.randint(0, 256, (13, 4, 6, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with FrameWriter(tmp_path / "x", (4, 6, 3)) as writer:
        writer.append(frames.transpose(1, 2).contiguous().transpose(1, 2))
        writer.finish({})
    assert (tmp_path / "x").read_bytes()[: frames.numel()] == bytes(frames.flatten().tolist())
    assert FrameFile.open(tmp_path / "x", "").shape == (13, 4, 6, 3)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.integers(0, 255))
@settings(deadline=None)
def test_eight_bits_round_to_the_nearest_and_come_back_as_they_were(value, byte):
    stored = to_8bit("frames", torch.full((1, 1, 1, 3), value))
    assert stored.dtype == torch.uint8
    assert abs(int(stored[0, 0, 0, 0]) - min(max(value, 0), 1) * 255) <= 0.5 + 1e-4
    assert (to_8bit("frames", from_8bit(torch.tensor([[[[byte]]]], dtype=torch.uint8))) == byte).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_frames_of_a_failed_sampler_are_not_stored(bad):
    frames = torch.zeros(3, 2, 2, 3)
    frames[1, 0, 0, 0] = bad
    with pytest.raises(VaceInputError, match="segment 2 holds NaN or infinite values, first in frame 1; it is not"):
        to_8bit("segment 2", frames)


def test_fingerprints_tell_values_shapes_and_kinds_and_nothing_else():
    values = torch.rand(7, 5, 3)
    assert fingerprint(values) == fingerprint(values.clone()) == fingerprint(values, chunk=1)
    assert fingerprint(values) == fingerprint(values.transpose(0, 1).contiguous().transpose(0, 1))
    other = values.clone()
    other[6, 4, 2] += 1e-6
    constant = torch.full((1, 1, 1), 0.5)
    different = [
        values, other, values.half(), values.reshape(5, 7, 3), values[:6], values.transpose(0, 2),
        constant.expand(7, 5, 3), constant.expand(5, 7, 3), torch.tensor(0.5), torch.tensor([0.5]), torch.empty(0, 3),
    ]  # fmt: skip
    assert len({fingerprint(tensor) for tensor in different}) == len(different)
    hour = constant[..., None].expand(57600, 720, 1280, 3)
    assert fingerprint(hour) == fingerprint(hour)


def stored(path, frames=None):
    """A whole file of small frames."""
    with FrameWriter(path, (2, 2, 3)) as writer:
        writer.append(torch.zeros(2, 2, 2, 3, dtype=torch.uint8) if frames is None else frames)
        writer.finish({})
    return path


def with_description(path, **changed):
    """The same file, described otherwise, its own checksum right."""
    size, text = frame_file._description(path)
    pixels = path.read_bytes()[: size - len(text) - frame_file._TRAILER]
    text = json.dumps({**json.loads(text), **changed}).encode()
    trailer = frame_file.MAGIC + len(text).to_bytes(8, "little") + bytes.fromhex(frame_file.checksum(text))
    path.write_bytes(pixels + text + trailer)


@pytest.mark.parametrize("changed", [{"shape": [2, 2, 2]}, {"shape": [2, 2, -2, -3]}, {"digests": []}])
def test_a_description_of_no_frames_is_refused_with_what_to_do(tmp_path, changed):
    with_description(stored(tmp_path / "x"), **changed)
    with pytest.raises(VaceInputError, match=r"x .*its description was altered.* Make it again\."):
        FrameFile.open(tmp_path / "x", "Make it again.")


def test_a_file_that_is_gone_is_told_as_such(tmp_path):
    with pytest.raises(FileNotFoundError):
        FrameFile.open(tmp_path / "x", "")
    file = FrameFile.open(stored(tmp_path / "x"), "Make it again.")
    (tmp_path / "x").unlink()
    with pytest.raises(VaceInputError, match=r"x in .* is gone\. Make it again\."):
        file.read(0, 1)


def test_a_file_that_is_no_file_any_more_is_told(tmp_path):
    file = FrameFile.open(stored(tmp_path / "x"), "Make it again.")
    (tmp_path / "x").unlink()
    (tmp_path / "x").mkdir()
    with pytest.raises(VaceInputError, match=r"x .* Make it again\."):
        file.read(0, 1)


def test_a_folder_that_takes_no_file_is_told(tmp_path):
    (tmp_path / "x.part").mkdir()
    with pytest.raises(VaceInputError, match=r"x cannot be written to"):
        FrameWriter(tmp_path / "x", (2, 2, 3))


def test_a_disk_that_is_full_within_a_frame_is_told_and_nothing_stays(tmp_path, monkeypatch):
    class Full:
        """A file that takes nothing, and fails once more as it is closed."""

        def write(self, data=b""):
            """Refuse."""
            raise OSError(errno.ENOSPC, "No space left on device")

        close = write

    with (
        pytest.raises(VaceInputError, match="The disk is full: x needs"),
        FrameWriter(tmp_path / "x", (2, 2, 3)) as one,
    ):
        one._file.close()
        monkeypatch.setattr(one, "_file", Full())
        one.append(torch.zeros(1, 2, 2, 3, dtype=torch.uint8))
    assert not list(tmp_path.iterdir())
