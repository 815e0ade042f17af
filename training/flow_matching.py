"""Flow matching as Wan is trained and sampled: straight lines from the clip at 0 to noise at 1."""

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHIFT = 3.0
TIMESTEPS = 1000
NO_CAPTION = 0.1  # how often a caption is left out, for classifier-free guidance

# The model's velocity for noisy latents [B, 16, t, h, w] at times [B].
Velocity = Callable[[Tensor, Tensor], Tensor]


def shift_times(part: Tensor, shift: float = SHIFT) -> Tensor:
    """Times in [0, 1], moved towards noise as Wan's schedules do."""
    return shift * part / (1 + (shift - 1) * part)


def velocity_loss(velocity: Velocity, clean: Tensor, part: Tensor, noise: Tensor) -> Tensor:
    """[B], the mean squared error of each clip's velocity.

    Args:
        velocity: The model.
        clean: [B, 16, t, h, w].
        part: [B], places on the schedule in [0, 1].
        noise: As ``clean``.
    """
    time = shift_times(part)
    far = time.view(-1, *(1,) * (clean.ndim - 1))
    found = velocity(torch.lerp(clean, noise, far), time)
    return F.mse_loss(found, noise - clean, reduction="none").flatten(1).mean(1)


def draw_noise(clean: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Chance of one step: ``(part, noise)``, see `velocity_loss`; the places are spread evenly over the batch."""
    part = (torch.arange(len(clean)) + torch.rand(len(clean), generator=generator)) / len(clean)
    return part.to(clean.device), normal_noise(clean.shape, generator, clean.device)


def normal_noise(shape: torch.Size, generator: torch.Generator, device: torch.device) -> Tensor:
    """Normal noise, made on the device it is for.

    A generator of another device gives the seed only: a GPU that waited for noise of the CPU would wait longer than it
    computes.
    """
    if generator.device.type != device.type:
        seed = int(torch.randint(1 << 62, (1,), generator=generator))
        generator = torch.Generator(device).manual_seed(seed)
    return torch.randn(shape, generator=generator, device=device)


def sample_latents(velocity: Velocity, noise: Tensor, steps: int) -> Tensor:
    """Latents from noise by Euler's method."""
    times = shift_times(torch.linspace(1, 0, steps + 1))
    latents = noise
    for now, then in pairwise(times):
        latents = latents + float(then - now) * velocity(latents, now.expand(len(noise)).to(noise.device))
    return latents


def with_guidance(with_text: Velocity, without: Velocity, scale: float) -> Velocity:
    """Classifier-free guidance."""

    def velocity(latents: Tensor, time: Tensor) -> Tensor:
        empty = without(latents, time)
        return empty + scale * (with_text(latents, time) - empty)

    return velocity


def velocity_of(
    model: nn.Module,
    text: Tensor,
    context: Tensor | None = None,
    strength: float = 1.0,
    attention: Callable[..., Tensor] | None = None,
) -> Velocity:
    """A host's Wan model as a `Velocity`.

    Args:
        model: Wan, or Wan with VACE when there is a context.
        text: [B, L, D].
        context: [B, 96, R + t, h, w].
        strength: Of the context.
        attention: Used instead of the host's, see `attention_for`.
    """
    extra = {} if context is None else {"vace_context": context[:, None], "vace_strength": [strength]}
    if attention:
        extra["transformer_options"] = {"optimized_attention_override": attention}

    def velocity(latents: Tensor, time: Tensor) -> Tensor:
        return model(latents, time * TIMESTEPS, text, **extra)

    return velocity


def attention_for(device: torch.device) -> Callable[..., Tensor]:
    """The attention that is trained with on a device: the one whose gradient is cheapest there."""
    return plain_attention if device.type == "cpu" else fused_attention


def fused_attention(_: object, q: Tensor, k: Tensor, v: Tensor, heads: int, *unused: object, **also: object) -> Tensor:
    """PyTorch's own attention, which keeps no pair of tokens on a GPU; as `plain_attention`."""
    q, k, v = (x.to(v.dtype).unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


def plain_attention(_: object, q: Tensor, k: Tensor, v: Tensor, heads: int, *unused: object, **also: object) -> Tensor:
    """Attention written out, whose gradient is cheaper for few tokens on a CPU than that of PyTorch's own.

    Args:
        q: [B, N, C], queries.
        k: [B, M, C], keys.
        v: As ``k``, values.
        heads: C is so many times the width of a head.
        *unused: Of the host's attention; there is no mask here.
        **also: Likewise.

    Returns:
        [B, N, C].
    """
    q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
    weights = torch.softmax(q @ k.transpose(2, 3) * q.shape[3] ** -0.5, dim=3)
    return (weights.to(v.dtype) @ v).transpose(1, 2).flatten(2)
