"""The host's LATENT dictionary for VACE: sampled video latents with the references before them.

``samples`` is [B, 16, R + t, h, w]. The ``vace_`` keys are ours; the host's samplers copy keys they do not know, but
saving a latent to a file loses them.
"""

from dataclasses import dataclass

import comfy.model_management
import torch
from torch import Tensor

from ....vace_core.conditioning import VaceContext
from ....vace_core.errors import VaceInputError, require_shape
from ....vace_core.notes import tell
from ....vace_core.video import LATENT_CHANNELS, SPATIAL_STRIDE, Clip, num_pixel_frames
from ..types import VAE, Latent, Video
from ..video import write_clip
from .decoded_video import DecodedVideo
from .decoding import decode_frames
from .encoding import require_same_latents

NUM_REFERENCES, NUM_FRAMES = "vace_num_references", "vace_num_frames"
LATENT_FRAMES = "vace_latent_frames"  # R + t; a latent that is shorter was trimmed by another node
FPS, AUDIO = "vace_fps", "vace_audio"
LATENT_SPACE = "vace_vae"  # the encoder's `latent_space`


@dataclass(frozen=True)
class ContextShape:
    """What the conditioning says of its VCUs.

    Attributes:
        references: R, leading reference latents.
        length: R + t, latent frames.
        h: Latent rows.
        w: Latent columns.
        vcus: Their number.
        pictures: [1, 16, R, h, w], the encoded references in the VAE's own space.
        strengths: Context scale of each VCU.
        told: Codes of what the user was told of the VCUs.
    """

    references: int
    length: int
    h: int
    w: int
    vcus: int
    pictures: Tensor
    strengths: tuple[float, ...]
    told: frozenset[str]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.w * SPATIAL_STRIDE, self.h * SPATIAL_STRIDE


def empty_video_latent(context: VaceContext, num_references: int, batch_size: int) -> Latent:
    """The LATENT to sample on, with the counts, frame rate and sound that decoding needs.

    Args:
        context: Gives size and length.
        num_references: Leading reference latents.
        batch_size: Videos at once.
    """
    _, _, _, h, w = context.latents.shape
    shape = batch_size, LATENT_CHANNELS, num_references + context.video_length, h, w
    samples = torch.zeros(shape, device=comfy.model_management.intermediate_device())
    counts = {NUM_REFERENCES: num_references, NUM_FRAMES: context.num_frames, LATENT_FRAMES: shape[2]}
    return {"samples": samples, **counts, FPS: context.fps, AUDIO: context.audio, LATENT_SPACE: context.latent_space}


def fit_latent(latent: Latent, shape: ContextShape) -> Latent:
    """A LATENT of the conditioning's length: one of the video alone gets the references before it.

    They begin as the encoded pictures, which is what they are to become.

    Args:
        latent: The host's LATENT, R + t or t frames long; its noise mask is [R + t, H, W], [t, H, W] or one frame, with
            or without two leading axes.
        shape: What the conditioning says.

    Returns:
        The LATENT. That references were put before it is told.

    Raises:
        VaceInputError: If it has another size or length, or a value is NaN or infinite.
    """
    _require_context_size(latent["samples"], shape)
    fitted = dict(latent)
    samples = latent["samples"]
    if samples.shape[2] < shape.length:
        pictures = shape.pictures.to(samples) * bool(torch.count_nonzero(samples))  # an empty latent stays empty
        fitted["samples"] = torch.cat([pictures.expand(samples.shape[0], -1, -1, -1, -1), samples], dim=2)
        tell("references-added", f"latent holds the video alone; the {shape.references} references are put before it.")
    if shape.references and "noise_mask" in latent:
        fitted["noise_mask"] = _fit_mask(latent["noise_mask"], shape)
    return fitted


def sampled_latent(latent: Latent, samples: Tensor, num_references: int) -> Latent:
    """The LATENT that was sampled, with the counts that decoding needs.

    Args:
        latent: What was given to the sampler.
        samples: [B, 16, R + t, h, w].
        num_references: R.
    """
    length = samples.shape[2]
    frames = {NUM_FRAMES: num_pixel_frames(length - num_references)}
    return {**frames, **latent, "samples": samples, NUM_REFERENCES: num_references, LATENT_FRAMES: length}


def require_finite_latent(name: str, samples: Tensor) -> None:
    """Refuse what can only become a black video.

    Args:
        name: The socket's name.
        samples: Of a LATENT.

    Raises:
        VaceInputError: If a value is NaN or infinite.
    """
    if samples.numel() and not all(bound.isfinite() for bound in torch.aminmax(samples)):
        raise VaceInputError(
            f"{name} holds NaN or infinite values, so the video would be black. What made it failed: look at its "
            f"sampler and scheduler (some schedulers of ComfyUI need two steps or more), its model, or the file it "
            f"was loaded from."
        )


def _require_context_size(samples: Tensor, shape: ContextShape) -> None:
    require_shape("latent", samples, "B C t h w", (None, LATENT_CHANNELS, None, None, None))
    require_finite_latent("latent", samples)
    _, _, length, h, w = samples.shape
    video = shape.length - shape.references
    if (h, w) == (shape.h, shape.w) and length in (shape.length, video):
        return
    width, height = shape.size
    raise VaceInputError(
        f"latent is {w * SPATIAL_STRIDE} x {h * SPATIAL_STRIDE} with {length} latent frames, but the VCU is "
        f"{width} x {height} with {video} and {shape.references} references before them. Sample the latent that VACE "
        f"Apply Context gives, or encode a video of the VCU's size and of {num_pixel_frames(video)} frames."
    )


def _fit_mask(mask: Tensor, shape: ContextShape) -> Tensor:
    """A noise mask whose reference frames are 1: they are made anew whatever the video keeps."""
    mask = mask[None] if mask.ndim == 2 else mask
    axis, video = 2 if mask.ndim == 5 else 0, shape.length - shape.references
    count = mask.shape[axis]
    if count == shape.length:
        return mask
    if count not in (1, video):
        raise VaceInputError(
            f"noise_mask of latent has {count} frames; with {shape.references} references it must have {video}, one "
            f"for each latent frame of the video, or {shape.length}. VACE Set Noise Mask makes it."
        )
    if count != video:
        mask = mask.repeat_interleave(video, dim=axis)
    return torch.cat([torch.ones_like(mask.narrow(axis, 0, 1)).repeat_interleave(shape.references, axis), mask], axis)


def trim_references(latent: Latent, num_references: int | None) -> Latent:
    """A LATENT without its reference latents, in ``samples`` and ``noise_mask`` alike.

    Args:
        latent: The host's LATENT.
        num_references: Leading latent frames to drop; None reads the count that the latent carries.

    Raises:
        VaceInputError: If the count is unknown, or leaves nothing, or a value is NaN or infinite.
    """
    samples = latent["samples"]
    require_shape("samples", samples, "B C t h w", (None, LATENT_CHANNELS, None, None, None))
    require_finite_latent("samples", samples)
    length = samples.shape[2]
    count = _read_count(latent, NUM_REFERENCES, num_references, "trim_latent")
    if num_references is None and length == latent.get(LATENT_FRAMES, length) - count:
        count = 0  # another node, such as the host's TrimVideoLatent, has dropped them and kept our counts
    if count >= length:
        raise VaceInputError(
            f"trim_latent is {count} but samples has {length} latent frames, so nothing would be left. "
            f"Set it to the number of references."
        )
    trimmed = {**latent, "samples": samples[:, :, count:], NUM_REFERENCES: 0, LATENT_FRAMES: length - count}
    if "noise_mask" in latent:
        trimmed["noise_mask"] = _trim_mask(latent["noise_mask"], length, count)
    return trimmed


def decode_video(vae: VAE, latent: Latent, num_references: int | None, num_frames: int | None) -> Tensor:
    """Frames [B * T, H, W, 3] of a sampled LATENT: references dropped, T as asked.

    Args:
        vae: The Wan 2.1 VAE.
        latent: The host's LATENT.
        num_references: Leading latent frames to drop; None reads the count that the latent carries.
        num_frames: T; None reads the count that the latent carries.

    Raises:
        VaceInputError: If a count is unknown or does not fit the latent, or another VAE has encoded the VCU.
    """
    return decode_frames(vae, *video_samples(vae, latent, num_references, num_frames))


def video_samples(vae: VAE, latent: Latent, num_references: int | None, num_frames: int | None) -> tuple[Tensor, int]:
    """``(samples, T)``: [B, 16, t, h, w] without references, and how many frames are wanted; see `decode_video`."""
    require_same_latents(vae, latent.get(LATENT_SPACE))
    samples = trim_references(latent, num_references)["samples"]
    wanted = _read_count(latent, NUM_FRAMES, num_frames, "length")
    available = num_pixel_frames(samples.shape[2])
    if not 1 <= wanted <= available:
        raise VaceInputError(
            f"length is {wanted} but samples decodes to {available} frames. "
            f"Sample the latent that VACE Apply Context gives, or set length to at most {available}."
        )
    return samples, wanted


def decode_later(vae: VAE, latent: Latent, num_references: int | None, num_frames: int | None, fps: float) -> Video:
    """A VIDEO that decodes a sampled LATENT when it is saved; several of a batch are decoded now.

    Args:
        vae: The Wan 2.1 VAE.
        latent: As for `decode_video`, with its counts and its errors.
        num_references: As there.
        num_frames: As there.
        fps: Frames per second; 0 takes the source's.
    """
    samples, wanted = video_samples(vae, latent, num_references, num_frames)
    if len(samples) > 1:
        return write_clip(decoded_clip(decode_frames(vae, samples, wanted), latent, fps))
    about = decoded_clip(samples, latent, fps)
    return DecodedVideo(vae=vae, samples=samples, num_frames=wanted, fps=about.fps, audio=about.audio)


def decoded_clip(frames: Tensor, latent: Latent, fps: float) -> Clip:
    """Decoded frames with the frame rate and the sound that their LATENT carries.

    Args:
        frames: [T, H, W, 3], in [0, 1].
        latent: The LATENT they were decoded from.
        fps: Frames per second; 0 takes the source's, None in the clip when it had none.
    """
    return Clip(frames, fps or latent.get(FPS), latent.get(AUDIO))


def _read_count(latent: Latent, key: str, given: int | None, socket: str) -> int:
    if given is not None:
        return given
    if key not in latent:
        raise VaceInputError(
            f"samples does not say what {socket} is (it did not come from VACE Apply Context, or went through "
            f"a file). Set {socket} on this node."
        )
    return latent[key]


def _trim_mask(mask: Tensor, length: int, count: int) -> Tensor:
    """The host's noise mask, whose time axis is the third of [B, 1, t, H, W], else the first, else absent."""
    axis = 2 if mask.ndim == 5 else 0
    return mask.narrow(axis, count, length - count) if mask.shape[axis] == length else mask
