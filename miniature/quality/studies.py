"""Choices of the method compared on the miniature: ``python dev.py quality --studies``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from ...training.trainer import Tell
from ...vace_core.masks import seen_frames
from ..world import LENGTH, draw_scene, psnr, random_scene
from .cases import CASES, FIRST_SEED, Case, make_keyframes_case
from .judges import Scores
from .studio import Studio

CELL, GROUP = 8, 4  # pixels and frames of a latent cell
MASKED = ("inpaint", "swap", "extend", "first", "last")
SEEN, UNSEEN, ENDS = (5, 11), (3, 13), (0, LENGTH - 1)  # frames, apart by whether the mask channels see them
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
PARTS = (20, 40, 60, 80, 100)  # per cent of the schedule
GUIDED = ("depth", "lineart", "reference")


@dataclass(frozen=True)
class Study:
    """A question and how its answers are found.

    Attributes:
        title: The question.
        about: What is compared.
        measure: Gives, for a studio and a seed, what was tried and how it scored.
    """

    title: str
    about: str
    measure: Callable[[Studio, int], Iterator[tuple[str, Scores]]]


def run_studies(studio: Studio, seeds: int, out: Path | None, tell: Tell) -> int:
    """Answer every question, and write the answers down.

    Args:
        studio: What to sample with.
        seeds: Scenes.
        out: Folder for the text; None writes nothing.
        tell: Receives the tables.

    Returns:
        The exit status, 0.
    """
    text = _heading(seeds)
    for study in STUDIES:
        found: dict[str, list[Scores]] = {}
        for seed in range(seeds):
            for name, scores in study.measure(studio, seed):
                found.setdefault(name, []).append(scores)
        part = [f"## {study.title}", "", study.about, "", *_table(found), ""]
        tell("\n".join(part))
        text += part
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / "miniature_studies.md").write_text("\n".join(text), "utf-8")
    return 0


def pooled_mask(mask: Tensor, worst: bool = False) -> Tensor:
    """[64, t, h, w], every frame of a mask [T, H, W] in its own latent frame, where the official choice sees one.

    Args:
        mask: T is 4n + 1.
        worst: Whether a latent frame gets the largest value of its frames instead of their mean.
    """
    groups = mask[1:].unflatten(0, (-1, GROUP))
    rest = groups.amax(1) if worst else groups.mean(1)
    return F.pixel_unshuffle(torch.cat([mask[:1], rest])[:, None], CELL).movedim(0, 1)


def _mask_choice(studio: Studio, seed: int) -> Iterator[tuple[str, Scores]]:
    for task in MASKED:
        case = CASES[task](studio.call, FIRST_SEED + seed)
        official = studio.encode(case.vcu)
        for name, worst in (("official", None), ("mean of the frames", False), ("largest of the frames", True)):
            context = official
            if worst is not None:
                pooled = F.pad(pooled_mask(case.vcu.mask, worst)[None], (0, 0, 0, 0, official.num_references, 0))
                context = replace(official, mask=pooled.to(official.mask))
            film = studio.film(case.vcu, case.caption, seed, context=context)
            yield f"{task}, {name}", _kept(case, film) | case.judge(film)


def _kept(case: Case, film: Tensor) -> Scores:
    return {"kept, dB": psnr(film, case.vcu.frames, case.vcu.mask <= 0.5)}


def _keyframe_places(studio: Studio, seed: int) -> Iterator[tuple[str, Scores]]:
    clip = draw_scene(random_scene(FIRST_SEED + seed, second=False))
    for where, frames in (("seen", SEEN), ("unseen", UNSEEN), ("first or last, unseen", ENDS)):
        for snap in ("off",) if frames is SEEN else ("off", "hold", "move"):
            for frame in frames:
                case = make_keyframes_case(studio.call, clip, [frame], snap=snap)
                film = studio.film(case.vcu, case.caption, seed)
                yield f"{where}, snap {snap}", {**_kept(case, film), **case.judge(film)}


def _listed(frames: Sequence[int]) -> str:
    return f"frames {', '.join(map(str, frames))}"


def _strengths(studio: Studio, seed: int) -> Iterator[tuple[str, Scores]]:
    for task in GUIDED:
        case = CASES[task](studio.call, FIRST_SEED + seed)
        context = studio.encode(case.vcu)
        for strength in STRENGTHS:
            film = studio.film(case.vcu, case.caption, seed, context=context, strength=strength)
            yield f"{task}, strength {strength:g}", case.judge(film)


def _parts(studio: Studio, seed: int) -> Iterator[tuple[str, Scores]]:
    for task in GUIDED:
        case = CASES[task](studio.call, FIRST_SEED + seed)
        context = studio.encode(case.vcu)
        for part in PARTS:
            curve = "1" if part == 100 else f"0:1, {part}%:1, {part}%:0"
            film = studio.film(case.vcu, case.caption, seed, context=context, steps=curve)
            yield f"{task}, first {part} %", case.judge(film)
        film = studio.film(case.vcu, case.caption, seed, context=context, steps="0:0, 40%:0, 40%:1")
        yield f"{task}, all but the first 40 %", case.judge(film)


STUDIES = (
    Study(
        "Which mask frame stands for a latent frame?",
        f"The official code picks one by nearest-exact: {_listed(seen_frames(LENGTH))} of {LENGTH}. The model was\n"
        "trained with that. Beside it: every frame of the mask in its own latent frame, by their mean or largest.",
        _mask_choice,
    ),
    Study(
        "Does it matter whether the mask channels see a key frame?",
        f"One key frame at a time: seen ({_listed(SEEN)}), unseen ({_listed(UNSEEN)}), at an end ({_listed(ENDS)}).\n"
        "What is kept is measured at all frames that the VCU keeps, so with snap hold there is more to keep.",
        _keyframe_places,
    ),
    Study(
        "How strong?",
        "The strength of VACE Apply Context on controls and a reference; 1 is as trained.",
        _strengths,
    ),
    Study(
        "How long?",
        "Full strength over the first part of the sampling schedule and none after it, by VACE Set Strength.",
        _parts,
    ),
)


def _heading(seeds: int) -> list[str]:
    return [
        "# Choices compared on the miniature",
        "",
        f"Written by `python dev.py quality --studies`; means over {seeds} scenes that it was not trained on. This",
        "is evidence from a small model that was trained with the official choices: what is found here is a reason to",
        "look at the real models, not a fact about them.",
        "",
    ]


def _table(found: dict[str, Sequence[Scores]]) -> list[str]:
    columns = list(dict.fromkeys(measure for scores in found.values() for measure in scores[0]))
    lines = [["", *columns], ["---", *("--:" for _ in columns)]]
    for name, scores in found.items():
        means = [_mean([each[measure] for each in scores if measure in each]) for measure in columns]
        lines.append([name, *means])
    return [f"| {' | '.join(line)} |" for line in lines]


def _mean(values: Sequence[float]) -> str:
    return f"{sum(values) / len(values):.2f}" if values else ""
