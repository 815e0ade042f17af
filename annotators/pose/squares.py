"""Turned squares of a frame: what a network for one person looks at, and the way back from there."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

ROOM = 1.25  # of a person's circle, so that hands and feet are in it
LEAST = 1.0  # pixel of a side


@dataclass(frozen=True)
class TurnedSquare:
    """A square of a frame.

    Attributes:
        x: Its centre, in pixels from the left edge of the frame.
        y: Likewise from the top.
        side: In pixels.
        angle: By which it is turned clockwise, in radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def whole(cls, height: int, width: int) -> "TurnedSquare":
        """The smallest that holds a whole frame."""
        return cls(width / 2, height / 2, max(height, width))

    @classmethod
    def around(cls, centre: Tensor, rim: Tensor) -> "TurnedSquare":
        """Around somebody, upright in it.

        Source: ``AlignmentPointsRectsCalculator`` and ``RectTransformationCalculator`` of mediapipe 0.10.14, as its
        ``PoseLandmarksToRoi`` sets them.

        Args:
            centre: [2], x and y in pixels: the middle of the hips.
            rim: [2], of a circle around all of the person, straight above the hips of somebody upright.
        """
        across, down = (rim - centre).tolist()
        side = max(2 * ROOM * math.hypot(across, down), LEAST)
        return cls(*centre.tolist(), side, math.atan2(across, -down))

    def cut(self, frame: Tensor, side: int, padding: str) -> Tensor:
        """What lies in it, as a picture [1, 3, side, side].

        Args:
            frame: [H, W, 3].
            side: Of the picture.
            padding: Of ``grid_sample``: what lies beyond the frame.
        """
        steps = (torch.arange(side, device=frame.device) + 0.5) / side
        y, x = torch.meshgrid(steps, steps, indexing="ij")
        places = self.in_frame(torch.stack([x, y], -1))
        sides = places.new_tensor([frame.shape[1], frame.shape[0]])
        grid = (2 * places / sides - 1)[None].to(frame)
        picture = frame.permute(2, 0, 1)[None]
        return F.grid_sample(picture, grid, mode="bilinear", padding_mode=padding, align_corners=False)

    def in_frame(self, places: Tensor) -> Tensor:
        """Places [..., 2] in pixels of the frame, of parts of the square's sides."""
        away = (places - 0.5) * self.side
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        turned = torch.stack([away[..., 0] * cos - away[..., 1] * sin, away[..., 0] * sin + away[..., 1] * cos], -1)
        return turned + turned.new_tensor([self.x, self.y])
