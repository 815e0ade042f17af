"""What to look for in a result, by what is true of the clip that was asked for."""

from collections.abc import Callable

from torch import Tensor

from ..world import measures
from ..world.scenes import Clip

# What is measured of a result [T, H, W, 3], by name.
Judge = Callable[[Tensor], dict[str, float]]


def together(*judges: Judge) -> Judge:
    """All that several measure."""

    def judge(frames: Tensor) -> dict[str, float]:
        return {name: value for each in judges for name, value in each(frames).items()}

    return judge


def thing(clip: Clip, frames: Tensor) -> Tensor:
    """[T, H, W], bool: the clip's first thing in a result, found by its colour."""
    return measures.thing_mask(frames, clip.scene.things[0].colour)


def outline(clip: Clip) -> Judge:
    """How far the thing's outline is the true one."""
    return lambda frames: {"outline IoU": measures.iou(thing(clip, frames), clip.masks[0])}


def box(clip: Clip, first: int = 0) -> Judge:
    """How far the thing's box is the true one, from a frame on."""
    return lambda frames: {"box IoU": measures.box_iou(thing(clip, frames)[first:], clip.masks[0][first:])}


def colour(clip: Clip, region: Tensor | None = None) -> Judge:
    """In which share of the frames the thing's colour is the main one, in a region [T, H, W] if there is one."""
    return lambda frames: {"colour": measures.colour_share(frames, clip.scene.things[0].colour, region)}


def colour_between(clip: Clip, chosen: list[int]) -> Judge:
    """The same over all frames but some."""
    others = [frame for frame in range(len(clip.frames)) if frame not in chosen]
    name = clip.scene.things[0].colour
    return lambda frames: {"colour between": measures.colour_share(frames[others], name)}


def shape(clip: Clip) -> Judge:
    """In which share of the frames the thing has its shape."""
    return lambda frames: {"shape": measures.shape_share(thing(clip, frames), clip.scene.things[0].shape)}


def place(clip: Clip) -> Judge:
    """In which share of the frames the ground is that of the scene."""
    return lambda frames: {"place": measures.place_share(frames, clip.scene.place)}


def motion(clip: Clip) -> Judge:
    """Whether the thing goes where the caption says."""
    true = clip.scene.things[0].motion

    def judge(frames: Tensor) -> dict[str, float]:
        return {"motion": float(measures.motion_of(measures.path_of(thing(clip, frames))) == true)}

    return judge


def path(clip: Clip, first: int = 0) -> Judge:
    """How far the thing is from its true path, from a frame on."""
    true = measures.path_of(clip.masks[0])

    def judge(frames: Tensor) -> dict[str, float]:
        found = measures.path_of(thing(clip, frames))
        return {"path error, px": measures.path_error(found[first:], true[first:])}

    return judge


def ground(clip: Clip, new: Tensor) -> Judge:
    """How far new ground is the true one.

    Args:
        clip: What is true.
        new: [T, H, W], above 0.5 where it is new.
    """
    bare = (new > 0.5) & (clip.masks.amax(0) < 0.01)
    return lambda frames: {"new ground, dB": measures.psnr(frames, clip.frames, bare)}


def seam(edges: list[int]) -> Judge:
    """How well new ground joins what is kept; ``edges`` are the columns at which either begins."""
    return lambda frames: {"seam": measures.seam(frames, edges)}


def continuity(joins: list[int]) -> Judge:
    """How smoothly the clip goes on; ``joins`` are the first frames behind each."""
    return lambda frames: {"continuity": measures.continuity(frames, joins)}


def stays(clip: Clip, since: int) -> Judge:
    """How far the thing is still where and what it was in the first frame, from a frame on."""

    def judge(frames: Tensor) -> dict[str, float]:
        found = thing(clip, frames)
        return {"stays, IoU": measures.iou(found[since:], found[:1].expand_as(found[since:]))}

    return judge
