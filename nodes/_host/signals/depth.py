"""Where depth comes from: geometry or pictures that are connected, or a network with a user's file."""

from collections.abc import Callable, Mapping

import torch.nn.functional as F
from torch import Tensor

from ....annotators.depth import (
    BASE,
    LARGE,
    SMALL,
    DepthMaps,
    DepthNetwork,
    depth_anything,
    midas,
    picture_maps,
    unpacked,
)
from ....vace_core.errors import VaceInputError
from ....vace_core.notes import tell
from ....vace_core.video import Clip, legal_frames
from ..types import Video
from ..video import read_clip
from .annotate import annotate
from .files import Weights, available_weights, find_weights, read_weights, weights_state
from .geometry import inverse_depth
from .networks import load_weights, manage_network

NO_COMMERCE = "CC-BY-NC-4.0, no commercial use"


def _depth_anything_file(letter: str, size: str, licence: str = "") -> Weights:
    name = f"depth_anything_v2_vit{letter}"
    names = f"{name}.pth", f"{name}_fp32.safetensors", f"{name}.safetensors", f"{name}_fp16.safetensors"
    return Weights(names, f"https://huggingface.co/depth-anything/Depth-Anything-V2-{size}", licence)


# With the bytes each works with for a number it takes, measured, and some more.
DEPTH_NETWORKS: dict[str, tuple[Weights, DepthNetwork]] = {
    "depth anything v2 small": (_depth_anything_file("s", "Small"), depth_anything(SMALL, 350)),
    "depth anything v2 base": (_depth_anything_file("b", "Base", NO_COMMERCE), depth_anything(BASE, 500)),
    "depth anything v2 large": (_depth_anything_file("l", "Large", NO_COMMERCE), depth_anything(LARGE, 1000)),
    "midas": (
        Weights(("dpt_hybrid-midas-501f0c75.pt",), "https://huggingface.co/ali-vilab/VACE-Annotators (depth)"),
        midas(850),
    ),
}


def connected_depth(
    depth: Mapping[str, Tensor] | Video | Tensor | None, frames: Video | Tensor | None
) -> tuple[Clip, Tensor]:
    """Depth that another node made.

    Args:
        depth: A DA3_GEOMETRY, MOGE_GEOMETRY, depth pictures [T, H, W, 3] or a VIDEO of them; None if not connected.
        frames: The video it belongs to; None if not connected.

    Returns:
        ``(clip, maps)``: frame rate and sound, and [T, H, W], larger is nearer, NaN is unknown.

    Raises:
        VaceInputError: If it is not connected, holds no depth, or belongs to another video.
    """
    if depth is None:
        raise VaceInputError(_nothing_connected())
    if isinstance(depth, Mapping):
        maps, source = inverse_depth("depth", depth), None
    else:
        source = read_clip(depth)
        maps = picture_maps("depth", legal_frames("depth", source.frames))
    if frames is None:
        return source or Clip(maps), maps
    clip = read_clip(frames)
    return clip, _of_the_same_size(maps, legal_frames("frames", clip.frames))


def estimated_depth(method: str, frames: Video | Tensor | None) -> tuple[Clip, Tensor]:
    """Depth that a network sees, with the file of this machine.

    Args:
        method: One of `DEPTH_NETWORKS`.
        frames: The video; None if not connected.

    Returns:
        See `connected_depth`.

    Raises:
        VaceInputError: If there is no video, or the file is not on this machine or no such network's.
    """
    weights, network = DEPTH_NETWORKS[method]
    path = find_weights(weights, f"The depth method {method}")
    if frames is None:
        raise VaceInputError(f"frames is not connected, but {method} has to see a video. Connect one.")
    clip = read_clip(frames)
    legal = legal_frames("frames", clip.frames)
    licence = f", whose licence is: {weights.licence}" if weights.licence else ""
    tell("file-used", f"Depth is seen by {path.name}{licence}.")

    def load() -> Callable[[Tensor], Tensor]:
        empty = load_weights(network.make, network.weights(read_weights(path)), path.name)
        managed = manage_network(network.wrap(empty), network.memory)
        return lambda pixels: network.maps(managed, pixels.to(managed.patcher.load_device))

    return clip, unpacked(annotate(DepthMaps(load, (path.name, method, *weights_state(path)), network.size), legal))


def _of_the_same_size(maps: Tensor, frames: Tensor) -> Tensor:
    if len(maps) != len(frames):
        raise VaceInputError(
            f"depth has {len(maps)} frames and frames has {len(frames)}, they must be of the same video. Connect the "
            f"video that the depth was made from, or disconnect frames."
        )
    if maps.shape == frames.shape[:3]:
        return maps
    tell(
        "resized", f"depth is resized from {maps.shape[2]} x {maps.shape[1]} to {frames.shape[2]} x {frames.shape[1]}."
    )
    return F.interpolate(maps[:, None], frames.shape[1:3], mode="bilinear", antialias=True)[:, 0]


def _nothing_connected() -> str:
    ready = [name for name, (weights, _) in DEPTH_NETWORKS.items() if available_weights([weights])]
    if ready:
        return f"depth is not connected. Connect it, or choose {' or '.join(ready)} as method: its file is here."
    small = DEPTH_NETWORKS["depth anything v2 small"][0]
    return (
        "depth is not connected, and no depth can be seen without a model. Either connect Run Depth Anything 3 "
        "(its file depth_anything_3_mono_large.safetensors from https://huggingface.co/Comfy-Org/Depth-Anything-3 "
        "goes into models/geometry_estimation), or choose depth anything v2 small as method "
        f"({small.names[0]} from {small.published} goes into models/vace_annotators)."
    )
