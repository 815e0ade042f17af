"""A diagram for each task: nine frames of what its node really gives, in the colours of VACE Preview VCU.

Nothing is drawn by hand: a small clip goes through the task, and its VCU is drawn cell by cell, so a diagram cannot say
what the task does not do. There are no words in it, so one file serves all languages.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..host.locations import ROOT, pack_module

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

FOLDER = ROOT / "web" / "docs" / "img"
T, H, W = 33, 64, 96
CELL = 4  # pixels of a frame in one cell
SHOWN, TILE, GAP, EDGE = 9, (72, 48), 8, 8
KEPT, MADE, CONTROL, REFERENCE, INK = "#3fb37f", "#8b74e8", "#e0a13a", "#4a90d9", "#16181d"
GROUND, SUBJECT = (0.72, 0.86, 0.74), (0.9, 0.1, 0.1)
RADIUS = 11


def clip(length: int = T, width: int = W, start: float = 0.25, end: float = 0.75) -> Tensor:
    """A red disc that moves from left to right, [T, H, W, 3], in [0, 1]."""
    y, x = torch.meshgrid(torch.arange(H), torch.arange(width), indexing="ij")
    centres = torch.linspace(start, end, length)[:, None, None] * width
    disc = (x - centres) ** 2 + (y - 0.55 * H) ** 2 < RADIUS**2
    return torch.where(disc[..., None], torch.tensor(SUBJECT), torch.tensor(GROUND))


def cases() -> dict[str, Callable[[], object]]:
    """A VCU for each diagram, by the name of its file."""
    tasks, vcu, video = (pack_module(f"vace_core.{name}") for name in ("tasks", "vcu", "video"))
    whole, film = video.Target(width=W, height=H, length=T), clip()
    reference = [("reference", 1 - _on_white())]
    boxes = "10,20,42,54 56,20,88,54"
    mask = (film[..., 1] < 0.5).float()

    def inpaint() -> object:
        return tasks.inpaint_vcu(film, tasks.Region(boxes=boxes))

    return {
        "task_text": lambda: vcu.build_vcu(target=whole),
        "task_reference": lambda: vcu.build_vcu(references=reference, target=whole),
        "task_control": lambda: vcu.build_vcu(film),
        "task_inpaint": inpaint,
        "task_outpaint": lambda: tasks.outpaint_vcu(
            clip(width=48), tasks.growth_from({"by": "aspect", "aspect": "3:2"})
        ),
        "task_keyframes": lambda: tasks.place_keyframes(
            [(f"image_{i}", film[at : at + 1]) for i, at in enumerate((0, 12, 32))],
            tasks.Places("first, 12, last"),
            target=whole,
        ),
        "task_interpolate": lambda: tasks.interpolate_frames(video.Clip(film[::16]), 3),
        "task_extend": lambda: tasks.extend_vcu(video.Clip(film[:13]), after=20, overlap=13),
        "task_bridge": lambda: tasks.bridge_vcu(
            video.Clip(film[:11]), video.Clip(film[-11:]), gap=11, overlaps=(11, 11)
        ),
        "task_loop": lambda: tasks.loop_vcu(video.Clip(film), gap=13, overlap=10),
        "task_layout": lambda: tasks.box_layout(boxes, whole),
        "task_animate": lambda: tasks.animate_anything(reference, control_video=video.Clip(film)),
        "task_swap": lambda: tasks.swap_anything(reference, video=video.Clip(film), mask=mask, grow=4.0),
        "task_expand": lambda: tasks.expand_anything(
            reference, whole, picture=clip(1, 48, 0.5, 0.5), left=0.5, right=0.5
        ),
        "task_move": lambda: tasks.move_anything([], whole, picture=clip(1), boxes=boxes),
        "task_compose": lambda: vcu.compose_all([("vcu_0", inpaint()), ("vcu_1", vcu.build_vcu(film))]),
    }


def _on_white() -> Tensor:
    """What a reference is less than white: the disc alone, [1, H, 48, 1]."""
    disc = clip(1, 48, 0.5, 0.5)[..., :1] > 0.8
    return disc.float() * torch.tensor([0.1, 0.9, 0.9])


def diagram(vcu: object) -> str:
    """The SVG of a VCU.

    Args:
        vcu: Of any task, its frames a multiple of 4 pixels wide and high.
    """
    parts, x = [], EDGE
    for one in vcu.references:
        parts.append(_tile(x, REFERENCE, _subject(x, one.image.numpy(), SHARE_OF_REFERENCE)))
        x += TILE[0] + GAP
    x += 2 * GAP if vcu.references else 0
    start = x
    for index in np.linspace(0, len(vcu.frames) - 1, SHOWN).round().astype(int):
        parts.append(_frame(x, vcu, int(index)))
        x += TILE[0] + GAP
    width, height = x - GAP + EDGE, TILE[1] + 2 * EDGE + 14
    line, tip = EDGE + TILE[1] + 12, x - GAP
    arrow = f'<path d="M{start} {line}H{tip - 3}M{tip - 9} {line - 4}L{tip - 2} {line}L{tip - 9} {line + 4}"/>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">\n'
        '<defs><pattern id="c" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<rect width="6" height="6" fill="{CONTROL}"/><rect width="2" height="6" fill="#fff" opacity=".45"/>'
        "</pattern></defs>\n"
        f'<rect width="{width}" height="{height}" rx="8" fill="#f4f5f7"/>\n'
        + "\n".join(parts)
        + f'\n<g fill="none" stroke="#6b7280" stroke-width="1.5" stroke-linecap="round">{arrow}</g>\n</svg>\n'
    )


SHARE_OF_REFERENCE = 0.02


def _frame(x: int, vcu: object, index: int) -> str:
    frame, mask = vcu.frames[index].numpy(), vcu.mask[index].numpy() > 0.5
    grey = np.abs(frame - 0.5).max(-1) < 0.02
    kinds = np.where(mask, np.where(grey | (vcu.control_amount == 0), 1, 2), 0)
    rows, columns = kinds.shape[0] // CELL, kinds.shape[1] // CELL
    cells = kinds.reshape(rows, CELL, columns, CELL).transpose(0, 2, 1, 3).reshape(rows, columns, -1)
    cells = np.apply_along_axis(lambda values: np.bincount(values, minlength=3).argmax(), 2, cells)
    width, height = TILE[0] / columns, TILE[1] / rows
    fills = (KEPT, MADE, "url(#c)")
    rects = [
        f'<rect x="{x + left * width:g}" y="{EDGE + top * height:g}" width="{(right - left) * width:g}" '
        f'height="{(bottom - top) * height:g}" fill="{fills[kind]}" shape-rendering="crispEdges"/>'
        for kind, top, bottom, left, right in _blocks(cells)
    ]
    seen = np.where((mask & (vcu.control_amount == 0))[..., None], 0.5, frame)
    return _tile(x, INK, "".join(rects) + _subject(x, seen) + _box(x, seen))


def _blocks(cells: np.ndarray) -> list[tuple[int, int, int, int, int]]:
    """Kind, top, bottom, left and right of rectangles that make up the cells."""
    left_over, blocks = np.ones(cells.shape, bool), []
    for top, left in np.ndindex(cells.shape):
        if not left_over[top, left]:
            continue
        kind, right, bottom = cells[top, left], left, top
        same = (cells == kind) & left_over
        while right < cells.shape[1] and same[top, right]:
            right += 1
        while bottom < cells.shape[0] and same[bottom, left:right].all():
            bottom += 1
        left_over[top:bottom, left:right] = False
        blocks.append((int(kind), top, bottom, left, right))
    return blocks


def _subject(x: int, frame: np.ndarray, least: float = 0.0) -> str:
    """The red disc, where a frame shows it."""
    found = (frame[..., 0] > 0.6) & (frame[..., 1] < 0.3)
    if found.mean() <= least:
        return ""
    rows, columns = np.nonzero(found)
    scale_x, scale_y = TILE[0] / frame.shape[1], TILE[1] / frame.shape[0]
    radius = np.sqrt(found.sum() / np.pi) * min(scale_x, scale_y)
    cx, cy = x + (columns.mean() + 0.5) * scale_x, EDGE + (rows.mean() + 0.5) * scale_y
    return f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:.1f}" fill="{INK}" opacity=".75"/>'


def _box(x: int, frame: np.ndarray) -> str:
    """The outline of a layout's box, where a frame shows one."""
    rows, columns = np.nonzero(frame.max(-1) < 0.2)
    if not len(rows):
        return ""
    scale_x, scale_y = TILE[0] / frame.shape[1], TILE[1] / frame.shape[0]
    left, top = x + columns.min() * scale_x, EDGE + rows.min() * scale_y
    width, height = (np.ptp(columns) + 1) * scale_x, (np.ptp(rows) + 1) * scale_y
    place = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect {place} fill="#fff" opacity=".7" stroke="{INK}" stroke-width="2"/>'


def _tile(x: int, colour: str, inside: str) -> str:
    place = f'x="{x}" y="{EDGE}" width="{TILE[0]}" height="{TILE[1]}" rx="3"'
    ground = f'<rect {place} fill="#fff"/>'
    return f'<g>{ground}{inside}<rect {place} fill="none" stroke="{colour}" stroke-width="2"/></g>'


def draw_diagrams(folder: Path = FOLDER) -> list[Path]:
    """Write all of them.

    Returns:
        The files.
    """
    files = []
    for name, make in cases().items():
        files.append(folder / f"{name}.svg")
        files[-1].write_text(diagram(make()), "utf-8")
    return files
