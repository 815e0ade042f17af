"""The network U2Net, which finds what stands out in a picture."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Step(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, into: int, out: int, dilation: int = 1) -> None:
        super().__init__()
        self.conv_s1 = nn.Conv2d(into, out, 3, padding=dilation, dilation=dilation)
        self.bn_s1 = nn.BatchNorm2d(out)

    def forward(self, x: Tensor) -> Tensor:
        """[t, into, h, w] to [t, out, h, w]."""
        return F.relu(self.bn_s1(self.conv_s1(x)))


class UBlock(nn.Module):
    """A small U-Net with a shortcut around it: RSU of ``depth`` levels.

    Args:
        depth: Levels.
        into: Channels in.
        middle: Channels within.
        out: Channels out.
        flat: Whether the levels see further by dilation instead of halving the size (RSU4F).
    """

    def __init__(self, depth: int, into: int, middle: int, out: int, flat: bool = False) -> None:
        super().__init__()
        self.depth, self.flat = depth, flat
        self.rebnconvin = Step(into, out)
        for level in range(1, depth + 1):
            dilation = 2 ** (level - 1) if flat else 1 + (level == depth)
            self.add_module(f"rebnconv{level}", Step(out if level == 1 else middle, middle, dilation))
        for level in range(depth - 1, 0, -1):
            dilation = 2 ** (level - 1) if flat else 1
            self.add_module(f"rebnconv{level}d", Step(2 * middle, out if level == 1 else middle, dilation))

    def forward(self, x: Tensor) -> Tensor:
        """[t, into, h, w] to [t, out, h, w]."""
        x = shortcut = self.rebnconvin(x)
        levels = []
        for level in range(1, self.depth + 1):
            x = _halved(x) if not self.flat and 1 < level < self.depth else x
            x = self.get_submodule(f"rebnconv{level}")(x)
            levels.append(x)
        for level in range(self.depth - 1, 0, -1):
            beside = levels[level - 1]
            x = self.get_submodule(f"rebnconv{level}d")(torch.cat([_like(x, beside), beside], 1))
        return x + shortcut


class U2Net(nn.Module):
    """What stands out in a picture.

    Names and shapes are those of the published file (``u2net.pt``, ``u2net.pth``; 44,009,869 parameters).
    Source: ``U2NET(3, 1)`` of Qin et al., U2-Net: Going deeper with nested U-structure for salient object detection,
    2020, which VACE's salient annotator runs. Only its joint answer is given; the six of its levels are for training.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage1, self.stage2, self.stage3 = UBlock(7, 3, 32, 64), UBlock(6, 64, 32, 128), UBlock(5, 128, 64, 256)
        self.stage4, self.stage5 = UBlock(4, 256, 128, 512), UBlock(4, 512, 256, 512, flat=True)
        self.stage6, self.stage5d = UBlock(4, 512, 256, 512, flat=True), UBlock(4, 1024, 256, 512, flat=True)
        self.stage4d, self.stage3d = UBlock(4, 1024, 128, 256), UBlock(5, 512, 64, 128)
        self.stage2d, self.stage1d = UBlock(6, 256, 32, 64), UBlock(7, 128, 16, 64)
        for level, width in enumerate((64, 64, 128, 256, 512, 512), start=1):
            self.add_module(f"side{level}", nn.Conv2d(width, 1, 3, padding=1))
        self.outconv = nn.Conv2d(6, 1, 1)

    def forward(self, pixels: Tensor) -> Tensor:
        """How much each pixel stands out.

        Args:
            pixels: [t, 3, H, W], RGB normalised by ImageNet's mean and deviation; trained at 320 x 320.

        Returns:
            [t, 1, H, W] in [0, 1].
        """
        x, levels = pixels, []
        for level in range(1, 7):
            x = self.get_submodule(f"stage{level}")(x if level == 1 else _halved(x))
            levels.append(x)
        answers = [self.side6(x)]
        for level in range(5, 0, -1):
            beside = levels[level - 1]
            x = self.get_submodule(f"stage{level}d")(torch.cat([_like(x, beside), beside], 1))
            answers.insert(0, self.get_submodule(f"side{level}")(x))
        return torch.sigmoid(self.outconv(torch.cat([_like(answer, answers[0]) for answer in answers], 1)))


def _halved(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)


def _like(x: Tensor, other: Tensor) -> Tensor:
    return F.interpolate(x, other.shape[2:], mode="bilinear", align_corners=False)
