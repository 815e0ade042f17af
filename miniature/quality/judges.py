"""What to look for in a result, by what is true of the clip that was asked for."""

from collections.abc import Callable

from torch import Tensor

from ..world import (
    WorldClip,
    box_iou,
    colour_share,
    continuity,
    iou,
    motion_of,
    path_error,
    path_of,
    place_share,
    psnr,
    seam,
    shape_share,
    thing_mask,
)

# What is measured of one film, by the name of the measure.
Scores = dict[str, float]
# Measures a film [T, H, W, 3].
Judge = Callable[[Tensor], Scores]


def judge_all(*judges: Judge) -> Judge:
    """All that several measure."""

    def judge(frames: Tensor) -> Scores:
        return {name: value for each in judges for name, value in each(frames).items()}

    return judge


def find_thing(clip: WorldClip, frames: Tensor) -> Tensor:
    """[T, H, W], bool: the clip's first thing in a result, found by its colour."""
    return thing_mask(frames, clip.scene.things[0].colour)


def judge_outline(clip: WorldClip) -> Judge:
    """How far the thing's outline is the true one."""
    return lambda frames: {"outline IoU": iou(find_thing(clip, frames), clip.masks[0])}


def judge_box(clip: WorldClip, first: int = 0) -> Judge:
    """How far the thing's box is the true one, from a frame on."""
    return lambda frames: {"box IoU": box_iou(find_thing(clip, frames)[first:], clip.masks[0][first:])}


def judge_colour(clip: WorldClip, region: Tensor | None = None) -> Judge:
    """In which share of the frames the thing's colour is the main one, in a region [T, H, W] if there is one."""
    return lambda frames: {"colour": colour_share(frames, clip.scene.things[0].colour, region)}


def judge_colour_between(clip: WorldClip, chosen: list[int]) -> Judge:
    """The same over all frames but some."""
    others = [frame for frame in range(len(clip.frames)) if frame not in chosen]
    name = clip.scene.things[0].colour
    return lambda frames: {"colour between": colour_share(frames[others], name)}


def judge_shape(clip: WorldClip) -> Judge:
    """In which share of the frames the thing has its shape."""
    return lambda frames: {"shape": shape_share(find_thing(clip, frames), clip.scene.things[0].shape)}


def judge_place(clip: WorldClip) -> Judge:
    """In which share of the frames the ground is that of the scene."""
    return lambda frames: {"place": place_share(frames, clip.scene.place)}


def judge_motion(clip: WorldClip) -> Judge:
    """Whether the thing goes where the caption says."""
    true = clip.scene.things[0].motion

    def judge(frames: Tensor) -> Scores:
        return {"motion": float(motion_of(path_of(find_thing(clip, frames))) == true)}

    return judge


def judge_path(clip: WorldClip, first: int = 0) -> Judge:
    """How far the thing is from its true path, from a frame on."""
    true = path_of(clip.masks[0])

    def judge(frames: Tensor) -> Scores:
        found = path_of(find_thing(clip, frames))
        return {"path error, px": path_error(found[first:], true[first:])}

    return judge


def judge_ground(clip: WorldClip, new: Tensor) -> Judge:
    """How far new ground is the true one.

    Args:
        clip: What is true.
        new: [T, H, W], above 0.5 where it is new.
    """
    bare = (new > 0.5) & (clip.masks.amax(0) < 0.01)
    return lambda frames: {"new ground, dB": psnr(frames, clip.frames, bare)}


def judge_seam(edges: list[int]) -> Judge:
    """How well new ground joins what is kept; ``edges`` are the columns at which either begins."""
    return lambda frames: {"seam": seam(frames, edges)}


def judge_continuity(joins: list[int]) -> Judge:
    """How smoothly the clip goes on; ``joins`` are the first frames behind each."""
    return lambda frames: {"continuity": continuity(frames, joins)}


def judge_stays(clip: WorldClip, since: int) -> Judge:
    """How far the thing is still where and what it was in the first frame, from a frame on."""

    def judge(frames: Tensor) -> Scores:
        found = find_thing(clip, frames)
        return {"stays, IoU": iou(found[since:], found[:1].expand_as(found[since:]))}

    return judge
