"""Preflight: each warning appears when it should and only then."""

import dataclasses

import torch

from wan_vace.vace_core.notes import Note
from wan_vace.vace_core.vcu.preflight import preflight
from wan_vace.vace_core.vcu.references import Reference
from wan_vace.vace_core.vcu.unit import EXTENSION, REPAINT, Vcu, empty_vcu


def repaint(mask):
    return Vcu(torch.full((*mask.shape, 3), 0.2), mask, kind=REPAINT)


def test_a_plain_vcu_has_numbers_and_no_warning():
    report = preflight(empty_vcu(81, 480, 832))
    assert report.warnings == ()
    assert report.numbers[0] == "832 x 480, 81 frames out, 81 generated, empty VCU"
    assert report.numbers[1] == "21 latent frames (0 of them references), 32,760 tokens, context 48 MiB"
    assert "1.3B: 427 TFLOP for each step and prompt, of which VACE adds 51% to the base" in report.text()
    assert "14B: 2,029 TFLOP" in report.text() and "adds 21% to the base" in report.text()


def test_references_add_latent_frames_and_odd_lengths_are_padded():
    vcu = empty_vcu(80, 480, 832, [Reference(torch.ones(10, 10, 3))])
    assert preflight(vcu).numbers[0].startswith("832 x 480, 80 frames out, 81 generated")
    assert preflight(vcu).numbers[1].startswith("22 latent frames (1 of them references), 34,320 tokens")


def test_a_mostly_white_mask_looks_inverted_for_repainting_only():
    mask = torch.ones(5, 32, 32)
    mask[:, :4] = 0
    (warning,) = preflight(repaint(mask)).warnings
    assert warning.startswith("88% of the video is generated.") and "Invert Mask" in warning
    assert preflight(dataclasses.replace(repaint(mask), kind=EXTENSION)).warnings == ()


def test_a_black_mask_generates_nothing():
    assert "Nothing is generated" in preflight(repaint(torch.zeros(5, 32, 32))).warnings[0]


def test_a_frame_shaped_reference_without_white_around_it_is_warned_of():
    def warnings(image):
        return preflight(empty_vcu(5, 32, 48, [Reference(image)])).warnings

    full, framed = torch.full((64, 96, 3), 0.3), torch.ones(64, 96, 3)
    framed[8:-8, 8:-8] = 0.3
    assert "Reference 0 has the shape of the frame" in warnings(full)[0]
    assert warnings(framed) == () and warnings(torch.full((64, 64, 3), 0.3)) == ()


def test_an_unseen_keyframe_is_warned_of():
    mask = torch.ones(17, 32, 32)
    mask[0] = 0
    vcu = Vcu(torch.full((17, 32, 32, 3), 0.5), mask, kind=EXTENSION)
    (warning,) = preflight(vcu).warnings
    assert (
        warning.startswith("The mask channels do not see that frame 0 is kept")
        and "VACE Place Keyframes has snap and hold" in warning
    )
    assert preflight(vcu.with_notes([Note("unseen-frames", "Told before.", (0,))])).warnings == ()
    stale = Note("unseen-frames", "Told of another mask.", (0, 16))
    assert preflight(vcu.with_notes([stale])).warnings == (warning,)
    mask[1] = 0  # frame 1 is one of those that are seen
    assert preflight(vcu).warnings == ()


def test_more_than_trained_with_is_warned_of_by_length_and_by_model():
    assert [w.split()[0] for w in preflight(empty_vcu(81, 720, 1280)).warnings] == ["1.3B"]
    assert [w.split()[0] for w in preflight(empty_vcu(161, 720, 1280)).warnings] == ["161", "1.3B"]
    long, sizes = preflight(empty_vcu(161, 1088, 1920)).warnings
    assert long.startswith("161 frames at once") and "1.3B was trained" in sizes and "14B with" in sizes


def test_notes_of_the_vcu_are_part_of_the_text():
    assert preflight(empty_vcu(1, 16, 16).with_notes([Note("cut", "Cut.")])).text().endswith("\nCut.")
