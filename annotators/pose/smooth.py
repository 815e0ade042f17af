"""People followed through a clip, their gaps filled and the trembling of the detector taken out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ...vace_core.notes import Note
from ...vace_core.optional import need
from .people import BODY, SURE, People

MAX_GAP = 5  # frames
WINDOW, ORDER = 7, 3  # of the Savitzky-Golay filter
REACH = 2  # frames on either side that a median looks at
# A point is off when it is farther from the median or the fit than all of these:
OUTLIER = 4.0  # times the usual distance,
STEADY = 0.01  # of the canvas' short side, however still a point is,
SWING = 0.6  # of its usual step in the frames around: a fast limb turns within a frame
LEAST_FOR_CURVE = 5  # points that a curve across a gap needs
TOLERANCE = 0.35  # of a person's size, by which joints may move between frames
LEAST_LIKENESS = 0.1
SCALE_OF_MEDIAN = 1.4826  # from the median of absolute deviations to a standard deviation
PURPOSE = "Smoothing a pose"


@dataclass(frozen=True)
class Smoothed:
    """People after smoothing, and what was done to those points of the body that are drawn.

    Attributes:
        people: The same people, each at one place of the second axis throughout.
        filled: Points that were missing in up to `MAX_GAP` frames and are there now.
        moved: Points that were far off and are where their neighbours in time say.
    """

    people: People
    filled: int
    moved: int

    def notes(self) -> list[Note]:
        """What to tell the user."""
        told = []
        if self.filled:
            told.append(Note("joints-filled", f"Filled in from the frames around: {self.filled} missing joints."))
        if self.moved:
            text = f"Put back where the frames around say: {self.moved} joints that were far off."
            told.append(Note("joints-moved", text))
        return told


def smooth(people: People, smoothing: bool = True, max_gap: int = MAX_GAP) -> Smoothed:
    """People without trembling, single wrong frames and short gaps.

    Each point gets a Savitzky-Golay filter (window 7, order 3) over the frames where it was found, twice: what lies far
    from the median of its neighbours is left out of the first fit, what lies far from the first fit out of the second.
    The filter looks as far ahead as back, so nothing lags. The official annotator does nothing of the kind.

    Args:
        people: Linked or not.
        smoothing: False leaves found points where they are.
        max_gap: Frames in a row that a point may be missing and is filled in; 0 fills nothing.

    Raises:
        VaceInputError: If scipy is missing.
    """
    linked = link(people)
    points = linked.points.astype(np.float64)
    filters = _Filters(STEADY * min(people.height, people.width), smoothing)
    filled = moved = 0
    for n in range(points.shape[1]):
        for k in range(points.shape[2]):
            gained, off = _smooth_point(points[:, n, k], filters, max_gap)
            if k < BODY.stop:
                filled, moved = filled + gained, moved + off
    return Smoothed(replace(linked, points=points), filled, moved)


def _smooth_point(track: np.ndarray, filters: "_Filters", max_gap: int) -> tuple[int, int]:
    """Smooth a point [T, 3] in place; how many frames were filled, and how many were far off."""
    found = track[:, 2] > SURE
    filled = moved = 0
    for run in _runs(found, max(max_gap, MAX_GAP) if filters.smoothing else max_gap):
        here = found[run]
        places, off = filters.fit(track[run, :2], here)
        fill = ~here & _short(here, max_gap)
        track[run, :2] = np.where((here | fill)[:, None], places, track[run, :2])
        track[run, 2] = np.where(fill, _across(track[run, 2:], here)[:, 0], track[run, 2])
        filled, moved = filled + int(fill.sum()), moved + int(off.sum())
    return filled, moved


def _runs(found: np.ndarray, max_gap: int) -> Iterator[slice]:
    """Frames from a found one to another without a gap longer than ``max_gap``."""
    at = np.flatnonzero(found)
    for part in np.split(at, np.flatnonzero(np.diff(at) > max_gap + 1) + 1):
        if len(part):
            yield slice(int(part[0]), int(part[-1]) + 1)


def _short(found: np.ndarray, max_gap: int) -> np.ndarray:
    """[T], true in gaps of at most ``max_gap`` frames; both ends are found."""
    at = np.flatnonzero(found)
    gaps = np.diff(at) - 1
    return np.repeat(np.append(gaps, 0), np.append(np.diff(at), 1)) <= max_gap


def _across(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values [T, C] with those that are not known on straight lines between those that are."""
    frames, at = np.arange(len(values)), np.flatnonzero(known)
    return np.stack([np.interp(frames, at, column[at]) for column in values.T], -1)


def _curved(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """As `_across`, on curves that go on as the values move around a gap."""
    at = np.flatnonzero(known)
    if known.all() or len(at) < LEAST_FOR_CURVE:
        return _across(values, known)
    curve = need("scipy.interpolate", "scipy", PURPOSE).Akima1DInterpolator(at, values[at])
    frames = np.arange(len(values)).clip(at[0], at[-1])
    return np.where(known[:, None], values, curve(frames))


@dataclass(frozen=True)
class _Filters:
    """Fits runs of frames; the filter of a length is worked out once.

    Attributes:
        steady: Pixels that are no outlier.
        smoothing: False fits only what is missing.
        made: The filters so far, by length.
    """

    steady: float
    smoothing: bool
    made: dict[int, np.ndarray] = field(default_factory=dict)

    def fit(self, places: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places [T, 2] fitted to those that are found, and which of these were far off [T]."""
        whole = _across(places, found)
        if not self.smoothing or len(places) < 3:
            return whole, np.zeros(len(places), bool)
        steps = np.linalg.norm(np.diff(whole, axis=0, prepend=2 * whole[:1] - whole[1:2]), axis=1)
        swing = SWING * _median(steps[:, None])[:, 0]
        good = found & ~self._far(whole, _median(whole), found, swing)
        weights = self._filter(len(places))
        off = found & self._far(whole, weights @ _curved(places, good), good, swing)
        return weights @ _curved(places, found & ~off), off

    def _far(self, places: np.ndarray, expected: np.ndarray, found: np.ndarray, swing: np.ndarray) -> np.ndarray:
        distance = np.linalg.norm(places - expected, axis=1)
        usual = OUTLIER * SCALE_OF_MEDIAN * np.median(distance[found])
        return distance > np.maximum(swing, max(usual, self.steady))

    def _filter(self, length: int) -> np.ndarray:
        """[length, length], what each frame takes of each."""
        if length not in self.made:
            window = min(WINDOW, length - 1 + length % 2)
            signal = need("scipy.signal", "scipy", PURPOSE)
            self.made[length] = signal.savgol_filter(np.eye(length), window, min(ORDER, window - 2), axis=0)
        return self.made[length]


def _median(places: np.ndarray) -> np.ndarray:
    """Running median of [T, 2]."""
    padded = np.pad(places, ((REACH, REACH), (0, 0)), mode="reflect", reflect_type="odd")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * REACH + 1, axis=0), axis=-1)


def link(people: People) -> People:
    """The same people, each at one place of the second axis in all frames; places in the order of first appearance.

    People of one frame are matched with those of the frames before by how near their joints are (COCO's object keypoint
    similarity, with one tolerance for all joints, wide enough for fast limbs), all together by the Hungarian method.
    Who is away for longer than `MAX_GAP` frames comes back as somebody new.

    Raises:
        VaceInputError: If there are several people and scipy is missing.
    """
    present = people.present
    if people.points.shape[1] <= 1:
        return people
    tracks: list[_Track] = []
    for t, (points, here) in enumerate(zip(people.points, present, strict=True)):
        _extend(tracks, t, points[here])
    linked = np.zeros((len(present), len(tracks), *people.points.shape[2:]), np.float32)
    for n, track in enumerate(tracks):
        linked[track.frames, n] = track.points
    return replace(people, points=linked)


@dataclass(frozen=True)
class _Track:
    """Somebody's frames and points so far."""

    frames: list[int] = field(default_factory=list)
    points: list[np.ndarray] = field(default_factory=list)


def _extend(tracks: list[_Track], t: int, people: np.ndarray) -> None:
    recent = [track for track in tracks if t - track.frames[-1] <= MAX_GAP + 1]
    likeness = np.array([[_likeness(track.points[-1], person) for person in people] for track in recent])
    taken = set()
    for row, column in _matches(likeness.reshape(len(recent), len(people))):
        recent[row].frames.append(t)
        recent[row].points.append(people[column])
        taken.add(column)
    tracks += [_Track([t], [person]) for i, person in enumerate(people) if i not in taken]


def _matches(likeness: np.ndarray) -> list[tuple[int, int]]:
    if 0 in likeness.shape:
        return []
    optimize = need("scipy.optimize", "scipy", "Following several people")
    pairs = zip(*optimize.linear_sum_assignment(likeness, maximize=True), strict=True)
    return [(int(row), int(column)) for row, column in pairs if likeness[row, column] >= LEAST_LIKENESS]


def _likeness(one: np.ndarray, other: np.ndarray) -> float:
    """From 0 (elsewhere) to 1 (the same place) of two people [136, 3]."""
    both = (one[:, 2] > SURE) & (other[:, 2] > SURE)
    if both[BODY].any():
        both[BODY.stop :] = False  # a face has many points that all move alike
    if not both.any():
        return 0.0
    size = max(_size(one), _size(other), 1.0)
    distance = np.linalg.norm(one[both, :2] - other[both, :2], axis=1)
    return float(np.exp(-0.5 * (distance / (TOLERANCE * size)) ** 2).mean())


def _size(person: np.ndarray) -> float:
    places = person[person[:, 2] > SURE, :2]
    return float(np.sqrt(np.prod(np.ptp(places, axis=0)))) if len(places) else 0.0
