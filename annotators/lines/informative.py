"""The network of informative-drawings, which VACE's scribble annotator runs."""

from torch import Tensor, nn

WIDTH = 64  # channels at full size
BLOCKS = 3  # what every published file has


class ResidualBlock(nn.Module):
    """A residual block at a quarter of the size."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.conv_block = nn.Sequential(*half, nn.ReLU(inplace=True), *again)

    def forward(self, x: Tensor) -> Tensor:
        """[t, C, h, w] to the same shape."""
        return x + self.conv_block(x)


class Generator(nn.Module):
    """A line drawing of a picture: dark lines on white.

    Names and shapes are those of the published files (``netG_A_latest.pth``, ``sk_model.pth``, ``sk_model2.pth``).
    Source: ``ContourInference(3, 1, 3)`` in ali-vilab/VACE's ``vace/annotators/scribble.py``; Chan, Durand and Isola,
    Learning to generate line drawings that convey geometry and semantics, 2022. controlnet-aux has the same network as
    ``lineart.Generator``; this one keeps VACE's own line drawing free of that optional package.
    """

    def __init__(self) -> None:
        super().__init__()
        self.model0 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(3, WIDTH, 7), *_after(WIDTH))
        self.model1 = nn.Sequential(*_down(WIDTH), *_down(2 * WIDTH))
        self.model2 = nn.Sequential(*(ResidualBlock(4 * WIDTH) for _ in range(BLOCKS)))
        self.model3 = nn.Sequential(*_up(4 * WIDTH), *_up(2 * WIDTH))
        self.model4 = nn.Sequential(nn.ReflectionPad2d(3), nn.Conv2d(WIDTH, 1, 7), nn.Sigmoid())

    def forward(self, pixels: Tensor) -> Tensor:
        """Lines.

        Args:
            pixels: [t, 3, H, W], RGB in [0, 1]; H and W are multiples of 4 (else the result is larger).

        Returns:
            [t, 1, H, W] in [0, 1]; 0 is a line, 1 paper.
        """
        return self.model4(self.model3(self.model2(self.model1(self.model0(pixels)))))


def _after(width: int) -> list[nn.Module]:
    return [nn.InstanceNorm2d(width), nn.ReLU(inplace=True)]


def _down(width: int) -> list[nn.Module]:
    return [nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), *_after(2 * width)]


def _up(width: int) -> list[nn.Module]:
    half = width // 2
    return [nn.ConvTranspose2d(width, half, 3, stride=2, padding=1, output_padding=1), *_after(half)]
