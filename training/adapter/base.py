"""A Wan base from its file, frozen, with a fresh adapter on it, and the adapter's file."""

import functools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import comfy.ldm.wan.model
import comfy.model_detection
import comfy.model_management
import comfy.ops
import comfy.sd
import comfy.utils
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from ...nodes._host.adapter import OPENERS
from ...nodes._host.conditioning import require_wan_vae
from ...nodes._host.files import CONFIG, WHOLE, WeightFile
from ...vace_core.adapter import layer_mapping
from ...vace_core.errors import VaceInputError
from ...vace_core.video import LATENT_CHANNELS
from ..networks import CONTEXT_CHANNELS, copy_into_adapter, save_weights
from ..vocabulary import Vocabulary

OFFICIAL_LAYERS = {40: 8}  # of the adapter by those of the base; half as many elsewhere
SIZES = ("dim", "ffn_dim", "num_heads", "num_layers", "text_dim", "in_dim", "out_dim", "freq_dim", "eps")
SPREAD = "spread"


@dataclass(frozen=True)
class Base:
    """What a base's file says of itself.

    Attributes:
        path: The file.
        config: Sizes as the host finds them, for its Wan classes.
        num_bytes: Of its weights.
        vocabulary: What it reads without a text encoder; None for a base that needs one.
    """

    path: Path
    config: dict[str, object]
    num_bytes: int
    vocabulary: Vocabulary | None = None


def open_weights(path: Path, what: str) -> WeightFile:
    """A weight file, opened but not read.

    Raises:
        VaceInputError: If it is not there, or no weight file.
    """
    if not path.is_file():
        raise VaceInputError(f"{what} {path} is not there. Check the name.")
    if path.suffix.lower() not in OPENERS or path.suffix == ".gguf":
        raise VaceInputError(f"{what} {path.name} must be a .safetensors, .pth or .pt file.")
    return OPENERS[path.suffix.lower()](path)


def describe_base(path: Path, vocabularies: Sequence[Vocabulary] = ()) -> Base:
    """What is in a base's file, from its names and shapes alone, by the host's own detection.

    Args:
        path: The file.
        vocabularies: Those that a base may read; it has the one of its own text width.

    Raises:
        VaceInputError: If it is no Wan text-to-video model of 16 channels, or its weights are quantised.
    """
    file = open_weights(path, "The base")
    if any(key.endswith((".comfy_quant", "scaled_fp8", ".weight_scale", ".scale_weight")) for key in file.keys):
        raise VaceInputError(
            f"The base {path.name} is quantised, and gradients cannot go through it. Choose the bf16 or fp16 file."
        )
    shapes = {key: torch.empty(file.shape_of(key), device="meta") for key in file.keys}
    prefix = comfy.model_detection.unet_prefix_from_state_dict(shapes)
    own = comfy.utils.state_dict_prefix_replace(dict(shapes), {prefix: ""}, filter_keys=True) or shapes
    found = comfy.model_detection.model_config_from_unet(own, "", metadata=file.metadata)
    config = dict(found.unet_config) if found is not None else {}
    if config.get("image_model") != "wan2.1":
        raise VaceInputError(f"The base {path.name} is no Wan model. Choose a Wan 2.1 text-to-video file.")
    if config["model_type"] != "t2v" or config["in_dim"] != LATENT_CHANNELS:
        kind = f"a Wan {config['model_type']} model with {config['in_dim']} input channels"
        raise VaceInputError(f"The base {path.name} is {kind}. Choose a Wan 2.1 text-to-video file.")
    config["text_dim"] = own["text_embedding.0.weight"].shape[1]
    vocabulary = next((one for one in vocabularies if one.text_dim == config["text_dim"]), None)
    return Base(path, config, path.stat().st_size, vocabulary)


def choose_layers(base: Base, chosen: str) -> tuple[int, ...]:
    """Which base layers the adapter copies and corrects.

    Args:
        base: The base.
        chosen: ``spread`` for the official choice, or numbers with commas.

    Raises:
        VaceInputError: If they are no numbers, do not rise from 0, or are too many.
    """
    count = base.config["num_layers"]
    if chosen == SPREAD:
        return layer_mapping(count, OFFICIAL_LAYERS.get(count, count // 2))
    try:
        numbers = [int(number) for number in chosen.split(",")]
    except ValueError as error:
        raise VaceInputError(f"--layers is {chosen}, it must be {SPREAD} or numbers such as 0,5,10.") from error
    return layer_mapping(count, len(numbers), numbers)


def is_spread(layers: Sequence[int], num_layers: int) -> bool:
    """Whether a loader finds the layers by itself, since they are spread evenly."""
    return num_layers % len(layers) == 0 and tuple(layers) == layer_mapping(num_layers, len(layers))


def require_out(path: Path, layers: Sequence[int], num_layers: int) -> None:
    """Refuse a name that the adapter's loader could not read.

    Raises:
        VaceInputError: If it is no safetensors file, or has no place for layers that are not spread evenly.
    """
    if path.suffix != ".safetensors":
        raise VaceInputError(f"--out is {path.name}, it must end in .safetensors.")
    if not is_spread(layers, num_layers) and path.name != WHOLE:
        raise VaceInputError(
            f"Layers that are not spread evenly are written into a {CONFIG} beside the adapter, as in the official "
            f"release. Name --out NEW_FOLDER/{WHOLE}."
        )


def new_adapter(base: Base, layers: tuple[int, ...], device: torch.device) -> nn.Module:
    """The host's VACE model: the base as in its file, the adapter in float32 as `copy_into_adapter` begins it.

    Layers are the host's that cast to what they are given, so the base stays in the file's precision.
    """
    weights, metadata = comfy.utils.load_torch_file(str(base.path), return_metadata=True)
    options = {"dtype": comfy.utils.weight_dtype(weights), "custom_operations": comfy.ops.manual_cast}
    loaded = comfy.sd.load_diffusion_model_state_dict(weights, options, metadata=metadata, disable_dynamic=True)
    del weights
    sizes = {name: base.config[name] for name in SIZES if name in base.config}
    model = comfy.ldm.wan.model.VaceWanModel(
        **sizes,
        vace_layers=len(layers),
        vace_in_dim=CONTEXT_CHANNELS,
        device="meta",
        dtype=torch.float32,
        operations=comfy.ops.manual_cast,
    )
    for name, module in loaded.model.diffusion_model.named_children():
        setattr(model, name, module)
    for module in (model.vace_blocks, model.vace_patch_embedding):
        module.to_empty(device="cpu")
    copy_into_adapter(model, layers)
    return model.requires_grad_(False).eval().to(device)


def recompute_blocks(model: nn.Module) -> None:
    """Keep only what goes into each block, and compute the rest again for the gradient: about a third more work."""
    for block in (*model.blocks, *model.vace_blocks):
        block.forward = functools.partial(checkpoint, block.forward, use_reentrant=False)


def save_adapter(model: nn.Module, path: Path, layers: Sequence[int]) -> Path:
    """Write the adapter in the official layout, in half precision, as VACE Load Adapter reads it."""
    weights = {name: value for name, value in model.state_dict().items() if name.startswith("vace_")}
    listed = json.dumps(list(layers))
    if not is_spread(layers, len(model.blocks)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(CONFIG).write_text(json.dumps({"vace_layers": list(layers)}), "utf-8")
    return save_weights(weights, path, {"vace_layers": listed})


def load_vae(path: Path) -> object:
    """The host's VAE object.

    Raises:
        VaceInputError: If the file is another VAE, or none.
    """
    file = open_weights(path, "The VAE")
    if not any(key.startswith(("encoder.", "first_stage_model.encoder.")) for key in file.keys):
        raise VaceInputError(f"The VAE {path.name} is no VAE. Choose wan_2.1_vae.safetensors.")
    weights, metadata = comfy.utils.load_torch_file(str(path), return_metadata=True)
    vae = comfy.sd.VAE(sd=weights, metadata=metadata)
    require_wan_vae(vae)
    return vae
