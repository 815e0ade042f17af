"""What annotators get from the host: results kept by content, progress, interruption."""

import importlib
import os
from dataclasses import dataclass, field

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.faults import child
from wan_vace.annotators.lines.gray import BT601_LUMA, Gray
from wan_vace.annotators.protocol import silent

pytestmark = pytest.mark.host


@dataclass(frozen=True)
class Counting(Gray):
    """A real annotator that notes how often it is asked."""

    calls: list = field(default_factory=list, compare=False)
    weights: str = "a.pth"

    @property
    def identity(self):
        """With the weights, as of a network."""
        return *super().identity, self.weights

    def __call__(self, frames, tick):
        """Count, then work."""
        self.calls.append(len(frames))
        return super().__call__(frames, tick)


@pytest.fixture(scope="module")
def base(host):
    return importlib.import_module("wan_vace.nodes._host.signals.annotate")


@pytest.fixture
def temp(host, tmp_path, monkeypatch):
    """An empty temp folder of the host."""
    import folder_paths

    monkeypatch.setattr(folder_paths, "temp_directory", str(tmp_path))
    return tmp_path / "vace_annotations"


def test_an_unchanged_clip_is_annotated_once(base, temp):
    frames, one = torch.rand(5, 7, 9, 3), Counting()
    first, again = base.annotate(one, frames), base.annotate(Counting(calls=one.calls), frames.clone())
    assert one.calls == [5] and torch.equal(first, again)
    assert torch.equal(first, Gray()(frames, silent))


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({"luma": BT601_LUMA}, lambda frames: frames),
        ({"weights": "b.pth"}, lambda frames: frames),
        ({}, lambda frames: frames.flip(0)),
        ({}, lambda frames: frames[:-1]),
        ({}, lambda frames: frames.reshape(4, 6, 8, 3)),
        ({}, lambda frames: frames.index_fill(0, torch.tensor(3), 0.5)),
    ],
    ids=["settings", "weights", "order", "length", "shape", "one frame"],
)
def test_whatever_differs_is_annotated(base, temp, settings, change):
    frames, calls = torch.rand(4, 8, 6, 3), []
    base.annotate(Counting(calls=calls), frames)
    changed = change(frames)
    control = base.annotate(Counting(calls=calls, **settings), changed)
    assert len(calls) == 2 and torch.equal(control, Counting(**settings)(changed, silent))


def test_what_is_not_kept_is_annotated_and_leaves_no_file(base, temp):
    frames, one = torch.rand(2, 4, 4, 3), Counting()
    assert torch.equal(base.annotate(one, frames, keep=False), base.annotate(one, frames, keep=False))
    assert len(one.calls) == 2 and not temp.exists()


def test_frames_that_are_not_in_order_in_memory_count_by_content(base, temp):
    frames, one = torch.rand(2, 3, 4, 4).movedim(1, -1), Counting()
    base.annotate(one, frames)
    base.annotate(one, frames.contiguous())
    assert len(one.calls) == 1


@pytest.mark.parametrize("content", [b"", b"no tensors", "cut", "other"])
def test_a_broken_file_is_made_again(base, temp, content):
    frames, one = torch.rand(3, 8, 8, 3), Counting()
    control = base.annotate(one, frames)
    (kept,) = temp.iterdir()
    if content == "other":
        save_file({"else": torch.zeros(1)}, kept)
    else:
        kept.write_bytes(kept.read_bytes()[:-7] if content == "cut" else content)
    assert torch.equal(base.annotate(one, frames), control) and len(one.calls) == 2
    assert load_file(kept)["control"].shape == control.shape


def test_what_was_used_longest_ago_goes_first(base, temp, monkeypatch):
    one, clips = Counting(), [torch.rand(1, 16, 16, 3) for _ in range(3)]
    base.annotate(one, clips[0])
    (kept,) = temp.iterdir()
    monkeypatch.setattr(base, "LIMIT_BYTES", 2 * kept.stat().st_size)
    base.annotate(one, clips[1])
    for age, file in enumerate([kept, *(file for file in temp.iterdir() if file != kept)]):
        os.utime(file, (1000 + age, 1000 + age))
    base.annotate(one, clips[0])  # the older one, used again
    base.annotate(one, clips[2])
    assert len(one.calls) == 3 and len(list(temp.iterdir())) == 2
    base.annotate(one, clips[0])
    assert len(one.calls) == 3
    base.annotate(one, clips[1])
    assert len(one.calls) == 4


def test_after_the_clock_was_set_back_what_is_new_stays(base, temp, monkeypatch):
    one, clips = Counting(), [torch.rand(1, 16, 16, 3) for _ in range(2)]
    base.annotate(one, clips[0])
    (kept,) = temp.iterdir()
    (temp / "left.safetensors.99.part").touch()
    for path in temp.iterdir():
        os.utime(path, (2**32, 2**32))
    monkeypatch.setattr(base, "LIMIT_BYTES", kept.stat().st_size)
    base.annotate(one, clips[1])
    assert len(list(temp.iterdir())) == 1 and not kept.exists()
    base.annotate(one, clips[1])
    assert len(one.calls) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the process that would be ended is forked")
def test_a_file_that_is_cut_later_changes_nothing_that_was_read(base, temp):
    frames = torch.rand(5, 64, 64, 3)

    @dataclass(frozen=True)
    class Finder(Gray):
        def __call__(self, frames, tick):
            return {"found": super().__call__(frames, tick)}

    found = base.find_in_frames(Finder(), frames, ("found",))["found"]

    def read_as_it_is_cut():
        again = base.find_in_frames(Finder(), frames, ("found",))["found"]
        (kept,) = temp.iterdir()
        os.truncate(kept, 0)
        return torch.equal(again, found)

    ended = child.run(read_as_it_is_cut)
    assert (ended.kind, ended.value) == (child.DONE, True), ended


def test_a_disk_that_takes_nothing_costs_nothing(base, temp):
    temp.write_text("a file where the folder would be", "utf-8")
    frames, one = torch.rand(2, 4, 4, 3), Counting()
    assert torch.equal(base.annotate(one, frames), Gray()(frames, silent))


def test_a_file_that_cannot_be_finished_leaves_none(base, temp):
    frames, one = torch.rand(2, 4, 4, 3), Counting()
    control = base.annotate(one, frames)
    (kept,) = temp.iterdir()
    kept.unlink()
    kept.with_name(f"{kept.name}.{os.getpid()}.part").mkdir()  # where it would be written
    assert torch.equal(base.annotate(one, frames), control)
    assert not kept.exists()


@pytest.mark.parametrize("keep", [True, False])
def test_it_stops_between_chunks_when_the_user_stops_the_queue(base, temp, keep):
    import comfy.model_management as management

    done = []

    @dataclass(frozen=True)
    class Stopped(Gray):
        def __call__(self, frames, tick):
            def stop(now, total):
                done.append(now)
                management.interrupt_current_processing(True)
                tick(now, total)

            return super().__call__(frames, stop)

    with pytest.raises(management.InterruptProcessingException):
        base.annotate(Stopped(), torch.rand(40, 4, 4, 3), keep=keep)
    assert done == [16] and not management.processing_interrupted() and not temp.exists()


def test_a_queue_that_was_stopped_before_starts_nothing(base, temp):
    import comfy.model_management as management

    one = Counting()
    management.interrupt_current_processing(True)
    with pytest.raises(management.InterruptProcessingException):
        base.annotate(one, torch.rand(1, 4, 4, 3))
    assert not one.calls


def test_progress_goes_from_nothing_to_all(base, temp):
    import comfy.utils

    shown, before = [], comfy.utils.PROGRESS_BAR_HOOK
    comfy.utils.set_progress_bar_global_hook(lambda value, total, *_, **__: shown.append((value, total)))
    try:
        base.annotate(Gray(), torch.rand(40, 4, 4, 3))
    finally:
        comfy.utils.set_progress_bar_global_hook(before)
    assert shown[0] == (0, 40) and shown[-1] == (40, 40) and shown == sorted(shown)
