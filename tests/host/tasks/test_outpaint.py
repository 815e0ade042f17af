"""Outpainting in the real host: each way to say where it grows, and a key the host does not know."""

import pytest
import torch

from wan_vace.vace_core.notes import sentences
from wan_vace.vace_core.tasks import KeptEdge
from wan_vace.vace_core.tasks.canvas import growth_from
from wan_vace.vace_core.tasks.outpaint import outpaint_vcu
from wan_vace.vace_core.video import Target

pytestmark = pytest.mark.host

SETTINGS = {
    "inner": False, "references": {}, "extend_references": False, "feather": 0.0, "width": 0, "height": 0, "length": 0,
}  # fmt: skip
RATIO = {"by": "ratio", "left": 0.25, "right": 0.25, "top": 0.0, "bottom": 0.0}
CHOICES = [
    {"by": "wider"},
    RATIO,
    {"by": "pixels", "left": 16, "right": 0, "top": 5, "bottom": 0},
    {"by": "aspect", "aspect": "1:1", "anchor": "bottom"},
]


@pytest.mark.parametrize("by", CHOICES, ids=lambda by: by["by"])
def test_every_way_to_grow_reaches_the_core(call, by):
    frames = torch.rand(5, 32, 48, 3)
    vcu, report = call("VaceOutpaintVideo", video=frames, by=by, **SETTINGS)
    expected = outpaint_vcu(frames, growth_from(by))
    assert torch.equal(vcu.frames, expected.frames) and torch.equal(vcu.mask, expected.mask)
    assert report == "\n".join(sentences(expected.notes))


def test_the_node_offers_what_the_core_takes_with_its_defaults(host_nodes):
    schema = host_nodes["VaceOutpaintVideo"].GET_SCHEMA()
    (by,) = [s for s in schema.inputs if s.id == "by"]
    offered = {o.key: {s.id: s.default for s in o.inputs} for o in by.options}
    assert offered["ratio"] == {k: v for k, v in RATIO.items() if k != "by"}
    for key, fields in offered.items():
        growth_from({"by": key, **fields}).margins(480, 480)
    assert all(s.tooltip for o in by.options for s in o.inputs)


def test_every_other_socket_reaches_the_core(call):
    frames, picture = torch.rand(5, 32, 48, 3), torch.rand(1, 16, 16, 3)
    settings = {"width": 96, "height": 48, "length": 9, "feather": 4.0, "extend_references": True}
    references = {"reference_image_0": picture}
    vcu, _ = call("VaceOutpaintVideo", video=frames, by=RATIO, **{**SETTINGS, **settings, "references": references})
    expected = outpaint_vcu(
        frames,
        growth_from(RATIO),
        list(references.items()),
        Target(96, 48, 9),
        edge=KeptEdge(4.0),
        extend_references=True,
    )
    assert torch.equal(vcu.frames, expected.frames) and torch.equal(vcu.mask, expected.mask)
    assert torch.equal(vcu.references[0].image, expected.references[0].image)
    vcu, _ = call("VaceOutpaintVideo", video=frames, by=RATIO, **{**SETTINGS, "inner": True})
    assert vcu.frames.shape == frames.shape


def prompt_values(host, **prompt):
    """What the host makes of a prompt's inputs before it calls execute."""
    from comfy_api.latest import _io
    from execution import get_input_data

    values, _, v3_data = get_input_data(prompt, host.NODE_CLASS_MAPPINGS["VaceOutpaintVideo"], "1")
    return _io.build_nested_inputs({key: value[0] for key, value in values.items()}, v3_data)


def test_the_fields_of_a_prompt_arrive_together(host, call):
    by = {"by": "pixels", "by.left": 16, "by.right": 0, "by.top": 0, "by.bottom": 0}
    values = prompt_values(host, **by, inner=False)
    assert values["by"] == {"by": "pixels", "left": 16, "right": 0, "top": 0, "bottom": 0}


def test_an_unknown_key_is_refused_with_the_choices(host, call):
    values = prompt_values(host, by="corner", inner=False)
    with pytest.raises(ValueError, match="by is corner; it must be one of wider, ratio, pixels, aspect\\."):
        call("VaceOutpaintVideo", video=torch.rand(1, 32, 48, 3), **{**SETTINGS, **values})


def test_the_result_encodes(call, vae):
    vcu, _ = call("VaceOutpaintVideo", video=torch.rand(5, 32, 48, 3), by=RATIO, **SETTINGS)
    context = call("VaceEncodeVcu", vae=vae, vcu=vcu, mask_edges="official", antialias_references=False)[0]
    assert context.size == (32, 80)  # 48 + 2 * 12 = 72, and 8 more
    assert (context.mask[..., 2:8] == 0).all() and (context.mask[..., :2] == 1).all()
