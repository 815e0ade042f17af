"""Official sizes and lengths, and which frames of a video are taken."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.fit import Clip
from wan_vace.vace_core.video.sizes import bucket_length, bucket_size, fit_clip, select_frames

LENGTHS = [*range(1, 21), 81, 121]
OFFICIAL = {"480p": (480 * 832, 32760), "720p": (720 * 1280, 75600)}  # area in pixels, tokens


def official(num_frames, height, width, budget):
    """The loader's arithmetic as the specification states it: (frames, rows, columns)."""
    area, tokens = OFFICIAL[budget]
    cells = min(tokens, area / 256, (height // 16) * (width // 16))
    t = min((num_frames - 1) // 4 + 1, int(tokens / cells))
    z = min(cells, int(tokens / t))
    rows = round(np.sqrt(z * height / width))
    return 4 * (t - 1) + 1, int(rows) * 16, int(z / rows) * 16


# Wan2.1 at 9737cba, wan/utils/vace_processor.py, worked out by running its arithmetic: source, 480p, 720p (W, H).
BUCKETS = [
    ((1920, 1080), (832, 480), (1280, 720)),
    ((1080, 1920), (464, 848), (720, 1280)),
    ((1080, 1080), (640, 624), (960, 960)),
    ((1600, 1200), (720, 544), (1104, 832)),
    ((768, 1024), (528, 736), (768, 1024)),
    ((2592, 1080), (992, 400), (1472, 624)),
]


@pytest.mark.parametrize(("source", "small", "large"), BUCKETS)
def test_the_official_buckets(source, small, large):
    for budget, (width, height) in (("480p", small), ("720p", large)):
        assert bucket_size(source[1], source[0], budget) == (height, width)


@pytest.mark.parametrize(
    ("width", "height", "budget", "most"),
    [(1920, 1080, "480p", 81), (1920, 1080, "720p", 81), (640, 480, "480p", 105), (832, 480, "720p", 189),
     (512, 512, "720p", 289)],
)  # fmt: skip
def test_small_videos_may_be_longer(width, height, budget, most):
    assert bucket_length(1000, height, width, budget) == most


@pytest.mark.parametrize("budget", ["480p", "720p"])
def test_size_and_length_equal_the_official_arithmetic_for_every_count(budget):
    for height in (16, 31, 100, 350, 480, 720, 1081, 2160):
        for width in (16, 47, 240, 350, 832, 1280, 3840):
            for num_frames in [*LENGTHS, 300]:
                frames, rows, columns = official(num_frames, height, width, budget)
                assert bucket_length(num_frames, height, width, budget) == frames
                assert bucket_size(height, width, budget) == (rows, columns)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (8, 512), (512, 8), (1, 3000)])
def test_videos_thinner_than_a_cell_have_a_legal_size(height, width):
    rows, columns = bucket_size(height, width, "480p")
    assert rows >= 16 and columns >= 16 and rows % 16 == columns % 16 == 0 and rows * columns <= 480 * 832
    assert bucket_length(9, height, width, "480p") == 9


@pytest.mark.parametrize("num_frames", LENGTHS)
@pytest.mark.parametrize("length", LENGTHS)
def test_spread_takes_the_first_frame_that_contains_each_time(num_frames, length):
    count = min(num_frames, length)
    last = Fraction(2 * num_frames - 1, 2)
    times = [last * k / max(count - 1, 1) for k in range(count)]
    expected = [next(i for i in range(num_frames) if i <= time <= i + 1) for time in times]
    assert select_frames(num_frames, 30.0, how="spread", length=length) == expected


@pytest.mark.parametrize(("num_frames", "count"), [(81, 81), (80, 77), (200, 81), (1000, 81), (121, 5)])
def test_spread_equals_the_official_search_over_timestamps(num_frames, count):
    stamps = np.stack([np.arange(num_frames), np.arange(num_frames) + 1], axis=1).astype(np.float32) / 16
    times = np.linspace(0.0, stamps[-1].mean(), count)
    inside = np.logical_and(times[:, None] >= stamps[None, :, 0], times[:, None] <= stamps[None, :, 1])
    assert select_frames(num_frames, 16.0, how="spread", length=count) == np.argmax(inside, axis=1).tolist()


@pytest.mark.parametrize("num_frames", LENGTHS)
@pytest.mark.parametrize("fps", [8.0, 15.0, 16.0, 23.976, 30.0, 60.0])
def test_resampling_takes_the_nearest_frame_and_keeps_the_duration(num_frames, fps):
    index = select_frames(num_frames, fps, how="resample")
    assert len(index) == max(math.floor(num_frames * 16 / fps + 0.5), 1)
    for k, frame in enumerate(index):
        distances = [abs(i / fps - k / 16) for i in range(num_frames)]
        assert distances[frame] == pytest.approx(min(distances), abs=1e-9)
    if fps == 16:
        assert index == list(range(num_frames))


@pytest.mark.parametrize("num_frames", LENGTHS)
@pytest.mark.parametrize("how", ["keep", "resample", "spread"])
def test_length_limits_every_choice_and_frames_are_ascending(num_frames, how):
    for length in (0, 1, 5, 81, 500):
        index = select_frames(num_frames, 16.0, how=how, length=length)
        assert len(index) == min(length or num_frames, num_frames)
        assert index == sorted(index) and 0 <= index[0] and index[-1] < num_frames
        assert how == "spread" or index == list(range(len(index)))


def test_another_choice_is_refused():
    with pytest.raises(VaceInputError, match="pick must be one of keep, resample, spread, got all"):
        select_frames(5, 16.0, how="all")


def numbered(count, height=64, width=96):
    return (torch.arange(count).view(-1, 1, 1, 1) / 1000).expand(-1, height, width, 3)


@pytest.mark.parametrize("count", LENGTHS)
@pytest.mark.parametrize("pick", ["keep", "resample", "spread"])
def test_video_mask_and_control_take_the_same_frames(count, pick):
    video, mask = numbered(count), numbered(count)[..., 0]
    fitted = fit_clip(Clip(video, 24.0), mask, video + 0.5, budget="480p", pick=pick, target=Target(length=7))
    assert fitted.frames.shape[1:] == (64, 96, 3)
    torch.testing.assert_close(fitted.frames[..., 0], fitted.mask)
    torch.testing.assert_close(fitted.frames + 0.5, fitted.control)
    assert len(fitted.frames) == min(7, max(round(count * 2 / 3), 1) if pick == "resample" else count)


@pytest.mark.parametrize("fit", ["cover", "contain", "stretch"])
def test_video_mask_and_control_are_cut_alike(fit):
    mask = torch.zeros(2, 64, 64)
    mask[:, 16:48, 8:40] = 1
    video = mask[..., None].expand(-1, -1, -1, 3)
    fitted = fit_clip(Clip(video), mask, video, budget="custom", target=Target(width=96, height=48, fit=fit))
    assert fitted.frames.shape == (2, 48, 96, 3)
    assert torch.equal(fitted.frames, fitted.control)
    content = (fitted.frames[..., 0] != 0.5) | (fitted.mask != 1)
    torch.testing.assert_close(fitted.frames[..., 0][content], fitted.mask[content])


def test_sizes_follow_the_budget():
    video = Clip(numbered(1, 540, 960))
    for budget, size in (("480p", (480, 832)), ("720p", (528, 960)), ("as is", (544, 960))):
        fitted = fit_clip(video, budget=budget)
        assert fitted.frames.shape[1:3] == size
        assert f"video is resized from 960 x 540 to {size[1]} x {size[0]} (cover)." in sentences(fitted.notes)
    assert fit_clip(video, budget="custom", target=Target(width=480)).frames.shape[1:3] == (272, 480)
    assert sentences(fit_clip(Clip(numbered(5))).notes) == []
    assert "width and height are not used, because budget is 480p. Set it to custom to use them." in (
        sentences(fit_clip(video, target=Target(width=64)).notes)
    )


def test_what_does_not_come_in_does_not_go_out():
    fitted = fit_clip(Clip(numbered(5)), target=Target(fit="contain"))
    assert fitted.mask is fitted.control is fitted.audio is None and fitted.fps == 16


def test_the_frame_rate_keeps_the_speed():
    sound = {"waveform": torch.zeros(1, 1, 8)}
    video = Clip(numbered(60), 30.0, sound)
    rates = {pick: fit_clip(video, pick=pick, target=Target(length=20)).fps for pick in ("keep", "resample", "spread")}
    assert rates == {"keep": 30, "resample": 16, "spread": 10}
    assert fit_clip(video, fps=12.0).fps == 12 and fit_clip(video).audio is sound


def test_every_choice_of_frames_is_told():
    video = Clip(numbered(60), 30.0)
    assert sentences(fit_clip(video, target=Target(length=20)).notes) == ["video has 60 frames; the first 20 are used."]
    assert sentences(fit_clip(video, pick="resample").notes) == [
        "video runs at 30 fps; 32 frames at 16 fps are taken from its 60.",
    ]
    assert sentences(fit_clip(video, pick="spread", target=Target(length=20)).notes) == [
        "20 frames are spread over all 60 of video: at 10 fps the speed stays, at 16 fps it is 1.6 times as fast.",
    ]
    assert sentences(fit_clip(video, target=Target(length=81)).notes) == [
        "length is 81 but video gives 60 frames; VACE Extend Video generates more.",
    ]
    assert sentences(fit_clip(Clip(numbered(5)), pick="resample").notes) == [
        "video brings no frame rate; it is taken as 16 already. Set fps to what it is.",
    ]


def test_spread_over_a_budget_takes_the_official_count_and_more_is_told():
    video = Clip(torch.zeros(1, 1, 1, 1).expand(120, 480, 832, 3))
    fitted = fit_clip(video, pick="spread")
    assert len(fitted.frames) == 81 and not any("budget" in n for n in sentences(fitted.notes))
    notes = sentences(fit_clip(video).notes)
    assert notes[0].startswith("120 frames are more than the 81 of the 480p budget") and "Set length to 81" in notes[0]


def test_one_mask_serves_all_frames_and_a_wrong_one_is_refused_by_its_socket():
    video = Clip(numbered(9))
    assert fit_clip(video, torch.ones(1, 64, 96), target=Target(length=5)).mask.shape == (5, 64, 96)
    with pytest.raises(VaceInputError, match=r"mask has 3 frames but video has 9\. Give it 9 frames"):
        fit_clip(video, torch.ones(3, 64, 96))


@pytest.mark.parametrize(("count", "how"), [(8, "extended by holding its last frame"), (10, "cut")])
def test_control_off_by_less_than_a_latent_frame_is_repaired_and_told(count, how):
    fitted = fit_clip(Clip(numbered(9)), control=numbered(count))
    assert sentences(fitted.notes) == [f"control_video has {count} frames, video 9; it is {how}."]
    assert fitted.control[:, 0, 0, 0].tolist() == pytest.approx(
        [k / 1000 for k in range(8)] + [min(count - 1, 8) / 1000]
    )


def test_control_of_another_video_is_refused():
    with pytest.raises(VaceInputError, match=r"control_video has 5 frames but video has 9: the same ones are taken"):
        fit_clip(Clip(numbered(9)), control=numbered(5))
    with pytest.raises(VaceInputError, match=r"control_video is 64 x 64 but video is 96 x 64: another shape"):
        fit_clip(Clip(numbered(9)), control=numbered(9, 64, 64))


def test_control_of_another_size_and_the_same_shape_is_fitted():
    fitted = fit_clip(Clip(numbered(5)), control=numbered(5, 32, 48))
    assert fitted.control.shape == (5, 64, 96, 3)
    assert sentences(fitted.notes) == ["control_video is resized from 48 x 32 to 96 x 64 (cover)."]


def test_bars_without_a_mask_are_marked_so_that_they_are_generated():
    fitted = fit_clip(Clip(numbered(5)), budget="custom", target=Target(96, 32, fit="contain"))
    assert torch.equal(fitted.mask[..., None] == 1, fitted.frames[..., :1] == 0.5)
    assert fitted.mask.shape == (5, 32, 96) and fitted.mask.mean() == 0.5
    assert (
        sentences(fitted.notes)[-1]
        == "video has bars now and no mask: mask is white on the bars, so that they can be generated."
    )
    assert fit_clip(Clip(numbered(5)), budget="custom", target=Target(96, 32, fit="cover")).mask is None


def test_another_budget_is_refused():
    with pytest.raises(VaceInputError, match="budget must be one of 480p, 720p, as is, custom, got 1080p"):
        fit_clip(Clip(numbered(5)), budget="1080p")
