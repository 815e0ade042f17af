"""Training of the VAE: single frames first, then clips, on what the world shows and on what VACE's inputs look like."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...training.networks import device_of, latent_format, training_device
from ...training.trainer import Loss, Tell, TrainingRun, all_parameters, chosen_parameters
from ...vace_core.conditioning import is_constant, split_for_encoding
from ..networks import decode_whole, encode_raw, encode_whole, new_vae, start_temporal_convolutions
from ..world import draw_scene, psnr, random_scene
from .tasks import WORLD_TASKS, choose_world_task

POOL, HELD, MEASURED = 1000, 8, 64  # clips to train on, to test on, and to take statistics of
UNSEEN = 10_000_000  # seeds from here on are not trained on
PULL = 1e-3  # towards small latents
CROP = 32


@dataclass(frozen=True)
class VaePhase:
    """A part of the training, on crops of `CROP` pixels.

    Attributes:
        name: Of the stage.
        batches: How many crops of how many frames; steps take turns with them. What a VAE has not seen at a length
            drifts there, by several dB after twice as many frames.
        rate: The largest learning rate.
        noise: On latents, whose standard deviation comes to about 0.8: near latents must mean near pictures.
        whole: Whether the encoder is trained too.
    """

    name: str
    batches: tuple[tuple[int, int], ...]
    rate: float
    noise: float = 0.04
    whole: bool = True


CLIPS = ((8, 9), (4, 17), (2, 33))
PHASES = (
    VaePhase("vae_frames", ((32, 1),), 2e-3),
    VaePhase("vae_clips", CLIPS, 1.5e-3),
    VaePhase("vae_decoder", CLIPS, 1e-3, noise=0.02, whole=False),
)


def pictures_of(seed: int) -> list[Tensor]:
    """Clips [T, H, W, 3] that a VAE must be able to hold: one of the world, and the halves of a VCU of it."""
    rng = random.Random(seed)
    clip = draw_scene(random_scene(seed))
    vcu = WORLD_TASKS[choose_world_task(rng, clip)].build(clip, rng)
    inactive, reactive, _ = split_for_encoding(vcu)
    shown = [half for half in (inactive, reactive) if not is_constant(half)]
    shown += [reference.image[None].expand_as(clip.frames) for reference in vcu.references]
    return [clip.frames, rng.choice(shown)] if shown else [clip.frames]


def pool_of(count: int, first: int = 0) -> Tensor:
    """[N, T, H, W, 3], uint8."""
    videos = [video for seed in range(first, first + count) for video in pictures_of(seed)]
    return torch.stack([(video * 255).round().to(torch.uint8) for video in videos])


def crops(pool: Tensor, generator: torch.Generator, batch: int, length: int, size: int) -> Tensor:
    """[batch, length, size, size, 3] in [0, 1]; a crop longer than its clip plays it there and back again."""
    count, frames, height, width, _ = pool.shape
    starts = frames - length + 1 if length <= frames else frames

    def below(limit: int) -> int:
        return int(torch.randint(limit, (1,), generator=generator))

    cut = []
    for _ in range(batch):
        n, t, y, x = below(count), below(starts), below(height - size + 1), below(width - size + 1)
        cut.append(pool[n, there_and_back(t, length, frames), y : y + size, x : x + size])
    return torch.stack(cut).float() / 255


def there_and_back(start: int, length: int, frames: int) -> Tensor:
    """[length], numbers of frames from ``start`` on: at the last frame of a clip it turns, at the first again."""
    way = 2 * max(frames - 1, 1)
    steps = (start + torch.arange(length)) % way
    return torch.minimum(steps, way - steps).clamp(max=frames - 1)


def loss_of(vae: nn.Module, frames: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """How far a clip that went through the VAE is from itself; edges count more than ground."""
    pixels = _pixels(vae, frames)
    latents = encode_whole(vae, pixels).float()
    noise = torch.randn(latents.shape, generator=generator).to(latents.device) * strength
    error = decode_whole(vae, latents + noise) - pixels
    return 0.3 * error.abs().mean() + 8 * error.square().mean() + PULL * latents.square().mean()


def _pixels(vae: nn.Module, frames: Tensor) -> Tensor:
    """Frames [B, T, H, W, 3] as the VAE takes them."""
    pixels = (2 * frames.to(device_of(vae)).movedim(-1, 1) - 1).float()
    return pixels.contiguous(memory_format=torch.channels_last_3d)


def standardise(vae: nn.Module, pool: Tensor) -> None:
    """Give the latents the statistics that ComfyUI takes Wan 2.1's to have, by the last layer of the encoder alone.

    The decoder's first layer takes it back, so pictures stay as they are.

    Args:
        vae: A trained VAE; changed.
        pool: Clips to measure on, as of `pool_of`.
    """
    with torch.no_grad():
        latents = torch.cat([encode_raw(vae, clip[None].float() / 255) for clip in pool])
        mean, std = (latents.mean((0, 2, 3, 4)), latents.std((0, 2, 3, 4)))
        wanted = latent_format()
        gain = (wanted.latents_std.flatten() / std).to(device_of(vae))
        shift = (wanted.latents_mean.flatten() - gain.to(mean) * mean).to(gain)
        channels = len(gain)
        out, back = vae.conv1, vae.conv2
        out.weight[:channels] *= gain[:, None, None, None, None]
        out.bias[:channels] = out.bias[:channels] * gain + shift
        weight = back.weight.clone()
        back.weight.copy_(weight / gain[None, :, None, None, None])
        back.bias -= weight[..., 0, 0, 0] @ (shift / gain)


def train_vae(
    folder: Path,
    seed: int,
    steps: tuple[int, ...],
    tell: Tell = print,
    clips: int = POOL,
    half: bool = False,
) -> nn.Module:
    """A trained VAE.

    Args:
        folder: Where the state is kept.
        seed: Of weights and data.
        steps: Of each phase: single frames, clips, and clips with the encoder frozen.
        tell: Receives a line of progress now and then.
        clips: Of the world to train on.
        half: See `TrainingRun`.
    """
    torch.manual_seed(seed)
    vae = new_vae().to(training_device())
    pool, unseen = pool_of(clips), pool_of(HELD, UNSEEN)
    held = unseen.float() / 255

    for number, (phase, count) in enumerate(zip(PHASES, steps, strict=True)):
        if number == 1:
            start_temporal_convolutions(vae)
        loss, check = _lesson(vae, pool, phase), _check(vae, held, phase)
        trained = all_parameters(vae) if phase.whole else chosen_parameters(vae, ["decoder.", "conv2."])
        TrainingRun(
            phase.name, folder, vae, trained, loss, count, phase.rate, seed + number, 0.995, check, 250, tell, half
        ).run()
    standardise(vae, pool[:MEASURED])
    return vae.requires_grad_(False)


def _lesson(vae: nn.Module, pool: Tensor, phase: VaePhase) -> Loss:
    def loss(step: int, generator: torch.Generator) -> Tensor:
        batch, length = phase.batches[step % len(phase.batches)]
        return loss_of(vae, crops(pool, generator, batch, length, CROP), generator, phase.noise)

    return loss


def _check(vae: nn.Module, held: Tensor, phase: VaePhase) -> Callable[[int], dict[str, float]]:
    shown = held[:, : max(length for _, length in phase.batches)]

    def check(_: int) -> dict[str, float]:
        return {"psnr": psnr(roundtrip(vae, shown), shown)}

    return check


def roundtrip(vae: nn.Module, frames: Tensor) -> Tensor:
    """Frames [B, T, H, W, 3] encoded and decoded, in the VAE's own space, before it is standardised."""
    back = decode_whole(vae, encode_whole(vae, _pixels(vae, frames)).float()).to(frames)
    return ((back + 1) / 2).clamp(0, 1).movedim(1, -1)
