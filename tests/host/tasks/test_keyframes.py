"""Keyframes and interpolation in the real host, from pictures to decoded frames."""

import pytest
import torch

pytestmark = pytest.mark.host

COMMON = {"references": {}, "width": 0, "height": 0, "fit": "cover", "snap": "off"}


def place(call, *pictures, **inputs):
    images = {f"image_{k}": picture for k, picture in enumerate(pictures)}
    settings = {"images": images, "positions": "", "length": 9, "fps": 16.0, "hold": 1}
    return call("VacePlaceKeyframes", **{**COMMON, **settings, **inputs})


def encode(call, vae, vcu):
    return call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]


def test_first_and_last_frame_reach_the_inactive_latent_but_no_mask_channel(call, vae):
    vcu, report = place(call, torch.rand(1, 32, 48, 3), torch.rand(1, 32, 48, 3))
    context = encode(call, vae, vcu)
    assert context.latents.shape == (1, 32, 3, 4, 6) and (context.mask == 1).all()
    expected = torch.cat([vcu.frames[:1], torch.full((7, 32, 48, 3), 0.5), vcu.frames[-1:]])
    assert torch.equal(context.latents[:, :16], vae.encode(expected))
    assert "do not see that frames 0, 8 are kept" in report


def test_snap_reaches_the_mask_channels(call, vae):
    vcu, _ = place(call, torch.rand(1, 32, 48, 3), torch.rand(1, 32, 48, 3), snap="hold")
    assert (encode(call, vae, vcu).mask == 0).all(dim=(1, 3, 4))[0].tolist() == [True, False, True]


def test_control_may_be_images_and_pictures_may_have_references(call):
    inputs = {"control_video": torch.rand(7, 32, 48, 3), "references": {"reference_image_0": torch.rand(1, 20, 20, 3)}}
    vcu, report = place(call, torch.rand(1, 32, 48, 3), length=0, positions="50%", **inputs)
    assert vcu.num_frames == 7 and len(vcu.references) == 1 and "image_0 at frame 3" in report
    assert torch.equal(vcu.frames[0], inputs["control_video"][0])


def test_every_count_is_interpolated(call):
    for count in (2, 3, 6):
        vcu, report = call("VaceInterpolateFrames", video=torch.rand(count, 32, 48, 3), between=3, **COMMON)
        assert vcu.num_frames == 4 * (count - 1) + 1 and f"{count} frames become {vcu.num_frames}" in report


def test_a_wrong_place_is_refused_by_the_node(call):
    with pytest.raises(ValueError, match=r"positions: 'end' is no place"):
        place(call, torch.rand(1, 32, 48, 3), positions="end")
