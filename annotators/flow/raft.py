"""Motion by RAFT, the network that VACE's flow annotator runs, as torchvision has it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ...vace_core.errors import VaceInputError
from ...vace_core.optional import need
from ..protocol import CHUNK

OFFICIAL_ITERATIONS = 20
MULTIPLE, LEAST = 8, 128  # of padded sides: what the network halves three times, and compares at four sizes after that
AT_ONCE = 2**31  # bytes that pairs of frames may take together

# Names of princeton-vl/RAFT, whose weights VACE publishes, and torchvision's for the same tensors.
ORIGINAL_NAMES = (
    (r"^module\.", ""),
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"(_encoder\.layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(_encoder\.layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
    (r"(_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"(_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"(_encoder)\.conv2\.", r"\1.conv."),
    (r"^update_block\.encoder\.conv\.", "update_block.motion_encoder.conv.0."),
    (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"^update_block\.gru\.conv([zrq])(\d)\.", r"update_block.recurrent_block.convgru\2.conv\1."),
    (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
)
SECOND_NAME = re.compile(r"\.norm3\.")  # of downsample.1, which is the same layer


@dataclass(frozen=True, eq=False)
class Raft:
    """RAFT; a `FlowFinder`.

    Source: Teed and Deng, RAFT: Recurrent All-Pairs Field Transforms for Optical Flow, 2020; padded as by its
    ``InputPadder``, which VACE uses. VACE leaves the padding on; here it is cut off.

    Attributes:
        load: Gives the network: two [t, 3, h, w] in [-1, 1] and a number of iterations to motion [t, 2, h, w] in
            pixels; h and w are multiples of 8 and 128 at least.
        source: What tells its weights from others.
        iterations: How often motion is refined.
    """

    load: Callable[[], Callable[[Tensor, Tensor, int], Tensor]]
    source: tuple[object, ...]
    iterations: int = OFFICIAL_ITERATIONS

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, weights and setting."""
        return "raft", self.source, self.iterations

    def pairs(self, height: int, width: int) -> int:
        """See `FlowFinder`; as many as fit into `AT_ONCE`."""
        return max(1, min(AT_ONCE // raft_bytes(height, width), CHUNK))

    def ready(self) -> Callable[[Tensor], Tensor]:
        """See `FlowFinder`."""
        network = self.load()

        def find(frames: Tensor) -> Tensor:
            height, width = frames.shape[1:3]
            left, right, top, bottom = edges(height, width)
            pixels = F.pad(
                rearrange(frames, "t h w c -> t c h w") * 2 - 1, (left, right, top, bottom), mode="replicate"
            )
            flow = network(pixels[:-1], pixels[1:], self.iterations)[..., top : top + height, left : left + width]
            if not flow.isfinite().all():
                raise VaceInputError(
                    f"RAFT found motion that is no number; the weights of {self.source[0]} are damaged. Download them "
                    f"again."
                )
            return rearrange(flow, "t xy h w -> t h w xy")

        return find


def raft_network() -> nn.Module:
    """The large RAFT of torchvision, without weights."""
    return need("torchvision.models.optical_flow", "torchvision", "RAFT").raft_large(weights=None)


def is_raft(network: object) -> bool:
    """Whether it is torchvision's RAFT."""
    return isinstance(network, need("torchvision.models.optical_flow", "torchvision", "RAFT").RAFT)


def torchvision_names(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """RAFT's weights under torchvision's names; those that have them already keep them.

    Args:
        tensors: By the names of torchvision or of princeton-vl/RAFT (``raft-things.pth``).
    """
    return {_torchvision_name(key): value for key, value in tensors.items() if not SECOND_NAME.search(key)}


def edges(height: int, width: int) -> tuple[int, int, int, int]:
    """Pixels to add left, right, top and bottom so that RAFT takes the frame; of an odd number, one more at the end."""
    across, down = (max(side + -side % MULTIPLE, LEAST) - side for side in (width, height))
    return across // 2, across - across // 2, down // 2, down - down // 2


def raft_bytes(height: int, width: int) -> int:
    """Memory that a pair of frames takes at most: two tables of every place with every other, and the layers."""
    left, right, top, bottom = edges(height, width)
    pixels = (height + top + bottom) * (width + left + right)
    return 2 * 4 * (pixels // MULTIPLE**2) ** 2 + 800 * pixels


def _torchvision_name(key: str) -> str:
    for pattern, name in ORIGINAL_NAMES:
        key = re.sub(pattern, name, key)
    return key
