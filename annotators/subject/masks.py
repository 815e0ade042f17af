"""Masks of a subject: from hints and colours, or by a network that knows what stands out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ...vace_core.errors import VaceInputError
from ...vace_core.masks import MOST_OF_FRAME, rasterize_boxes
from ...vace_core.notes import Note, tell
from ...vace_core.video import Box, boxes_at, parse_tracks
from ..protocol import Tick, chunks, on_threads, to_bytes
from .colour_cut import MAYBE_IN, MAYBE_OUT, SURE_IN, SURE_OUT, band_labels, clean_mask, cut_by_colour, load_cv2
from .hints import Point, digest, masks_of, parse_points

ROUNDS = 5  # of GrabCut; more change next to nothing
ROOM = 0.25  # of the hints' longer side: around them lies what is background, and what points do not reach
LEAST_ROOM = 16  # pixels
CORE = 0.4  # of a box's sides: the ellipse in its middle that is taken for the subject
POINT = 0.012  # of the frame's shorter side: radius of what a point says
NEAR = 5  # times as far it is a guess
NOTHING = 0.0005  # of the frame; less is nothing

SIDE, AT_ONCE = 320, 4  # pixels that U2Net looks at, and frames
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
FAINT = 0.1  # between its surest and its least sure pixel: less, and nothing stands out


@dataclass(frozen=True, eq=False)
class GrabCut:
    """A subject told from its surroundings by colour, from hints; an `Annotator` of masks [T, H, W, 1], 0 or 1.

    Attributes:
        boxes: Those of each frame: outside of all is background, the middle of each is subject. None: no boxes.
        mask: A rough mask, [T, H, W], 0 or 1; None: no mask. With boxes only what is in them counts.
        subject_points: Points on the subject, in every frame.
        background_points: Points beside it, in every frame.
        reach: How far the mask's outline may be wrong, in pixels.
        clean: Whether hairs, small islands and small holes go.
    """

    boxes: tuple[tuple[Box, ...], ...] | None = None
    mask: Tensor | None = None
    subject_points: tuple[Point, ...] = ()
    background_points: tuple[Point, ...] = ()
    reach: int = 16
    clean: bool = True

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and hints."""
        rough = None if self.mask is None else digest(self.mask)
        points = self.subject_points, self.background_points
        return "subject by colour", self.boxes, rough, points, self.reach, self.clean

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """Masks [T, H, W, 1], 0 or 1, of frames [T, H, W, 3]."""
        masks = torch.empty((*frames.shape[:3], 1), device=frames.device)
        for part in chunks(len(frames)):
            pictures = list(to_bytes(frames[part]).numpy())
            found = on_threads(self._find, pictures, list(range(part.start, part.stop)))
            masks[part] = torch.from_numpy(np.stack(found)[..., None]).to(masks)
            tick(part.stop, len(frames))
        return masks

    def _find(self, picture: np.ndarray, k: int) -> np.ndarray:
        labels = self.labels(k, *picture.shape[:2])
        rows, columns = np.nonzero(labels != SURE_OUT)
        longer = max(np.ptp(rows), np.ptp(columns)) if len(rows) else 0
        found = cut_by_colour(picture, labels, max(LEAST_ROOM, round(ROOM * longer)), ROUNDS)
        return clean_mask(found, labels == SURE_IN) if self.clean else found

    def labels(self, k: int, height: int, width: int) -> np.ndarray:
        """What the hints say about frame ``k``: [H, W], uint8, see `annotators.subject.SURE_OUT`."""
        if self.mask is not None:
            labels = band_labels(self.mask[k].cpu().numpy() > 0.5, self.reach)
        else:
            labels = np.full((height, width), MAYBE_OUT, np.uint8)
        if self.boxes is not None:
            in_boxes = _box_labels(self.boxes[k], height, width)
            labels = np.where(in_boxes == SURE_OUT, in_boxes, in_boxes if self.mask is None else labels)
        radius = max(round(POINT * min(height, width)), 1)
        hints = (self.subject_points, MAYBE_IN, SURE_IN), (self.background_points, MAYBE_OUT, SURE_OUT)
        for points, guess, _ in hints:
            near = _spots(points, NEAR * radius, height, width)
            labels[near & (labels >= MAYBE_OUT)] = guess
        for points, _, sure in hints:
            labels[_spots(points, radius, height, width)] = sure
        return labels


def _box_labels(boxes: Sequence[Box], height: int, width: int) -> np.ndarray:
    """The middle of a box is of the subject, its corners hardly, what is outside is not."""
    labels, cv2 = np.zeros((height, width), np.uint8), load_cv2()
    for label, share in ((MAYBE_OUT, None), (MAYBE_IN, 1.0), (SURE_IN, CORE)):
        for left, top, right, bottom in (box.sides for box in boxes):
            mine = np.zeros_like(labels)
            if share is None:
                mine[max(round(top), 0) : max(round(bottom), 0), max(round(left), 0) : max(round(right), 0)] = 1
            else:
                centre = round((left + right - 1) / 2), round((top + bottom - 1) / 2)
                axes = round((right - left) * share / 2), round((bottom - top) * share / 2)
                cv2.ellipse(mine, centre, axes, 0, 0, 360, 1, -1)
            labels[(mine > 0) & ((labels > 0) | (share is None))] = label
    return labels


def _spots(points: Sequence[Point], radius: int, height: int, width: int) -> np.ndarray:
    """[H, W], bool: discs around points."""
    spots, cv2 = np.zeros((height, width), np.uint8), load_cv2()
    for x, y in points:
        cv2.circle(spots, (min(int(x), width - 1), min(int(y), height - 1)), radius, 1, -1)
    return spots > 0


@dataclass(frozen=True)
class Hints:
    """What a user says about where the subject is; see `GrabCut`.

    Attributes:
        boxes: As in `vace_core.video.parse_tracks`; may be empty.
        mask: A rough mask as connected.
        subject_points: As in `annotators.subject.parse_points`; may be empty.
        background_points: Likewise.
        reach: How far the mask's outline may be wrong, in pixels.
        clean: Whether the result is tidied.
    """

    boxes: str = ""
    mask: Tensor | None = None
    subject_points: str = ""
    background_points: str = ""
    reach: int = 16
    clean: bool = True


def grab_cut(hints: Hints, frames: Tensor, chosen: Sequence[int], which: str) -> GrabCut:
    """The annotator of chosen frames of a clip.

    Args:
        hints: What the user says.
        frames: [T, H, W, 3]: the whole clip, whose frames box paths count.
        chosen: K frames.
        which: The socket they come from.

    Raises:
        VaceInputError: If no hint says where the subject is, or one cannot be used.
    """
    T, H, W, _ = frames.shape
    if not (hints.boxes.strip() or hints.subject_points.strip() or hints.mask is not None):
        raise VaceInputError(
            "Nothing says where the subject is: write its box into boxes (10%,20%,60%,95% is left,top,right,bottom) or "
            "points on it into subject_points, or connect a rough mask."
        )
    boxes = _boxes(hints.boxes, T, H, W, chosen, which)
    points = parse_points("subject_points", hints.subject_points, H, W)
    if boxes is None and hints.mask is None and len(points) > 1:
        boxes = ((_around(points),),) * len(chosen)
    return GrabCut(
        boxes=boxes,
        mask=None if hints.mask is None else _rough(hints.mask, frames, chosen, which),
        subject_points=points,
        background_points=parse_points("background_points", hints.background_points, H, W),
        reach=hints.reach,
        clean=hints.clean,
    )


def _boxes(
    text: str, num_frames: int, height: int, width: int, chosen: Sequence[int], which: str
) -> tuple[tuple[Box, ...], ...] | None:
    tracks = parse_tracks("boxes", text, height, width, num_frames)
    if not tracks:
        return None
    inside = rasterize_boxes(tracks, num_frames, height, width)
    if not inside[list(chosen)].any():
        raise VaceInputError(f"boxes lie outside the frame in every frame that {which} names. Choose other frames.")
    paths = [boxes_at(track, num_frames) for track in tracks]
    return tuple(tuple(path[k] for path in paths) for k in chosen)


def _around(points: Sequence[Point]) -> Box:
    """A box around points on a subject, with room for what lies beyond them."""
    x, y = zip(*points, strict=True)
    room = max(ROOM * max(max(x) - min(x), max(y) - min(y)), LEAST_ROOM)
    box = Box(round(min(x) - room), round(min(y) - room), round(max(x) + room), round(max(y) + room))
    tell("boxes-from-points", f"boxes is empty: the subject is looked for in {box}, around the points.")
    return box


def _rough(mask: Tensor, frames: Tensor, chosen: Sequence[int], which: str) -> Tensor:
    single = mask.ndim == 2 or len(mask) == 1
    mask = masks_of(mask, frames, chosen[:1] if single else chosen, which)
    if mask.all():
        raise VaceInputError("mask is white: it leaves no background. White must be on the subject alone.")
    return mask.expand(len(chosen), -1, -1)


@dataclass(frozen=True, eq=False)
class Salient:
    """What stands out, by U2Net; an `Annotator` of masks [T, H, W, 1], 0 or 1.

    Source: ``SalientAnnotator`` in ali-vilab/VACE's ``vace/annotators/salient.py``, which looks at the first frame
    alone and takes every value above 0 of 255. Here a frame where nothing stands out gives nothing, where stretching
    would make its noise a subject.

    Attributes:
        load: Makes the network ready: [t, 3, 320, 320] normalised to [t, 1, 320, 320] in [0, 1].
        weights: What tells its weights apart.
        threshold: In [0, 1]; above it a pixel is of the subject.
    """

    load: Callable[[], Callable[[Tensor], Tensor]]
    weights: tuple[object, ...]
    threshold: float = 0.5

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights, threshold."""
        return "salient subject", self.weights, self.threshold

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """Masks [T, H, W, 1], 0 or 1, of frames [T, H, W, 3]."""
        network, size = self.load(), frames.shape[1:3]
        masks = torch.empty((*frames.shape[:3], 1), device=frames.device)
        for part in chunks(len(frames), AT_ONCE):
            answer = stretched(network(prepared(frames[part])))
            inside = F.interpolate(answer, size, mode="bilinear") > self.threshold
            masks[part] = rearrange(inside, "t c h w -> t h w c").to(masks)
            tick(part.stop, len(frames))
        return masks


def prepared(frames: Tensor) -> Tensor:
    """[t, 3, 320, 320] as U2Net was trained, of frames [t, H, W, 3] in [0, 1]; the shape is not kept."""
    pixels = F.interpolate(rearrange(frames, "t h w c -> t c h w"), (SIDE, SIDE), mode="bilinear", antialias=True)
    return (pixels - pixels.new_tensor(MEAN)[:, None, None]) / pixels.new_tensor(DEVIATION)[:, None, None]


def stretched(answer: Tensor) -> Tensor:
    """Answers [t, 1, h, w] from 0 to 1, each by itself; 0 where they hardly differ."""
    low, high = answer.amin((1, 2, 3), keepdim=True), answer.amax((1, 2, 3), keepdim=True)
    return torch.where(high - low < FAINT, 0.0, (answer - low) / (high - low).clamp(min=FAINT))


def subject_notes(masks: Tensor, chosen: Sequence[int], advice: str) -> list[Note]:
    """How much of the frame a subject covers, and what looks wrong.

    Args:
        masks: [K, H, W], 0 or 1.
        chosen: The K frames they are of.
        advice: What to do when nothing was found.
    """
    shares = masks.flatten(1).mean(1).tolist()
    least, most = min(shares), max(shares)
    covers = f"{most:.1%}" if f"{least:.1%}" == f"{most:.1%}" else f"{least:.1%} to {most:.1%}"
    notes = [Note("covers", f"The subject covers {covers} of the frame.")]
    if least < NOTHING:
        nothing = named(chosen, [share < NOTHING for share in shares])
        notes.append(Note("nothing-found", f"Nothing was found in {nothing}. {advice}"))
    if most > MOST_OF_FRAME:
        nearly_all = named(chosen, [share > MOST_OF_FRAME for share in shares])
        text = f"Nearly everything was taken for the subject in {nearly_all}: look at the preview."
        notes.append(Note("nearly-all-found", text))
    return notes


def named(chosen: Sequence[int], which: Sequence[bool]) -> str:
    """Some of the chosen frames by number, briefly: ``frames 3, 4, 5 and 12 more``."""
    some = [str(frame) for frame, wanted in zip(chosen, which, strict=True) if wanted]
    more = f" and {len(some) - 5} more" if len(some) > 5 else ""
    return f"frame{'s' * (len(some) > 1)} {', '.join(some[:5])}{more}"
