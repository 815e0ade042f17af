"""Pictures at chosen frames of a clip."""

import pytest
import torch

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.masks.semantics import fold_mask
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks import Places
from wan_vace.vace_core.tasks.keyframes import interpolate_frames, place_keyframes
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.fit import Clip

LENGTHS = [*range(1, 21), 81, 121]


def shades(*values, height=32, width=48):
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, height, width, 3)


def socket(*values, **size):
    return [(f"image_{k}", shades(v, **size)) for k, v in enumerate(values)]


def layout(vcu):
    """Frames as one number each: the shade of what is kept, None where nothing is."""
    assert ((vcu.frames == 0.5) | (vcu.mask[..., None] == 0)).all()
    corners = zip(vcu.frames[:, 0, 0, 0].tolist(), vcu.mask[:, 0, 0].tolist(), strict=True)
    return [None if mask == 1 else round(shade, 3) for shade, mask in corners]


@pytest.mark.parametrize("length", LENGTHS)
def test_one_picture_is_the_first_frame_and_two_are_the_first_and_the_last(length):
    assert layout(place_keyframes(socket(0.1), target=Target(length=length))) == [0.1, *[None] * (length - 1)]
    if length > 1:
        expected = [0.1, *[None] * (length - 2), 0.9]
        assert layout(place_keyframes(socket(0.1, 0.9), target=Target(length=length))) == expected
        assert layout(place_keyframes(socket(0.9, 0.1), Places("last first"), target=Target(length=length))) == expected


def test_a_batch_is_split_into_pictures_in_order():
    vcu = place_keyframes(
        [("image_0", shades(0.1, 0.2)), ("image_4", shades(0.3))], Places("0 2 4"), target=Target(length=5)
    )
    assert layout(vcu) == [0.1, None, 0.2, None, 0.3]
    assert "Kept: image_0[0] at frame 0, image_0[1] at frame 2, image_4 at frame 4." in sentences(vcu.notes)


def test_places_need_not_be_in_the_order_of_time():
    vcu = place_keyframes(socket(0.1, 0.2, 0.3), Places("-1 0x2 4"), target=Target(length=7))
    assert layout(vcu) == [0.2, 0.2, None, None, 0.3, None, 0.1]


def test_a_picture_is_held():
    vcu = place_keyframes(socket(0.1, 0.9), Places("1x2 last", hold=3), target=Target(length=6))
    assert layout(vcu) == [None, 0.1, 0.1, 0.9, 0.9, 0.9]


def test_a_hold_past_the_end_starts_earlier_and_says_so():
    vcu = place_keyframes(socket(0.1), Places("3x3"), target=Target(length=5))
    assert layout(vcu) == [None, None, 0.1, 0.1, 0.1]
    assert "image_0 is moved from frame 3 to 2, so that it ends with the clip." in sentences(vcu.notes)


def test_seconds_go_by_the_frame_rate_which_the_vcu_carries():
    vcu = place_keyframes(socket(0.1), Places("0.5s", fps=8.0), target=Target(length=17))
    assert layout(vcu).index(0.1) == 4 and vcu.fps == 8


def test_unseen_keyframes_are_told_and_seen_ones_are_not():
    notes = sentences(place_keyframes(socket(0.1, 0.2, 0.3)).notes)
    assert notes == [
        "Kept: image_0 at frame 0, image_1 at frame 40, image_2 at frame 80.",
        "The mask channels do not see that frames 0, 80 are kept; the model gets the picture alone, as with the "
        "official code. Set snap to hold or move to change that.",
    ]
    assert len(sentences(place_keyframes(socket(0.1), Places("40")).notes)) == 1


def test_snap_makes_the_mask_channels_see_every_keyframe():
    for snap, kept in (("off", 1), ("move", 3), ("hold", 3)):
        channels = fold_mask(place_keyframes(socket(0.1, 0.2, 0.3), snap=snap).mask)
        assert (channels == 0).all(dim=(0, 2, 3)).sum() == kept


@pytest.mark.parametrize("snap", ["move", "hold"])
def test_a_keyframe_that_snap_cannot_help_is_told(snap):
    vcu = place_keyframes(socket(0.1, 0.2, 0.3), Places("1 3 5"), snap=snap, target=Target(length=81))
    assert [k for k, shade in enumerate(layout(vcu)) if shade is not None] == [1, 3, 5]
    assert (
        "do not see that frame 3 is kept" in sentences(vcu.notes)[1]
        and "Another keyframe is in the way" in sentences(vcu.notes)[1]
    )


def test_pictures_of_other_shapes_are_fitted_to_the_first_and_told():
    images = [*socket(0.1), ("image_1", shades(0.9, height=64, width=64))]
    vcu = place_keyframes(images, target=Target(length=5, fit="contain"))
    assert vcu.frames.shape == (5, 32, 48, 3)
    assert "image_1 is resized from 64 x 64 to 48 x 32 (contain)." in sentences(vcu.notes)
    assert (vcu.mask[4, :, :8] == 1).all() and (vcu.frames[4, :, :8] == 0.5).all()  # bars are generated
    assert (vcu.mask[4, :, 8:40] == 0).all()


def test_control_is_followed_between_the_pictures():
    control = Clip(shades(*(k / 10 for k in range(7))), 24.0, {"waveform": 0})
    vcu = place_keyframes(socket(0.95, 0.85), Places("0 3"), control=control, target=Target(length=0))
    torch.testing.assert_close(vcu.frames[:, 0, 0, 0], torch.tensor([0.95, 0.1, 0.2, 0.85, 0.4, 0.5, 0.6]))
    assert vcu.mask[:, 0, 0].tolist() == [0, 1, 1, 0, 1, 1, 1] and vcu.audio is control.audio
    assert "control_video runs at 24 fps, but fps is 16; 16 is used." in sentences(vcu.notes)


def test_control_that_ends_early_is_followed_by_empty_frames_and_told():
    vcu = place_keyframes(socket(0.1), control=Clip(shades(0.2, 0.2, 0.2)), target=Target(length=9))
    assert vcu.frames[:, 0, 0, 0].tolist() == pytest.approx([0.1, 0.2, 0.2, *[0.5] * 6])
    assert "control_video has 3 frames; the 6 after it are generated freely." in sentences(vcu.notes)


def test_a_clip_without_anything_to_generate_is_told():
    assert (
        "Every frame is kept and nothing is generated"
        in sentences(place_keyframes(socket(0.1), target=Target(length=1)).notes)[1]
    )


def test_nothing_given_is_written_to():
    image = torch.rand(1, 32, 48, 3)
    before = image.clone()
    place_keyframes([("image_0", image)], Places("2x3"), snap="hold", target=Target(length=9))
    assert torch.equal(image, before)


def test_no_pictures_are_refused():
    with pytest.raises(VaceInputError, match=r"images holds no picture\. Connect at least one to image_0"):
        place_keyframes([])


def test_another_number_of_places_is_refused_with_both_counts():
    message = (
        r"positions has 2 places but there are 3 pictures \(image_0\[0\], image_0\[1\], image_1\)\. Write one place"
    )
    with pytest.raises(VaceInputError, match=message):
        place_keyframes([("image_0", shades(0.1, 0.2)), ("image_1", shades(0.3))], Places("0 80"))


def test_overlapping_pictures_are_refused_and_both_named():
    with pytest.raises(VaceInputError, match=r"image_0 \(frames 0 to 4\) and image_1 \(frame 3\) overlap\. Put them"):
        place_keyframes(socket(0.1, 0.2), Places("0x5 3"))
    with pytest.raises(VaceInputError, match=r"overlap\. Put them apart in positions, lower hold, or raise length"):
        place_keyframes(socket(0.1, 0.2, 0.3), target=Target(length=2))


def test_a_hold_longer_than_the_clip_is_refused():
    with pytest.raises(VaceInputError, match=r"image_0 is held for 9 frames but the clip has 5\. Lower hold"):
        place_keyframes(socket(0.1), Places("0x9"), target=Target(length=5))


@pytest.mark.parametrize("count", range(2, 21))
@pytest.mark.parametrize("between", [1, 2, 3, 5])
def test_interpolation_puts_as_many_frames_between_each_two(count, between):
    values = [round(0.02 * (k + 1), 3) for k in range(count)]
    vcu = interpolate_frames(Clip(shades(*values), 16.0), between)
    expected = [v for value in values for v in (value, *[None] * between)][:-between]
    assert layout(vcu) == expected and vcu.fps == 16 * (between + 1)
    assert between != 3 or vcu.num_frames % 4 == 1


def test_interpolation_equals_placing_the_frames_by_hand():
    images = shades(0.1, 0.2, 0.3)
    one = interpolate_frames(Clip(images), 3)
    other = place_keyframes([("video", images)], Places("0 4 8"), target=Target(length=9))
    assert torch.equal(one.frames, other.frames) and torch.equal(one.mask, other.mask) and one.fps is None
    assert "3 frames become 9, 3 generated between each two; at 4 times the frame rate the speed stays." in sentences(
        one.notes
    )


@pytest.mark.parametrize(("count", "between"), [(1, 3), (4, 0)])
def test_interpolation_of_nothing_is_refused(count, between):
    message = rf"video has {count} frames and between is {between}: nothing lies between\. Give at least 2 frames"
    with pytest.raises(VaceInputError, match=message):
        interpolate_frames(Clip(shades(*[0.1] * count)), between)
