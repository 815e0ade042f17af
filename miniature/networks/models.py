"""The miniature's networks: ComfyUI's own Wan classes, narrow, and their files in the real layouts."""

import hashlib
import json
import math

import torch
from torch import Tensor, nn

from ...training.networks import CONTEXT_CHANNELS, device_of, latent_format, precision
from ..world import TEXT_DIM
from .sizes import SMALL, Sizes
from .vae_pass import encode_whole

VAE = {"z_dim": 16, "temperal_downsample": [False, True, True]}
CHANNELS = {"in_dim": 16, "out_dim": 16, "text_dim": TEXT_DIM}
# Frames that go through the VAE together: more would not stay in a processor's cache, fewer would not fill a GPU.
AT_ONCE, AT_ONCE_ELSEWHERE = 68, 1088
CONFIG = {"config": json.dumps({"transformer": {"text_dim": TEXT_DIM}})}
FILES = {
    "vae": "vae/miniature_wan_vae.safetensors",
    "base": "diffusion_models/miniature_wan_t2v.safetensors",
    "adapter": "vace/miniature_vace_adapter.safetensors",
}


class FastNorm(nn.Module):
    """The host's RMS norm of the VAE in fewer passes; the same parameters, twice as fast on a CPU."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.gamma, self.scale, self.axis = norm.gamma, norm.scale, 1 if norm.channel_first else -1

    def forward(self, x: Tensor) -> Tensor:
        """``x`` with its channels brought to one length."""
        return x * (torch.rsqrt(x.square().sum(self.axis, keepdim=True) + 1e-12) * self.scale) * self.gamma


def with_fast_norms(module: nn.Module) -> nn.Module:
    """The same module with each RMS norm exchanged for `FastNorm`."""
    from comfy.ldm.wan.vae import RMS_norm

    for name, child in module.named_children():
        if isinstance(child, RMS_norm):
            setattr(module, name, FastNorm(child))
        else:
            with_fast_norms(child)
    return module


def new_vae(sizes: Sizes = SMALL) -> nn.Module:
    """A Wan 2.1 VAE with fresh weights: residual branches begin as nothing."""
    from comfy.ldm.wan.vae import WanVAE

    vae = with_fast_norms(WanVAE(dim=sizes.vae_dim, **VAE))
    for name, weight in vae.named_parameters():
        _start(name, weight.data, gain=1.0)
        if name.endswith(("residual.6.weight", "proj.weight")):
            weight.data.zero_()
    return vae


@torch.no_grad()
def start_temporal_convolutions(vae: nn.Module) -> None:
    """Prepare a VAE that knows single frames for clips: it begins by holding every fourth frame still.

    Single frames train only the newest tap of a convolution over time; the others are set to nothing.
    """
    for name, module in vae.named_modules():
        taps = getattr(module, "weight", None)
        if taps is None or taps.ndim != 5 or taps.shape[2] == 1:
            continue
        taps[:, :, :-1] = 0
        if name.endswith("time_conv"):
            one = torch.eye(taps.shape[1], device=taps.device)
            taps[:, :, -1, 0, 0] = one.repeat(taps.shape[0] // taps.shape[1], 1)
            module.bias.zero_()


def new_dit(with_adapter: bool = False, sizes: Sizes = SMALL, **size: int) -> nn.Module:
    """A Wan text-to-video model with fresh weights, or the same with a context adapter.

    Args:
        with_adapter: Whether it is the host's VACE class; its adapter is fresh until `copy_into_adapter` begins it.
        sizes: Of the miniature that it belongs to.
        **size: Other values than these, by the host's names.
    """
    from comfy.ldm.wan.model import VaceWanModel, WanModel
    from comfy.ops import disable_weight_init

    shape = {**CHANNELS, **sizes.transformer, **size}
    common = {"dtype": torch.float32, "operations": disable_weight_init}
    if with_adapter:
        shape.setdefault("vace_layers", sizes.vace_layers)
        model = VaceWanModel(**shape, vace_in_dim=CONTEXT_CHANNELS, **common)
    else:
        model = WanModel(**shape, **common)
    for name, weight in model.named_parameters():
        _start(name, weight.data, gain=0.7)
    model.head.head.weight.data.zero_()
    return model


def _start(name: str, weight: Tensor, gain: float) -> None:
    if name.endswith("gamma") or ("norm" in name and name.endswith("weight")):
        weight.fill_(1)
    elif name.endswith("bias"):
        weight.zero_()
    elif name.endswith("modulation"):
        weight.normal_(std=weight.shape[-1] ** -0.5)
    else:
        weight.normal_(std=gain / math.sqrt(weight[0].numel()))


def compile_blocks(model: nn.Module) -> None:
    """Have PyTorch compile the blocks when they are first used, for any length; weights keep their names."""
    for block in (*model.blocks, *getattr(model, "vace_blocks", ())):
        block.compile(dynamic=True)


def encode_clips(vae: nn.Module, frames: Tensor, half: bool = False) -> Tensor:
    """[B, 16, t, h, w] as the model sees them, of frames [B, T, H, W, 3] in [0, 1]; see `precision`."""
    return latent_format().process_in(encode_raw(vae, frames, half))


def encode_raw(vae: nn.Module, frames: Tensor, half: bool = False) -> Tensor:
    """[B, 16, t, h, w] in the VAE's own space, of frames [B, T, H, W, 3] in [0, 1]; see `precision`."""
    pixels = 2 * frames.to(device_of(vae)).movedim(-1, 1) - 1
    at_once = AT_ONCE if pixels.device.type == "cpu" else AT_ONCE_ELSEWHERE
    parts = pixels.contiguous(memory_format=torch.channels_last_3d).split(max(at_once // frames.shape[1], 1))
    with precision(pixels.device, half):
        latents = [encode_whole(vae, part) for part in parts]
    return torch.cat(latents).to(frames)


def decode_clips(vae: nn.Module, latents: Tensor) -> Tensor:
    """[B, T, H, W, 3] in [0, 1], of latents as of `encode_clips`."""
    back = vae.decode(latent_format().process_out(latents).to(device_of(vae))).to(latents.device)
    return ((back + 1) / 2).clamp(0, 1).movedim(1, -1)


def weights_hash(weights: dict[str, Tensor]) -> str:
    """Sixteen digits that tell weights apart, the same for the same values."""
    digest = hashlib.blake2b(digest_size=8)
    for name in sorted(weights):
        digest.update(name.encode())
        digest.update(weights[name].detach().half().contiguous().cpu().numpy().tobytes())
    return digest.hexdigest()
