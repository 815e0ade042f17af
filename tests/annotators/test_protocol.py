"""What all annotators stand on: chunks, levels, threads, and libraries that may be missing."""

import sys
import threading

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wan_vace.annotators.flow import Flow
from wan_vace.annotators.lines import LocalContrastLines
from wan_vace.annotators.lines.gray import Gray, brightness
from wan_vace.annotators.protocol import by_chunks, chunks, on_levels, on_threads, require_frames, silent, to_bytes
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import collect_notes, sentences, tell
from wan_vace.vace_core.optional import need, opencv

WITHOUT_WEIGHTS = {"flow": Flow, "gray": Gray, "lineart": LocalContrastLines}


@given(st.integers(0, 70), st.integers(1, 20))
def test_chunks_cover_everything_once_in_order(total, size):
    parts = list(chunks(total, size))
    assert [i for part in parts for i in range(total)[part]] == list(range(total))
    assert all(0 < part.stop - part.start <= size for part in parts)


def test_chunks_change_nothing_and_are_told():
    frames, told = torch.rand(5, 3, 4, 3), []
    control = by_chunks(frames, brightness, lambda done, total: told.append((done, total)), size=2)
    torch.testing.assert_close(control, on_levels(brightness(frames)).expand_as(frames), rtol=0, atol=0)
    assert told == [(2, 5), (4, 5), (5, 5)]


def test_a_tick_that_raises_stops_the_work():
    seen = []

    def work(part):
        seen.append(len(part))
        return part

    def stop(done, _total):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        by_chunks(torch.rand(9, 2, 2, 3), work, stop, size=2)
    assert seen == [2, 2]


def test_bytes_are_levels():
    levels = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16, 1)
    control = by_chunks(torch.rand(1, 16, 16, 3), lambda _part: levels, silent)
    assert torch.equal(to_bytes(control), levels.expand(-1, -1, -1, 3))
    assert torch.equal(on_levels(control), control)


@given(st.floats(-1, 2, width=32))
def test_levels_are_the_nearest_of_256(value):
    level = on_levels(torch.tensor(value)).item() * 255
    assert abs(level - round(level)) < 1e-4 and abs(level - min(max(value, 0), 1) * 255) <= 0.5001
    assert to_bytes(torch.tensor(value)).item() == round(level)


def test_frames_are_not_written_to():
    frames = torch.rand(2, 4, 4, 3) * 2 - 0.5
    before = frames.clone()
    on_levels(frames), to_bytes(frames), by_chunks(frames, lambda part: part, silent)
    assert torch.equal(frames, before)


def test_threads_keep_the_order_and_run_at_once():
    meeting = threading.Barrier(2, timeout=20)  # two calls wait for each other

    def square(value, offset):
        meeting.wait()
        return value * value + offset

    assert on_threads(square, [1, 2, 3, 4], [0, 0, 1, 1]) == [1, 4, 10, 17]


@pytest.mark.parametrize("inference", [True, False])
def test_threads_are_in_the_caller_s_inference_mode(inference):
    with torch.inference_mode(inference):
        assert on_threads(lambda _: torch.is_inference_mode_enabled(), [0]) == [inference]


def test_an_error_in_a_thread_is_the_caller_s():
    with pytest.raises(ZeroDivisionError):
        on_threads(lambda value: 1 / value, [1, 0])


def test_what_is_told_on_threads_is_told_again_in_the_order_of_the_items():
    meeting = threading.Barrier(2, timeout=20)

    def work(name):
        meeting.wait()
        tell("any", f"{name} begins.")
        meeting.wait()
        tell("any", f"{name} ends.")
        return name

    with collect_notes() as notes:
        assert on_threads(work, ["one", "other"]) == ["one", "other"]
    assert sentences(notes) == ["one begins.", "one ends.", "other begins.", "other ends."]


@pytest.mark.parametrize(("count", "words"), [(1, "has 1 frame,"), (2, "has 2 frames,")])
def test_too_few_frames(count, words):
    with pytest.raises(VaceInputError, match=rf"frames {words} but optical flow needs at least 3\. Connect a video\."):
        require_frames(torch.zeros(count, 2, 2, 3), 3, "optical flow")
    require_frames(torch.zeros(3, 2, 2, 3), 3, "optical flow")


def test_a_missing_library_is_named_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        VaceInputError,
        match=r"VACE Annotate Lineart needs opencv-python-headless, .*cannot import.*pip install opencv-python-h",
    ):
        opencv("VACE Annotate Lineart")


@pytest.mark.parametrize(
    "code", ["import nothing_of_this_name", "raise OSError('no such library')", "import sys; sys.no"]
)
def test_a_broken_library_is_named_too(tmp_path, monkeypatch, code):
    (tmp_path / "broken_library.py").write_text(code, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(VaceInputError, match=r"This needs broken-library, .*pip install broken-library"):
        need("broken_library", "broken-library", "This")


@pytest.mark.parametrize("signal", WITHOUT_WEIGHTS)
@pytest.mark.parametrize("size", [(1, 1), (17, 31)])
def test_every_default_works_without_files_at_any_size(signal, size):
    frames = torch.rand(3, *size, 3)
    control = WITHOUT_WEIGHTS[signal]()(frames, silent)
    assert control.shape == frames.shape and control.dtype == torch.float32
    assert torch.equal(on_levels(control), control)


@pytest.mark.parametrize("signal", WITHOUT_WEIGHTS)
def test_every_default_is_the_same_again_and_hashes_its_settings(signal):
    frames = torch.rand(3, 16, 24, 3)
    one, other = WITHOUT_WEIGHTS[signal](), WITHOUT_WEIGHTS[signal]()
    assert one.identity == other.identity != Gray((1, 0, 0)).identity
    assert torch.equal(one(frames, silent), other(frames, silent))
