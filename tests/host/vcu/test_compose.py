"""Composition and controls side by side, in the real host."""

import pytest
import torch

pytestmark = pytest.mark.host

SIZE = {"width": 0, "height": 0, "length": 0, "fit": "cover"}


def build(call, **inputs):
    settings = {"references": {}, "inside_mask": "empty", "soft_mask": False, **SIZE}
    return call("VaceBuildVcu", **{**settings, **inputs})[0]


def rand(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_vcus_are_put_together_in_the_order_of_their_sockets(call):
    pose, video, mask = rand(5, 32, 48, 3), rand(5, 32, 48, 3, seed=1), torch.zeros(1, 32, 48)
    mask[:, 8:24, 8:24] = 1
    parts = {
        "vcu_0": build(call, control_video=video, control_masks=mask),
        "vcu_2": build(call, control_video=pose),
        "vcu_5": build(call, references={"reference_image_0": rand(1, 9, 9, 3)}),
    }
    vcu, report = call("VaceComposeVcus", vcus=parts)
    inside = (mask == 1).expand(5, -1, -1)
    assert torch.equal(vcu.frames[inside], pose[inside]) and torch.equal(vcu.frames[~inside], video[~inside])
    assert torch.equal(vcu.mask, inside.float()) and len(vcu.references) == 1
    assert report.splitlines() == [
        "control_masks has one frame; it is used for all 5.",
        "vcu_5 has no video, so its 832 x 480 pixels and 81 frames do not count: the result has the 48 x 32 pixels "
        "and 5 frames of vcu_0 to vcu_2.",
    ]


def test_a_composition_can_be_encoded(call, vae):
    parts = {f"vcu_{i}": build(call, control_video=rand(5, 32, 48, 3, seed=i)) for i in range(2)}
    vcu = call("VaceComposeVcus", vcus=parts)[0]
    context = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]
    assert context.latents.shape == (1, 32, 2, 4, 6)


def test_other_sizes_are_refused_by_socket(call):
    parts = {
        "vcu_0": build(call, control_video=rand(5, 32, 48, 3)),
        "vcu_1": build(call, control_video=rand(5, 32, 32, 3)),
    }
    with pytest.raises(ValueError, match=r"vcu_1 is 32 x 32 but vcu_0 is 48 x 32"):
        call("VaceComposeVcus", vcus=parts)


def test_two_controls_are_divided_by_a_mask(call):
    mask = torch.zeros(1, 32, 48)
    mask[:, :, :24] = 1
    frames, video, report = call(
        "VaceMixControls", inside=torch.ones(5, 32, 48, 3), outside=torch.zeros(5, 32, 48, 3), mask=mask
    )
    assert (frames[:, :, :24] == 1).all() and (frames[:, :, 24:] == 0).all()
    assert torch.equal(video.get_components().images, frames)
    assert report == "mask has one frame; it is used for all 5."
