"""Segments on disk: going on after any kind of end, refusing what does not belong together, and the joined video."""

import errno
import json
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long.frame_file import FrameWriter, from_8bit, to_8bit
from wan_vace.vace_core.long.manifest import MANIFEST, write_atomically
from wan_vace.vace_core.long.runs import Run
from wan_vace.vace_core.long.segments import Segment, plan_segments

SIZE = (4, 6)
INPUTS = {"vcu": "0123456789abcdef0123456789abcdef", "seed": "7"}
PLAN = plan_segments(27, 13, 5)


def begin(folder, inputs=INPUTS, plan=PLAN, size=SIZE, fps=16.0, **rest):
    return Run.open(folder, inputs, plan, size, fps, **rest)


def made(segment, salt=0, size=SIZE):
    """Frames that differ for each segment."""
    generator = torch.Generator().manual_seed(100 * segment.index + salt)
    return torch.randint(0, 256, (segment.num_frames, *size, 3), dtype=torch.uint8, generator=generator)


def complete(folder, count=None, **rest):
    with begin(folder, **rest) as run:
        for segment in run.plan[:count]:
            run.write(segment.index, made(segment), {"seed": segment.index})


def joined(plan, parts):
    """The video frame by frame: each later segment fades in over what is there."""
    video = [None] * plan[-1].stop
    for segment, frames in zip(plan, parts, strict=True):
        for k, frame in enumerate(frames.double()):
            t, n = segment.start + k, segment.overlap + 1
            if video[t] is not None:  # halves are exact when all is multiplied first
                frame = ((video[t] * (n - k - 1) + frame * (k + 1)) / n + 0.5).floor()
            video[t] = frame
    return torch.stack(video).to(torch.uint8)


def test_the_plan_used_here():
    assert [(s.start, s.stop, s.overlap) for s in PLAN] == [(0, 13, 0), (8, 21, 5), (16, 27, 5)]


def test_what_is_written_is_read_in_any_part(tmp_path):
    with begin(tmp_path / "new" / "run") as run:
        assert [run.finished(i) for i in range(3)] == [False] * 3
        run.write(0, made(PLAN[0]), {"seed": 7, "drift": 0.25})
        run.write(2, iter(made(PLAN[2]).split(4)), {})
        assert [run.finished(i) for i in range(3)] == [True, False, True]
        assert run.info(0) == {"seed": 7, "drift": 0.25}
        assert torch.equal(run.read(2, 3, 9), made(PLAN[2])[3:9]) and len(run.read(0, 4, 4)) == 0
        with pytest.raises(VaceInputError, match=r"Frames 5 to 14 of segment_001.rgb were asked for; it has 13"):
            run.read(0, 5, 14)
        with pytest.raises(VaceInputError, match="Segment 2 of the run run is not finished yet"):
            list(run.frames())
        run.remove(2)
        assert not run.finished(2)


@settings(max_examples=12, deadline=None)
@given(
    T=st.integers(1, 40),
    length=st.integers(5, 20),
    overlap=st.integers(1, 19),
    chunk=st.integers(1, 70),
    data=st.data(),
)
def test_the_video_is_the_same_in_chunks_of_any_size(T, length, overlap, chunk, data, tmp_path_factory):
    plan = plan_segments(T, length, min(overlap, length - 1))
    start = data.draw(st.integers(0, T - 1))
    stop = data.draw(st.integers(start, T))
    folder = tmp_path_factory.mktemp("run")
    complete(folder, plan=plan)
    with begin(folder, plan=plan) as run:
        assert run.num_frames == T
        parts = list(run.frames(start, stop, chunk))
    assert all(len(part) <= chunk for part in parts)
    expected = joined(plan, [made(segment) for segment in plan])[start:stop]
    assert torch.equal(torch.cat([*parts, expected[:0]]), expected)


def test_a_video_that_both_segments_agree_on_is_not_touched_by_the_fade(tmp_path):
    video = torch.randint(0, 256, (27, *SIZE, 3), dtype=torch.uint8)
    with begin(tmp_path) as run:
        for segment in PLAN:
            run.write(segment.index, video[segment.start : segment.stop], {})
        assert torch.equal(torch.cat(list(run.frames())), video)


def test_a_stopped_run_goes_on_and_ends_as_one_that_was_never_stopped(tmp_path):
    def chain(folder, stop=None):
        """Each segment starts from what is stored of the one before, as a real run does."""
        with begin(folder) as run:
            for segment in run.plan[:stop]:
                if run.finished(segment.index):
                    continue
                frames = made(segment).float() / 255
                if segment.overlap:
                    length = run.plan[segment.index - 1].num_frames
                    tail = from_8bit(run.read(segment.index - 1, length - segment.overlap, length))
                    frames = frames * 0.5 + tail.mean() * 0.7
                run.write(segment.index, to_8bit("frames", frames), {})
            return None if stop else torch.cat(list(run.frames()))

    for stop in (1, 2):
        chain(tmp_path / str(stop), stop)
        assert torch.equal(chain(tmp_path / str(stop)), chain(tmp_path / "whole"))


def test_a_segment_is_made_again_without_touching_its_neighbours(tmp_path):
    complete(tmp_path)
    others = {path: path.read_bytes() for path in tmp_path.glob("segment_00[13].rgb")}
    with begin(tmp_path, redo={1}) as run:
        assert run.finished(1) and run.info(1) == {"seed": 1}
        run.write(1, made(PLAN[1], salt=1), {"seed": 5})
        again = torch.cat(list(run.frames()))
    assert torch.equal(again, joined(PLAN, [made(PLAN[0]), made(PLAN[1], 1), made(PLAN[2])]))
    assert others == {path: path.read_bytes() for path in others}


@pytest.mark.parametrize(
    "failing",
    [lambda: iter([made(PLAN[1])[:5], None]), lambda: iter([made(PLAN[1])[:5]]), lambda: made(PLAN[0], size=(6, 4))],
    ids=["crash", "too short", "wrong size"],
)
def test_a_segment_that_fails_while_it_is_written_leaves_the_older_one(tmp_path, failing):
    complete(tmp_path)
    with begin(tmp_path, redo={1}) as run:
        with pytest.raises((VaceInputError, AttributeError)):
            run.write(1, failing(), {})
        assert torch.equal(run.read(1, 0, 13), made(PLAN[1]))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lock", MANIFEST, "segment_001.rgb", "segment_002.rgb", "segment_003.rgb",
    ]  # fmt: skip


def test_frames_that_are_not_the_segments_are_refused(tmp_path):
    with begin(tmp_path) as run:
        with pytest.raises(VaceInputError, match="Segment 2 has 13 frames, got 11"):
            run.write(1, made(PLAN[2]), {})
        with pytest.raises(VaceInputError, match=r"frames must have shape \[T, 4, 6, 3\]"):
            run.write(1, made(PLAN[1], size=(6, 4)), {})
        with pytest.raises(VaceInputError, match=r"frames must be uint8, got torch.float32"):
            run.write(1, made(PLAN[1]).float(), {})
        assert not run.finished(1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"inputs": INPUTS | {"seed": "8"}}, r"something else: seed \(was 7, now 8\). Put that back, or choose"),
        ({"inputs": INPUTS | {"vcu": "f" * 32}}, "something else: vcu. Put"),
        ({"inputs": INPUTS | {"steps": "20"}}, r"something else: steps \(was nothing, now 20\)"),
        ({"inputs": {"seed": "9"}}, r"something else: seed \(was 7, now 9\), vcu. Put"),
        ({"size": (6, 4)}, r"size \(was 6 x 4, now 4 x 6\)"),
        (
            {"plan": plan_segments(27, 13, 1)},
            r"segments \(was 3 for 27 frames, up to 13 long, overlap 5, now 3 .*, overlap 1\)",
        ),
        ({"plan": plan_segments(9, 13, 1)}, "now 1 for 9 frames"),
    ],
)
def test_what_was_made_of_other_inputs_is_not_mixed_in(tmp_path, changed, message):
    complete(tmp_path, 1)
    with pytest.raises(VaceInputError, match=message):
        begin(tmp_path, **changed)
    begin(tmp_path, fps=24.0).close()
    assert json.loads((tmp_path / MANIFEST).read_text())["fps"] == 24


def test_before_the_first_segment_everything_may_change(tmp_path):
    begin(tmp_path).close()
    begin(tmp_path, {"seed": "8"}, plan_segments(9, 9, 1), (2, 2)).close()


def test_a_prompt_may_change_until_its_segment_is_made_and_to_make_it_again(tmp_path):
    first = [{"prompt": "a"}, {"prompt": "b"}, {"prompt": "c"}]
    complete(tmp_path, 2, segment_inputs=first)
    begin(tmp_path, segment_inputs=[*first[:2], {"prompt": "other"}]).close()
    edited = [first[0], {"prompt": "other"}, first[2]]
    with pytest.raises(VaceInputError, match=r"Segment 2 .* made with .* prompt \(was b, now other\).*put 2 into redo"):
        begin(tmp_path, segment_inputs=edited)
    with begin(tmp_path, segment_inputs=edited, redo={1}) as run:
        assert run.up_to_date(0) and not run.up_to_date(1)
        run.write(1, made(PLAN[1]), {})
        assert run.up_to_date(1)
    begin(tmp_path, segment_inputs=edited).close()


def test_files_of_others_in_the_folder_are_left_alone(tmp_path):
    for name in ("download.part", "segment_002.rgb.part", "manifest.json.part"):
        (tmp_path / name).write_bytes(b"x")
    begin(tmp_path).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["download.part", "lock", MANIFEST]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-1], "was cut short"),
        (lambda data: data[:100], "was cut short"),
        (lambda data: b"", "was cut short"),
        (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "frame 0 is not as it was written"),
        (lambda data: data[72:], r"it has \d+ bytes"),
        (lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:], "description was altered"),
        (lambda data: data[:-3] + bytes(3), "description was altered"),
    ],
)
def test_a_damaged_segment_is_named_and_can_be_made_again(tmp_path, damage, message):
    complete(tmp_path)
    path = tmp_path / "segment_002.rgb"
    path.write_bytes(damage(path.read_bytes()))
    sentence = f"segment_002.rgb in .* is damaged: .*{message}.*Delete that file, or put 2 into redo"
    with pytest.raises(VaceInputError, match=sentence):
        begin(tmp_path)
    with begin(tmp_path, redo={1}) as run:
        assert [run.finished(i) for i in range(3)] == [True, False, True]


def test_damage_that_happens_while_it_is_open_is_found_on_reading(tmp_path):
    complete(tmp_path)
    with begin(tmp_path) as run:
        path = tmp_path / "segment_001.rgb"
        data = bytearray(path.read_bytes())
        data[72 * 3] ^= 1
        path.write_bytes(data)
        assert len(run.read(0, 0, 3)) == 3
        with pytest.raises(VaceInputError, match="frame 3 is not as it was written"):
            list(run.frames())


def test_a_segment_of_another_run_is_told(tmp_path):
    complete(tmp_path / "a")
    complete(tmp_path / "b", plan=[Segment(0, 0, 8, 0)])
    (tmp_path / "a/segment_001.rgb").write_bytes((tmp_path / "b/segment_001.rgb").read_bytes())
    with pytest.raises(VaceInputError, match=r"segment_001.rgb in .* holds frames of another run. Delete that file"):
        begin(tmp_path / "a")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (b'{"version": 1, "inp', "manifest.json in .* is damaged. Choose another run name, or delete that folder"),
        (b"{}", "manifest.json in .* is damaged"),
        (b"[1]", "manifest.json in .* is damaged"),
        (b'{"version": 1, "inputs": {"prompt": 7}}', "manifest.json in .* is damaged"),
        (b"\xff\x00", "manifest.json in .* is damaged"),
        (b'{"version": 2, "inputs": {}}', r"by a newer version of this pack \(2, this one knows 1\)"),
        (None, "holds segments but no manifest.json. Choose another run name"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_told(tmp_path, manifest, message):
    complete(tmp_path, 1)
    path = tmp_path / MANIFEST
    path.unlink() if manifest is None else path.write_bytes(manifest)
    with pytest.raises(VaceInputError, match=message):
        begin(tmp_path)
    (tmp_path / "segment_001.rgb").unlink()
    begin(tmp_path).close()  # nothing is lost by beginning again


def test_a_run_that_cannot_fit_is_refused_before_hours_of_work(tmp_path):
    plan = plan_segments(405, 9, 5)
    with pytest.raises(VaceInputError, match=r"The 100 segments still to come need \d+ MiB in .*, \d+ MiB are free"):
        begin(tmp_path, plan=plan, size=(10**6, 10**6))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_what_is_needed_and_keeps_what_is_finished(tmp_path, monkeypatch, number):
    def full(_):
        raise OSError(number, "No space left on device")

    complete(tmp_path, 1)
    with begin(tmp_path) as run:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            sentence = "The disk is full: segment_002.rgb needs 1 MiB in .*queue again. Finished segments are kept"
            with pytest.raises(VaceInputError, match=sentence):
                run.write(1, made(PLAN[1]), {})
            with pytest.raises(VaceInputError, match=r"The disk is full: manifest.json needs"):
                write_atomically(tmp_path / MANIFEST, b"x")
        assert [run.finished(i) for i in range(3)] == [True, False, False]
    begin(tmp_path).close()


def test_a_segment_whose_description_lacks_what_it_was_made_of_is_named(tmp_path):
    complete(tmp_path)
    with FrameWriter(tmp_path / "segment_002.rgb", (*SIZE, 3)) as writer:
        writer.append(made(PLAN[1]))
        writer.finish({"inputs": [], "info": {}})
    with pytest.raises(
        VaceInputError, match=r"segment_002\.rgb in .* is damaged: its description was altered\. Delete"
    ):
        begin(tmp_path)
    with begin(tmp_path, redo={1}) as run:
        assert [run.finished(i) for i in range(3)] == [True, False, True]


def test_a_place_where_no_folder_can_be_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VaceInputError, match=r"run cannot be written to .*\. Look whether"):
        begin(tmp_path / "file" / "run")
