"""Pictures in half precision, as the host hands them over with --fp16-intermediates."""

from dataclasses import fields, is_dataclass

import pytest
import torch

from wan_vace.vace_core.masks.region import RegionShape
from wan_vace.vace_core.tasks import KeptEdge, Region
from wan_vace.vace_core.tasks.anything import make_anything
from wan_vace.vace_core.tasks.canvas import Ratio
from wan_vace.vace_core.tasks.extension import bridge_vcu, extend_vcu, loop_vcu
from wan_vace.vace_core.tasks.inpaint import inpaint_vcu
from wan_vace.vace_core.tasks.joining import join_frames
from wan_vace.vace_core.tasks.keyframes import interpolate_frames, place_keyframes
from wan_vace.vace_core.tasks.layout import box_layout, track_layout
from wan_vace.vace_core.tasks.outpaint import outpaint_vcu
from wan_vace.vace_core.vcu.build import build_vcu
from wan_vace.vace_core.vcu.compose import compose, mix_controls
from wan_vace.vace_core.vcu.references import prepare_reference
from wan_vace.vace_core.video import Target
from wan_vace.vace_core.video.fit import Clip
from wan_vace.vace_core.video.sizes import fit_clip

SHAPED = RegionShape(2.0, 3.0, augment="hull_expand")
# Of a video, another one, a mask, and a reference picture; sizes differ, so that everything is resized.
BUILDERS = {
    "build": lambda a, b, m, r: build_vcu(a, m, [("reference_image_0", r)], target=Target(width=64)),
    "inpaint": lambda a, b, m, r: inpaint_vcu(
        a, Region(m, "0,0,9,9", shape=SHAPED), control=a, target=Target(width=64, fit="contain")
    ),
    "outpaint": lambda a, b, m, r: outpaint_vcu(a, Ratio(), edge=KeptEdge(3.0), target=Target(width=64)),
    "extend": lambda a, b, m, r: extend_vcu(Clip(a), after=4, control=b, target=Target(width=64)),
    "bridge": lambda a, b, m, r: bridge_vcu(Clip(a), Clip(b), gap=4),
    "loop": lambda a, b, m, r: loop_vcu(Clip(a), gap=4, control=b),
    "keyframes": lambda a, b, m, r: place_keyframes(
        [("image_0", r), ("image_1", b[:1])], control=Clip(a), target=Target(length=5)
    ),
    "interpolate": lambda a, b, m, r: interpolate_frames(Clip(a)),
    "expand": lambda a, b, m, r: make_anything({"combination": "expand", "picture": r}),
    "move": lambda a, b, m, r: make_anything({"combination": "move", "picture": r, "boxes": "0,0,9,9 9,9,20,20"}),
    "motion": lambda a, b, m, r: make_anything(
        {"combination": "first frame + motion", "picture": r, "control_video": Clip(a)}
    ),
    "track": lambda a, b, m, r: track_layout(m, target=Target(width=64)),
    "fit": lambda a, b, m, r: fit_clip(Clip(a), m, a, budget="custom", target=Target(width=64)),
    "mix": lambda a, b, m, r: mix_controls(a, a.flip(0).to(b), m),
    "compose": lambda a, b, m, r: compose(build_vcu(a, m), box_layout("0,0,9,9", Target(48, 32, 5))),
    "join": lambda a, b, m, r: join_frames(Clip(b), a, overlap_first=1),
    "reference": lambda a, b, m, r: prepare_reference(r, (r[..., 0] > 0.3).to(m)),
}


def arrivals():
    """Values that half precision and bfloat16 hold exactly."""
    video, other = torch.randint(0, 9, (5, 34, 50, 3)) / 8, torch.randint(0, 9, (4, 30, 46, 3)) / 8
    mask = torch.zeros(1, 34, 50)
    mask[:, 10:20, 10:30] = 1
    return video, other, mask, torch.randint(0, 9, (1, 40, 40, 3)) / 8


def tensors(made):
    """All tensors of what a builder gives, references included."""
    if isinstance(made, torch.Tensor):
        return [made]
    if is_dataclass(made):
        return [t for field in fields(made) for t in tensors(getattr(made, field.name))]
    return [t for part in made for t in tensors(part)] if isinstance(made, tuple) else []


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", BUILDERS)
def test_half_precision_gives_what_the_same_values_give_in_single(name, dtype):
    given = arrivals()
    single, half = (tensors(BUILDERS[name](*[x.to(t) for x in given])) for t in (torch.float32, dtype))
    assert single and len(single) == len(half)
    for a, b in zip(single, half, strict=True):
        assert b.dtype == torch.float32 and torch.equal(a, b)


def test_joined_originals_are_not_rounded_to_the_precision_of_what_was_generated():
    original = torch.rand(3, 16, 16, 3)
    joined = join_frames(Clip(original), torch.rand(9, 16, 16, 3).half())
    assert torch.equal(joined.frames[:3], original)
