"""What every training of Wan networks needs: the host made ready, precision, latents as the model sees them, files."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ..vace_core.video import LATENT_CHANNELS

CONTEXT_CHANNELS = 96  # that an adapter reads: inactive and reactive latents, and the mask


def prepare_host() -> None:
    """Make ComfyUI's classes fit for training; its rotary embedding has no gradient otherwise."""
    from comfy.cli_args import args

    args.cpu = training_device().type == "cpu"
    import comfy.model_management

    comfy.model_management.in_training = True


def training_device() -> torch.device:
    """Where to train: CUDA (ROCm too), else Apple's Metal, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def device_of(module: nn.Module) -> torch.device:
    """Where a network is."""
    return next(module.parameters()).device


def precision(device: torch.device, half: bool) -> torch.autocast:
    """Where networks compute in bfloat16 if ``half``, as far as that is safe."""
    return torch.autocast(device.type, torch.bfloat16, enabled=half)


def latent_format() -> object:
    """The host's statistics of Wan 2.1's latents."""
    import comfy.latent_formats

    return comfy.latent_formats.Wan21()


def context_as_seen(context: object) -> tuple[Tensor, Tensor, Tensor]:
    """A `VaceContext` of one VCU as an adapter is trained on it, small enough to be kept.

    Returns:
        ``(references, latents, mask)``: [16, R, h, w] and [32, R + t, h, w] in half precision, with the statistics of
        the model's latents, and [64, R + t, h, w], uint8 in [0, 255].
    """
    wanted = latent_format()
    halves = [wanted.process_in(half.cpu()) for half in context.latents.split(LATENT_CHANNELS, dim=1)]
    references = halves[0][0, :, : context.num_references].half()
    return references, torch.cat(halves, dim=1)[0].half(), (context.mask[0].cpu() * 255).round().to(torch.uint8)


def copy_into_adapter(model: nn.Module, layers: tuple[int, ...]) -> None:
    """Begin an adapter as the announcement says: copies of base layers, and projections that add nothing yet.

    The embedder of the context begins as the base's for the inactive and for the reactive latents, and as nothing for
    the mask.

    Args:
        model: The host's VACE model, its base trained.
        layers: Which base layers are copied, and get the hints.
    """
    for block, layer in zip(model.vace_blocks, layers, strict=True):
        block.load_state_dict(model.blocks[layer].state_dict(), strict=False)
        block.after_proj.weight.data.zero_()
        block.after_proj.bias.data.zero_()
    first, embedder = model.vace_blocks[0], model.vace_patch_embedding
    first.before_proj.weight.data.zero_()
    first.before_proj.bias.data.zero_()
    latents = model.patch_embedding.weight.shape[1]
    embedder.weight.data.zero_()
    for half in (slice(0, latents), slice(latents, 2 * latents)):
        embedder.weight.data[:, half] = model.patch_embedding.weight.data
    embedder.bias.data.copy_(model.patch_embedding.bias.data)
    model.vace_layers_mapping = {layer: n for n, layer in enumerate(layers)}


def save_whole(state: object, path: Path) -> None:
    """Write what `torch.save` takes; what was there stays until the new file is whole."""
    part = path.with_suffix(".part")
    torch.save(state, part)
    part.replace(path)


def save_weights(weights: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> Path:
    """Write weights in half precision."""
    from safetensors.torch import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({name: value.half().contiguous() for name, value in weights.items()}, part, metadata)
    return part.replace(path)
