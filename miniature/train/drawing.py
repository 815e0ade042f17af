"""Clips drawn one after the other, or by other processes while a GPU computes on those before."""

import io
import multiprocessing
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from ..world import SIZE

T = TypeVar("T")
CAN_FORK = sys.platform == "linux"  # macOS forks too, but not safely once its libraries are at work
AHEAD, WAITING = 4, 4  # seeds that a process is given at a time, and so many times that wait to be used


@dataclass(frozen=True)
class Drawing:
    """How things are drawn of seeds.

    Attributes:
        pixels: Height and width of what is drawn.
        workers: Processes that draw; 0 draws in this one. What they give is rounded to half precision on the way.
        seconds: After so many no new seed is begun; None: all are drawn.
        fewest: So many are drawn however long it takes.
    """

    pixels: int = SIZE
    workers: int = 0
    seconds: float | None = None
    fewest: int = 1

    def chunks(self, draw: Callable[[int], T], seeds: Sequence[int], size: int) -> Iterator[list[T]]:
        """What is drawn of the seeds, in their order, as many at a time; what uses them counts as time too."""
        if not (self.workers and CAN_FORK):
            yield from self._chunks(map(draw, seeds), size)
            return
        room = threading.Semaphore(WAITING * AHEAD * self.workers)
        given = (seed for seed in seeds if room.acquire())
        # forked, since it needs nothing but the imports that are there; the processes never touch a GPU
        with multiprocessing.get_context("fork").Pool(self.workers, torch.set_num_threads, (1,)) as pool:
            try:
                found = pool.imap(partial(_packed, draw), given, AHEAD)
                yield from self._chunks((pickle.loads(one) for one in found if not room.release()), size)
            finally:
                room.release(len(seeds) + 1)  # or the thread that gives seeds would wait for ever

    def _chunks(self, drawn: Iterator[T], size: int) -> Iterator[list[T]]:
        end, count = None if self.seconds is None else time.perf_counter() + self.seconds, 0
        while chunk := list(islice(_until(drawn, end, self.fewest - count), size)):
            count += len(chunk)
            yield chunk


IN_TURN = Drawing()


def _until(drawn: Iterable[T], end: float | None, fewest: int) -> Iterator[T]:
    """What is drawn before a time on the clock, and the ``fewest`` whenever."""
    iterator, count = iter(drawn), 0
    while end is None or count < fewest or time.perf_counter() < end:
        try:
            one = next(iterator)
        except StopIteration:
            return
        count += 1
        yield one


class _HalfPickler(pickle.Pickler):
    """Sends tensors as halves: through the pipe between two processes, since shared memory is short in containers."""

    def reducer_override(self, one: object) -> object:
        """How a tensor is sent."""
        if isinstance(one, Tensor) and one.dtype == torch.float32:
            return _unpacked, (one.half().numpy(),)
        return NotImplemented


def _packed(draw: Callable[[int], object], seed: int) -> bytes:
    file = io.BytesIO()
    _HalfPickler(file, pickle.HIGHEST_PROTOCOL).dump(draw(seed))
    return file.getvalue()


def _unpacked(values: np.ndarray) -> Tensor:
    return torch.from_numpy(values).float()
