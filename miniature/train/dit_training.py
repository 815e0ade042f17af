"""Training of the text-to-video model, of its context adapter with the base frozen, and of everything at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ...training.flow_matching import (
    NO_CAPTION,
    Velocity,
    attention_for,
    draw_noise,
    velocity_loss,
    velocity_of,
)
from ...training.networks import CONTEXT_CHANNELS, device_of
from ...training.trainer import Tell, TrainingRun, all_parameters, chosen_parameters, matrices_of
from ..world import COLOURS, WORDS, word_vectors
from .data import Requests, Targets
from .profiles import CPU, Profile
from .tasks import WORLD_TASKS

RATE, ADAPTER_RATE = 3e-3, 2e-3
STILLS, FEWER_STILLS = 0.4, 0.1  # how often the base learns from single frames, at its begin and at its end
STILLS_BATCH, LONGER_BATCH = 4.0, 0.5  # times the batch: of single frames, and of longer clips
PICTURES = 0.25  # how many of those are things alone on white, as references are
LONGER = 0.08  # how often it learns from longer clips
BARE, SHOWN = 0.3, 0.7  # how often a caption leaves the colours out: of any clip, and where something else shows them
CHECK_PARTS = 8  # places on the schedule that a validation loss is measured at
COLOUR_IDS = torch.tensor([WORDS.index(colour) + 1 for colour in COLOURS], dtype=torch.uint8)


def _rows(generator: torch.Generator, count: int, batch: int) -> Tensor:
    return torch.randint(count, (batch,), generator=generator)


def _captions(table: Tensor, generator: torch.Generator, bare: Tensor | float) -> Tensor:
    """Vectors of captions, some left out whole, some (each with its chance ``bare``) without their colours."""
    without = torch.rand(len(table), generator=generator) < bare
    table = torch.where(without[:, None], without_colours(table), table)
    table[torch.rand(len(table), generator=generator) < NO_CAPTION] = 0
    return word_vectors(table)


def without_colours(table: Tensor) -> Tensor:
    """Captions [N, L] without the numbers of colours: what is behind them moves up."""
    is_colour = torch.isin(table, COLOUR_IDS)
    behind = is_colour.byte().argsort(dim=1, stable=True)
    return table.masked_fill(is_colour, 0).gather(1, behind)


def _noisy_loss(
    model: nn.Module, clean: Tensor, text: Tensor, generator: torch.Generator, context: Tensor | None
) -> Tensor:
    (clean,) = _moved(model, clean)
    part, noise = draw_noise(clean, generator)
    return velocity_loss(_velocity_of(model, text, context), clean, part, noise).mean()


def _velocity_of(model: nn.Module, text: Tensor, context: Tensor | None) -> Velocity:
    text, context = _moved(model, text, context)
    return velocity_of(model, text, context, attention=attention_for(text.device))


def _moved(model: nn.Module, *tensors: Tensor | None) -> list[Tensor | None]:
    place = device_of(model)
    return [tensor if tensor is None else tensor.to(place) for tensor in tensors]


@dataclass(frozen=True, eq=False)
class BaseLesson:
    """What the base learns from: as Wan, from pictures and from clips of several lengths.

    Attributes:
        clips: Of the usual length.
        longer: Clips of more frames.
        pictures: Things alone on white, one frame each.
        batch: Clips of a step.
    """

    clips: Targets
    longer: Targets
    pictures: Targets
    batch: int = CPU.batch

    def draw(self, generator: torch.Generator, part: float) -> tuple[Tensor, Tensor]:
        """``(clean, words)`` of a batch of one kind: pictures, mostly first frames of clips, or clips.

        Args:
            generator: Of chance.
            part: How much of the training is over; pictures become fewer.
        """
        kind, is_picture = torch.rand(2, generator=generator).tolist()
        stills = STILLS + (FEWER_STILLS - STILLS) * part
        if kind < stills:
            source, times = self.pictures if is_picture < PICTURES else self.clips, STILLS_BATCH
        elif kind > 1 - LONGER:
            source, times = self.longer, LONGER_BATCH
        else:
            source, times = self.clips, 1
        rows = _rows(generator, len(source.latents), max(int(times * self.batch), 1))
        length = 1 if kind < stills else None
        return source.latents[rows.to(source.latents.device), :, :length].float(), source.words[rows]


def new_base_run(
    folder: Path,
    model: nn.Module,
    seen: BaseLesson,
    unseen: Targets,
    steps: int,
    seed: int,
    tell: Tell,
    half: bool,
    profile: Profile = CPU,
) -> TrainingRun:
    """Training of text to video."""

    def loss(step: int, steps: float, generator: torch.Generator) -> Tensor:
        clean, table = seen.draw(generator, step / steps)
        return _noisy_loss(model, clean, _captions(table, generator, BARE), generator, None)

    def check(_: int) -> dict[str, float]:
        return {"validation": base_validation(model, unseen)}

    trained = all_parameters(model)
    common = loss, steps, RATE, seed, 0.998, check, profile.check_every, tell, half
    return TrainingRun("base", folder, model, trained, *common, matrices_of(model), **profile.limits_of("base"))


def base_validation(model: nn.Module, unseen: Targets) -> float:
    """Loss on clips and captions that were not trained on, at the same noise each time."""
    return _validation(model, unseen.latents.float(), word_vectors(unseen.words), None)


def _validation(model: nn.Module, clean: Tensor, text: Tensor, context: Tensor | None) -> float:
    generator = torch.Generator().manual_seed(7)
    total = 0.0
    velocity = _velocity_of(model, text, context)
    for index in range(CHECK_PARTS):
        part = torch.full((len(clean),), (index + 0.5) / CHECK_PARTS)
        noise = torch.randn(clean.shape, generator=generator)
        total += float(velocity_loss(velocity, *_moved(model, clean, part, noise)).mean())
    return total / CHECK_PARTS


@dataclass(frozen=True, eq=False)
class Lesson:
    """Requests and the clips they ask for.

    Attributes:
        targets: The clips.
        requests: Of one phase, apart by their number of references.
        until: The part of a run's steps that it ends at.
        batch: Requests of a step.
    """

    targets: Targets
    requests: Sequence[Requests]
    until: float = 1.0
    batch: int = CPU.batch

    def draw(self, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """``(clean, text, context)`` of a batch whose VCUs have as many references each."""
        counts = torch.tensor([len(group.clip) for group in self.requests], dtype=torch.float32)
        group = self.requests[int(torch.multinomial(counts, 1, generator=generator))]
        rows = _rows(generator, len(group.clip), self.batch)
        text = _captions(self.targets.words[group.clip[rows]], generator, SHOWN * _COLOURLESS[group.task[rows]])
        return *self.clean_and_context(group, rows), text

    def clean_and_context(self, group: Requests, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What is to come out, references first, and what the adapter reads."""
        video = self.targets.latents[group.clip[rows].to(self.targets.latents.device)].float()
        rows = rows.to(group.context.device)
        clean = torch.cat([group.references[rows].float(), video], dim=2)
        return clean, torch.cat([group.context[rows].float(), group.mask[rows].float() / 255], dim=1)


_COLOURLESS = torch.tensor([task.colourless for task in WORLD_TASKS.values()])


def new_adapter_run(
    name: str,
    folder: Path,
    model: nn.Module,
    lessons: Sequence[Lesson],
    unseen: Lesson,
    base_unseen: Targets,
    steps: int,
    seed: int,
    tell: Tell,
    *,
    half: bool = False,
    whole: bool = False,
    rate: float = ADAPTER_RATE,
    check_every: int | None = None,
    profile: Profile = CPU,
) -> TrainingRun:
    """Training of VACE.

    Args:
        name: Of the run.
        folder: Of its state.
        model: The host's VACE class, base trained, adapter begun.
        lessons: One for each phase, in order.
        unseen: For the validation loss.
        base_unseen: For the loss of plain text to video, with the context switched off.
        steps: In all.
        seed: Of the data.
        tell: Receives progress.
        half: See `TrainingRun`.
        whole: Whether the base is trained too (global fine-tuning), instead of frozen.
        rate: The largest learning rate.
        check_every: Steps between two checks; the profile's without.
        profile: Whose limits it has.
    """

    def loss(step: int, steps: float, generator: torch.Generator) -> Tensor:
        lesson = next((lesson for lesson in lessons if step < lesson.until * steps), lessons[-1])
        clean, context, text = lesson.draw(generator)
        return _noisy_loss(model, clean, text, generator, context)

    def check(_: int) -> dict[str, float]:
        return {
            "validation": adapter_validation(model, unseen),
            "text_to_video": base_validation(_Unconditioned(model), base_unseen),
        }

    trained = all_parameters(model) if whole else chosen_parameters(model, ["vace_"])
    common = loss, steps, rate, seed, 0.998, check, check_every or profile.check_every, tell, half
    return TrainingRun(name, folder, model, trained, *common, matrices_of(model), **profile.limits_of(name))


def adapter_validation(model: nn.Module, unseen: Lesson) -> float:
    """Loss on requests that were not trained on, at the same noise each time."""
    total = count = 0.0
    for group in unseen.requests:
        rows = torch.arange(len(group.clip))
        clean, context = unseen.clean_and_context(group, rows)
        text = word_vectors(unseen.targets.words[group.clip])
        total += len(rows) * _validation(model, clean, text, context)
        count += len(rows)
    return total / count


class _Unconditioned(nn.Module):
    """A VACE model without its context: the base alone, whatever became of it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, latents: Tensor, time: Tensor, text: Tensor, **options: object) -> Tensor:
        batch, _, length, height, width = latents.shape
        context = latents.new_zeros(batch, 1, CONTEXT_CHANNELS, length, height, width)
        return self.model(latents, time, text, vace_context=context, vace_strength=[0.0], **options)
