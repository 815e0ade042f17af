"""Subjects: cut out of known scenes by every kind of hint, U2Net against a second forward, what users write."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from wan_vace.annotators.protocol import silent
from wan_vace.annotators.subject.colour_cut import (
    MAYBE_IN,
    MAYBE_OUT,
    SURE_IN,
    SURE_OUT,
    band_labels,
    clean_mask,
    cut_by_colour,
    fill_small_holes,
)
from wan_vace.annotators.subject.hints import digest, masks_of, parse_frames, parse_points
from wan_vace.annotators.subject.masks import (
    MEAN,
    GrabCut,
    Hints,
    Salient,
    grab_cut,
    prepared,
    stretched,
    subject_notes,
)
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences

HEIGHT, WIDTH = 96, 128


def scene(num_frames=1, noise=8, distance=4):
    """A reddish ellipse with a bluish spot that moves over textured green; frames [T, H, W, 3] and masks [T, H, W]."""
    rng = np.random.default_rng(3)
    ground = cv2.resize(rng.normal(0, 25, (12, 16, 3)).astype(np.float32), (WIDTH, HEIGHT)) + np.array([80, 130, 70])
    frames, masks = [], []
    for k in range(num_frames):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.ellipse(mask, (50 + distance * k, 50), (26, 20), 20, 0, 360, 1, -1)
        subject = np.full((HEIGHT, WIDTH, 3), (190, 70, 60), np.float32)
        cv2.circle(subject, (66 + distance * k, 55), 6, (60, 70, 190), -1)
        picture = np.where(mask[..., None] > 0, subject, ground) + rng.normal(0, noise, (HEIGHT, WIDTH, 3))
        frames.append(np.clip(picture, 0, 255))
        masks.append(mask > 0)
    return torch.from_numpy(np.stack(frames) / 255).float(), np.stack(masks)


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


def find(frames, hints, chosen=(0,)):
    finder = grab_cut(hints, frames, list(chosen), "which_frames")
    masks = finder(frames[list(chosen)], silent)
    assert masks.shape == (len(chosen), *frames.shape[1:3], 1) and set(masks.unique().tolist()) <= {0.0, 1.0}
    return masks[..., 0].numpy() > 0.5


BOX = "20,24,80,76"
ROUGH = torch.zeros(1, HEIGHT, WIDTH)
ROUGH[:, 32:70, 28:72] = 1


@pytest.mark.parametrize(
    "hints",
    [
        Hints(boxes=BOX, subject_points="66,55"),
        Hints(boxes="16%,25%,62%,79%", subject_points="51.5%,57%"),
        Hints(mask=ROUGH, reach=12),
        Hints(mask=ROUGH[0], boxes=BOX, reach=12),
        Hints(subject_points="30,44 70,57 50,50 66,55"),
    ],
    ids=["box and point", "per cent", "rough mask", "both", "points"],
)
def test_any_hint_finds_the_outline(hints):
    frames, truth = scene()
    assert iou(find(frames, hints)[0], truth[0]) > 0.96


def test_background_points_take_away_what_was_taken_in():
    frames, truth = scene()
    other = frames.clone()
    other[0, 30:60, 82:98] = torch.tensor([0.6, 0.25, 0.45])  # of another colour, beside it
    wide = "16,20,102,80"
    hints = Hints(boxes=wide, subject_points="40,45 66,55")
    both = find(other, hints)[0]
    one = find(other, replace(hints, background_points="90,34 90,45 90,56"))[0]
    assert both[35:55, 84:96].mean() > 0.9 and one[35:55, 84:96].mean() < 0.1
    assert iou(one, truth[0]) > 0.9


def test_a_box_picks_one_subject_out_of_a_mask():
    frames, truth = scene()
    both = torch.from_numpy(truth).float()
    both[0, 5:25, 100:125] = 1
    found = find(frames, Hints(mask=both, boxes=BOX, reach=4))[0]
    assert not found[5:25, 100:125].any() and iou(found, truth[0]) > 0.96


def test_boxes_follow_their_path_to_the_frames_that_are_looked_at():
    frames, truth = scene(9)
    found = find(frames, Hints(boxes="20,24,80,76 52,24,112,76"), chosen=(2, 8))
    assert min(iou(found[0], truth[2]), iou(found[1], truth[8])) > 0.9


def test_one_rough_mask_serves_every_frame_and_a_subject_that_is_gone_stays_gone():
    frames, truth = scene(2, distance=2)
    found = find(frames, Hints(mask=torch.from_numpy(truth[:1]).float(), reach=8), chosen=(0, 1))
    assert iou(found[1], truth[1]) > 0.96
    gone = torch.from_numpy(truth).float()
    gone[1] = 0
    found = find(frames, Hints(mask=gone), chosen=(0, 1))
    assert found[0].any() and not found[1].any()


def test_the_same_frame_is_cut_alike_whatever_is_beside_it():
    frames, _ = scene(5, noise=25)
    hints = Hints(boxes="0,0,100%,100%")
    together = find(frames, hints, chosen=range(5))
    assert all(np.array_equal(find(frames, hints, chosen=[k])[0], together[k]) for k in range(5))


def test_a_box_may_be_the_whole_frame_or_reach_out_of_it(notes):
    frames, truth = scene()
    assert find(frames, Hints(boxes="-10,10,90,110"))[0].any()
    assert sentences(notes) == [
        "boxes: box -10,10,90,110 reaches out of the frame of 128 x 96; only the part inside counts."
    ]
    assert find(frames, Hints(boxes="0,0,100%,100%"))[0][truth[0]].mean() > 0.9


def test_points_tell_where_they_are_taken_to_be(notes):
    grab_cut(Hints(subject_points="30,44 70,57"), torch.zeros(1, HEIGHT, WIDTH, 3), [0], "which_frames")
    assert sentences(notes) == ["boxes is empty: the subject is looked for in 14,28,86,73, around the points."]


def test_labels_of_a_box_by_hand():
    labels = grab_cut(Hints(boxes="10,20,50,60"), torch.zeros(1, 80, 90, 3), [0], "which_frames").labels(0, 80, 90)
    assert labels[39, 29] == SURE_IN and labels[39, 12] == MAYBE_IN and labels[20, 10] == MAYBE_OUT
    assert labels[19, 10] == labels[60, 40] == labels[39, 50] == SURE_OUT
    assert (labels != SURE_OUT).sum() == 40 * 40


def test_labels_of_a_mask_by_hand():
    mask = np.zeros((9, 20), bool)
    mask[:, :10] = True
    row = band_labels(mask, 3)[4].tolist()
    assert row == [SURE_IN] * 7 + [MAYBE_IN] * 3 + [MAYBE_OUT] * 3 + [SURE_OUT] * 7
    assert set(band_labels(mask, 0).ravel()) == {SURE_IN, SURE_OUT}


def test_nothing_to_guess_or_one_side_only_stays_as_labelled():
    picture = np.zeros((8, 8, 3), np.uint8)
    for label, inside in ((SURE_OUT, False), (MAYBE_OUT, False), (SURE_IN, True), (MAYBE_IN, True)):
        assert (cut_by_colour(picture, np.full((8, 8), label, np.uint8), 4, 2) == inside).all()
    settled = np.array([[SURE_IN, SURE_OUT]] * 8, np.uint8)
    assert np.array_equal(cut_by_colour(picture[:, :2], settled, 4, 2), settled == SURE_IN)


def test_tidying():
    mask = np.zeros((60, 60), bool)
    mask[10:40, 10:40] = True
    mask[20:23, 20:23] = False  # a small hole
    mask[25, 40:55] = True  # a hair
    mask[50:54, 50:54] = mask[50:54, 5:9] = True  # islands
    wanted = np.zeros_like(mask)
    wanted[51, 6] = True
    clean = np.zeros_like(mask)
    clean[10:40, 10:40] = clean[50:54, 5:9] = True
    clean[[10, 10, 39, 39, 50, 50, 53, 53], [10, 39, 10, 39, 5, 8, 5, 8]] = False  # an opening rounds corners
    result = clean_mask(mask, wanted)
    assert (result != clean).sum() <= 4 and result[51, 6] and result[21, 21] and not result[25, 45]
    assert not result[50:54, 50:54].any() and not clean_mask(np.zeros_like(mask), wanted).any()
    assert np.array_equal(fill_small_holes(mask, 8), mask) and fill_small_holes(mask, 9)[21, 21]


def test_what_changes_the_result_changes_the_identity():
    mask = torch.ones(1, 4, 4)
    variants = [GrabCut(), GrabCut(boxes=()), GrabCut(mask=mask), GrabCut(mask=mask * 0), GrabCut(clean=False)]
    variants += [GrabCut(subject_points=((1, 2),)), GrabCut(background_points=((1, 2),)), GrabCut(reach=3)]
    assert len({repr(each.identity) for each in variants}) == len(variants)
    assert digest(mask) == digest(mask.clone()) != digest(mask.reshape(4, 1, 4))


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        (Hints(), r"Nothing says where the subject is: write its box into boxes .* or connect a rough mask"),
        (Hints(background_points="1,1"), r"Nothing says where the subject is"),
        (Hints(boxes="200,0,300,50"), r"boxes: box 200,0,300,50 is wholly outside the frame of 128 x 96 pixels"),
        (Hints(boxes="1,2,3"), r'boxes, line 1 \("1,2,3"\): "1,2,3" is not a box'),
        (Hints(boxes=f"-60,0,-1,50@0 {BOX}@8"), r"boxes lie outside the frame in every frame that which_frames names"),
        (Hints(subject_points="5,5 nose"), r'subject_points: "nose" is no point\. Write points x,y'),
        (Hints(subject_points="5,97"), r"subject_points: point 5,97 is outside the frame of 128 x 96 pixels"),
        (Hints(boxes=BOX, background_points="1 2"), r'background_points: "1 2" is no point'),
        (Hints(mask=torch.zeros(1, HEIGHT, WIDTH)), r"mask is black: it shows nothing to find"),
        (Hints(mask=torch.ones(1, HEIGHT, WIDTH)), r"mask is white: it leaves no background"),
        (Hints(mask=torch.zeros(1, 64, 64)), r"mask is Load Image's empty mask"),
        (Hints(mask=torch.ones(1, 96, 96)), r"mask is 96 x 96 but frames is 128 x 96: a mask of another shape"),
        (Hints(mask=torch.ones(3, HEIGHT, WIDTH)), r"mask has 3 frames, but which_frames names 1\. .* of the 9 frames"),
        (Hints(mask=torch.ones(1, 8, 8, 3)), r"mask must have shape \[T, H, W\]"),
    ],
)
def test_hints_that_do_not_say_where_are_refused(hints, message):
    with pytest.raises(VaceInputError, match=message):
        grab_cut(hints, scene(9)[0], [0], "which_frames")


def test_frames_by_number_and_word():
    assert parse_frames("f", "0, 4;-1", 9) == [0, 4, 8] and parse_frames("f", "last first", 9) == [0, 8]
    assert parse_frames("f", " ALL ", 3) == [0, 1, 2] and parse_frames("f", "-9", 9) == [0]
    for text, message in (
        ("", r"f is empty\. Write frames such as"),
        ("1.5", r'f: "1\.5" is no frame'),
        ("9" * 5000, r'f: "9+" is no frame'),
        ("9", r"f: frame 9 is outside the clip, whose 9 frames are 0 to 8, or -9 to -1 from the end"),
        ("-10", r"f: frame -10 is outside"),
        ("0 -9", r"f names frame 0 twice"),
        ("all 3", r'f: "all" is no frame'),
    ):
        with pytest.raises(VaceInputError, match=message):
            parse_frames("f", text, 9)


def test_points_in_pixels_and_per_cent():
    assert parse_points("p", "1,2 50%, 25%\n3.5 ,4", 40, 80) == ((1, 2), (40, 10), (3.5, 4))
    assert parse_points("p", " ", 40, 80) == () and parse_points("p", "80,40", 40, 80) == ((80, 40),)


def test_masks_are_of_the_chosen_frames_and_resized_with_a_note(notes):
    frames = torch.zeros(5, 32, 48, 3)
    masks = torch.arange(5).float()[:, None, None].gt(2).float().expand(-1, 32, 48)
    assert masks_of(masks, frames, [1, 4], "w").flatten(1).sum(1).tolist() == [0, 32 * 48] and not notes
    assert masks_of(torch.ones(2, 16, 24), frames, [1, 4], "w").shape == (2, 32, 48)
    assert sentences(notes) == ["mask is resized from 24 x 16 to the video's 48 x 32."]


def test_shares_and_warnings():
    masks = torch.zeros(3, 10, 10)
    masks[0, :2] = 1
    assert sentences(subject_notes(masks[:1], [7], "Help.")) == ["The subject covers 20.0% of the frame."]
    masks[2] = 1
    assert sentences(subject_notes(masks, [0, 4, 9], "Help.")) == [
        "The subject covers 0.0% to 100.0% of the frame.",
        "Nothing was found in frame 4. Help.",
        "Nearly everything was taken for the subject in frame 9: look at the preview.",
    ]
    assert (
        "in frames 0, 1, 2, 3, 4 and 3 more. Help."
        in sentences(subject_notes(torch.zeros(8, 4, 4), range(8), "Help."))[1]
    )


def test_salient_stretches_thresholds_and_keeps_the_size():
    frames, truth = scene(6, distance=3)
    seen = []

    def redness(pixels):
        assert pixels.shape[1:] == (3, 320, 320)
        seen.append(len(pixels))
        return torch.sigmoid(pixels[:, :1] - 1) * 0.6

    masks = Salient(lambda: redness, ("w",), 0.5)(frames, lambda done, total: seen.append((done, total)))
    assert masks.shape == (6, HEIGHT, WIDTH, 1) and seen == [4, (4, 6), 2, (6, 6)]
    assert min(iou(a, b) for a, b in zip(masks[..., 0].numpy() > 0.5, truth, strict=True)) > 0.8
    assert Salient(lambda: redness, ("w",), 0.9)(frames[:1], silent).sum() < masks[:1].sum()


def test_preparing_and_stretching_by_hand():
    assert prepared(torch.tensor(MEAN).expand(1, 7, 9, 3)).abs().max() < 1e-5
    answer = torch.tensor([[0.2, 0.3, 0.6], [0.5, 0.5, 0.55]])[:, None, None]
    assert torch.allclose(stretched(answer)[0], torch.tensor([0, 0.25, 1])) and (stretched(answer)[1] == 0).all()
