"""The host's Wan VAE over a whole clip at once, as its training wants it.

The host goes through a clip two frames at a time and remembers what came before, which keeps memory flat. Here all
frames go through each layer together: the same numbers but for rounding, from fewer and larger steps.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def encode_whole(vae: nn.Module, pixels: Tensor) -> Tensor:
    """Latents [B, 16, t, h, w] of pixels [B, 3, T, H, W] in [-1, 1], T = 4n + 1."""
    encoder = vae.encoder
    x = _through([encoder.conv1, *encoder.downsamples, *encoder.middle, *encoder.head], pixels)
    return _conv(vae.conv1, x).chunk(2, dim=1)[0]


def decode_whole(vae: nn.Module, latents: Tensor) -> Tensor:
    """Pixels [B, 3, T, H, W] of latents [B, 16, t, h, w]."""
    decoder = vae.decoder
    x = _conv(vae.conv2, latents)
    return _through([decoder.conv1, *decoder.middle, *decoder.upsamples, *decoder.head], x)


def _through(layers: list[nn.Module], x: Tensor) -> Tensor:
    from comfy.ldm.wan.vae import CausalConv3d, Resample, ResidualBlock

    ways = {CausalConv3d: _conv, Resample: _resample, ResidualBlock: _residual}
    for layer in layers:
        way = ways.get(type(layer))
        x = way(layer, x) if way else layer(x)
    return x


def _conv(conv: nn.Module, x: Tensor) -> Tensor:
    """A convolution that sees nothing of later frames, and nothing before the first."""
    past = F.pad(x, (0, 0, 0, 0, conv._padding, 0)) if conv._padding else x
    return F.conv3d(past, conv.weight, conv.bias, conv.stride, conv.padding)


def _residual(block: nn.Module, x: Tensor) -> Tensor:
    shortcut = x if isinstance(block.shortcut, nn.Identity) else _conv(block.shortcut, x)
    return _through(list(block.residual), x) + shortcut


def _resample(layer: nn.Module, x: Tensor) -> Tensor:
    """Half or twice the size, and the length but for the first frame."""
    if layer.mode == "upsample3d" and x.shape[2] > 1:
        x = torch.cat([x[:, :, :1], _doubled(layer.time_conv, x[:, :, 1:])], dim=2)
    count = x.shape[2]
    x = layer.resample(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (-1, count)).transpose(1, 2)
    if layer.mode == "downsample3d" and x.shape[2] > 1:
        x = torch.cat([x[:, :, :1], _conv(layer.time_conv, x)], dim=2)
    return x


def _doubled(conv: nn.Module, x: Tensor) -> Tensor:
    return _conv(conv, x).unflatten(1, (2, -1)).permute(0, 2, 3, 1, 4, 5).flatten(2, 3)
