"""1.3B and 14B at real shapes: plain base, merged model and attached adapter; what a step takes, and what is equal."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import psutil
import torch
from torch import Tensor

from ..host.accelerated import RunningHost
from . import sampling, weights
from .device import GIBI, NotTriedError, Watched, accelerator, device, total_memory
from .sampling import Sampler
from .scratch import IN_MEMORY
from .session import Session, memory_fields, require_room

MERGED, ATTACHED = "merged model", "attached adapter"
WITHIN = 0.01  # what strength 0 may take beyond the plain base
PAIRS = 5
SCHEDULE_STEPS = 4
GROWTH = 4.5  # of a forward from the first shape to the second
SPARE_GIB = 6  # of the machine's memory, beside the weights
LEFT_FREE_GIB = 24


def run(session: Session) -> None:
    """All rows of one size."""
    size = weights.TINY if session.tiny else weights.SIZES[session.group]
    host = sampling.begin(session)
    bench = Bench(session, host)
    if not session.try_row("weights, written", lambda: bench.write(size)):
        return
    for name, shape in sampling.shapes(session).items():
        bench.rows_of(name, Sampler(host, shape), shape)
    if session.group == "14B":
        session.try_row(
            f"{ATTACHED}, only {LEFT_FREE_GIB} GiB of the card left free", bench.offloaded, 2 * bench.a_forward
        )


class Models:
    """The plain base, the base with the adapter and the merged model of one file; never more than is asked for."""

    def __init__(self, host: RunningHost, path: Path) -> None:
        self._host, self._path = host, path
        self._loaded: dict[str, object] = {}
        self.adapter_seconds: list[float] = []

    def get(self, kind: str) -> object:
        """A MODEL: ``plain``, ``attached`` or ``merged``; the others are let go if it is of another file's part."""
        if kind not in self._loaded:
            self._loaded.clear()
            sampling.unload()
            self._loaded = self._merged() if kind == "merged" else self._base_and_attached()
        return self._loaded[kind]

    def _merged(self) -> dict[str, object]:
        return {"merged": self._host.call("UNETLoader", unet_name=self._path.name, weight_dtype="default")[0]}

    def _base_and_attached(self) -> dict[str, object]:
        base = sampling.load_base(self._path)
        with Watched(device()) as seen:
            (adapter,) = self._host.call("VaceLoadAdapter", adapter_name=self._path.name)
        self.adapter_seconds.append(seen.seconds)
        (attached,) = self._host.call("VaceApplyAdapter", model=base, adapter=adapter)
        return {"plain": base, "attached": attached}


class Bench:
    """The rows of one size of model.

    Attributes:
        a_forward: Seconds that a forward took last.
    """

    def __init__(self, session: Session, host: RunningHost) -> None:
        self.session, self._host = session, host
        self.a_forward = 0.0
        self._last: tuple[Sampler, Tensor] | None = None

    def write(self, size: dict) -> dict:
        """The file of random weights."""
        place, shapes = device(), weights.network_shapes(size)
        dtype = weights.file_dtype(place)
        needed = weights.num_bytes(shapes, dtype)
        require_machine_memory(needed, self.session.scratch)
        path = sampling.models_folder(self.session, "diffusion_models") / "random_wan_vace.safetensors"
        _, found = self.session.watched(lambda: weights.write_weights(path, shapes, place, dtype))
        self.models = Models(self._host, path)
        return found | {"note": f"{needed / GIBI:.2f} GiB in {dtype}".replace("torch.", "")}

    def rows_of(self, name: str, sampler: Sampler, shape: tuple[int, int, int]) -> None:
        """What is measured at one shape, the least needed last."""
        self._sampler, self._shape = sampler, shape
        self._results: dict[str, Tensor] = {}
        self._base: list[float] = []
        self.a_forward *= GROWTH
        rows: list[tuple[str, Callable[[], dict | None], int]] = [
            (f"{ATTACHED}, strength 0", lambda: self.without_strength(name), 4),
            (f"{ATTACHED}, strength 1", lambda: self.first("attached"), 2),
            (f"{MERGED}, strength 1", lambda: self.first("merged"), 2),
            (f"{MERGED}, strength 0", self.merged_without_strength, 2),
            (f"{ATTACHED}, off after 45 % of {SCHEDULE_STEPS} steps", self.scheduled, SCHEDULE_STEPS),
        ]
        for what, work, forwards in rows:
            self.session.try_row(f"{name}, {what}", work, self.a_forward * forwards)
        if self.models.adapter_seconds:
            self.session.put("adapter, read out of the merged file", seconds=tuple(self.models.adapter_seconds))

    def first(self, kind: str) -> dict:
        """A model at strength 1: the first forward, which loads it, gives the result and is not timed."""
        model = self._model(kind)
        with Watched(device()) as loading:
            result, (seconds,) = self._sampler.run(model, 1.0, 1)
        with Watched(device()) as seen:
            _, times = self._sampler.run(model, 1.0, self.session.repeats(seconds, 3))
        self.a_forward = statistics.median(times)
        self._results[kind] = result
        if kind == "attached":
            self._last = self._sampler, result
        found = {"seconds": tuple(times), "per": "forward", **memory_fields(loading, seen)}
        return found | self._to_base(times) | self._compared(kind)

    def _compared(self, kind: str) -> dict:
        result, other = self._results[kind], self._results.get("attached" if kind == "merged" else "merged")
        if not result.isfinite().all():
            raise ValueError("the result is not finite")
        if other is None:
            return {}
        largest = (result - other).abs().max().item()
        note = "equal to the attached adapter" if not largest else f"differs from the attached adapter by {largest:.3g}"
        return {"equal": torch.equal(result, other), "note": note}

    def without_strength(self, name: str) -> dict:
        """The attached adapter at strength 0 and the plain base in turn; equal, and of the same time."""
        plain, attached, sampler = self._model("plain"), self._model("attached"), self._sampler
        wanted, _ = sampler.run(plain, None, 1)
        result, (a_forward,) = sampler.run(attached, 0.0, 1)
        base, ours = [], []
        with Watched(device()) as seen:
            for _ in range(self.session.repeats(2 * a_forward, PAIRS)):
                base += sampler.run(plain, None, 1)[1]
                ours += sampler.run(attached, 0.0, 1)[1]
        self._base, self.a_forward = base, statistics.median(ours)
        ratios = tuple(a / b for a, b in zip(ours, base, strict=True))
        memory = memory_fields(seen)
        self.session.put(f"{name}, plain base", seconds=tuple(base), per="forward", **memory)
        return {
            "seconds": tuple(ours),
            "per": "forward",
            "peer": "plain base",
            "ratios": ratios,
            "equal": torch.equal(wanted, result),
            "within": abs(statistics.median(ratios) - 1) <= WITHIN,
            **memory,
        }

    def scheduled(self) -> dict:
        """The attached adapter, whose strength falls to 0 on the way."""
        curve = {"steps": "0:1, 45%:1, 45%:0", "frames": "1", "blocks": "", "references": 1.0}
        (model,) = self._host.call("VaceSetStrength", model=self._model("attached"), **curve)
        (result, seconds), found = self.session.watched(lambda: self._sampler.run(model, 1.0, SCHEDULE_STEPS))
        if not result.isfinite().all():
            raise ValueError("the result is not finite")
        mean = statistics.mean(seconds)
        return found | {
            "seconds": tuple(seconds),
            "per": "forward",
            "note": f"mean {mean:.3f} s",
            **self._to_base([mean]),
        }

    def merged_without_strength(self) -> dict:
        """The host's merged model at strength 0, which computes its blocks nevertheless."""
        model = self._model("merged")
        self._sampler.run(model, 0.0, 1)
        with Watched(device()) as seen:
            _, seconds = self._sampler.run(model, 0.0, self.session.repeats(self.a_forward, 3))
        return {"seconds": tuple(seconds), "per": "forward", **self._to_base(seconds), **memory_fields(seen)}

    def offloaded(self) -> dict:
        """The attached adapter while another tensor holds the card, so that weights must be brought in by parts."""
        if accelerator() is None or device().type == "mps" or self.session.tiny:
            raise NotTriedError("weights are made not to fit on a card of its own memory only")
        if self._last is None:
            raise NotTriedError("there is no result of the attached adapter to compare with")
        sampler, wanted = self._last
        model = self.models.get("attached")
        sampling.unload()
        held = hold_all_but(LEFT_FREE_GIB * GIBI)
        try:
            (result, seconds), found = self.session.watched(lambda: sampler.run(model, 1.0, 1))
        finally:
            del held
        return found | {"seconds": tuple(seconds), "per": "forward", "equal": torch.equal(result, wanted)}

    def _model(self, kind: str) -> object:
        """A MODEL that this shape can be tried on."""
        model = self.models.get(kind)
        require_estimate(model, self._shape)
        return model

    def _to_base(self, seconds: list[float]) -> dict:
        """Ratios to the median of the plain base, if it was measured."""
        if not self._base:
            return {}
        base = statistics.median(self._base)
        return {"peer": "plain base", "ratios": tuple(each / base for each in seconds)}


def hold_all_but(left: int) -> Tensor:
    """A tensor that takes all of the card but ``left`` bytes; dynamic VRAM gives way to it."""
    total = total_memory(device())
    if total <= left:
        raise NotTriedError(f"the card has {total / GIBI:.1f} GiB, not more than is to be left free")
    return torch.empty(total - left, dtype=torch.uint8, device=device())


def require_machine_memory(needed: int, folder: Path) -> None:
    """Do not start what the machine's own memory cannot hold.

    Args:
        needed: Bytes of the weights, as the host reads them.
        folder: Where their file is written; in memory it takes as much again.

    Raises:
        NotTriedError: If there is less.
    """
    there = psutil.virtual_memory().available
    wanted = (2 if folder.is_relative_to(IN_MEMORY) else 1) * needed + SPARE_GIB * GIBI
    if needed > GIBI and there < wanted:
        raise NotTriedError(
            f"too little memory of the machine: {wanted / GIBI:.0f} GiB are needed, {there / GIBI:.0f} GiB are free"
        )


def require_estimate(model: object, shape: tuple[int, int, int]) -> None:
    """Do not start a shape that the host reckons not to fit on the card even without any weights.

    Raises:
        NotTriedError: If it does not.
    """
    width, height, frames = shape
    latent = [1, 16, (frames - 1) // 4 + 2, height // 8, width // 8]
    require_room(model.memory_required(latent), "for this shape ComfyUI reckons with")
