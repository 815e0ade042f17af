"""The people of a clip as points, and the forms that other nodes, files and detectors have them in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...vace_core.errors import VaceInputError
from ...vace_core.files import parse_json
from ...vace_core.notes import tell
from ...vace_core.video import ASPECT_TOLERANCE

# A person: OpenPose's 18 points of the body (1 is the neck), toes and heels, 68 of the face and two pupils, hands.
BODY, FEET, FACE = slice(0, 18), slice(18, 24), slice(24, 94)
LEFT_HAND, RIGHT_HAND = slice(94, 115), slice(115, 136)
NUM_POINTS = 136
DRAWN_FACE = slice(24, 92)
EYES = (14, 15)  # of the body; they stand for the pupils that most detectors do not find
PARTS = {
    "pose_keypoints_2d": BODY,
    "foot_keypoints_2d": FEET,
    "face_keypoints_2d": FACE,
    "hand_left_keypoints_2d": LEFT_HAND,
    "hand_right_keypoints_2d": RIGHT_HAND,
}
SURE = np.float32(0.3)  # a joint of this confidence or less is not drawn by the official annotator

MAX_SIDE = 16384
MOST_PLACES = 500_000  # people in each frame times frames: of 2,000 frames that is 250 people
FARTHEST = 1e6  # pixels; what is beyond, or is no number, is no place
NORMALISED_LIMIT = 2.0  # coordinates in parts of the picture may lie a little outside it, but not farther
NUM_BODY25, NUM_DRAWN_FACE = 25, 68
SIZES = {key: (part.stop - part.start,) for key, part in PARTS.items()}
SIZES |= {"pose_keypoints_2d": (18, NUM_BODY25), "face_keypoints_2d": (NUM_DRAWN_FACE, 70)}
BODY25_BODY = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)  # 8 is the middle of the hips
BODY25_FEET = (19, 20, 21, 22, 23, 24)
# COCO-WholeBody: 17 of the body, 6 of the feet, 68 of the face, 21 of the left hand, 21 of the right hand.
NUM_WHOLEBODY = 133
COCO_BODY = (0, 0, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)  # the neck, 1, is put in between
COCO_SHOULDERS = (5, 6)
WANTED = (
    "It must be what pose nodes give: a list with an entry per frame, each with canvas_width, canvas_height and people."
)


@dataclass(frozen=True, eq=False)
class People:
    """The people of a clip, each at one place of the second axis in all frames where they were found.

    Attributes:
        points: [T, N, 136, 3], float32, read-only: x and y in pixels of the canvas and confidence in [0, 1], which is
            0 where a point, or the whole person, was not found. The order of points is that of `BODY`, `FEET`,
            `FACE`, `LEFT_HAND` and `RIGHT_HAND`.
        height: Rows of the canvas.
        width: Columns of the canvas.
    """

    points: np.ndarray
    height: int
    width: int

    def __post_init__(self) -> None:
        points = np.array(self.points, np.float32)
        if points.ndim != 4 or points.shape[2:] != (NUM_POINTS, 3):
            raise ValueError(f"points must be [T, N, {NUM_POINTS}, 3], got {list(points.shape)}.")
        points.setflags(write=False)
        object.__setattr__(self, "points", points)

    @property
    def found(self) -> np.ndarray:
        """[T, N, 136], true where a point is sure enough to be drawn."""
        return self.points[..., 2] > SURE

    @property
    def present(self) -> np.ndarray:
        """[T, N], true where a person has any point."""
        return (self.points[..., 2] > 0).any(2)


def read_people(name: str, frames: object) -> People:
    """People in the form that pose nodes hand on (``POSE_KEYPOINT``).

    The host's SDPose gives pixels, comfyui_controlnet_aux parts of the picture and None for what it did not look for;
    files of OpenPose itself have 25 points for the body. All are told apart by what they hold.

    Args:
        name: The socket's name.
        frames: A list with ``{"canvas_width", "canvas_height", "people": [{"pose_keypoints_2d": [x, y, c, ...]}]}``
            per frame.

    Raises:
        VaceInputError: If it has another form, or nobody is in it.
    """
    if isinstance(frames, dict):
        frames = [frames]
    if not isinstance(frames, Sequence) or isinstance(frames, str):
        raise VaceInputError(f"{name} is a {type(frames).__name__}. {WANTED}")
    if not frames:
        raise VaceInputError(f"{name} holds no frames. Check the node that finds the pose.")
    read = [_read_frame(f"{name}, frame {i}", frame) for i, frame in enumerate(frames)]
    sizes = [size for size, _ in read]
    everyone = [points for _, points in read]
    if not any((points[..., 2] > 0).any() for points in everyone):
        raise VaceInputError(
            f"{name} holds no person in any of its {len(read)} frames. Use a video with a person in it, larger in the "
            f"picture, or lower the threshold of the detector."
        )
    most = max(map(len, everyone))
    if most * len(everyone) > MOST_PLACES:
        raise VaceInputError(
            f"{name} holds {len(everyone)} frames and up to {most} people in one of them, which is more than can be "
            f"followed. Give at most {MOST_PLACES // len(everyone)} people in each of so many frames."
        )
    if len(set(sizes)) > 1:
        tell("canvas-changes", f"{name}: the canvas changes size; all frames are brought to the first one's.")
    placed = _placed(everyone, sizes)
    return People(_padded(placed), *sizes[0])


def parse_people(name: str, text: str) -> People:
    """People of a JSON text in the form of `read_people`, or of its single frame.

    Raises:
        VaceInputError: If it is not JSON, or not such a form.
    """
    try:
        frames = parse_json(text)
    except ValueError as error:
        raise VaceInputError(f"{name} is not JSON ({error}). Paste the whole text that a pose node saved.") from error
    return read_people(name, frames)


def to_keypoints(people: People) -> list[dict]:
    """People in the host's ``POSE_KEYPOINT``, in pixels, for its own nodes and those of others."""
    return [
        {
            "canvas_width": people.width,
            "canvas_height": people.height,
            "people": [
                {key: person[part].ravel().tolist() for key, part in PARTS.items()}
                for person, here in zip(frame, present, strict=True)
                if here
            ],
        }
        for frame, present in zip(people.points, people.present, strict=True)
    ]


def from_wholebody(frames: Sequence[np.ndarray], height: int, width: int) -> People:
    """People of a detector that gives COCO-WholeBody's 133 points, as DWPose and ViTPose do.

    The neck is the middle of the shoulders and counts when both are sure. Source: ``Wholebody`` in ali-vilab/VACE's
    ``vace/annotators/dwpose/wholebody.py``, which draws the same with a confidence of 1.

    Args:
        frames: [n, 133, 3] per frame: x, y in pixels and confidence; n may differ and be 0.
        height: Rows of the picture.
        width: Columns of the picture.

    Raises:
        VaceInputError: If nobody was found in any frame.
    """
    if not any(len(people) for people in frames):
        raise VaceInputError(
            f"No person was found in any of the {len(frames)} frames. Use a video with a person in it, larger in the "
            f"picture, or lower the threshold."
        )
    return People(_padded([_from_coco(np.asarray(people, np.float32)) for people in frames]), height, width)


def resized(people: People, height: int, width: int) -> People:
    """People on a canvas of another size; noted when that stretches them."""
    if (height, width) == (people.height, people.width):
        return people
    if abs(width / height / (people.width / people.height) - 1) > ASPECT_TOLERANCE:
        tell(
            "people-stretched",
            f"The pose is of a {people.width} x {people.height} picture and drawn at {width} x {height}: people are "
            f"stretched. Give width and height of the same shape.",
        )
    scale = np.float32([width / people.width, height / people.height, 1])
    return People(people.points * scale, height, width)


def people_at_length(people: People, length: int) -> People:
    """People cut, or held in the last frame's pose, to ``length`` frames; noted unless it was one pose."""
    count = len(people.points)
    if length == count:
        return people
    if count > 1:
        repair = "cut" if count > length else "held in its last frame"
        tell("pose-length", f"The pose has {count} frames, {length} are wanted; it is {repair}.")
    return replace(people, points=people.points[np.arange(length).clip(max=count - 1)])


def _read_frame(where: str, frame: object) -> tuple[tuple[int, int], np.ndarray]:
    if not isinstance(frame, dict) or not isinstance(frame.get("people"), Sequence):
        raise VaceInputError(f"{where} has no list of people. {WANTED}")
    size = tuple(_side(where, frame, key) for key in ("canvas_height", "canvas_width"))
    people = [_read_person(f"{where}, person {i}", person) for i, person in enumerate(frame["people"])]
    return size, np.stack(people) if people else np.zeros((0, NUM_POINTS, 3))


def _side(where: str, frame: dict, key: str) -> int:
    side = frame.get(key)
    if not isinstance(side, int | float) or not 1 <= side <= MAX_SIDE:
        raise VaceInputError(f"{where}: {key} is {side}, it must be the picture's size in pixels, 1 to {MAX_SIDE}.")
    return int(side)


def _read_person(where: str, person: object) -> np.ndarray:
    if not isinstance(person, dict):
        raise VaceInputError(f"{where} is a {type(person).__name__}. {WANTED}")
    points = np.zeros((NUM_POINTS, 3))
    for key, part in PARTS.items():
        values = _read_part(f"{where}: {key}", person.get(key), SIZES[key])
        if len(values) == NUM_BODY25:
            points[FEET], values = values[list(BODY25_FEET)], values[list(BODY25_BODY)]
        points[part.start : part.start + len(values)] = values
        if len(values) == NUM_DRAWN_FACE:
            points[DRAWN_FACE.stop : FACE.stop] = points[list(EYES)]
    return points


def _read_part(where: str, values: object, allowed: tuple[int, ...]) -> np.ndarray:
    """[points, 3]; none when the detector did not look for them. What is no place gets confidence 0."""
    if values is None or (isinstance(values, Sequence) and not values):
        return np.zeros((0, 3))
    try:
        flat = np.asarray(values, np.float64).ravel()
    except (TypeError, ValueError, ArithmeticError) as error:
        raise VaceInputError(f"{where} holds more than numbers ({error}). {WANTED}") from error
    if flat.size not in [3 * count for count in allowed]:
        wanted = " or ".join(f"{3 * count} ({count} points of x, y, confidence)" for count in allowed)
        raise VaceInputError(f"{where} holds {flat.size} numbers, it must hold {wanted}.")
    points = flat.reshape(-1, 3)
    nowhere = ~(np.abs(points) < FARTHEST).all(1) | (points[:, :2] == -1).all(1) | (points[:, 2] <= 0)
    return np.where(nowhere[:, None], 0, points)


def _placed(everyone: list[np.ndarray], sizes: list[tuple[int, int]]) -> list[np.ndarray]:
    """Points in pixels of the first frame's canvas."""
    furthest = max(np.abs(points[..., :2]).max(initial=0) for points in everyone)
    height, width = sizes[0]
    scales = [
        (width, height) if furthest <= NORMALISED_LIMIT else (width / own_width, height / own_height)
        for own_height, own_width in sizes
    ]
    return [points * (*scale, 1) for points, scale in zip(everyone, scales, strict=True)]


def _padded(everyone: list[np.ndarray]) -> np.ndarray:
    """[T, N, 136, 3] of frames with different numbers of people."""
    padded = np.zeros((len(everyone), max(map(len, everyone)), NUM_POINTS, 3), np.float32)
    for frame, points in zip(padded, everyone, strict=True):
        frame[: len(points)] = points
    return padded


def _from_coco(people: np.ndarray) -> np.ndarray:
    if people.shape[1:] != (NUM_WHOLEBODY, 3):
        people = people.reshape(-1, NUM_WHOLEBODY, 3)
    neck = people[:, COCO_SHOULDERS].mean(1)
    neck[:, 2] = people[:, COCO_SHOULDERS, 2].min(1)
    neck[neck[:, 2] <= SURE, 2] = 0
    body = people[:, COCO_BODY]
    body[:, 1] = neck
    feet, face, left, right = np.split(people[:, 17:], (6, 74, 95), axis=1)
    return np.concatenate([body, feet, face, body[:, EYES], left, right], axis=1)
