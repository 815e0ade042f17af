"""Line drawings as control video: dark lines on white paper, as VACE was trained with."""

from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from ...vace_core.optional import need, opencv
from ..protocol import CHUNK, LEVELS, Tick, by_chunks, on_threads
from .gray import brightness

DARK_ON_WHITE, WHITE_ON_BLACK = "dark on white", "white on black"
POLARITIES = (DARK_ON_WHITE, WHITE_ON_BLACK)

# Lines are where a Gaussian mean is darker than a wider one, in units of the contrast around.
FINE, WIDER = 1.2, 1.5  # sigmas in pixels at thickness 1; the wider mean is the fine one blurred again: 1.92 in all
AROUND = 12  # sigma in pixels of the neighbourhood whose contrast counts
REDUCED = 4  # the neighbourhood is measured at this part of the size: it is smooth
FLOOR = 0.08  # contrast below this is noise and not raised to full lines
FAINTEST = 0.08  # of local contrast: the faintest edge drawn at detail 0; at detail 1 every edge is
STEEPNESS = 14  # from paper to ink at strength 1

NETWORK_PIXELS = 4 * 480 * 832  # at once, for a network: on a CPU more costs memory and saves nothing


@dataclass(frozen=True)
class LocalContrastLines:
    """Lines from local contrast, without weights; an `Annotator`.

    A difference of Gaussians divided by the standard deviation around it, through a soft threshold. Dark and bright
    scenes get equally many lines, and as nothing is measured over the frame, lines do not pump.
    Source: Winnemoeller et al., XDoG, 2012; the local normalisation is ours.

    Attributes:
        thickness: Of lines; 1 is about what the official scribbles have.
        detail: In [0, 1], how faint an edge may be.
        strength: How quickly a line turns black.
        polarity: One of `POLARITIES`; the official is dark on white.
    """

    thickness: float = 1.0
    detail: float = 0.5
    strength: float = 1.0
    polarity: str = DARK_ON_WHITE

    @property
    def identity(self) -> tuple[object, ...]:
        """Name and settings."""
        return "local contrast lines", *astuple(self)

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """[T, H, W, 3] on 8-bit levels of frames [T, H, W, 3]; frames on the CPU are worked on by OpenCV."""
        return by_chunks(frames, self.by_opencv if frames.device.type == "cpu" else self.by_torch, tick)

    def by_opencv(self, frames: Tensor) -> Tensor:
        """Lines, a thread for each frame.

        Args:
            frames: [t, H, W, 3] on the CPU, RGB in [0, 1].

        Returns:
            [t, H, W, 1], uint8.
        """
        cv2 = opencv("VACE Annotate Lineart")
        return torch.from_numpy(np.stack(on_threads(lambda frame: self._opencv_frame(cv2, frame), list(frames))))

    def by_torch(self, frames: Tensor) -> Tensor:
        """What `by_opencv` gives, within one level, on any device.

        Args:
            frames: [t, H, W, 3], RGB in [0, 1].

        Returns:
            [t, H, W, 1] in [0, 1].
        """
        light = rearrange(brightness(frames), "t h w c -> t c h w")  # of one channel
        H, W = light.shape[2:]
        padded = F.pad(light, (0, -W % REDUCED, 0, -H % REDUCED), mode="replicate")
        mean, square = (F.avg_pool2d(x, REDUCED) for x in (padded, padded.square()))
        mean, square = (_blurred(x, AROUND / REDUCED) for x in (mean, square))
        gain = STEEPNESS * self.strength / ((square - mean.square()).clamp(min=0).sqrt() + FLOOR)
        gain = F.interpolate(gain, padded.shape[2:], mode="bilinear")[..., :H, :W]
        fine = _blurred(light, FINE * self.thickness)
        ink = torch.tanh(((_blurred(fine, WIDER * self.thickness) - fine) * gain - self._threshold).clamp(min=0))
        return rearrange(polarised(1 - ink, self.polarity), "t c h w -> t h w c")

    @property
    def _threshold(self) -> float:
        return STEEPNESS * self.strength * FAINTEST * (1 - self.detail)

    def _opencv_frame(self, cv2: object, frame: Tensor) -> np.ndarray:
        light = cv2.cvtColor(np.ascontiguousarray(frame.numpy()), cv2.COLOR_RGB2GRAY)
        H, W = light.shape
        gain = self._opencv_gain(cv2, light)[:H, :W]
        # Written over one another: new memory costs as much as what is calculated in it.
        fine = _opencv_blurred(cv2, light, FINE * self.thickness)
        ink = _opencv_blurred(cv2, fine, WIDER * self.thickness, light)
        cv2.multiply(cv2.subtract(ink, fine, dst=ink), gain, dst=ink)
        ink -= self._threshold
        cv2.threshold(ink, 0, 0, cv2.THRESH_TOZERO, dst=ink)
        np.tanh(ink, out=ink)
        drawn = cv2.convertScaleAbs(ink, alpha=LEVELS)
        return (drawn if self.polarity == WHITE_ON_BLACK else cv2.bitwise_not(drawn, dst=drawn))[..., None]

    def _opencv_gain(self, cv2: object, light: np.ndarray) -> np.ndarray:
        """What differences are multiplied by, of light [H, W]; sides in multiples of `REDUCED`."""
        H, W = light.shape
        if H % REDUCED or W % REDUCED:
            light = cv2.copyMakeBorder(light, 0, -H % REDUCED, 0, -W % REDUCED, cv2.BORDER_REPLICATE)
        small = light.shape[1] // REDUCED, light.shape[0] // REDUCED
        mean, square = (cv2.resize(x, small, interpolation=cv2.INTER_AREA) for x in (light, cv2.multiply(light, light)))
        mean, square = (_opencv_blurred(cv2, x, AROUND / REDUCED) for x in (mean, square))
        gain = STEEPNESS * self.strength / (np.sqrt(np.maximum(square - mean * mean, 0)) + FLOOR)
        return cv2.resize(gain, light.shape[::-1], interpolation=cv2.INTER_LINEAR)


@dataclass(frozen=True, eq=False)
class NeuralLines:
    """Lines drawn by a network; an `Annotator`.

    Source: ``ScribbleAnnotator`` in ali-vilab/VACE's ``vace/annotators/scribble.py`` for its network. There frames
    whose sides are no multiples of 4 change their size; here they keep it. Its 8-bit levels are cut, not rounded.

    Attributes:
        load: Gives the network: [t, 3, H, W], RGB in [0, 1], to [t, 1, H, W], in which 0 is a line and 1 paper.
        source: What tells its weights from others.
        strength: Factor of the darkness of lines; 1 leaves them as they are.
        polarity: One of `POLARITIES`.
        cuts_levels: Whether a drawing between two levels gets the darker one, as the official annotator has it; else
            the nearer.
    """

    load: Callable[[], Callable[[Tensor], Tensor]]
    source: tuple[object, ...]
    strength: float = 1.0
    polarity: str = DARK_ON_WHITE
    cuts_levels: bool = True

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights and settings."""
        return "neural lines", self.source, self.strength, self.polarity, self.cuts_levels

    def __call__(self, frames: Tensor, tick: Tick) -> Tensor:
        """[T, H, W, 3] on 8-bit levels of frames [T, H, W, 3]."""
        network = self.load()

        def draw(part: Tensor) -> Tensor:
            paper = self._levelled(network(rearrange(part, "t h w c -> t c h w")))
            return rearrange(polarised(paper, self.polarity), "t c h w -> t h w c")

        height, width = frames.shape[1:3]
        return by_chunks(frames, draw, tick, min(max(NETWORK_PIXELS // (height * width), 1), CHUNK))

    def _levelled(self, paper: Tensor) -> Tensor:
        """Paper with lines as dark as wanted, on levels if they are to be cut."""
        if self.strength != 1:  # there and back would cost the last bits, on which a cut depends
            paper = 1 - (1 - paper) * self.strength
        return (paper.float() * LEVELS).clamp(0, LEVELS).floor() / LEVELS if self.cuts_levels else paper


def polarised(paper: Tensor, polarity: str) -> Tensor:
    """A drawing in which 1 is paper, in one of `POLARITIES`."""
    return paper if polarity == DARK_ON_WHITE else 1 - paper


def _radius(sigma: float) -> int:
    return max(round(2.5 * sigma), 1)


def _opencv_blurred(cv2: object, pixels: np.ndarray, sigma: float, out: np.ndarray | None = None) -> np.ndarray:
    size = 2 * _radius(sigma) + 1
    return cv2.GaussianBlur(pixels, (size, size), sigma, dst=out, borderType=cv2.BORDER_REPLICATE)


def _blurred(pixels: Tensor, sigma: float) -> Tensor:
    size = 2 * _radius(sigma) + 1
    kornia = need("kornia.filters", "kornia", "VACE Annotate Lineart")
    return kornia.gaussian_blur2d(pixels, (size, size), (sigma, sigma), border_type="replicate")
