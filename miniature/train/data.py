"""Clips of the world and their VCUs, encoded once and kept for the training.

They are drawn by a `Drawing`: here, one after the other, or by other processes, until it says that there are enough.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn

from ...training.networks import context_as_seen, latent_format, save_whole
from ...vace_core.conditioning import assemble_context, is_constant, split_for_encoding
from ...vace_core.vcu import Vcu, letterbox
from ...vace_core.video import LATENT_CHANNELS, MID_GREY
from ..networks import encode_clips, encode_raw
from ..world import CAPTION_LENGTH, LENGTH, draw_reference, draw_scene, random_scene, token_ids
from .drawing import IN_TURN, Drawing
from .tasks import WORLD_TASKS, choose_world_task

CHUNK, PICTURES = 16, 128  # how many clips, and single pictures, are encoded at once


@dataclass(frozen=True, eq=False)
class Targets:
    """What a text-to-video model learns from.

    Attributes:
        latents: [N, 16, t, h, w], half precision, as the model sees them.
        words: [N, 16], uint8, numbers of the captions' words.
    """

    latents: Tensor
    words: Tensor

    def near(self, device: torch.device) -> "Targets":
        """The same with what is large on a device; words stay here, where batches are put together."""
        return replace(self, latents=self.latents.to(device))

    @property
    def count(self) -> int:
        """N."""
        return len(self.words)


@dataclass(frozen=True, eq=False)
class Requests:
    """What an adapter learns from: VCUs with as many references each, of clips that are known.

    Attributes:
        clip: [M], which of the targets each asks for.
        task: [M], number of its task.
        references: [M, 16, R, h, w], half precision.
        context: [M, 32, R + t, h, w], half precision, inactive and reactive as the model sees them.
        mask: [M, 64, R + t, h, w], uint8 in [0, 255].
    """

    clip: Tensor
    task: Tensor
    references: Tensor
    context: Tensor
    mask: Tensor

    def of_phase(self, phase: int) -> "Requests":
        """Those whose tasks are there by a phase."""
        begins = torch.tensor([task.phase for task in WORLD_TASKS.values()])
        return self._where(begins[self.task] <= phase)

    def of_clips(self, count: int) -> "Requests":
        """Those that ask for one of the first clips."""
        return self._where(self.clip < count)

    def near(self, device: torch.device) -> "Requests":
        """The same with what is large on a device; numbers stay here, where batches are put together."""
        large = ("references", "context", "mask")
        return replace(self, **{name: getattr(self, name).to(device) for name in large})

    def _where(self, chosen: Tensor) -> "Requests":
        return Requests(*(tensor[chosen.to(tensor.device)] for tensor in vars(self).values()))


def encode_targets(
    vae: nn.Module, seeds: Sequence[int], length: int = LENGTH, half: bool = False, drawing: Drawing = IN_TURN
) -> Targets:
    """The clips of some seeds, ``length`` frames each; see `precision`."""
    latents, captions = [], []
    for clips in drawing.chunks(partial(_clip, length=length, pixels=drawing.pixels), seeds, CHUNK):
        frames, told = zip(*clips, strict=True)
        latents.append(encode_clips(vae, torch.stack(frames), half).half())
        captions += told
    return Targets(torch.cat(latents), word_table(captions))


def _clip(seed: int, length: int, pixels: int) -> tuple[Tensor, list[int]]:
    scene = random_scene(seed)
    return draw_scene(scene, length, pixels, pixels).frames, token_ids(scene.caption)


def encode_pictures(vae: nn.Module, seeds: Sequence[int], half: bool = False, drawing: Drawing = IN_TURN) -> Targets:
    """The first thing of each seed's scene, alone on white, as a clip of one frame; see `precision`."""
    latents, captions = [], []
    for pictures in drawing.chunks(partial(_picture, pixels=drawing.pixels), seeds, PICTURES):
        frames, told = zip(*pictures, strict=True)
        latents.append(encode_clips(vae, torch.stack(frames), half).half())
        captions += told
    return Targets(torch.cat(latents), word_table(captions))


def _picture(seed: int, pixels: int) -> tuple[Tensor, list[int]]:
    thing = random_scene(seed).things[0]
    return draw_reference(thing, pixels, pixels), token_ids(thing.words)


def word_table(captions: Sequence[Sequence[int]]) -> Tensor:
    """[N, 16], uint8."""
    table = torch.zeros(len(captions), CAPTION_LENGTH, dtype=torch.uint8)
    for row, numbers in zip(table, captions, strict=True):
        row[: len(numbers)] = torch.tensor(numbers, dtype=torch.uint8)
    return table


def encode_requests(
    vae: nn.Module,
    seeds: Sequence[int],
    decouple: bool = True,
    choose: Callable = choose_world_task,
    length: int = LENGTH,
    half: bool = False,
    drawing: Drawing = IN_TURN,
) -> list[Requests]:
    """One VCU for each seed's clip, those with and without a reference apart.

    Args:
        vae: The miniature's.
        seeds: Of clips; which task each gets depends on its seed.
        decouple: Whether what is kept and what is generated are encoded apart, as VACE does. If not, all is in the
            first half and the second is empty.
        choose: Gives the task's name for ``(rng, clip)``; by default at random by weight.
        length: Frames of the clips.
        half: See `precision`.
        drawing: Draws clips and VCUs; the last seeds are left out if it ends before them.
    """
    found: dict[int, list[tuple]] = {}
    empty = latent_format().process_out(torch.zeros(1, LATENT_CHANNELS, 1, 1, 1))
    draw = partial(_request, choose=choose, length=length, pixels=drawing.pixels)
    for number, asked in enumerate(drawing.chunks(draw, seeds, CHUNK)):
        start = number * CHUNK
        for offset, context in enumerate(contexts_of(vae, [vcu for _, vcu in asked], empty, decouple, half)):
            name = list(WORLD_TASKS).index(asked[offset][0])
            found.setdefault(context.num_references, []).append((start + offset, name, *context_as_seen(context)))
    return [_stacked(rows) for _, rows in sorted(found.items())]


def _request(seed: int, choose: Callable, length: int, pixels: int) -> tuple[str, Vcu]:
    clip, rng = draw_scene(random_scene(seed), length, pixels, pixels), random.Random(f"request {seed}")
    name = choose(rng, clip)
    return name, WORLD_TASKS[name].build(clip, rng)


def contexts_of(vae: nn.Module, vcus: Sequence[Vcu], empty: Tensor, decouple: bool = True, half: bool = False) -> list:
    """The contexts of several VCUs of one size, with few calls of the VAE."""
    halves = [split_for_encoding(vcu) if decouple else _together(vcu) for vcu in vcus]
    videos = [half for inactive, reactive, _ in halves for half in (inactive, reactive)]
    videos += [letterbox(r.image, *vcu.frames.shape[1:3])[None] for vcu in vcus for r in vcu.references]
    encoded = iter(encode_all(vae, videos, half))
    pairs = [(next(encoded), next(encoded)) for _ in vcus]
    contexts = []
    for vcu, (inactive, reactive), (_, _, mask) in zip(vcus, pairs, halves, strict=True):
        references = [next(encoded) for _ in vcu.references]
        contexts.append(assemble_context(inactive, reactive, mask, references, empty, vcu.num_frames))
    return contexts


def _together(vcu: Vcu) -> tuple[Tensor, Tensor, Tensor]:
    inactive, reactive, mask = split_for_encoding(vcu)
    nothing = torch.full((1, 1, 1, 1), MID_GREY).expand_as(inactive)
    if is_constant(reactive):
        return inactive, nothing, mask
    return torch.where(mask[..., None] > 0.5, reactive, inactive), nothing, mask


def encode_all(vae: nn.Module, videos: Sequence[Tensor], half: bool = False) -> list[Tensor]:
    """Each video [T, H, W, 3] as [1, 16, t, h, w] in the VAE's own space; of constants only one is encoded."""
    kinds: dict[tuple, list[int]] = {}
    for index, video in enumerate(videos):
        kinds.setdefault((len(video), is_constant(video) and float(video.flatten()[0])), []).append(index)
    found: dict[int, Tensor] = {}
    for (_, constant), indices in kinds.items():
        chosen = indices[:1] if constant is not False else indices
        latents = encode_raw(vae, torch.stack([videos[index] for index in chosen]), half)
        found |= {index: latents[n % len(latents)][None] for n, index in enumerate(indices)}
    return [found[index] for index in range(len(videos))]


def _stacked(rows: list[tuple]) -> Requests:
    clip, task, *tensors = zip(*rows, strict=True)
    return Requests(torch.tensor(clip), torch.tensor(task), *(torch.stack(tensor) for tensor in tensors))


def cached_tensors(path: Path, make: Callable[[], list[dict[str, Tensor]]]) -> list[dict[str, Tensor]]:
    """What ``make`` gives, from the file of an earlier run if there is one."""
    if path.exists():
        return torch.load(path, weights_only=True)
    made = make()
    save_whole(made, path)
    return made
