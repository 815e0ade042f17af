"""Clips extended, bridged, looped, and put together again."""

import pytest
import torch

from harness.hearing import heard
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks.extension import bridge_vcu, extend_vcu, loop_vcu
from wan_vace.vace_core.tasks.joining import join_frames
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.fit import Clip

LENGTHS = [*range(1, 21), 81, 121]
SOUND = {"waveform": torch.zeros(1, 1, 8), "sample_rate": 8}


def clip(count, first=0, fps=None, audio=None, height=16, width=32):
    """Frame k has the shade (first + k) / 1000, so that every frame can be told."""
    shades = (torch.arange(count) + first).view(-1, 1, 1, 1) / 1000
    return Clip(shades.expand(-1, height, width, 3), fps, audio)


def layout(vcu):
    """Which frame of its clip each kept frame is; None where it is generated."""
    assert ((vcu.frames == 0.5) | (vcu.mask[..., None] == 0)).all()
    assert vcu.kind == "extension"
    corners = zip(vcu.frames[:, 0, 0, 0].tolist(), vcu.mask[:, 0, 0].tolist(), strict=True)
    return [None if mask == 1 else round(shade * 1000) for shade, mask in corners]


def generated(vcu):
    """A decoded VCU: new frames are 2 / 3, kept ones a little off as after the VAE."""
    return torch.where(vcu.mask[..., None] == 1, torch.tensor(2 / 3), vcu.frames + 0.01)


def told(clip):
    """Which frame each one of a joined video is; None where it was generated."""
    return [None if shade > 0.6 else shade * 1000 for shade in clip.frames[:, 0, 0, 0].tolist()]


def whole(*parts):
    return [value for part in parts for value in ([None] * part if isinstance(part, int) else part)]


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("new", [1, 4, 7])
def test_every_count_is_right_at_either_end_and_after_joining(count, new):
    video = clip(count)
    frames = list(range(count))
    for overlap in {0, 1, min(5, count), count}:
        seen = overlap or count
        after = extend_vcu(video, after=new, overlap=overlap)
        assert layout(after) == whole(frames[-seen:], new)
        joined, _ = heard(join_frames, video, generated(after), overlap_first=seen)
        assert told(joined) == pytest.approx(whole(frames, new))
        before = extend_vcu(video, before=new, after=0, overlap=overlap)
        assert layout(before) == whole(new, frames[:seen])
        joined, _ = heard(join_frames, None, generated(before), video, overlap_second=seen)
        assert told(joined) == pytest.approx(whole(new, frames))
    both = extend_vcu(video, before=new, after=3)
    assert layout(both) == whole(new, frames, 3)
    joined, _ = heard(join_frames, video, generated(both), before=new)
    assert told(joined) == pytest.approx(whole(new, frames, 3))


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize(("head", "tail", "gap"), [(0, 0, 5), (1, 2, 1), (17, 16, 4)])
def test_a_bridge_has_both_clips_around_the_gap_and_joins_to_all_of_them(count, head, tail, gap):
    first, second = clip(count), clip(count + 2, 200)
    vcu = bridge_vcu(first, second, gap=gap, overlaps=(head, tail))
    a, b = list(range(count)), list(range(200, 202 + count))
    head, tail = min(head or count, count), min(tail or count + 2, count + 2)
    assert layout(vcu) == whole(a[-head:], gap, b[:tail])
    joined, notes = heard(join_frames, first, generated(vcu), second, overlap_first=head, overlap_second=tail)
    assert told(joined) == pytest.approx(whole(a, gap, b))
    assert notes == [f"{2 * count + 2 + gap} frames: {gap} generated, {2 * count + 2} as given."]


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("overlap", [0, 1, 16])
def test_a_loop_leads_from_the_end_to_the_start_and_joins_to_clip_and_gap(count, overlap):
    video, frames = clip(count), list(range(count))
    vcu = loop_vcu(video, gap=6, overlap=overlap)
    seen = min(overlap or count, count)
    assert layout(vcu) == whole(frames[-seen:], 6, frames[:seen])
    joined, _ = heard(join_frames, video, generated(vcu), overlap_first=seen, overlap_second=seen)
    assert told(joined) == pytest.approx(whole(frames, 6))


def test_the_defaults_are_the_official_80_and_else_81_frames():
    assert layout(extend_vcu(clip(7))) == whole(list(range(7)), 80)
    assert bridge_vcu(clip(40), clip(40)).num_frames == loop_vcu(clip(40)).num_frames == 81


def test_the_report_names_what_is_kept_and_how_to_join():
    notes = sentences(extend_vcu(clip(33), overlap=17, after=64).notes)
    assert notes == [
        "81 frames: frames 0 to 16 kept, frames 17 to 80 generated.",
        "VACE Join Videos puts the given frames back: connect the clip to first, set overlap_first 17.",
    ]
    assert (
        "connect the clip to second, set overlap_second 8."
        in sentences(extend_vcu(clip(8), before=73, after=0).notes)[-1]
    )
    assert "connect the clip to first, set before 4." in sentences(extend_vcu(clip(8), before=4, after=5).notes)[-1]
    assert (
        "connect first and second, set overlap_first 17, overlap_second 16."
        in (sentences(bridge_vcu(clip(40), clip(40)).notes)[-1])
    )
    assert (
        "connect the clip to first and nothing to second, set overlap_first 16, overlap_second 16."
        in (sentences(loop_vcu(clip(40)).notes)[-1])
    )


def test_kept_frames_that_the_mask_does_not_see_and_padding_are_told():
    notes = sentences(extend_vcu(clip(5), after=79, overlap=1).notes)
    assert "do not see that frame 0 is kept" in notes[1] and "More kept frames in a row change that" in notes[1]
    assert notes[2].startswith("80 frames are generated as 81")


def test_an_overlap_longer_than_the_clip_takes_all_of_it_and_says_so():
    assert "overlap is 9 but video has 5 frames; all 5 are used." in sentences(extend_vcu(clip(5), overlap=9).notes)
    notes = sentences(bridge_vcu(clip(5), clip(6)).notes)
    assert "overlap_first is 17 but first has 5 frames; all 5 are used." in notes
    assert "overlap_second is 16 but second has 6 frames; all 6 are used." in notes


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_a_second_clip_of_another_shape_is_fitted_and_no_bar_is_kept(fit):
    white = Clip(torch.ones(4, 32, 32, 3))
    vcu = bridge_vcu(clip(4), white, gap=5, overlaps=(0, 0), target=Target(fit=fit))
    assert vcu.frames.shape == (13, 16, 32, 3)
    assert f"second is resized from 32 x 32 to 32 x 16 ({fit})." in sentences(vcu.notes)
    bars = vcu.mask[9:] == 1
    assert bars.any() == (fit == "contain")
    assert (vcu.frames[9:][bars] == 0.5).all() and (vcu.frames[9:][~bars] == 1).all()


def test_different_frame_rates_are_told_with_both():
    vcu = bridge_vcu(clip(20, fps=24.0), clip(20, fps=16.0))
    assert any(
        n.startswith("first runs at 24 fps, second at 16: frames are taken as they are") for n in sentences(vcu.notes)
    )
    assert vcu.fps == 24
    assert bridge_vcu(clip(20), clip(20, fps=16.0)).fps == 16
    joined, notes = heard(join_frames, clip(2, fps=24.0), torch.zeros(9, 16, 32, 3), clip(2, fps=16.0))
    assert joined.fps == 24 and any("first runs at 24 fps, second at 16" in n for n in notes)


def test_sound_goes_along_only_where_it_begins_with_the_vcu():
    video = clip(20, fps=24.0, audio=SOUND)
    assert extend_vcu(video).audio is SOUND and extend_vcu(video).fps == 24
    cut = extend_vcu(video, overlap=5)
    assert (
        cut.audio is None and cut.fps == 24 and sentences(cut.notes)[-1].endswith("VCU; VACE Join Videos puts it back.")
    )
    preceded = extend_vcu(video, before=4)
    assert preceded.audio is None and sentences(preceded.notes)[-1].endswith("at another frame than this VCU.")
    assert loop_vcu(video, overlap=5).audio is None and bridge_vcu(video, clip(20), overlaps=(0, 16)).audio is SOUND


def test_joining_keeps_the_sound_that_begins_with_the_video():
    new, video = torch.zeros(30, 16, 32, 3), clip(20, fps=24.0, audio=SOUND)
    joined, notes = heard(join_frames, video, new)
    assert joined.audio is SOUND and joined.fps == 24 and len(notes) == 1
    for inputs in ((None, new, video), (clip(2), new, video)):
        joined, notes = heard(join_frames, *inputs)
        assert joined.audio is None and "The sound of second is left out: it does not begin with the video." in notes
    joined, notes = heard(join_frames, video, new, before=3)
    assert joined.audio is None and any(n.startswith("The sound of first is left out") for n in notes)
    assert heard(join_frames, clip(2), new)[0].fps == 16


def test_control_is_followed_in_the_generated_frames_alone():
    control = clip(7, 100).frames
    vcu = extend_vcu(clip(3), before=2, after=5, control=control)
    torch.testing.assert_close(vcu.frames[:, 0, 0, 0] * 1000, torch.tensor([100.0, 101, 0, 1, 2, *range(102, 107)]))
    assert vcu.mask[:, 0, 0].tolist() == [1, 1, 0, 0, 0, 1, 1, 1, 1, 1]
    vcu = bridge_vcu(clip(3), clip(3, 50), gap=6, control=control[:4])
    torch.testing.assert_close(vcu.frames[3:9, 0, 0, 0], torch.tensor([0.1, 0.101, 0.102, 0.103, 0.5, 0.5]))
    assert "control_video has 4 frames; the 2 after it are generated freely." in sentences(vcu.notes)
    assert "control_video has 7 frames; the first 6 are used." in sentences(
        loop_vcu(clip(3), gap=6, control=control).notes
    )


def test_the_originals_come_back_bit_for_bit():
    first, second = Clip(torch.rand(9, 16, 32, 3)), Clip(torch.rand(9, 16, 32, 3))
    joined, _ = heard(join_frames, first, torch.rand(20, 16, 32, 3), second, overlap_first=5, overlap_second=4)
    assert torch.equal(joined.frames[:9], first.frames) and torch.equal(joined.frames[-9:], second.frames)


def test_originals_of_another_size_are_brought_to_the_generated_ones():
    joined, notes = heard(join_frames, clip(5, height=32, width=64), torch.zeros(9, 16, 32, 3))
    assert joined.frames.shape == (9, 16, 32, 3)
    assert "first is resized from 64 x 32 to 32 x 16 (cover)." in notes


@pytest.mark.parametrize("counts", [(0, 0), (-1, 5)])
def test_nothing_to_generate_is_refused(counts):
    message = rf"before is {counts[0]} and after is {counts[1]}: nothing would be generated\. Set after"
    with pytest.raises(VaceInputError, match=message):
        extend_vcu(clip(5), before=counts[0], after=counts[1])


def test_an_overlap_cannot_leave_out_the_middle():
    with pytest.raises(VaceInputError, match=r"overlap is 2 with frames both before and after.*Set overlap to 0"):
        extend_vcu(clip(5), before=4, after=4, overlap=2)
    assert extend_vcu(clip(5), before=4, after=4, overlap=5).num_frames == 13


def test_no_gap_is_refused():
    with pytest.raises(
        VaceInputError, match=r"gap is 0: a bridge with no gap generates nothing\. Set gap to at least 4"
    ):
        bridge_vcu(clip(5), clip(5), gap=0)
    with pytest.raises(VaceInputError, match=r"gap is 0: a loop with no gap generates nothing\. Set gap to at least 4"):
        loop_vcu(clip(5), gap=0)


def test_an_empty_clip_is_refused_by_its_socket():
    with pytest.raises(VaceInputError, match="second holds no frames"):
        bridge_vcu(clip(5), clip(0))


def test_joining_nothing_is_refused():
    with pytest.raises(VaceInputError, match=r"Neither first nor second is connected.*Connect the clip"):
        join_frames(None, clip(5).frames)


@pytest.mark.parametrize("total", [9, 10])
def test_counts_that_leave_no_generated_frame_are_refused_with_all_of_them(total):
    message = rf"generated has {total} frames, but before 0, overlap_first 6 and overlap_second 4 leave none"
    with pytest.raises(VaceInputError, match=message):
        join_frames(clip(6), clip(total).frames, clip(8), overlap_second=4)


def test_before_needs_all_of_first():
    with pytest.raises(
        VaceInputError, match=r"before is 2: then all of first lies inside generated\. Set overlap_first"
    ):
        join_frames(clip(6), clip(20).frames, before=2, overlap_first=3)
    with pytest.raises(VaceInputError, match=r"before is 2: .*Connect first, or set before to 0"):
        join_frames(None, clip(20).frames, clip(6), before=2)


def test_an_overlap_without_its_clip_is_told_but_for_a_loop():
    frames = clip(9).frames
    joined, notes = heard(join_frames, None, frames, clip(2), overlap_first=3)
    assert told(joined)[0] == pytest.approx(3) and notes[0].startswith("overlap_first is 3 but first is not connected")
    _, notes = heard(join_frames, clip(2), frames, overlap_second=3)
    assert not any("not connected" in note for note in notes)
