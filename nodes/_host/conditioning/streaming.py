"""Halves of a VCU encoded by the host's VAE a few frames at a time, and none of them twice."""

import itertools
import logging
from collections.abc import Sequence
from dataclasses import replace

import comfy.model_management
import comfy.utils
import torch
from torch import Tensor

from ....vace_core.conditioning import HalfFrames, begin_latents, halves_of, join_latents
from ....vace_core.notes import tell
from ....vace_core.video import latent_length
from ..types import VAE
from .clip_files import ClipFile, ClipFiles, clip_files
from .clip_memory import ClipMemory, content_key, memory_of
from .device_check import is_exact
from .encoder import CHUNK, encode_mean, encode_stream, is_known_encoder
from .vae import empty_latent, encode, is_of_known_build, load

logger = logging.getLogger("wan_vace")
CHECK_FRAMES, CHECK_PIXELS = 45, 16
BAND_PIXELS = 2**17  # 1.5 MiB of floats: what is worked out stays in the processor's cache
LOGGED = "wan_vace_encoder_logged"
INEXACT = (
    "the encoder gives other numbers when still frames are left out, so none is: clips are encoded by ComfyUI's own "
    "encoder."
)
OF_VAE = ("format_encoded", "memory_used_encode", "output_channels", "process_input")


def encode_halves(
    vae: VAE, halves: tuple[HalfFrames, HalfFrames], references: Sequence[Tensor], disk_cache: int = 0
) -> Tensor:
    """Latents of both halves, and of references before them.

    What is remembered lies in them from then on, not beside them.

    Args:
        vae: The Wan 2.1 VAE.
        halves: Inactive and reactive frames.
        references: Encoded pictures, each [1, 16, 1, h, w].
        disk_cache: MiB that encoded clips may take on disk; 0 for none.

    Returns:
        [1, 32, R + t, h, w] in the VAE's own space; shared, so it must not be written to.
    """
    if not _can_stream(vae):
        return join_latents(*(encode_half(vae, half) for half in halves), references, empty_latent())
    memory, files, places = memory_of(vae), clip_files(vae, disk_cache), {}
    try:
        for number, half in _empty_last(halves):
            latents = encode_half(vae, half, files)
            if not places:
                joined = begin_latents(latents.to(vae.vae_output_dtype()), references, empty_latent())
                places = dict(enumerate(halves_of(joined, len(references))))
            places[number].copy_(latents)
            if latents.dtype == joined.dtype:  # what the host's tiles gave may be of another type
                memory.hold_instead(latents, places[number])
            del latents  # before the other half is encoded
    except BaseException:  # nobody gets the joined latents, so a clip would hold all of them for itself
        for place in places.values():
            memory.hold_instead(place, place.clone())
        raise
    return joined


def _empty_last(halves: Sequence[HalfFrames]) -> list[tuple[int, HalfFrames]]:
    """Halves with their places, in the order to encode them: what is remembered of an empty one lies beside work."""
    halves = [replace(half, is_empty=half.is_grey()) for half in halves]
    return sorted(enumerate(halves), key=lambda half: half[1].is_empty)


def encode_half(vae: VAE, half: HalfFrames, files: ClipFiles | None = None) -> Tensor:
    """Latents of one half, the host's own bit for bit.

    Args:
        vae: The Wan 2.1 VAE.
        half: The frames.
        files: Where clips are kept on disk, too; None for nowhere.

    Returns:
        [1, 16, t, h, w] in the VAE's own space; shared, so it must not be written to.
    """
    if not _can_stream(vae):  # nor is anything remembered: what another pack's encoder depends on is not known
        return encode(vae, half.whole())
    half = replace(half, is_empty=half.is_grey())
    memory, content = memory_of(vae), content_key(half)
    latents = memory.get(_key(vae, content))
    if latents is None:
        latents = _read_or_encode(vae, half, memory, files and files.at(content))
        if latents is None:
            return _encode_in_tiles(vae, half)
        memory.put(_key(vae, content), latents)
    return latents


def _read_or_encode(vae: VAE, half: HalfFrames, memory: ClipMemory, file: ClipFile | None) -> Tensor | None:
    """Latents from a file, or else new ones, which go there; None where the device's memory did not do."""
    latents = file and file.read()
    if latents is not None:
        return latents.to(vae.output_device)
    latents = _encode_new(vae, half, memory)
    if latents is not None and file is not None and _is_streamed(vae, half):  # the host's own may be of tiles
        file.write(latents)
    return latents


def _key(vae: VAE, content: tuple) -> tuple:
    """What latents depend on: the content, and weights, precision and device of the VAE."""
    return (content, vae.patcher.patches_uuid, vae.vae_dtype, str(vae.device))


def _encode_new(vae: VAE, half: HalfFrames, memory: ClipMemory) -> Tensor | None:
    """Latents; None where the device's memory did not do."""
    try:
        T, H, W, _ = half.shape
        load(vae, vae.memory_used_encode((1, 3, T, H, W), vae.vae_dtype))
        if _is_streamed(vae, half):
            return _stream(vae, half, memory)
    except Exception as error:  # noqa: BLE001 (which exceptions tell of memory differs by device, the host knows them)
        comfy.model_management.raise_non_oom(error)
        return None
    return encode(vae, half.whole())


def _is_streamed(vae: VAE, half: HalfFrames) -> bool:
    return half.num_frames > 1 and is_exact(vae, "encode", _try_out, INEXACT)


def _encode_in_tiles(vae: VAE, half: HalfFrames) -> Tensor:
    """By the host, which goes on in tiles where it has to; not remembered, for the next time there may be room."""
    comfy.model_management.soft_empty_cache()
    tell(
        "encode-memory",
        "Encoding did not fit into the memory of the device; ComfyUI's own encoder took over, which goes on in tiles "
        "where it has to. Tiles differ a little. A smaller width, height or length avoids them.",
    )
    return encode(vae, half.whole())


def _can_stream(vae: VAE) -> bool:
    """Whether VAE and host are of the build that is known, looked at each time; said in the log once for each VAE."""
    known = is_of_known_build(vae, "encode", OF_VAE) and vae.output_channels == 3 and vae.format_encoded is None
    known = known and is_known_encoder(vae.first_stage_model)
    patcher = getattr(vae, "patcher", None)
    if not known and patcher is not None and patcher.get_attachment(LOGGED) is None:
        patcher.set_attachments(LOGGED, True)
        logger.info("This VAE or ComfyUI is not of the known build: clips are encoded by ComfyUI's own encoder.")
    return known


def _stream(vae: VAE, half: HalfFrames, memory: ClipMemory) -> Tensor:
    with comfy.model_management.cuda_device_context(vae.device):
        given = _empty(vae, half, memory) if half.is_empty else _encoded(vae, half)
        mean = encode_mean(vae.first_stage_model, given.to(vae.device))
        del given
        mean = mean.to(device=vae.output_device, dtype=vae.vae_output_dtype())
        return mean if _is_all_of_its_block(mean) else mean.clone()  # it is remembered, and a part would hold all


def _is_all_of_its_block(latents: Tensor) -> bool:
    return latents.untyped_storage().nbytes() == latents.nbytes


def _empty(vae: VAE, half: HalfFrames, memory: ClipMemory) -> Tensor:
    """See `_encoded`. An empty clip begins as every longer one, so one serves all lengths.

    The frames at its end are the same, so of these one is remembered.
    """
    begin, end = _remembered_empty(vae, half, memory)
    t = latent_length(half.num_frames)
    if begin is not None and end is not None and begin.shape[2] + end.shape[2] >= t:
        return torch.cat([begin[:, :, :t], end[:, :, : max(0, t - begin.shape[2])]], dim=2)
    given = _encoded(vae, half)
    differing = next((n for n in range(t - 1, 1, -1) if not torch.equal(given[:, :, n - 1], given[:, :, -1])), 1)
    begin, end = given.to(vae.output_device).tensor_split([differing], dim=2)
    kept = begin.clone() if end.shape[2] > begin.shape[2] else begin  # a part holds all of it
    memory.put(_key(vae, ("empty", half.shape[1:])), kept)
    memory.put(_key(vae, ("empty", half.shape[1:], differing)), end[:, :, :1].clone().expand_as(end))
    return given


def _remembered_empty(vae: VAE, half: HalfFrames, memory: ClipMemory) -> tuple[Tensor | None, Tensor | None]:
    """Begin and end of the same clip, whatever another thread has put there meanwhile."""
    begin = memory.get(_key(vae, ("empty", half.shape[1:])))
    if begin is None:
        return None, None
    return begin, memory.get(_key(vae, ("empty", half.shape[1:], begin.shape[2])))


def _encoded(vae: VAE, half: HalfFrames) -> Tensor:
    """[1, 32, t, h, w], what the encoder gives, the last convolution not yet done."""
    num_chunks = (half.num_frames - 1) // CHUNK + 1
    progress = comfy.utils.ProgressBar(num_chunks)

    def told() -> None:
        progress.update(1)
        comfy.model_management.throw_exception_if_processing_interrupted()

    chunks = (_pixels(vae, half, number) for number in range(num_chunks))
    return encode_stream(vae.first_stage_model.encoder, chunks, num_chunks, told)


def _pixels(vae: VAE, half: HalfFrames, number: int) -> Tensor:
    """[1, 3, n, H, W]: some frames in the VAE's range and type, laid out in memory as the host's are.

    They are worked out a band of a frame at a time: of each step no more is in memory.
    """
    start, stop = max(0, CHUNK * number - CHUNK + 1), CHUNK * number + 1
    _, H, W, _ = half.shape
    chunk = torch.empty(stop - start, H, W, 3, device=vae.device, dtype=vae.vae_dtype)
    height = max(1, BAND_PIXELS // W)
    for (frame, place), top in itertools.product(zip(range(start, stop), chunk, strict=True), range(0, H, height)):
        rows = slice(top, top + height)
        pixels = half.part(frame, frame + 1, vae.device, rows).movedim(-1, 1).movedim(1, 0)[None]
        place[rows].copy_(vae.process_input(pixels)[0, :, 0].movedim(0, -1))
    return chunk.movedim(-1, 1).movedim(1, 0)[None]


def _try_out(vae: VAE) -> bool:
    """A clip that moves, stands still for longer than the encoder looks back, and moves; and a shorter grey one."""
    pixels = torch.zeros(1, 3, CHECK_FRAMES, CHECK_PIXELS, CHECK_PIXELS)
    moving = torch.rand(1, 3, 6, CHECK_PIXELS, CHECK_PIXELS, generator=torch.Generator().manual_seed(0)) * 2 - 1
    still = pixels.clone()
    still[:, :, :2], still[:, :, -4:] = moving[:, :, :2], moving[:, :, 2:]
    network = vae.first_stage_model
    for clip, length in ((still, CHECK_FRAMES), (pixels, CHECK_FRAMES - 4)):
        clip = clip.to(vae.device, vae.vae_dtype)
        parts = [clip[:, :, :1], *clip[:, :, 1:].split(CHUNK, dim=2)]
        given = encode_stream(network.encoder, iter(parts), len(parts), lambda: None)[:, :, : latent_length(length)]
        if not torch.equal(encode_mean(network, given), network.encode(clip[:, :, :length])):
            return False
    return True
