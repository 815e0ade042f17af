"""Encode and decode against the core nodes on the same pictures, with a VAE of real width and random weights."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import torch
from torch import Tensor

from ..host.accelerated import RunningHost
from ..host.locations import pack_module
from . import sampling, weights
from .device import Watched, device
from .session import Session, memory_fields

CONTROL, MASK, DECODE = "control video and reference", "control video, mask and reference", "decode"
MOST_PAIRS = 5


def run(session: Session) -> None:
    """All rows: both sizes, the core node and this pack in turn."""
    host = sampling.begin(session)
    path = sampling.models_folder(session, "vae") / "random_wan_vae.safetensors"
    weights.write_vae(path, session.tiny, device())
    (vae,) = host.call("VAELoader", vae_name=path.name)
    a_pair = 0.0
    for name, shape in sampling.shapes(session).items():
        bench = Pictures(session, host, vae, shape)
        a_pair *= 2.5  # the second shape has so many more pixels
        for what, pair in ((CONTROL, bench.encoders(False)), (DECODE, bench.decoders()), (MASK, bench.encoders(True))):
            work = bench.compared(f"{name}, {what}", *pair)
            if session.try_row(f"{name}, {what}, this pack", work, 2 * a_pair):
                a_pair = max(a_pair, bench.a_pair)


class Pictures:
    """Random pictures of one shape, and what both do with them.

    Attributes:
        a_pair: Seconds that the last pair took.
    """

    def __init__(self, session: Session, host: RunningHost, vae: object, shape: tuple[int, int, int]) -> None:
        width, height, frames = shape
        generator = torch.Generator().manual_seed(1)
        self._session, self._call, self._vae, self._shape = session, host.call, vae, shape
        self._video = torch.rand(frames, height, width, 3, generator=generator)
        self._mask = (torch.rand(frames, height, width, generator=generator) > 0.5).float()
        self._reference = torch.rand(1, height, width, 3, generator=generator)
        self._prompt = sampling.prompt()
        self.a_pair = 0.0

    def encoders(self, with_mask: bool) -> tuple[Callable[[], list[Tensor]], Callable[[], list[Tensor]]]:
        """WanVaceToVideo, and the nodes here that do the same."""
        width, height, frames = self._shape
        size = {"width": width, "height": height, "length": frames, "control_video": self._video}
        prompts = {"positive": self._prompt, "negative": self._prompt, "batch_size": 1, "strength": 1.0}
        masks = {"control_masks": self._mask} if with_mask else {}

        def core() -> list[Tensor]:
            return conditioned(
                self._call("WanVaceToVideo", vae=self._vae, reference_image=self._reference, **size, **masks, **prompts)
            )

        def ours() -> list[Tensor]:
            pictures = {"references": {"reference_image_0": self._reference}}
            kept = {"fit": "cover", "inside_mask": "control", "soft_mask": False}
            vcu, *_ = self._call("VaceBuildVcu", **size, **masks, **pictures, **kept)
            exact = {"mask_edges": "official", "antialias_references": False}
            (context,) = self._call("VaceEncodeVcu", vae=self._vae, vcu=vcu, **exact)
            return conditioned(self._call("VaceApplyContext", context=context, **prompts))

        return core, ours

    def decoders(self) -> tuple[Callable[[], list[Tensor]], Callable[[], list[Tensor]]]:
        """TrimVideoLatent with VAEDecode, and VACE Decode Latent."""
        prompts = {"positive": self._prompt, "negative": self._prompt, "batch_size": 1, "strength": 1.0}
        context = sampling.random_context(self._shape)
        *_, latent, trim = self._call("VaceApplyContext", context=context, **prompts)
        generator = torch.Generator().manual_seed(4)
        latent = latent | {"samples": torch.randn(latent["samples"].shape, generator=generator)}

        def core() -> list[Tensor]:
            (trimmed,) = self._call("TrimVideoLatent", samples=latent, trim_amount=trim)
            return [self._call("VAEDecode", samples=trimmed, vae=self._vae)[0]]

        def ours() -> list[Tensor]:
            numbers = {"fps": 16.0, "trim_latent": -1, "length": -1}
            return [self._call("VaceDecodeLatent", samples=latent, vae=self._vae, **numbers)[0]]

        return core, ours

    def compared(self, what: str, core: Callable, ours: Callable) -> Callable[[], dict]:
        """The row of both: first whether they are equal, then in turn what they take."""

        def work() -> dict:
            with Watched(device()) as warm:
                wanted, result = core(), ours()
            self.a_pair = warm.seconds
            rounds = self._session.repeats(self.a_pair, MOST_PAIRS)
            theirs, mine = zip(*(self._pair(core, ours) for _ in range(rounds)), strict=True)
            self._session.put(
                f"{what}, core node", seconds=tuple(each.seconds for each in theirs), **memory_fields(*theirs)
            )
            ratios = tuple(b.seconds / a.seconds for a, b in zip(theirs, mine, strict=True))
            equal = len(wanted) == len(result) and all(map(torch.equal, wanted, result))
            found = {"seconds": tuple(each.seconds for each in mine), "peer": "core node", "ratios": ratios}
            self.a_pair = statistics.median(a.seconds + b.seconds for a, b in zip(theirs, mine, strict=True))
            return found | {"equal": equal, **memory_fields(*mine)}

        return work

    def _pair(self, core: Callable, ours: Callable) -> tuple[Watched, Watched]:
        """Both once; what the pack remembers of these pictures is forgotten before, so that it encodes as well."""
        pack_module("nodes._host.conditioning.clip_memory").memory_of(self._vae).clear()
        with Watched(device()) as theirs:
            core()
        with Watched(device()) as mine:
            ours()
        return theirs, mine


def conditioned(outputs: tuple) -> list[Tensor]:
    """What a conditioning holds for VACE, and the empty latent beside it."""
    (_, values), *_ = outputs[0]
    parts = [*values["vace_frames"], *values["vace_mask"], outputs[2]["samples"]]
    return [part.float().cpu() for part in parts]
