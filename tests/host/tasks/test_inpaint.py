"""Inpainting in the real host: the sockets reach the core, a VIDEO keeps its rate, a sampler runs."""

from fractions import Fraction

import pytest
import torch

from wan_vace.vace_core.masks.region import RegionShape
from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks import Region
from wan_vace.vace_core.tasks.inpaint import inpaint_vcu
from wan_vace.vace_core.video import Target

pytestmark = pytest.mark.host

DEFAULTS = {
    "boxes": "", "references": {}, "keep_amount": 0.0, "grow": 0.0, "feather": 0.0, "unit": "pixels",
    "augment": "original", "augment_seed": 0, "width": 0, "height": 0, "length": 0, "fit": "cover", "easing": "linear",
    "soft_mask": False,
}  # fmt: skip


def square():
    mask = torch.zeros(1, 32, 48)
    mask[:, 8:20, 16:32] = 1
    return mask


def inpaint(call, video, **inputs):
    return call("VaceInpaintVideo", video=video, **{**DEFAULTS, **inputs})


def test_the_defaults_of_the_node_are_those_of_these_tests(host_nodes):
    schema = host_nodes["VaceInpaintVideo"].GET_SCHEMA()
    shown = {s.id: s.default for s in schema.inputs if getattr(s, "default", None) is not None}
    assert shown == {key: value for key, value in DEFAULTS.items() if key != "references"}


def test_every_socket_reaches_the_core(call):
    frames, control = torch.rand(9, 64, 96, 3), torch.rand(9, 64, 96, 3)
    mask = torch.nn.functional.interpolate(square()[None], scale_factor=2)[0]
    inputs = {"width": 64, "height": 48, "length": 5, "fit": "contain", "easing": "ease in", "soft_mask": True}
    shape = {"grow": 20.0, "feather": 10.0, "unit": "% of object", "augment": "bbox_expand"}
    text = "0,0,9,9 60,40,90,60"
    vcu, report = inpaint(call, frames, mask=mask, control=control, boxes=text, augment_seed=3, **inputs, **shape)
    region = Region(mask, text, "ease in", soft_mask=True, shape=RegionShape(**shape, seed=3))
    expected = inpaint_vcu(frames, region, target=Target(64, 48, 5, "contain"), control=control)
    assert torch.equal(vcu.frames, expected.frames) and torch.equal(vcu.mask, expected.mask)
    assert report == "\n".join(sentences(expected.notes)) != ""


def test_keep_amount_and_references_reach_the_core(call):
    picture = torch.rand(1, 16, 16, 3)
    vcu, _ = inpaint(
        call, torch.rand(5, 32, 48, 3), mask=square(), keep_amount=0.5, references={"reference_image_0": picture}
    )
    assert vcu.control_amount == 0.5 and torch.equal(vcu.references[0].image, picture[0])


def test_a_video_object_brings_its_frame_rate(call):
    frames = torch.rand(5, 32, 48, 3)
    (clip,) = call("CreateVideo", images=frames, fps=float(Fraction(24)))
    vcu, _ = inpaint(call, clip, mask=square())
    assert vcu.fps == 24 and torch.equal(vcu.frames, frames)


def test_errors_reach_the_user(call):
    with pytest.raises(ValueError, match="There is no mask and boxes is empty"):
        inpaint(call, torch.rand(5, 32, 48, 3))


def test_it_encodes_with_the_hole_empty(call, vae):
    vcu, _ = inpaint(call, torch.rand(5, 32, 48, 3), mask=square())
    context = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]
    grey = vae.encode(torch.full((5, 32, 48, 3), 0.5))
    assert torch.equal(context.latents[:, 16:], grey.to(context.latents))
    cells = context.mask[0].unflatten(0, (8, 8))  # row and column inside a latent cell
    assert torch.equal(cells.permute(2, 3, 0, 4, 1).flatten(3, 4).flatten(1, 2)[0], square()[0])
