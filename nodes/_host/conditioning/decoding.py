"""Latents decoded by the host's VAE a few frames at a time, so that no clip lies in memory more than once."""

from collections.abc import Iterator

import comfy.ldm.wan.vae as wan
import comfy.model_management
import comfy.utils
import torch
from torch import Tensor, nn

from ....vace_core.notes import tell
from ....vace_core.video import LATENT_CHANNELS, SPATIAL_STRIDE, num_pixel_frames
from ..types import VAE
from .device_check import is_exact
from .vae import decode, is_of_known_build, load

CHUNK = 2  # latent frames that the host decodes at a time, but for the first
CHECK_LENGTH, CHECK_SIZE = 6, 4
OF_VAE = ("memory_used_decode", "output_device", "process_output")
INEXACT = (
    "the decoder gives other numbers when it is asked for a few frames at a time, so clips are decoded by ComfyUI's "
    "own decoder."
)


def decode_parts(vae: VAE, samples: Tensor, num_frames: int) -> Iterator[Tensor]:
    """Frames as they are decoded, the host's own bit for bit.

    Args:
        vae: The Wan 2.1 VAE.
        samples: [B, 16, t, h, w] in the VAE's own space, without references; B as many as the host decodes at once.
        num_frames: T, at most what the samples decode to.

    Yields:
        [B, n, H, W, 3] in [0, 1], T of them in all; never more than eight at a time, but for a VAE or a host that is
        not known, or where memory did not do.
    """
    given = 0
    for part in _parts_or_rest(vae, samples):
        part = part[:, : num_frames - given]
        given += part.shape[1]
        yield part
        del part  # nobody here holds it while the next is made
        if given == num_frames:
            return


def decode_frames(vae: VAE, samples: Tensor, num_frames: int) -> Tensor:
    """All frames at once, [B * T, H, W, 3]; takes what `decode_parts` takes, and any B.

    Beside the frames it needs memory for a few of them.
    """
    if not _is_known(vae):
        return decode(vae, samples)[:, :num_frames].flatten(0, 1)
    (B, _, _, h, w), at_once = samples.shape, _num_at_once(vae, samples)
    shape, dtype = (B, num_frames, h * SPATIAL_STRIDE, w * SPATIAL_STRIDE, 3), vae.vae_output_dtype()
    frames = torch.empty(shape, device=vae.output_device, dtype=dtype)
    for batch, given in zip(frames.split(at_once), samples.split(at_once), strict=True):
        done = 0
        for part in decode_parts(vae, given, num_frames):
            batch[:, done : done + part.shape[1]] = part
            done += part.shape[1]
    return frames.flatten(0, 1)


def _num_at_once(vae: VAE, samples: Tensor) -> int:
    """How many videos of a batch the host decodes together; the last bits of what comes out go by it."""
    needed = vae.memory_used_decode(samples.shape, vae.vae_dtype)
    try:
        load(vae, needed)
    except Exception as error:  # noqa: BLE001 (see `_parts_or_rest`, which goes on from here)
        comfy.model_management.raise_non_oom(error)
        return 1
    return max(1, int(vae.patcher.get_free_memory(vae.device) / needed))


def _parts_or_rest(vae: VAE, samples: Tensor) -> Iterator[Tensor]:
    given = 0
    if _is_known(vae):
        try:
            for part in _parts(vae, samples):
                given += part.shape[1]
                yield part
                del part
            return
        except Exception as error:  # noqa: BLE001 (which exceptions tell of memory differs by device)
            comfy.model_management.raise_non_oom(error)
        comfy.model_management.soft_empty_cache()
        tell(
            "decode-memory",
            "Decoding did not fit into the memory of the device; ComfyUI's own decoder took over, which goes on in "
            "tiles where it has to. Tiles differ a little. A smaller width, height or length avoids them.",
        )
    yield decode(vae, samples)[:, given:]


def _parts(vae: VAE, samples: Tensor) -> Iterator[Tensor]:
    load(vae, vae.memory_used_decode(samples.shape, vae.vae_dtype))
    if not is_exact(vae, "decode", _try_out, INEXACT):
        yield decode(vae, samples)
        return
    progress = comfy.utils.ProgressBar(num_pixel_frames(samples.shape[2]))
    stream = decode_stream(vae.first_stage_model, samples.to(vae.device, vae.vae_dtype))
    while (pixels := _next(vae, stream)) is not None:
        length = pixels.shape[1]
        yield pixels
        del pixels
        progress.update(length)
        comfy.model_management.throw_exception_if_processing_interrupted()


def _next(vae: VAE, stream: Iterator[Tensor]) -> Tensor | None:
    """The next frames, [B, n, H, W, 3] in [0, 1]; the device's context is left before they are given."""
    with comfy.model_management.cuda_device_context(vae.device), torch.no_grad():
        pixels = next(stream, None)
        if pixels is None:
            return None
        pixels = pixels.to(device=vae.output_device, dtype=vae.vae_output_dtype())  # or written into: see `_spoilt`
        return vae.process_output(pixels).movedim(1, -1)


def decode_stream(network: nn.Module, latents: Tensor) -> Iterator[Tensor]:
    """What the host's decoder gives, as it gives it.

    Args:
        network: Of a VAE that is known.
        latents: [B, 16, t, h, w].

    Yields:
        [B, 3, n, H, W]: one frame at first, then two; some hosts give them eight at a time.
    """
    x, num_chunks = network.conv2(latents), 1 + latents.shape[2] // CHUNK
    cache = [None] * wan.count_cache_layers(network.decoder) if num_chunks > 1 else None
    for number in range(num_chunks):
        start = max(0, CHUNK * number - CHUNK + 1)
        chunk = x[:, :, start : CHUNK * number + 1]
        pieces = network.decoder(chunk, feat_cache=cache, feat_idx=[0])
        while pieces:
            yield pieces.pop(0)


def _is_known(vae: VAE) -> bool:
    """Whether VAE and host are of the build that is known."""
    network = getattr(vae, "first_stage_model", None)
    in_parts = hasattr(wan, "count_cache_layers") and hasattr(wan.Decoder3d, "run_up")  # older hosts give frames as one
    known = in_parts and type(network) is wan.WanVAE and type(network.decoder) is wan.Decoder3d
    return known and "decode" not in vars(network) and is_of_known_build(vae, "decode", OF_VAE)


def _try_out(vae: VAE) -> bool:
    generator, network = torch.Generator().manual_seed(0), vae.first_stage_model
    shape = 1, LATENT_CHANNELS, CHECK_LENGTH, CHECK_SIZE, CHECK_SIZE
    for length in (1, CHECK_LENGTH - 1, CHECK_LENGTH):
        latents = torch.randn(shape, generator=generator)[:, :, :length].to(vae.device, vae.vae_dtype)
        if not torch.equal(torch.cat(list(_spoilt(decode_stream(network, latents))), dim=2), network.decode(latents)):
            return False
    return True


def _spoilt(stream: Iterator[Tensor]) -> Iterator[Tensor]:
    """Copies of what a stream gives, which is itself spoilt before the next: it must be nobody's but the taker's."""
    for pixels in stream:
        yield pixels.clone()
        pixels.fill_(torch.nan)
