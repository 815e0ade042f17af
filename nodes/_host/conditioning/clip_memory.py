"""Clips that a VAE has encoded, remembered by their content as long as the VAE is."""

import hashlib
import importlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ....vace_core.conditioning import HalfFrames
from ....vace_core.notes import tell
from ....vace_core.video import without_repeats
from ..types import VAE

ATTACHMENT = "wan_vace_encoded_clips"
LIMIT = 256 * 2**20  # bytes; 13 clips of 81 frames at 1280 x 720
FRAMES_AT_ONCE = 2  # so that what is not one block of memory is copied in parts


@dataclass(frozen=True, eq=False)
class _Kept:
    """Latents, and what tells whether somebody wrote into them, for other nodes have them too."""

    latents: Tensor
    digest: bytes

    @property
    def storage(self) -> torch.UntypedStorage:
        return self.latents.untyped_storage()


class ClipMemory:
    """Encoded clips by key, the ones used last; several threads may share one.

    Attributes:
        limit: Bytes that they may take together, with all that lies in the same block of memory; a clip that is larger
            alone is not kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._clips: OrderedDict[tuple, _Kept] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def num_bytes(self) -> int:
        """What they take now."""
        with self._lock:
            return self._held()

    def get(self, key: tuple) -> Tensor | None:
        """A clip, if it is there and nobody wrote into it; it must not be written to."""
        with self._lock:
            kept = self._clips.get(key)
            if kept is None:
                return None
            self._clips.move_to_end(key)
        if digest_of(kept.latents) == kept.digest:
            return kept.latents
        with self._lock:
            self._clips.pop(key, None)
        tell("latents-changed", "Another node wrote into the latents of an encoded clip, so it is encoded once more.")
        return None

    def put(self, key: tuple, clip: Tensor) -> None:
        """Keep a clip, and let go of those that were not used for longest."""
        kept = _Kept(clip, digest_of(clip))
        with self._lock:
            self._clips.pop(key, None)
            if kept.storage.nbytes() <= self.limit:
                self._clips[key] = kept
            self._let_go()

    def hold_instead(self, clip: Tensor, place: Tensor) -> None:
        """Keep the same numbers in another place from now on.

        Args:
            clip: What `get` gave or `put` took; nothing happens if it is not kept.
            place: Equal to it; a part of something that is there anyway.
        """
        with self._lock:
            for key, kept in self._clips.items():
                if kept.latents is clip:
                    self._clips[key] = _Kept(place, kept.digest)
            self._let_go()

    def clear(self) -> None:
        """Let go of all."""
        with self._lock:
            self._clips.clear()

    def on_model_patcher_clone(self) -> "ClipMemory":
        """None of it for a clone of the VAE, which is made to be given other weights."""
        return ClipMemory(self.limit)

    def _let_go(self) -> None:
        while self._held() > self.limit:
            self._clips.popitem(last=False)

    def _held(self) -> int:
        storages = (kept.storage for kept in self._clips.values())
        return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


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
    begin_hash = begin_hash or fastest_hash()
    amount = half.amount if half.reactive else 1.0
    parts = (_digest(begin_hash(), tensor) for tensor in (half.frames, half.mask))
    return (*parts, half.shape, half.reactive, half.soft, amount, half.snaps_grey)


def digest_of(latents: Tensor) -> bytes:
    """Of what a clip was encoded into, [1, C, t, h, w], wherever it lies."""
    return _digest(fastest_hash()(), latents.squeeze(0))


def fastest_hash() -> Callable:
    """Begins a hash: the host's blake3, or Python's own."""
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
