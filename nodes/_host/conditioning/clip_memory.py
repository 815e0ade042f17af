"""Clips that a VAE has encoded, remembered by their content as long as the VAE is."""

import hashlib
import importlib
from collections import OrderedDict
from collections.abc import Callable

from torch import Tensor

from ....vace_core.conditioning import HalfFrames
from ..types import VAE

ATTACHMENT = "wan_vace_encoded_clips"
LIMIT = 256 * 2**20  # bytes; 13 clips of 81 frames at 1280 x 720
FRAMES_AT_ONCE = 16  # so that what is not one block of memory is copied in parts


class ClipMemory:
    """Encoded clips by key, the ones used last.

    Attributes:
        limit: Bytes that they may take together; a clip that is larger alone is not kept.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._clips: OrderedDict[tuple, Tensor] = OrderedDict()

    @property
    def num_bytes(self) -> int:
        """What they take now."""
        return sum(clip.nbytes for clip in self._clips.values())

    def get(self, key: tuple) -> Tensor | None:
        """A clip, if it is there; it must not be written to."""
        if key in self._clips:
            self._clips.move_to_end(key)
        return self._clips.get(key)

    def put(self, key: tuple, clip: Tensor) -> None:
        """Keep a clip, and let go of those that were not used for longest."""
        self._clips.pop(key, None)
        if clip.nbytes > self.limit:
            return
        while self._clips and self.num_bytes + clip.nbytes > self.limit:
            self._clips.popitem(last=False)
        self._clips[key] = clip

    def on_model_patcher_clone(self) -> "ClipMemory":
        """The same for a clone of the VAE, whose weights are the same."""
        return self


def memory_of(vae: VAE) -> ClipMemory:
    """What a VAE has encoded; kept on its patcher, so it goes when the VAE goes."""
    memory = vae.patcher.get_attachment(ATTACHMENT)
    if memory is None:
        memory = ClipMemory()
        vae.patcher.set_attachments(ATTACHMENT, memory)
    return memory


def content_key(half: HalfFrames, hasher: Callable | None = None) -> tuple:
    """What tells a half of a VCU from others of other content.

    Args:
        half: The frames, which are read, but not worked out.
        hasher: Makes a hash object; the host's blake3, without it.
    """
    if half.is_empty:
        return ("empty", half.shape)
    begin = hasher or _hasher()
    amount = half.amount if half.reactive else 1.0
    parts = (_digest(begin(), tensor) for tensor in (half.frames, half.mask))
    return (*parts, half.shape, half.reactive, half.soft, amount)


def _hasher() -> Callable:
    try:
        return importlib.import_module("blake3").blake3  # five times as fast; older hosts do not bring it
    except ImportError:
        return hashlib.blake2b


def _digest(hasher: object, tensor: Tensor) -> bytes:
    """Of a tensor's values; what repeats along an axis is read once."""
    once = tensor[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in tensor.stride())]
    for part in once.split(FRAMES_AT_ONCE):
        hasher.update(memoryview(part.contiguous().cpu().numpy()).cast("B"))
    hasher.update(f"{tuple(tensor.shape)} {tuple(once.shape)} {tensor.dtype}".encode())
    return hasher.digest()
