"""The device of this machine: which there is, how much of its memory is in use, and the largest use in between.

Memory is asked of the driver and sampled: torch's own peak does not see what dynamic VRAM takes, and cannot see what
other programs take.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from types import TracebackType

import psutil
import torch

from ..host.computing import DEVICE

GIBI = 2**30
SAMPLE_SECONDS = 0.02


class NotTriedError(Exception):
    """Something is not tried since it cannot fit; the message says what was needed and what there is."""


def accelerator() -> torch.device | None:
    """What torch can compute on beside the CPU: CUDA and ROCm (both ``cuda``), XPU, MPS.

    None if there is nothing, or if the environment asks for the CPU, as it does of the host (`harness.host.computing`).
    """
    if os.environ.get(DEVICE) == "cpu":
        return None
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        return torch.device("xpu", torch.xpu.current_device())
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return None


def device() -> torch.device:
    """The accelerator, else the CPU."""
    return accelerator() or torch.device("cpu")


def card_name(place: torch.device) -> str:
    """The name of the card, such as ``NVIDIA GeForce RTX 4090``."""
    if place.type in ("cuda", "xpu"):
        return getattr(torch, place.type).get_device_name(place)
    return "Apple MPS" if place.type == "mps" else "CPU"


def synchronize(place: torch.device) -> None:
    """Wait until everything that was begun on the device is done."""
    if place.type != "cpu":
        getattr(torch, place.type).synchronize()


def memory_in_use(place: torch.device) -> int:
    """Bytes in use: on a card by all programs, on MPS and on the CPU by this process."""
    if place.type in ("cuda", "xpu"):
        free, total = _free_and_total(place)
        return total - free
    if place.type == "mps":
        return torch.mps.driver_allocated_memory()
    return psutil.Process().memory_info().rss


def total_memory(place: torch.device) -> int:
    """Bytes of memory that the device has; MPS and the CPU share that of the machine."""
    if place.type in ("cuda", "xpu"):
        return _free_and_total(place)[1]
    return psutil.virtual_memory().total


def _free_and_total(place: torch.device) -> tuple[int, int]:
    module = getattr(torch, place.type)
    if hasattr(module, "mem_get_info"):
        return module.mem_get_info(place)
    total = module.get_device_properties(place).total_memory  # an XPU with an older torch: this process only
    return total - module.memory_reserved(place), total


def takes(place: torch.device, dtype: torch.dtype) -> bool:
    """Whether the device takes tensors of this type at all."""
    try:
        torch.zeros(1, device=place).to(dtype).float().cpu()
    except (TypeError, RuntimeError, NotImplementedError):
        return False
    return True


def empty_caches(place: torch.device) -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if place.type != "cpu":
        getattr(torch, place.type).empty_cache()


class Watched:
    """Seconds and largest memory in use of what runs inside a ``with`` block.

    Attributes:
        seconds: From the start until the device is done.
        peak: Largest memory in use, GiB; the samples are 0.02 s apart.
        before: Memory in use at the start, GiB.
    """

    def __init__(self, place: torch.device) -> None:
        self.place = place
        self.seconds = self.peak = self.before = 0.0

    def __enter__(self) -> Watched:
        synchronize(self.place)
        self.before = self.peak = memory_in_use(self.place) / GIBI
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()
        self._start = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            synchronize(self.place)
        finally:
            self.seconds = time.perf_counter() - self._start
            self._done.set()
            self._thread.join()
            self.peak = max(self.peak, memory_in_use(self.place) / GIBI)

    def _sample(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, memory_in_use(self.place) / GIBI)
