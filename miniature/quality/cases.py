"""Every task of VACE as a request whose answer is known: the VCU from the pack's own nodes, and what to look for."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from ..world import (
    LENGTH,
    MOTIONS,
    SHAPES,
    SIZE,
    WorldClip,
    box_around,
    draw_depth,
    draw_flow,
    draw_gray,
    draw_layout,
    draw_lineart,
    draw_pose,
    draw_reference,
    draw_scene,
    exchange_thing,
    random_scene,
    thing_box_mask,
    without_colour,
)
from .judges import (
    Judge,
    judge_all,
    judge_box,
    judge_colour,
    judge_colour_between,
    judge_continuity,
    judge_ground,
    judge_motion,
    judge_outline,
    judge_path,
    judge_place,
    judge_seam,
    judge_shape,
    judge_stays,
)
from .studio import Call

FIRST_SEED = 20_000_000  # neither trained on nor looked at while training
FIT = {"width": 0, "height": 0, "fit": "cover"}
BUILD = {"references": {}, "length": 0, "inside_mask": "empty", "soft_mask": False, **FIT}
INPAINT = {
    "boxes": "", "references": {}, "keep_amount": 0.0, "grow": 0.0, "feather": 0.0, "unit": "pixels",
    "augment": "original", "augment_seed": 0, "length": 0, "easing": "linear", "soft_mask": False, **FIT,
}  # fmt: skip
OUTPAINT = {
    "references": {}, "inner": False, "extend_references": False, "feather": 0.0, "width": 0, "height": 0, "length": 0,
}  # fmt: skip
KEYFRAMES = {"length": LENGTH, "fps": 16.0, "hold": 1, "snap": "off", "references": {}, **FIT}
EXTEND = {"before": 0, "overlap": 0, "references": {}, **FIT}
MOVING = tuple(word for word in MOTIONS if word != "stays")
GROW = 3  # pixels around a thing that is made anew, of a frame 64 high as all such numbers here
LONG_FRAMES, SEGMENT, OVERLAP = 41, 17, 5


@dataclass(frozen=True, eq=False)
class Case:
    """One request.

    Attributes:
        clip: What is to come out.
        vcu: What the model looks at.
        caption: What it is told.
        judge: See `Judge`.
        told_without: What it is told when the condition is taken away.
        segments: Length and overlap of its segments, if it is a long video.
        joined: What to look for once what is kept is put back to the pixel: how well the rest joins it.
    """

    clip: WorldClip
    vcu: object
    caption: str
    judge: Judge
    told_without: str
    segments: tuple[int, int] | None = None
    joined: Judge | None = None


# Makes one by what runs a node, the seed of its scene, and the height and width of its frames.
MakeCase = Callable[[Call, int, int], Case]


def _square(pixels: int) -> dict[str, object]:
    return {"width": pixels, "height": pixels, "length": LENGTH, "fit": "cover"}


def _case(clip: WorldClip, vcu: object, *looked_for: Judge, colourless: bool = False) -> Case:
    caption = clip.scene.caption
    caption = without_colour(caption) if colourless else caption
    return Case(clip, vcu, caption, judge_all(*looked_for), caption)


def _scene(seed: int, pixels: int, **wanted: object) -> tuple[WorldClip, random.Random]:
    """A clip of one thing, and chance for everything else; of several values wanted one is chosen."""
    rng = random.Random(seed)
    chosen = {name: rng.choice(value) if isinstance(value, tuple) else value for name, value in wanted.items()}
    return draw_scene(random_scene(seed, second=False, **chosen), LENGTH, pixels, pixels), rng


def _pictures(clip: WorldClip) -> dict[str, Tensor]:
    return {"reference_image_0": draw_reference(clip.scene.things[0], *clip.frames.shape[1:3])}


def _anything(call: Call, chosen: dict[str, object], references: dict[str, Tensor], **size: object) -> object:
    return call("VaceMakeAnything", combination=chosen, references=references, **size)[0]


def make_text_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """Text to video: what the caption names is there. Without: no caption."""
    clip, _ = _scene(seed, pixels)
    (vcu, *_) = call("VaceBuildVcu", **{**BUILD, **_square(pixels)})
    looked_for = (judge_colour(clip), judge_shape(clip), judge_place(clip), judge_motion(clip))
    return replace(_case(clip, vcu, *looked_for), told_without="")


def make_reference_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A reference gives the colour that the caption leaves out."""
    clip, _ = _scene(seed, pixels)
    vcu = _anything(call, {"combination": "reference"}, _pictures(clip), **_square(pixels))
    return _case(clip, vcu, judge_colour(clip), judge_shape(clip), colourless=True)


def make_control_case(signal: Callable[[WorldClip], Tensor], **wanted: object) -> MakeCase:
    """Control by a signal: the thing is where, and of the outline, that it says.

    Args:
        signal: Draws it.
        **wanted: Of the scene, as `random_scene` takes it; of several values one is chosen.
    """

    def make(call: Call, seed: int, pixels: int = SIZE) -> Case:
        clip, _ = _scene(seed, pixels, **wanted)
        (vcu, *_) = call("VaceBuildVcu", control_video=signal(clip), **BUILD)
        return _case(clip, vcu, judge_outline(clip), judge_colour(clip))

    return make


def make_layout_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A moving box says where the thing is."""
    clip, _ = _scene(seed, pixels)
    (vcu, *_) = call("VaceBuildVcu", control_video=draw_layout(clip), **BUILD)
    return _case(clip, vcu, judge_box(clip), judge_colour(clip))


def make_inpaint_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A thing replaced by another of the caption's colour and shape: red circle to blue square."""
    source, rng = _scene(seed, pixels, shape=SHAPES)
    clip, region = exchange_thing(source, rng), thing_box_mask(source, GROW * pixels // SIZE)
    (vcu, *_) = call("VaceInpaintVideo", video=source.frames, mask=region, **INPAINT)
    return _case(clip, vcu, judge_colour(clip, region), judge_shape(clip), judge_outline(clip))


def make_swap_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A thing replaced by the one of a reference; the caption does not say its colour."""
    source, rng = _scene(seed, pixels, shape=SHAPES)
    clip, region = exchange_thing(source, rng, shape=False), thing_box_mask(source, GROW * pixels // SIZE)
    chosen = {"combination": "swap", "video": source.frames, "mask": region, "grow": 0}
    vcu = _anything(call, chosen, _pictures(clip), length=0, **FIT)
    return _case(clip, vcu, judge_colour(clip, region), judge_outline(clip), colourless=True)


def make_guided_inpaint_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A thing in another colour, of the outline that a signal in the region says."""
    source, rng = _scene(seed, pixels, shape=SHAPES)
    clip, region = exchange_thing(source, rng), thing_box_mask(source, GROW * pixels // SIZE)
    guide = (draw_depth, draw_lineart)[seed % 2](clip)
    (vcu, *_) = call("VaceInpaintVideo", video=source.frames, mask=region, control=guide, **INPAINT)
    return _case(clip, vcu, judge_outline(clip), judge_colour(clip, region))


def make_outpaint_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """Ground and thing go on to the left, the right or both."""
    clip, rng = _scene(seed, pixels)
    sides = rng.choice(((16, 16), (0, 16), (16, 0), (8, 8), (24, 0)))
    left, right = (side * pixels // SIZE for side in sides)
    grown = {"by": "pixels", "left": left, "right": right, "top": 0, "bottom": 0}
    (vcu, *_) = call("VaceOutpaintVideo", video=clip.frames[:, :, left : pixels - right], by=grown, **OUTPAINT)
    edges = [edge for edge in (left, pixels - right) if 0 < edge < pixels]
    return _case(clip, vcu, judge_ground(clip, vcu.mask), judge_seam(edges), judge_outline(clip))


def make_expand_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A picture with more around it that comes alive, and a reference that says what is in it."""
    clip, rng = _scene(seed, pixels)
    edge = rng.choice((8, 16)) * pixels // SIZE
    part, picture = edge / (pixels - 2 * edge), clip.frames[:1, :, edge : pixels - edge]
    sides = {"aspect": "", "left": part, "right": part, "top": 0.0, "bottom": 0.0}
    vcu = _anything(call, {"combination": "expand", "picture": picture, **sides}, _pictures(clip), **_square(pixels))
    around = vcu.mask[:1].expand_as(vcu.mask)
    looked_for = (judge_ground(clip, around), judge_seam([edge, pixels - edge]), judge_colour(clip))
    return _case(clip, vcu, *looked_for, colourless=True)


def make_frames_case(*places: float, count: int = 0) -> MakeCase:
    """Pictures at some frames; what is between them moves from one to the next.

    Args:
        *places: Shares of the way from the first frame to the last.
        count: How many frames at random instead.
    """

    def make(call: Call, seed: int, pixels: int = SIZE) -> Case:
        clip, rng = _scene(seed, pixels)
        chosen = sorted(rng.sample(range(LENGTH), count)) or [round(place * (LENGTH - 1)) for place in places]
        return make_keyframes_case(call, clip, chosen)

    return make


def make_keyframes_case(call: Call, clip: WorldClip, chosen: list[int], **settings: object) -> Case:
    """A clip's own frames at some places, told without colour.

    Args:
        call: Runs a node.
        clip: Where they are taken from.
        chosen: Which frames.
        **settings: Of VACE Place Keyframes.
    """
    pictures, positions = {"image_0": clip.frames[chosen]}, " ".join(map(str, chosen))
    (vcu, *_) = call("VacePlaceKeyframes", images=pictures, positions=positions, **{**KEYFRAMES, **settings})
    return _case(clip, vcu, judge_colour_between(clip, chosen), judge_path(clip), colourless=True)


def make_extend_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A clip goes on as it began."""
    clip, rng = _scene(seed, pixels)
    known = rng.choice((5, 9))
    (vcu, *_) = call("VaceExtendVideo", video=clip.frames[:known], after=LENGTH - known, **EXTEND)
    case = _case(clip, vcu, judge_path(clip, known), colourless=True)
    return replace(case, joined=judge_continuity([known]))


def make_animate_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A figure in the reference's colour that moves as a pose says."""
    clip, _ = _scene(seed, pixels, shape="figure")
    chosen = {"combination": "animate", "control_video": draw_pose(clip)}
    vcu = _anything(call, chosen, _pictures(clip), length=0, **FIT)
    return _case(clip, vcu, judge_outline(clip), judge_colour(clip), colourless=True)


def make_move_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A thing of a picture that goes where a box goes."""
    clip, _ = _scene(seed, pixels, shape=SHAPES, motion=MOVING)
    first, last = (box_around(clip.masks[0][frame]) for frame in (1, -1))
    chosen = {"combination": "move", "picture": clip.frames[:1], "boxes": f"{first} {last}", "easing": "linear"}
    vcu = _anything(call, chosen, {}, **_square(pixels))
    return _case(clip, vcu, judge_box(clip, first=1), judge_path(clip), colourless=True)


def make_reference_layout_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """The reference's thing where a box is."""
    clip, _ = _scene(seed, pixels)
    given = {**BUILD, "references": _pictures(clip)}
    (vcu, *_) = call("VaceBuildVcu", control_video=draw_layout(clip), **given)
    return _case(clip, vcu, judge_box(clip), judge_colour(clip), colourless=True)


def make_long_video_case(call: Call, seed: int, pixels: int = SIZE) -> Case:
    """A still scene over several segments. Without: each segment by itself."""
    still, _ = _scene(seed, pixels, shape=SHAPES, motion="stays")
    clip = draw_scene(still.scene, LONG_FRAMES, pixels, pixels)
    (vcu, *_) = call("VaceBuildVcu", **{**BUILD, **_square(pixels), "length": LONG_FRAMES})
    joins = list(range(SEGMENT, LONG_FRAMES, SEGMENT - OVERLAP))
    looked_for = (judge_continuity(joins), judge_stays(clip, SEGMENT), judge_colour(clip), judge_shape(clip))
    return replace(_case(clip, vcu, *looked_for), segments=(SEGMENT, OVERLAP))


CASES: dict[str, MakeCase] = {
    "t2v": make_text_case,
    "reference": make_reference_case,
    "gray": make_control_case(draw_gray),
    "depth": make_control_case(draw_depth),
    "flow": make_control_case(draw_flow, shape=SHAPES, motion=MOVING),
    "lineart": make_control_case(draw_lineart),
    "pose": make_control_case(draw_pose, shape="figure"),
    "layout": make_layout_case,
    "inpaint": make_inpaint_case,
    "outpaint": make_outpaint_case,
    "first": make_frames_case(0),
    "last": make_frames_case(1),
    "first_last": make_frames_case(0, 1),
    "keyframes": make_frames_case(count=3),
    "extend": make_extend_case,
    "swap": make_swap_case,
    "animate": make_animate_case,
    "move": make_move_case,
    "expand": make_expand_case,
    "guided_inpaint": make_guided_inpaint_case,
    "reference_layout": make_reference_layout_case,
    "long_video": make_long_video_case,
}
