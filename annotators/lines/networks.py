"""Networks that draw lines, each as a module with one way in and one way out.

In: [t, 3, H, W], RGB in [0, 1], of any size. Out: [t, 1, H, W]; 0 is a line, 1 paper. Networks of controlnet-aux find
white edges on black and take values, channels and sizes of their own: that is set right here.
"""

import math
from collections.abc import Sequence
from functools import partial
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...vace_core.optional import need
from ..protocol import LEVELS


class Padded(nn.Module):
    """A network that needs sides of a multiple: frames are padded by their edges, results cut to the frame.

    Args:
        network: [t, 3, H, W] to [t, 1, H, W].
        multiple: Of both sides.
    """

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network, self.multiple = network, multiple

    def forward(self, pixels: Tensor) -> Tensor:
        """See the module's docstring."""
        H, W = pixels.shape[2:]
        padded = F.pad(pixels, (0, -W % self.multiple, 0, -H % self.multiple), mode="replicate")
        return self.network(padded)[..., :H, :W]


class AnimeLines(nn.Module):
    """``netG.pth``: values in [-1, 1], sides resized to multiples of 256 as in controlnet-aux; dark on white."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """See the module's docstring."""
        size = [256 * math.ceil(side / 256) for side in pixels.shape[2:]]
        drawn = self.network(_resized(pixels, size, "bicubic").clamp(0, 1) * 2 - 1)
        return _resized(drawn / 2 + 0.5, pixels.shape[2:], "bicubic").clamp(0, 1)


class SideEdges(nn.Module):
    """HED and TEED: values in [0, 255], and the answer is the mean of edges seen at several sizes."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """See the module's docstring."""
        edges = [_resized(edge, pixels.shape[2:], "bilinear") for edge in self.network(pixels * LEVELS)]
        return 1 - torch.stack(edges).mean(0).sigmoid()


class PidiEdges(nn.Module):
    """PiDiNet: channels in the order blue, green, red; the last answer joins the others."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """See the module's docstring."""
        return 1 - self.network(pixels.flip(1))[-1]


def anime() -> nn.Module:
    """The empty network of ``netG.pth``."""
    norm = partial(nn.InstanceNorm2d, affine=False, track_running_stats=False)
    return _aux("lineart_anime").UnetGenerator(3, 1, 8, 64, norm_layer=norm, use_dropout=False)


def hed() -> nn.Module:
    """The empty network of ``ControlNetHED.pth``."""
    return _aux("hed").ControlNetHED_Apache2()


def pidinet() -> nn.Module:
    """The empty network of ``table5_pidinet.pth``."""
    return _aux("pidi.model").pidinet()


def teed() -> nn.Module:
    """The empty network of ``7_model.pth`` and ``MTEED.pth``."""
    return _aux("teed.ted").TED()


def unwrapped(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under the network's own names, without the ``module.`` of training on several devices."""
    return {key.removeprefix("module."): value for key, value in tensors.items()}


def _aux(module: str) -> ModuleType:
    return need(f"controlnet_aux.{module}", "controlnet-aux", "This lineart method")


def _resized(pixels: Tensor, size: Sequence[int], mode: str) -> Tensor:
    return pixels if list(pixels.shape[2:]) == list(size) else F.interpolate(pixels, tuple(size), mode=mode)
