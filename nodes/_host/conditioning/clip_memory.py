"""Clips that a VAE has encoded, remembered by their content as long as the VAE is."""

import hashlib
import importlib
import threading
from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor

from ....vace_core.conditioning import HalfFrames
from ....vace_core.video import without_repeats
from ..types import VAE

ATTACHMENT = "wan_vace_encoded_clips"
LIMIT = 256 * 2**20  # bytes; 13 clips of 81 frames at 1280 x 720
FRAMES_AT_ONCE = 16  # so that what is not one block of memory is copied in parts


class ClipMemory:
    """Encoded clips by key, the ones used last; several threads may share one.

    Attributes:
        limit: Bytes that they may take together; a clip that is larger alone is not kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._clips: OrderedDict[tuple, Tensor] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def num_bytes(self) -> int:
        """What they take now."""
        with self._lock:
            return self._held()

    def get(self, key: tuple) -> Tensor | None:
        """A clip, if it is there; it must not be written to."""
        with self._lock:
            if key in self._clips:
                self._clips.move_to_end(key)
            return self._clips.get(key)

    def put(self, key: tuple, clip: Tensor) -> None:
        """Keep a clip, and let go of those that were not used for longest."""
        with self._lock:
            self._clips.pop(key, None)
            if clip.nbytes > self.limit:
                return
            while self._clips and self._held() + clip.nbytes > self.limit:
                self._clips.popitem(last=False)
            self._clips[key] = clip

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._clips.clear()

    def on_model_patcher_clone(self) -> "ClipMemory":
        """None of it for a clone of the VAE, which is made to be given other weights."""
        return ClipMemory(self.limit)

    def _held(self) -> int:
        return sum(clip.nbytes for clip in self._clips.values())


def memory_of(vae: VAE) -> ClipMemory:
    """What a VAE has encoded; kept on its patcher, so it goes when the VAE goes."""
    memory = vae.patcher.get_attachment(ATTACHMENT)
    if memory is None:
        memory = ClipMemory()
        vae.patcher.set_attachments(ATTACHMENT, memory)
    return memory


def content_key(half: HalfFrames, begin_hash: Callable | None = None) -> tuple:
    """What tells a half of a VCU from others of other content.

    Args:
        half: The frames, which are read, but not worked out.
        begin_hash: Gives a new hash object; without it the host's blake3, or Python's own blake2b where the host does
            not bring it.
    """
    if half.is_empty:
        return ("empty", half.shape)
    begin_hash = begin_hash or _fastest_hash()
    amount = half.amount if half.reactive else 1.0
    parts = (_digest(begin_hash(), tensor) for tensor in (half.frames, half.mask))
    return (*parts, half.shape, half.reactive, half.soft, amount)


def _fastest_hash() -> Callable:
    try:
        return importlib.import_module("blake3").blake3  # five times as fast; older hosts do not bring it
    except ImportError:
        return hashlib.blake2b


def _digest(hasher: object, tensor: Tensor) -> bytes:
    """Of a tensor's values; what repeats along an axis in memory is read once, and told from what was written out."""
    once = without_repeats(tensor)
    for part in once.split(FRAMES_AT_ONCE):
        flat = part.cpu().contiguous().flatten()
        flat = flat.repeat(1) if flat.numel() == 1 else flat  # a single value may have a stride of 0
        hasher.update(flat.view(torch.uint8).numpy())
    hasher.update(f"{tuple(tensor.shape)} {tuple(once.shape)} {tensor.dtype}".encode())
    return hasher.digest()
