"""Networks that see depth, each with the sizes and values it takes, from users' files in their original layout."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from ...vace_core.optional import need

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PATCH, SHORT_SIDE = 14, 518  # of Depth Anything, in pixels
POSITION_OFFSET = 0.1  # patches that the original adds to the size it resamples positions to
MIDAS_MULTIPLE, MIDAS_LARGEST = 64, 1024


@dataclass(frozen=True)
class DepthNetwork:
    """How a network is made and used.

    Attributes:
        make: Makes it, with undefined weights, all of which a file must give.
        weights: A file's tensors under its names.
        wrap: Makes it a module that takes prepared pixels [t, 3, h, w] and gives [t, h, w], larger is nearer.
        size: Height and width it works in, of the frame's.
        prepare: Pixels [t, 3, H, W] in [0, 1] at a size, as it takes them.
        memory: Bytes it works with, for each number it takes.
        align_corners: How its answer is brought to the frame's size.
    """

    make: Callable[[], nn.Module]
    weights: Callable[[dict[str, Tensor]], dict[str, Tensor]]
    wrap: Callable[[nn.Module], nn.Module]
    size: Callable[[int, int], tuple[int, int]]
    prepare: Callable[[Tensor, tuple[int, int]], Tensor]
    memory: int
    align_corners: bool

    def maps(self, network: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
        """Depth [t, H, W], larger is nearer, of pixels [t, 3, H, W], RGB in [0, 1], by the wrapped network."""
        H, W = pixels.shape[2:]
        seen = network(self.prepare(pixels, self.size(H, W)))[:, None]
        return F.interpolate(seen, (H, W), mode="bilinear", align_corners=self.align_corners)[:, 0]


@dataclass(frozen=True)
class DepthAnythingSize:
    """What differs between the sizes of Depth Anything V2.

    Attributes:
        channels: Of the transformer.
        heads: Of its attention.
        layers: Of the transformer.
        seen: The layers whose answers are used, from 1.
        neck: Channels of those answers.
        fusion: Channels they are brought to.
    """

    channels: int
    heads: int
    layers: int
    seen: tuple[int, ...]
    neck: tuple[int, ...]
    fusion: int


SMALL = DepthAnythingSize(384, 6, 12, (3, 6, 9, 12), (48, 96, 192, 384), 64)
BASE = DepthAnythingSize(768, 12, 12, (3, 6, 9, 12), (96, 192, 384, 768), 128)
LARGE = DepthAnythingSize(1024, 16, 24, (5, 12, 18, 24), (256, 512, 1024, 1024), 256)


def depth_anything(size: DepthAnythingSize, memory: int) -> DepthNetwork:
    """Depth Anything V2, by transformers.

    Source: ``infer_image`` in DepthAnything/Depth-Anything-V2's ``dpt.py``. VACE's annotator gives it frames with red
    and blue exchanged; here they are in order, as it was trained.
    """
    return DepthNetwork(
        make=lambda: depth_anything_network(size, "meta").to_empty(device="cpu"),
        weights=lambda tensors: depth_anything_weights(tensors, depth_anything_network(size, "meta").state_dict()),
        wrap=lambda network: Predicted(with_original_positions(network)),
        size=depth_anything_size,
        prepare=depth_anything_pixels,
        memory=memory,
        align_corners=True,
    )


def midas(memory: int) -> DepthNetwork:
    """MiDaS with DPT-Hybrid, by controlnet-aux, which has the original's names.

    Source: ``DepthAnnotator`` in ali-vilab/VACE's ``vace/annotators/depth.py``.
    """
    return DepthNetwork(
        make=lambda: midas_network("meta").to_empty(device="cpu"),
        weights=dict,
        wrap=Midas,
        size=midas_size,
        prepare=midas_pixels,
        memory=memory,
        align_corners=False,
    )


class Predicted(nn.Module):
    """A network of transformers, giving its depth only."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """[t, h, w] of prepared pixels [t, 3, h, w]."""
        return self.network(pixel_values=pixels).predicted_depth


class OriginalPositions(nn.Module):
    """DINOv2's embeddings with positions resampled as in the original; transformers leaves out its offset.

    Source: ``interpolate_pos_encoding`` in DepthAnything/Depth-Anything-V2's ``dinov2.py``.
    """

    def __init__(self, embeddings: nn.Module) -> None:
        super().__init__()
        self.embeddings = embeddings

    def forward(self, pixel_values: Tensor) -> Tensor:
        """[t, 1 + patches, channels] of prepared pixels [t, 3, h, w]."""
        patches = self.embeddings.patch_embeddings(pixel_values)
        first = self.embeddings.cls_token.expand(len(patches), -1, -1)
        rows, columns = (side // PATCH for side in pixel_values.shape[2:])
        return torch.cat((first, patches), dim=1) + self.positions(rows, columns)

    def positions(self, rows: int, columns: int) -> Tensor:
        """[1, 1 + rows * columns, channels]."""
        known = self.embeddings.position_embeddings
        side = SHORT_SIDE // PATCH
        if rows == columns == side:
            return known
        grid = rearrange(known[:, 1:], "1 (rows columns) channels -> 1 channels rows columns", rows=side)
        scale = [(count + POSITION_OFFSET) / side for count in (rows, columns)]
        grid = F.interpolate(grid, scale_factor=scale, mode="bicubic")
        grid = rearrange(grid, "1 channels rows columns -> 1 (rows columns) channels")
        return torch.cat((known[:, :1], grid), dim=1)


class Midas(nn.Module):
    """controlnet-aux's DPT, which keeps what its layers saw in a dictionary of the module: emptied after each call."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """[t, h, w] of prepared pixels [t, 3, h, w]."""
        try:
            return self.network(pixels)
        finally:
            self.network.pretrained.activations.clear()


def depth_anything_network(size: DepthAnythingSize, device: str) -> nn.Module:
    """The network of transformers, with random weights, or without any on the device "meta"."""
    library = need("transformers", "transformers", "Depth Anything V2")
    backbone = library.Dinov2Config(
        hidden_size=size.channels,
        num_attention_heads=size.heads,
        num_hidden_layers=size.layers,
        image_size=SHORT_SIDE,
        patch_size=PATCH,
        out_indices=list(size.seen),
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = library.DepthAnythingConfig(
        backbone_config=backbone,
        patch_size=PATCH,
        reassemble_hidden_size=size.channels,
        neck_hidden_sizes=list(size.neck),
        fusion_hidden_size=size.fusion,
    )
    with torch.device(device):
        return library.DepthAnythingForDepthEstimation(config)


def with_original_positions(network: nn.Module) -> nn.Module:
    """The same network, changed."""
    network.backbone.embeddings = OriginalPositions(network.backbone.embeddings)
    return network


# From the original's names to transformers', in this order.
RULES: tuple[tuple[str, str | Callable[[re.Match], str]], ...] = (
    (r"^pretrained\.blocks\.", "backbone.encoder.layer."),
    (r"^pretrained\.norm\.", "backbone.layernorm."),
    (r"^pretrained\.patch_embed\.proj\.", "backbone.embeddings.patch_embeddings.projection."),
    (r"^pretrained\.pos_embed$", "backbone.embeddings.position_embeddings"),
    (r"^pretrained\.(cls|mask)_token$", r"backbone.embeddings.\1_token"),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.ls(\d)\.gamma$", r".layer_scale\1.lambda1"),
    (r"^depth_head\.projects\.(\d)\.", r"neck.reassemble_stage.layers.\1.projection."),
    (r"^depth_head\.resize_layers\.(\d)\.", r"neck.reassemble_stage.layers.\1.resize."),
    (r"^depth_head\.scratch\.layer(\d)_rn\.", lambda m: f"neck.convs.{int(m[1]) - 1}."),
    (r"^depth_head\.scratch\.refinenet(\d)\.", lambda m: f"neck.fusion_stage.layers.{4 - int(m[1])}."),
    (r"\.out_conv\.", ".projection."),
    (r"\.resConfUnit(\d)\.conv(\d)\.", r".residual_layer\1.convolution\2."),
    (r"^depth_head\.scratch\.output_conv1\.", "head.conv1."),
    (r"^depth_head\.scratch\.output_conv2\.0\.", "head.conv2."),
    (r"^depth_head\.scratch\.output_conv2\.2\.", "head.conv3."),
)
QKV = ".attn.qkv."
PARTS = ".attention.attention.query.", ".attention.attention.key.", ".attention.attention.value."
# Names that transformers 5 gave.
NEWER = {
    ".attention.output.dense.": ".attention.o_proj.",
    ".attention.attention.query.": ".attention.q_proj.",
    ".attention.attention.key.": ".attention.k_proj.",
    ".attention.attention.value.": ".attention.v_proj.",
}


def depth_anything_weights(tensors: dict[str, Tensor], wanted: Collection[str]) -> dict[str, Tensor]:
    """The original's tensors under transformers' names, whichever of its releases is there.

    Args:
        tensors: By the original's names; others are kept as they are.
        wanted: Names that the network has.
    """
    parts = {}
    for key, value in tensors.items():
        if QKV in key and len(value) % 3 == 0:
            parts |= {key.replace(QKV, name): part for name, part in zip(PARTS, value.chunk(3), strict=True)}
        else:
            parts[key] = value
    return {_renamed(key, wanted): value for key, value in parts.items()}


def _renamed(key: str, wanted: Collection[str]) -> str:
    for pattern, name in RULES:
        key = re.sub(pattern, name, key)
    newer = key
    for old, new in NEWER.items():
        newer = newer.replace(old, new)
    return newer if newer in wanted else key


def depth_anything_size(height: int, width: int) -> tuple[int, int]:
    """The short side about 518, both multiples of 14."""
    scale = SHORT_SIDE / min(height, width)
    return tuple(max(round(side * scale / PATCH) * PATCH, SHORT_SIDE) for side in (height, width))


def depth_anything_pixels(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resized by OpenCV's cubic filter, overshoot kept, and with the mean and deviation of ImageNet."""
    resized = F.interpolate(pixels, size, mode="bicubic")
    mean, deviation = (resized.new_tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    return (resized - mean) / deviation


def midas_network(device: str) -> nn.Module:
    """The network of controlnet-aux, with random weights, or without any on the device "meta"."""
    library = need("controlnet_aux.midas.midas.dpt_depth", "controlnet-aux", "MiDaS")  # takes two seconds: only now
    with torch.device(device):
        return library.DPTDepthModel(path=None, backbone="vitb_rn50_384", non_negative=True)


def midas_size(height: int, width: int) -> tuple[int, int]:
    """The short side at most 1024, both rounded to multiples of 64."""
    scale = min(MIDAS_LARGEST / min(height, width), 1)
    return tuple(max(round(side * scale / MIDAS_MULTIPLE), 1) * MIDAS_MULTIPLE for side in (height, width))


def midas_pixels(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Resized and in [-1, 1]."""
    return F.interpolate(pixels, size, mode="bilinear", antialias=True) * 2 - 1
