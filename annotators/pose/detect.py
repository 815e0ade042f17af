"""Who is in a clip, and where their points are: DWPose, as VACE's official annotator runs it, or Keypoint R-CNN."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn

from ...vace_core.notes import Note
from ...vace_core.optional import need
from ..protocol import Tick, chunks
from .boxes import (
    BOX_VALUES,
    NUM_PLACES,
    NUM_POINTS,
    OFFICIAL_SCORE,
    POINT_VALUES,
    crop_areas,
    cut_out,
    detector_input,
    people_boxes,
    read_points,
)
from .people import SURE, People, from_wholebody
from .runtimes import Runtime

DETECTOR_ANSWER, POSE_ANSWER = (NUM_PLACES, BOX_VALUES), (NUM_POINTS, POINT_VALUES)
FRAMES = 5  # looked at in one go: with a person in each, one batch of the TorchScript file

RCNN_FRAMES = 2  # at once: more costs memory and saves nothing
RCNN_SCORE = 0.75  # torchvision's own examples take people above it
RCNN_BODY = 17
# Keypoint R-CNN says how sure a point is by an unbounded number; above 2 it is usually there. So it is 0.3 there.
RCNN_SURE = 2.0

WHOLE_FRAME, NOBODY = "official whole frame", "nobody"
FALLBACKS = (WHOLE_FRAME, NOBODY)


@dataclass(frozen=True, eq=False)
class Found:
    """What a detector found in a clip.

    Attributes:
        points: [N, 133, 3], float32: COCO-WholeBody's points of all people of all frames, one frame after the other:
            x, y in pixels and confidence.
        counts: [T], int64: how many of them are in each frame.
        searched: [T], bool: frames without a box, which were searched whole.
    """

    points: Tensor
    counts: Tensor
    searched: Tensor

    NAMES: ClassVar[tuple[str, ...]] = ("points", "counts", "searched")

    @property
    def tensors(self) -> dict[str, Tensor]:
        """To keep them; `Found` of the same is this again."""
        return {name: getattr(self, name) for name in self.NAMES}

    def people(self, height: int, width: int) -> People:
        """Those in whom a point is sure enough to be drawn.

        Args:
            height: Rows of the frames.
            width: Columns of the frames.

        Raises:
            VaceInputError: If there is nobody in any frame.
        """
        return from_wholebody([frame[_drawn(frame)] for frame in self._frames], height, width)

    def notes(self) -> list[Note]:
        """How many people there are, for the report."""
        counts = np.array([_drawn(frame).sum() for frame in self._frames])
        numbers = [f"{n} in {(counts == n).sum()}" for n in np.unique(counts)]
        told = [Note("people", f"People: {', '.join(numbers)} of {len(counts)} frames.")]
        if not counts.all():
            text = f"Nobody was found in frame {_first(counts == 0)}. Gaps longer than fill_gaps stay black."
            told.append(Note("nobody-found", text))
        searched = self.searched.numpy()
        if searched.any():
            text = (
                f"No box was found around a person in frame {_first(searched)}; the whole frame was taken for one, "
                f"as the official annotator does."
            )
            told.append(Note("whole-frame-searched", text))
        return told

    @property
    def _frames(self) -> list[np.ndarray]:
        return [each.numpy() for each in self.points.split(self.counts.tolist())]


@dataclass(frozen=True, eq=False)
class DwPose:
    """YOLOX finds people, the DWPose network 133 points of each.

    Source: ``Wholebody`` in ali-vilab/VACE's ``vace/annotators/dwpose/wholebody.py``; what differs is told in
    `pose_boxes`.

    Attributes:
        load: Gives both networks, with answers `DETECTOR_ANSWER` and `POSE_ANSWER`.
        source: What tells their weights from others.
        person_score: A box counts above this.
        fallback: One of `FALLBACKS`: what is taken for a person in a frame without a box.
        official_channels: See `boxes.cut_out`; a switch for users of the core, which no node has.
    """

    load: Callable[[], tuple[Runtime, Runtime]]
    source: tuple[object, ...]
    person_score: float = OFFICIAL_SCORE
    fallback: str = WHOLE_FRAME
    official_channels: bool = True

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights and settings."""
        return "dwpose", self.source, self.person_score, self.fallback, self.official_channels

    def __call__(self, frames: Tensor, tick: Tick) -> dict[str, Tensor]:
        """`Found.tensors` of frames [T, H, W, 3], RGB in [0, 1]."""
        detector, pose = self.load()
        whole = torch.tensor([[0.0, 0.0, frames.shape[2], frames.shape[1]]])
        points, counts, searched = [], [], []
        for part in chunks(len(frames), FRAMES):
            pixels, ratio = detector_input(frames[part])
            boxes = [each.float().cpu() for each in people_boxes(detector(pixels), ratio, self.person_score)]
            empty = [self.fallback == WHOLE_FRAME and not len(each) for each in boxes]
            boxes = [whole if missing else each for each, missing in zip(boxes, empty, strict=True)]
            points.append(self._points(pose, frames[part], boxes))
            counts += [len(each) for each in boxes]
            searched += empty
            tick(part.stop, len(frames))
        return Found(torch.cat(points), torch.tensor(counts), torch.tensor(searched)).tensors

    def _points(self, pose: Runtime, frames: Tensor, boxes: list[Tensor]) -> Tensor:
        """[n, 133, 3] of all boxes of some frames."""
        areas = [crop_areas(each) for each in boxes]
        crops = [
            cut_out(frame, *(side.to(frame.device) for side in area), self.official_channels)
            for frame, area in zip(frames, areas, strict=True)
            if len(area[0])
        ]
        if not crops:
            return torch.zeros(0, NUM_POINTS, 3)
        centre, size = (torch.cat(sides) for sides in zip(*areas, strict=True))
        return read_points(pose(torch.cat(crops)).float().cpu(), centre, size)


@dataclass(frozen=True, eq=False)
class KeypointRcnn:
    """torchvision's Keypoint R-CNN: people and 17 points of each body, in one network.

    Attributes:
        load: Gives the network: [t, 3, H, W], RGB in [0, 1], to what `RcnnPeople` gives.
        source: What tells its weights from others.
        person_score: A person counts above this.
    """

    load: Callable[[], Callable[[Tensor], Tensor]]
    source: tuple[object, ...]
    person_score: float = RCNN_SCORE

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights and settings."""
        return "keypoint rcnn", self.source, self.person_score

    def __call__(self, frames: Tensor, tick: Tick) -> dict[str, Tensor]:
        """`Found.tensors` of frames [T, H, W, 3], RGB in [0, 1]."""
        network = self.load()
        everyone: list[Tensor] = []
        for part in chunks(len(frames), RCNN_FRAMES):
            answers = network(rearrange(frames[part], "t h w c -> t c h w")).float().cpu()
            everyone += [frame[frame[:, 0] > self.person_score, 1:] for frame in answers]
            tick(part.stop, len(frames))
        body = rearrange(torch.cat(everyone), "person (point value) -> person point value", point=RCNN_BODY)
        points = body.new_zeros(len(body), NUM_POINTS, 3)
        points[:, :RCNN_BODY] = body
        points[:, :RCNN_BODY, 2] = rcnn_confidence(body[..., 2])
        counts = torch.tensor([len(frame) for frame in everyone])
        return Found(points, counts, torch.zeros(len(counts), dtype=torch.bool)).tensors


class RcnnPeople(nn.Module):
    """Keypoint R-CNN that takes and gives one tensor."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """People of each frame, surest first; frames with fewer end in zeros.

        Args:
            pixels: [t, 3, H, W], RGB in [0, 1].

        Returns:
            [t, n, 1 + 17 * 3]: score of the person, then x, y in pixels and score of each point.
        """
        found = self.network(list(pixels))
        people = [
            torch.cat([each["scores"][:, None], torch.cat([*_places(each)], -1).flatten(1)], -1) for each in found
        ]
        return nn.utils.rnn.pad_sequence(people, batch_first=True)


def rcnn_network() -> nn.Module:
    """The empty network of ``keypointrcnn_resnet50_fpn_coco-fc266e95.pth``.

    torchvision builds it with frozen normalisation, without its small constant, only together with a download; the
    parts are public.
    """
    purpose = "Keypoint R-CNN"
    backbones = need("torchvision.models.detection.backbone_utils", "torchvision", purpose)
    detection = need("torchvision.models.detection", "torchvision", purpose)
    backbone = backbones.resnet_fpn_backbone(backbone_name="resnet50", weights=None)
    for module in backbone.modules():
        if hasattr(module, "eps"):
            module.eps = 0.0
    return detection.KeypointRCNN(backbone, num_classes=2, num_keypoints=RCNN_BODY)


def rcnn_confidence(scores: Tensor) -> Tensor:
    """Confidence in [0, 1] of Keypoint R-CNN's scores, `SURE` where they are `RCNN_SURE`."""
    return (scores - RCNN_SURE + math.log(SURE / (1 - SURE))).sigmoid()


def _places(found: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Places [n, 17, 2] and scores [n, 17, 1] of the points of a frame."""
    return found["keypoints"][..., :2], found["keypoints_scores"][..., None]


def _drawn(points: np.ndarray) -> np.ndarray:
    """[n], whether any point of a person is drawn."""
    return (points[..., 2] > SURE).any(1)


def _first(frames: np.ndarray) -> str:
    """Frames that are true, the first few by number."""
    numbers = np.flatnonzero(frames)
    more = f" and {len(numbers) - 5} more" if len(numbers) > 5 else ""
    return ", ".join(map(str, numbers[:5])) + more
