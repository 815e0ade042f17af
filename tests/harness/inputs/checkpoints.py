"""Checkpoints for the host's own loaders: small ones with seeded random weights, and the trained miniature.

The small ones make noise, not pictures: they exist so that every code path of a real generation runs in a second. The
miniature's are the files of the repository, and its base and adapter merged as the host's VACE checkpoints are.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import sentencepiece
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..host.locations import ROOT, pack_module

MINIATURE = ROOT / "miniature" / "weights"
TEXT_DIM = 32
SEED = 20250311
DIFFUSION = {
    "dim": 128,  # the host takes the number of heads to be dim / 128
    "ffn_dim": 256,
    "num_heads": 1,
    "num_layers": 4,
    "text_dim": TEXT_DIM,
    "in_dim": 16,
    "out_dim": 16,
    "vace_layers": 2,
    "vace_in_dim": 96,
}
VAE = {"dim": 4, "z_dim": 16, "temperal_downsample": [False, True, True]}
TEXT_ENCODER = {
    "d_model": TEXT_DIM,
    "d_ff": 64,
    "d_kv": 16,
    "num_heads": 2,
    "num_layers": 2,
    "vocab_size": 400,
    "model_type": "umt5",
    "dense_act_fn": "gelu_pytorch_tanh",
    "is_gated_act": True,
}
CORPUS = """a boy walks through an autumn forest with a backpack and a walking stick
a small dragon made of ice walks beside the boy on the path and looks around
the camera follows slowly, soft light, shallow depth of field, knitted wool texture
a woman in a red coat turns to the camera and smiles, city street at night in the rain
a white dog with brown ears runs over green grass, blue sky with clouds, high quality video
still picture, blurred details, subtitles, worst quality, low quality, ugly, deformed, extra fingers
the quick brown fox jumps over the lazy dog while seven wizards pack a box of liquor jugs
"""


def write_all(models: Path) -> list[Path]:
    """Write every small checkpoint, and the miniature's.

    Args:
        models: ComfyUI's models folder.

    Returns:
        The files written.
    """
    torch.manual_seed(SEED)
    vace = diffusion_weights()
    adapter = {key: value for key, value in vace.items() if key.startswith("vace_")}
    base = {key: value for key, value in vace.items() if key not in adapter}
    config = {"config": json.dumps({"transformer": {"text_dim": TEXT_DIM}})}
    encoder = {"config": json.dumps(TEXT_ENCODER)}
    return [
        *write_miniature(models),
        _save(vace, models / "diffusion_models" / "small_wan_vace.safetensors", config),
        _save(base, models / "diffusion_models" / "small_wan_t2v.safetensors", config),
        _save(adapter, models / "vace" / "small_vace_adapter.safetensors"),
        _save(vae_weights(), models / "vae" / "small_wan_vae.safetensors"),
        _save(text_encoder_weights(), models / "text_encoders" / "small_umt5.safetensors", encoder),
    ]


def write_miniature(models: Path) -> list[Path]:
    """Copy the miniature's weights, and write its base and adapter as one file, as the host's VACE models are.

    Args:
        models: ComfyUI's models folder.

    Returns:
        The files written.
    """
    files = pack_module("miniature.networks").FILES
    for name in files.values():
        part = (models / name).with_suffix(".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(MINIATURE / name, part)  # a host that runs may have the old file mapped
        part.replace(models / name)
    with safe_open(models / files["base"], "pt") as base:
        config = base.metadata()
    merged = load_file(models / files["base"]) | load_file(models / files["adapter"])
    together = _save(merged, models / "diffusion_models" / "miniature_wan_vace.safetensors", config)
    return [*(models / name for name in files.values()), together]


def diffusion_weights() -> dict[str, Tensor]:
    """Weights of a Wan2.1 text-to-video model and its VACE blocks, named as in the merged checkpoint."""
    from comfy.ldm.wan.model import VaceWanModel
    from comfy.ops import disable_weight_init

    return seeded(VaceWanModel(**DIFFUSION, dtype=torch.float32, operations=disable_weight_init))


def vae_weights() -> dict[str, Tensor]:
    """Weights of a narrow Wan2.1 VAE: 16 latent channels, 4x time, 8x space."""
    from comfy.ldm.wan.vae import WanVAE

    return seeded(WanVAE(**VAE))


def text_encoder_weights() -> dict[str, Tensor]:
    """Weights of a two-layer umT5 and, as ``spiece_model``, the bytes of its tokenizer."""
    from comfy.ops import disable_weight_init
    from comfy.text_encoders.t5 import T5

    model = T5(TEXT_ENCODER, torch.float32, "cpu", disable_weight_init)
    return seeded(model) | {"spiece_model": tokenizer()}


def seeded(model: nn.Module) -> dict[str, Tensor]:
    """A state dict with every parameter drawn anew, since the host leaves its layers uninitialised.

    Returns:
        Gains are 1, biases and modulations small, all others normal with variance 1 / fan-in.
    """
    return {name: _draw(name, tensor.shape) for name, tensor in model.state_dict().items()}


def _draw(name: str, shape: torch.Size) -> Tensor:
    if name.endswith("gamma") or ("norm" in name and name.endswith("weight")):
        return torch.ones(shape)
    if name.endswith(("bias", "modulation")):
        return 0.05 * torch.randn(shape)
    fan_in = shape[1:].numel()
    return torch.randn(shape) / fan_in**0.5


def tokenizer() -> Tensor:
    """A sentencepiece model of at most 400 pieces; any script encodes, since it falls back to bytes."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS.splitlines()),
        model_writer=model,
        vocab_size=TEXT_ENCODER["vocab_size"],
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        hard_vocab_limit=False,
        byte_fallback=True,
        num_threads=1,
        minloglevel=2,
    )
    return torch.frombuffer(bytearray(model.getvalue()), dtype=torch.uint8)


def _save(weights: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file(weights, part, metadata)
    part.replace(path)
    return path


if __name__ == "__main__":
    sys.path.insert(0, os.environ["COMFYUI_PATH"])
    from comfy.cli_args import args

    args.cpu = True
    for written in write_all(Path(sys.argv[1])):
        print(written)
