"""References: on white, letterboxed as the official code does, alpha never dropped."""

import pytest
import torch

from harness.hearing import heard
from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.vcu.references import letterbox, prepare_reference, split_references

# Wan-Video/Wan2.1 at 9737cba, wan/vace.py, prepare_source: scale = min(H / h, W / w), sizes by int(),
# offsets by floor. Worked out by hand from that formula for a 480 x 832 (H x W) canvas:
# picture (h, w) -> top, left, rows, columns of the picture on the canvas.
OFFICIAL_GEOMETRY = {
    "wide": ((100, 1000), (198, 0, 83, 832)),
    "tall": ((1000, 100), (0, 392, 480, 48)),
    "tiny": ((3, 5), (0, 16, 480, 800)),
    "square": ((333, 333), (0, 176, 480, 480)),
    "one pixel high": ((1, 2000), (239, 0, 1, 832)),
}


@pytest.mark.parametrize("case", OFFICIAL_GEOMETRY)
def test_letterbox_has_the_official_geometry(case):
    (h, w), (top, left, rows, columns) = OFFICIAL_GEOMETRY[case]
    canvas = letterbox(torch.zeros(h, w, 3), 480, 832)
    black = canvas.amax(-1) == 0
    ys, xs = black.any(1).nonzero(), black.any(0).nonzero()
    assert canvas.shape == (480, 832, 3)
    assert (ys[0].item(), xs[0].item(), len(ys), len(xs)) == (top, left, rows, columns)
    assert (canvas[~black] == 1).all()


def test_letterbox_samples_bilinearly_without_antialiasing_as_the_official_code():
    stripes = torch.zeros(64, 64, 3)
    stripes[:, ::4] = 1
    shrunk = letterbox(stripes, 16, 16)
    smooth = letterbox(stripes, 16, 16, antialias=True)
    # Each output pixel lies between source columns 4x + 1 and 4x + 2, which are black.
    assert (shrunk == 0).all()
    assert smooth.mean() == pytest.approx(0.25, abs=0.02)


def test_letterbox_leaves_a_picture_of_the_right_size_alone():
    picture = torch.rand(32, 48, 3)
    assert letterbox(picture, 32, 48) is picture


def test_alpha_becomes_white_and_hidden_colours_stay_hidden(notes):
    rgba = torch.zeros(1, 8, 8, 4)
    rgba[..., 0] = 1  # red everywhere, also where nobody sees it
    rgba[:, :, :4, 3] = 1
    (picture,) = split_references("reference_image_0", rgba)
    assert picture.shape == (8, 8, 3)
    assert (picture[:, :4] == torch.tensor([1.0, 0, 0])).all() and (picture[:, 4:] == 1).all()
    assert sentences(notes) == ["reference_image_0: the transparent part is laid on white."]


def test_a_batch_is_that_many_references_in_order():
    images = torch.stack([torch.full((4, 4, 3), i / 4) for i in range(3)])
    assert [p[0, 0, 0].item() for p in split_references("reference_image_0", images)] == [0, 0.25, 0.5]


def test_a_wholly_transparent_reference_is_refused():
    with pytest.raises(VaceInputError, match=r"reference_image_1: picture 0 is wholly transparent.*alpha shows the"):
        split_references("reference_image_1", torch.zeros(1, 8, 8, 4))


def pictured(height=40, width=60):
    """A picture and a mask of a 10 x 20 subject in it."""
    image, mask = torch.rand(1, height, width, 3), torch.zeros(1, height, width)
    mask[:, 5:15, 30:50] = 1
    return image, mask


def test_a_subject_is_cut_to_its_box_and_stands_on_white():
    image, mask = pictured()
    mask[:, 5:10, 30:40] = 0  # a corner of the box that is background
    reference, notes = heard(prepare_reference, image, mask, role="subject")
    assert reference.image.shape == (10, 20, 3) and notes == []
    assert (reference.image[:5, :10] == 1).all()
    assert torch.equal(reference.image[5:], image[0, 10:15, 30:50])


def test_a_face_keeps_what_is_behind_it_and_a_background_stays_whole():
    image, mask = pictured()
    assert torch.equal(prepare_reference(image, mask, role="face").image, image[0, 5:15, 30:50])
    assert torch.equal(prepare_reference(image, mask, role="background").image, image[0])


def test_the_margin_is_a_share_of_the_longer_side_and_stays_in_the_picture():
    image, mask = pictured()
    reference = prepare_reference(image, mask, role="face", margin=0.5)  # 10 pixels on each side
    assert torch.equal(reference.image, image[0, 0:25, 20:60])


def test_alpha_is_the_cut_out_and_is_applied_once():
    image = torch.zeros(1, 8, 8, 4)
    image[:, 2:6, 2:6, 3] = 0.5
    reference = prepare_reference(image)
    torch.testing.assert_close(reference.image, torch.full((4, 4, 3), 0.5))


WRONG_REFERENCES = {
    "two pictures": ({"image": torch.rand(2, 8, 8, 3)}, r"image holds 2 pictures, it must be one"),
    "no subject": (
        {"image": torch.rand(1, 8, 8, 3), "mask": torch.zeros(1, 8, 8)},
        r"mask is black everywhere.*Invert",
    ),
    "mask size": (
        {"image": torch.rand(1, 8, 8, 3), "mask": torch.ones(1, 8, 9)},
        r"mask must be one mask of 8 x 8, as image is; got 1 of 9 x 8",
    ),
    "role": (
        {"image": torch.rand(1, 8, 8, 3), "role": "hero"},
        r"role must be one of subject, background, face, got hero",
    ),
    "strength": ({"image": torch.rand(1, 8, 8, 3), "strength": -1.0}, r"strength must be in \[0, 1000\], got -1"),
}


@pytest.mark.parametrize("case", WRONG_REFERENCES)
def test_wrong_references_are_refused(case):
    inputs, message = WRONG_REFERENCES[case]
    with pytest.raises(VaceInputError, match=message):
        prepare_reference(**inputs)


def test_a_mask_of_everything_is_told():
    _, notes = heard(prepare_reference, torch.rand(1, 8, 8, 3), torch.ones(1, 8, 8))
    assert notes == ["mask selects the whole picture, so no background is removed."]


def test_specks_of_a_lossy_mask_do_not_widen_the_crop():
    image, mask = pictured()
    speckled = mask.clone()
    speckled[:, 0, 0] = speckled[:, -1, -1] = 1 / 255
    for role in ("subject", "face"):
        clean, dirty = (prepare_reference(image, m, role=role).image for m in (mask, speckled))
        torch.testing.assert_close(dirty, clean)
    assert heard(prepare_reference, image, mask.clamp(min=1 / 255))[1] == []  # not the whole picture
    with pytest.raises(VaceInputError, match="mask is black everywhere"):
        prepare_reference(image, mask / 255)


def test_a_subject_that_shines_through_is_cropped_without_its_specks():
    image = torch.zeros(1, 8, 8, 4)
    image[:, 2:6, 2:6, 3], image[:, 0, 0, 3] = 0.4, 1 / 255
    assert prepare_reference(image).image.shape == (4, 4, 3)


@pytest.mark.parametrize("inverted", [False, True])
def test_the_empty_mask_of_load_image_is_known(inverted):
    mask = torch.full((1, 64, 64), float(inverted))
    with pytest.raises(VaceInputError, match=r"^mask is Load Image's empty mask.*Connect a real mask\."):
        prepare_reference(torch.rand(1, 96, 96, 3), mask)


def test_an_alpha_that_hides_nothing_is_not_spoken_of(notes):
    picture = torch.rand(1, 8, 8, 3)
    (given,) = split_references("reference_image_0", torch.cat([picture, torch.ones(1, 8, 8, 1)], dim=-1))
    assert torch.equal(given, picture[0]) and not notes
