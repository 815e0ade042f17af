"""A host with models of random weights, and what a step of its sampler takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ..host.accelerated import RunningHost, start_host
from ..host.locations import pack_module
from .device import accelerator, device, empty_caches, synchronize
from .session import Session

SHAPES = {"832x480x81": (832, 480, 81), "1280x720x81": (1280, 720, 81)}
TINY_SHAPES = {"48x32x5": (48, 32, 5), "64x48x5": (64, 48, 5)}
TEXT = (512, 4096)  # tokens, as the host pads them, and their width
TIMER = "wan_vace_timer"


def begin(session: Session) -> RunningHost:
    """The host in this process with a base directory of its own, and gradients off."""
    torch.set_grad_enabled(False)
    if accelerator() is None:
        torch.set_num_threads(1)  # small shapes gain nothing by more
    session.scratch.mkdir(parents=True, exist_ok=True)
    host = start_host(session.scratch, cpu=accelerator() is None, classic=session.classic)
    session.fact("dynamic VRAM", host.dynamic_vram)
    session.fact("attention", _attention())
    return host


def shapes(session: Session) -> dict[str, tuple[int, int, int]]:
    """Width, height and frames by name."""
    return TINY_SHAPES if session.tiny else SHAPES


def models_folder(session: Session, kind: str) -> Path:
    """Where the host looks for files of a kind."""
    return session.scratch / "models" / kind


def prompt() -> list:
    """A conditioning of random numbers, as a text encoder would give it."""
    return [[torch.randn(1, *TEXT, generator=torch.Generator().manual_seed(5)), {}]]


def random_context(shape: tuple[int, int, int]) -> object:
    """A VACE_CONTEXT with one reference, whose latents and mask are random numbers."""
    width, height, frames = shape
    size = ((frames - 1) // 4 + 2, height // 8, width // 8)
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(1, 32, *size, generator=generator)
    mask = (torch.rand(1, 64, *size, generator=generator) > 0.5).float()
    return pack_module("vace_core.conditioning").VaceContext(latents, mask, 1, frames)


class Sampler:
    """KSampler with CFG 1, so that a step is one call of the model; every call is timed."""

    def __init__(self, host: RunningHost, shape: tuple[int, int, int]) -> None:
        self._call = host.call
        self._plain = prompt()
        context = random_context(shape)
        self._prompts = {
            strength: host.call(
                "VaceApplyContext",
                positive=self._plain,
                negative=self._plain,
                context=context,
                strength=strength,
                batch_size=1,
            )
            for strength in (0.0, 1.0)
        }

    def run(self, model: object, strength: float | None, steps: int) -> tuple[Tensor, list[float]]:
        """A latent, and the seconds of each call of the model.

        Args:
            model: MODEL.
            strength: Of the context, 0 or 1; None leaves it away.
            steps: Number of them.
        """
        positive, negative, latent, _ = self._prompts[strength or 0.0]
        if strength is None:
            positive = negative = self._plain
        seconds: list[float] = []
        inputs = {"positive": positive, "negative": negative, "latent_image": latent}
        settings = {"seed": 1, "steps": steps, "cfg": 1.0, "sampler_name": "euler", "scheduler": "simple"}
        (result,) = self._call("KSampler", model=timed(model, seconds), **inputs, **settings, denoise=1.0)
        return result["samples"].float().cpu(), seconds


def timed(model: object, seconds: list[float]) -> object:
    """A clone of a MODEL that notes how long each call of the sampler to it takes, all wrappers of packs included."""
    from comfy.patcher_extension import WrappersMP

    place = device()

    def watch(executor: Callable, *args: object, **kwargs: object) -> object:
        synchronize(place)
        start = time.perf_counter()
        result = executor(*args, **kwargs)
        synchronize(place)
        seconds.append(time.perf_counter() - start)
        return result

    clone = model.clone()
    clone.add_wrapper_with_key(WrappersMP.CALC_COND_BATCH, TIMER, watch)
    return clone


def unload() -> None:
    """Take all models off the device."""
    import comfy.model_management

    comfy.model_management.unload_all_models()
    comfy.model_management.soft_empty_cache()
    empty_caches(device())


def load_base(path: Path, **options: object) -> object:
    """A MODEL of a merged file without its adapter, as if it had been a file of its own."""
    import comfy.sd
    import comfy.utils

    weights, text = comfy.utils.load_torch_file(str(path), return_metadata=True)
    base = {key: value for key, value in weights.items() if not key.startswith("vace_")}
    return comfy.sd.load_diffusion_model_state_dict(base, metadata=text, model_options=options)


def _attention() -> str:
    from comfy.ldm.modules.attention import optimized_attention

    return getattr(optimized_attention, "__name__", "not known").removeprefix("attention_")
