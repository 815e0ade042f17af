"""Every task of VACE as a request whose answer is known: the VCU from the pack's own nodes, and what to look for."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor

from ..train.tasks import without_colour
from ..world import signals
from ..world.scenes import LENGTH, SIZE, Clip, draw, random_scene, reference
from ..world.words import COLOURS, MOTIONS, SHAPES
from . import judges
from .judges import Judge, together
from .studio import Call

FIRST_SEED = 20_000_000  # neither trained on nor looked at while training
FIT = {"width": 0, "height": 0, "fit": "cover"}
BUILD = {"references": {}, "length": 0, "inside_mask": "empty", "soft_mask": False, **FIT}
SQUARE = {"width": SIZE, "height": SIZE, "length": LENGTH, "fit": "cover"}
INPAINT = {
    "boxes": "", "references": {}, "keep_amount": 0.0, "grow": 0.0, "feather": 0.0, "unit": "pixels",
    "augment": "original", "seed": 0, "length": 0, "easing": "linear", "soft_mask": False, **FIT,
}  # fmt: skip
OUTPAINT = {
    "references": {}, "inner": False, "extend_references": False, "feather": 0.0, "width": 0, "height": 0, "length": 0,
}  # fmt: skip
KEYFRAMES = {"length": LENGTH, "fps": 16.0, "hold": 1, "snap": "off", "references": {}, **FIT}
EXTEND = {"before": 0, "overlap": 0, "references": {}, **FIT}
MOVING = tuple(word for word in MOTIONS if word != "stays")
GROW = 3  # pixels around a thing that is made anew
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

    clip: Clip
    vcu: object
    caption: str
    judge: Judge
    told_without: str
    segments: tuple[int, int] | None = None
    joined: Judge | None = None


Make = Callable[[Call, int], Case]


def _case(clip: Clip, vcu: object, *looked_for: Judge, colourless: bool = False) -> Case:
    caption = clip.scene.caption
    caption = without_colour(caption) if colourless else caption
    return Case(clip, vcu, caption, together(*looked_for), caption)


def _scene(seed: int, **wanted: object) -> tuple[Clip, random.Random]:
    """A clip of one thing, and chance for everything else; of several values wanted one is chosen."""
    rng = random.Random(seed)
    chosen = {name: rng.choice(value) if isinstance(value, tuple) else value for name, value in wanted.items()}
    return draw(random_scene(seed, second=False, **chosen)), rng


def _pictures(clip: Clip) -> dict[str, Tensor]:
    return {"reference_image_0": reference(clip.scene.things[0])}


def _anything(call: Call, chosen: dict[str, object], references: dict[str, Tensor], **size: object) -> object:
    return call("VaceMakeAnything", combination=chosen, references=references, **size)[0]


def text(call: Call, seed: int) -> Case:
    """Text to video: what the caption names is there. Without: no caption."""
    clip, _ = _scene(seed)
    (vcu, *_) = call("VaceBuildVcu", **{**BUILD, **SQUARE})
    looked_for = (judges.colour(clip), judges.shape(clip), judges.place(clip), judges.motion(clip))
    return replace(_case(clip, vcu, *looked_for), told_without="")


def look(call: Call, seed: int) -> Case:
    """A reference gives the colour that the caption leaves out."""
    clip, _ = _scene(seed)
    vcu = _anything(call, {"combination": "reference"}, _pictures(clip), **SQUARE)
    return _case(clip, vcu, judges.colour(clip), judges.shape(clip), colourless=True)


def control(signal: Callable[[Clip], Tensor], **wanted: object) -> Make:
    """Control by a signal: the thing is where, and of the outline, that it says.

    Args:
        signal: Draws it.
        **wanted: Of the scene, as `random_scene` takes it; of several values one is chosen.
    """

    def make(call: Call, seed: int) -> Case:
        clip, _ = _scene(seed, **wanted)
        (vcu, *_) = call("VaceBuildVcu", control_video=signal(clip), **BUILD)
        return _case(clip, vcu, judges.outline(clip), judges.colour(clip))

    return make


def layout(call: Call, seed: int) -> Case:
    """A moving box says where the thing is."""
    clip, _ = _scene(seed)
    (vcu, *_) = call("VaceBuildVcu", control_video=signals.layout(clip), **BUILD)
    return _case(clip, vcu, judges.box(clip), judges.colour(clip))


def exchanged(clip: Clip, rng: random.Random, shape: bool = True) -> Clip:
    """The same scene with its first thing in another colour, and in another shape if wanted."""
    thing, *others = clip.scene.things
    colour = rng.choice([name for name in COLOURS if name != thing.colour])
    form = rng.choice([name for name in SHAPES if name != thing.shape]) if shape else thing.shape
    return draw(replace(clip.scene, things=(replace(thing, colour=colour, shape=form), *others)))


def inpaint(call: Call, seed: int) -> Case:
    """A thing replaced by another of the caption's colour and shape: red circle to blue square."""
    source, rng = _scene(seed, shape=SHAPES)
    clip, region = exchanged(source, rng), signals.box_mask(source, GROW)
    (vcu, *_) = call("VaceInpaintVideo", video=source.frames, mask=region, **INPAINT)
    return _case(clip, vcu, judges.colour(clip, region), judges.shape(clip), judges.outline(clip))


def swap(call: Call, seed: int) -> Case:
    """A thing replaced by the one of a reference; the caption does not say its colour."""
    source, rng = _scene(seed, shape=SHAPES)
    clip, region = exchanged(source, rng, shape=False), signals.box_mask(source, GROW)
    chosen = {"combination": "swap", "video": source.frames, "mask": region, "grow": 0}
    vcu = _anything(call, chosen, _pictures(clip), length=0, **FIT)
    return _case(clip, vcu, judges.colour(clip, region), judges.outline(clip), colourless=True)


def guided_inpaint(call: Call, seed: int) -> Case:
    """A thing in another colour, of the outline that a signal in the region says."""
    source, rng = _scene(seed, shape=SHAPES)
    clip, region = exchanged(source, rng), signals.box_mask(source, GROW)
    guide = (signals.depth, signals.lineart)[seed % 2](clip)
    (vcu, *_) = call("VaceInpaintVideo", video=source.frames, mask=region, control=guide, **INPAINT)
    return _case(clip, vcu, judges.outline(clip), judges.colour(clip, region))


def outpaint(call: Call, seed: int) -> Case:
    """Ground and thing go on to the left, the right or both."""
    clip, rng = _scene(seed)
    left, right = rng.choice(((16, 16), (0, 16), (16, 0), (8, 8), (24, 0)))
    grown = {"by": "pixels", "left": left, "right": right, "top": 0, "bottom": 0}
    (vcu, *_) = call("VaceOutpaintVideo", video=clip.frames[:, :, left : SIZE - right], by=grown, **OUTPAINT)
    edges = [edge for edge in (left, SIZE - right) if 0 < edge < SIZE]
    return _case(clip, vcu, judges.ground(clip, vcu.mask), judges.seam(edges), judges.outline(clip))


def expand(call: Call, seed: int) -> Case:
    """A picture with more around it that comes alive, and a reference that says what is in it."""
    clip, rng = _scene(seed)
    edge = rng.choice((8, 16))
    part, picture = edge / (SIZE - 2 * edge), clip.frames[:1, :, edge : SIZE - edge]
    sides = {"aspect": "", "left": part, "right": part, "top": 0.0, "bottom": 0.0}
    vcu = _anything(call, {"combination": "expand", "picture": picture, **sides}, _pictures(clip), **SQUARE)
    around = vcu.mask[:1].expand_as(vcu.mask)
    looked_for = (judges.ground(clip, around), judges.seam([edge, SIZE - edge]), judges.colour(clip))
    return _case(clip, vcu, *looked_for, colourless=True)


def frames_at(*places: float, count: int = 0) -> Make:
    """Pictures at some frames; what is between them moves from one to the next.

    Args:
        *places: Shares of the way from the first frame to the last.
        count: How many frames at random instead.
    """

    def make(call: Call, seed: int) -> Case:
        clip, rng = _scene(seed)
        chosen = sorted(rng.sample(range(LENGTH), count)) or [round(place * (LENGTH - 1)) for place in places]
        return keyframes(call, clip, chosen)

    return make


def keyframes(call: Call, clip: Clip, chosen: list[int], **settings: object) -> Case:
    """A clip's own frames at some places, told without colour.

    Args:
        call: Runs a node.
        clip: Where they are taken from.
        chosen: Which frames.
        **settings: Of VACE Place Keyframes.
    """
    pictures, positions = {"image_0": clip.frames[chosen]}, " ".join(map(str, chosen))
    (vcu, *_) = call("VacePlaceKeyframes", images=pictures, positions=positions, **{**KEYFRAMES, **settings})
    return _case(clip, vcu, judges.colour_between(clip, chosen), judges.path(clip), colourless=True)


def extend(call: Call, seed: int) -> Case:
    """A clip goes on as it began."""
    clip, rng = _scene(seed)
    known = rng.choice((5, 9))
    (vcu, *_) = call("VaceExtendVideo", video=clip.frames[:known], after=LENGTH - known, **EXTEND)
    case = _case(clip, vcu, judges.path(clip, known), colourless=True)
    return replace(case, joined=judges.continuity([known]))


def animate(call: Call, seed: int) -> Case:
    """A figure in the reference's colour that moves as a pose says."""
    clip, _ = _scene(seed, shape="figure")
    chosen = {"combination": "animate", "control_video": signals.pose(clip)}
    vcu = _anything(call, chosen, _pictures(clip), length=0, **FIT)
    return _case(clip, vcu, judges.outline(clip), judges.colour(clip), colourless=True)


def move(call: Call, seed: int) -> Case:
    """A thing of a picture that goes where a box goes."""
    clip, _ = _scene(seed, shape=SHAPES, motion=MOVING)
    first, last = (signals.bounds(clip.masks[0][frame]) for frame in (1, -1))
    chosen = {"combination": "move", "picture": clip.frames[:1], "boxes": f"{first} {last}", "easing": "linear"}
    vcu = _anything(call, chosen, {}, **SQUARE)
    return _case(clip, vcu, judges.box(clip, first=1), judges.path(clip), colourless=True)


def reference_layout(call: Call, seed: int) -> Case:
    """The reference's thing where a box is."""
    clip, _ = _scene(seed)
    given = {**BUILD, "references": _pictures(clip)}
    (vcu, *_) = call("VaceBuildVcu", control_video=signals.layout(clip), **given)
    return _case(clip, vcu, judges.box(clip), judges.colour(clip), colourless=True)


def long_video(call: Call, seed: int) -> Case:
    """A still scene over several segments. Without: each segment by itself."""
    still, _ = _scene(seed, shape=SHAPES, motion="stays")
    clip = draw(still.scene, LONG_FRAMES)
    (vcu, *_) = call("VaceBuildVcu", **{**BUILD, **SQUARE, "length": LONG_FRAMES})
    joins = list(range(SEGMENT, LONG_FRAMES, SEGMENT - OVERLAP))
    looked_for = (judges.continuity(joins), judges.stays(clip, SEGMENT), judges.colour(clip), judges.shape(clip))
    return replace(_case(clip, vcu, *looked_for), segments=(SEGMENT, OVERLAP))


CASES: dict[str, Make] = {
    "t2v": text,
    "reference": look,
    "gray": control(signals.gray),
    "depth": control(signals.depth),
    "flow": control(signals.flow, shape=SHAPES, motion=MOVING),
    "lineart": control(signals.lineart),
    "pose": control(signals.pose, shape="figure"),
    "layout": layout,
    "inpaint": inpaint,
    "outpaint": outpaint,
    "first": frames_at(0),
    "last": frames_at(1),
    "first_last": frames_at(0, 1),
    "keyframes": frames_at(count=3),
    "extend": extend,
    "swap": swap,
    "animate": animate,
    "move": move,
    "expand": expand,
    "guided_inpaint": guided_inpaint,
    "reference_layout": reference_layout,
    "long_video": long_video,
}
