"""Training of the VAE: single frames first, then clips, on what the world shows and on what VACE's inputs look like."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ...training.flow_matching import normal_noise
from ...training.networks import device_of, latent_format, training_device
from ...training.trainer import Loss, Tell, TrainingRun, all_parameters, chosen_parameters
from ...vace_core.conditioning import is_constant, split_for_encoding
from ..networks import decode_whole, encode_raw, encode_whole, new_vae, start_temporal_convolutions
from ..world import LENGTH, SIZE, draw_scene, psnr, random_scene
from .drawing import IN_TURN, Drawing
from .profiles import CPU, Crops, Profile, VaePlan
from .tasks import WORLD_TASKS, choose_world_task

HELD, MEASURED = 8, 64  # clips to test on, and to take statistics of
UNSEEN = 10_000_000  # seeds from here on are not trained on
PULL = 1e-3  # towards small latents
AT_ONCE = 16  # clips that are drawn at a time


@dataclass(frozen=True)
class VaePhase:
    """A part of the training.

    Attributes:
        name: Of the stage.
        rate: The largest learning rate.
        noise: On latents, whose standard deviation comes to about 0.8: near latents must mean near pictures.
        whole: Whether the encoder is trained too.
        still: Whether on single frames.
    """

    name: str
    rate: float
    noise: float = 0.04
    whole: bool = True
    still: bool = False

    def batches(self, plan: VaePlan) -> Crops:
        """What its steps take turns with."""
        return plan.frames if self.still else plan.videos


PHASES = (
    VaePhase("vae_frames", 2e-3, still=True),
    VaePhase("vae_clips", 1.5e-3),
    VaePhase("vae_decoder", 1e-3, noise=0.02, whole=False),
)


def pictures_of(seed: int, pixels: int = SIZE) -> list[Tensor]:
    """Clips [T, H, W, 3] that a VAE must be able to hold: one of the world, and the halves of a VCU of it."""
    rng = random.Random(seed)
    clip = draw_scene(random_scene(seed), LENGTH, pixels, pixels)
    vcu = WORLD_TASKS[choose_world_task(rng, clip)].build(clip, rng)
    inactive, reactive, _ = split_for_encoding(vcu)
    shown = [half for half in (inactive, reactive) if not is_constant(half)]
    shown += [reference.image[None].expand_as(clip.frames) for reference in vcu.references]
    return [clip.frames, rng.choice(shown)] if shown else [clip.frames]


def pool_of(count: int, first: int = 0, drawing: Drawing = IN_TURN) -> Tensor:
    """[N, T, H, W, 3], uint8."""
    draw = partial(_pictures_in_bytes, pixels=drawing.pixels)
    chunks = drawing.chunks(draw, range(first, first + count), AT_ONCE)
    return torch.cat([videos for chunk in chunks for videos in chunk])


def _pictures_in_bytes(seed: int, pixels: int) -> Tensor:
    return torch.stack([(video * 255).round().to(torch.uint8) for video in pictures_of(seed, pixels)])


def crops(pool: Tensor, generator: torch.Generator, batch: int, length: int, size: int) -> Tensor:
    """[batch, length, size, size, 3] in [0, 1]; a crop longer than its clip plays it there and back again."""
    count, frames, height, width, _ = pool.shape
    starts = frames - length + 1 if length <= frames else frames

    def below(limit: int) -> int:
        return int(torch.randint(limit, (1,), generator=generator))

    limits = count, starts, height - size + 1, width - size + 1
    corners = torch.tensor([[below(limit) for limit in limits] for _ in range(batch)])
    across = torch.arange(size)
    times = there_and_back(corners[:, 1:2], length, frames)
    n, t = corners[:, 0, None, None, None], times[:, :, None, None]
    y, x = corners[:, 2, None, None, None] + across[:, None], corners[:, 3, None, None, None] + across
    return pool[tuple(places.to(pool.device) for places in (n, t, y, x))].float() / 255


def there_and_back(start: int | Tensor, length: int, frames: int) -> Tensor:
    """[length], numbers of frames from ``start`` on: at the last frame of a clip it turns, at the first again.

    Of starts [B, 1] it is [B, length].
    """
    way = 2 * max(frames - 1, 1)
    steps = (start + torch.arange(length)) % way
    return torch.minimum(steps, way - steps).clamp(max=frames - 1)


def loss_of(vae: nn.Module, frames: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """How far a clip that went through the VAE is from itself; edges count more than ground."""
    pixels = _pixels(vae, frames)
    latents = encode_whole(vae, pixels).float()
    noise = normal_noise(latents.shape, generator, latents.device) * strength
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
        latents = torch.cat([encode_raw(vae, clip[None].cpu().float() / 255) for clip in pool])
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
    profile: Profile = CPU,
    tell: Tell = print,
    half: bool = False,
    drawing: Drawing = IN_TURN,
) -> nn.Module:
    """A trained VAE.

    Args:
        folder: Where the state is kept.
        seed: Of weights and data.
        profile: Sizes, steps, batches and limits.
        tell: Receives a line of progress now and then.
        half: See `TrainingRun`.
        drawing: Of clips.
    """
    torch.manual_seed(seed)
    vae, plan = new_vae(profile.sizes).to(training_device()), profile.vae
    pool, unseen = pool_of(plan.clips, drawing=drawing), pool_of(HELD, UNSEEN, replace(drawing, fewest=HELD))
    pool, held = pool.to(training_device()), unseen.float() / 255

    for number, (phase, count) in enumerate(zip(PHASES, plan.steps, strict=True)):
        if number == 1:
            start_temporal_convolutions(vae)
        loss, check = _lesson(vae, pool, phase, plan), _check(vae, held, phase.batches(plan))
        trained = all_parameters(vae) if phase.whole else chosen_parameters(vae, ["decoder.", "conv2."])
        common = loss, count, phase.rate, seed + number, 0.995, check, plan.check_every, tell, half
        TrainingRun(phase.name, folder, vae, trained, *common, **profile.limits_of(phase.name)).run()
    standardise(vae, pool[:MEASURED])
    return vae.requires_grad_(False)


def _lesson(vae: nn.Module, pool: Tensor, phase: VaePhase, plan: VaePlan) -> Loss:
    batches = phase.batches(plan)

    def loss(step: int, _: float, generator: torch.Generator) -> Tensor:
        batch, length = batches[step % len(batches)]
        return loss_of(vae, crops(pool, generator, batch, length, plan.crop), generator, phase.noise)

    return loss


def _check(vae: nn.Module, held: Tensor, batches: Crops) -> Callable[[int], dict[str, float]]:
    shown = held[:, : max(length for _, length in batches)]

    def check(_: int) -> dict[str, float]:
        return {"psnr": psnr(roundtrip(vae, shown), shown)}

    return check


def roundtrip(vae: nn.Module, frames: Tensor) -> Tensor:
    """Frames [B, T, H, W, 3] encoded and decoded, in the VAE's own space, before it is standardised."""
    back = decode_whole(vae, encode_whole(vae, _pixels(vae, frames)).float()).to(frames)
    return ((back + 1) / 2).clamp(0, 1).movedim(1, -1)
