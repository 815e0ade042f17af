"""Drawn pictures: each is as its script draws it, small, and says what the task does."""

import re

import numpy as np
import pytest
from PIL import Image

from harness.canvas.texts import texts
from harness.pictures import cards, diagrams, film

VCUS = {name: make() for name, make in diagrams.cases().items()}
FILLS = {diagrams.KEPT: 0, diagrams.MADE: 1, "url(#c)": 2}


def shares(svg):
    """Of each tile of a diagram, the shares that are kept, generated and control."""
    found = []
    for tile in re.findall(r"<g>.*?</g>", svg):
        areas = np.zeros(3)
        for width, height, fill in re.findall(r'width="([\d.]+)" height="([\d.]+)" fill="([^"]+)" shape', tile):
            areas[FILLS[fill]] += float(width) * float(height)
        if areas.any():
            found.append(areas / np.prod(diagrams.TILE))
    return np.array(found)


@pytest.mark.parametrize("name", sorted(VCUS))
def test_a_diagram_is_drawn_of_the_tasks_own_vcu(name):
    vcu, svg = VCUS[name], diagrams.diagram(VCUS[name])
    assert (diagrams.FOLDER / f"{name}.svg").read_text("utf-8") == svg, "python dev.py draw --pictures"
    found = shares(svg)
    assert found.shape == (diagrams.SHOWN, 3)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    at = np.linspace(0, len(vcu.frames) - 1, diagrams.SHOWN).round().astype(int)
    kept = 1 - (vcu.mask[at] > 0.5).float().mean((1, 2)).numpy()
    np.testing.assert_allclose(found[:, 0], kept, atol=0.06)
    assert svg.count(f'stroke="{diagrams.REFERENCE}"') == len(vcu.references)
    assert len(svg) < 20_000


def test_diagrams_tell_tasks_from_each_other():
    drawn = [diagrams.diagram(vcu) for vcu in VCUS.values()]
    assert len(set(drawn)) == len(drawn)
    kinds = {name: tuple(shares(diagrams.diagram(vcu)).max(0) > 0) for name, vcu in VCUS.items()}
    assert kinds["task_text"] == (False, True, False) and kinds["task_control"] == (False, False, True)
    assert kinds["task_inpaint"] == (True, True, False) and kinds["task_compose"] == (True, False, True)
    assert kinds["task_move"] == (True, False, True)


def test_no_diagram_is_left_over_and_each_is_on_a_page():
    files = {path.name for path in diagrams.FOLDER.glob("task_*.svg")}
    pages = [*diagrams.FOLDER.parent.glob("Vace*.md"), diagrams.ROOT / "docs" / "guide.md"]
    assert files == {f"{name}.svg" for name in VCUS}
    shown = set(re.findall(r"task_\w+\.svg", " ".join(page.read_text("utf-8") for page in pages)))
    assert shown == files


def test_every_workflow_has_a_card():
    assert set(cards.CARDS) == set(texts())


@pytest.mark.parametrize("name", sorted(cards.CARDS))
def test_a_card_is_as_drawn_and_moves(name):
    with Image.open(texts()[name].picture) as picture:
        assert picture.format == "WEBP" and picture.n_frames > 5
        assert 4 * picture.height == 3 * picture.width
        shown = np.asarray(picture.convert("RGB")).astype(float)
    drawn = np.asarray(cards.card(cards.CARDS[name], (0.0,))[0]).astype(float)
    assert np.abs(shown - drawn).mean() < 5, "python dev.py draw --pictures"
    assert texts()[name].picture.stat().st_size < 120_000


def test_the_demos_picture_has_every_task_with_its_input_and_its_result():
    clips = {name: {row: np.full((17, 64, 64, 3), 90, np.uint8) for row in film.ROWS} for name in film.CAPTIONS}
    clips["pose"]["result"] = np.full((13, 64, 32, 3), (250, 0, 0), np.uint8)
    frames = film.compose(clips)
    assert len(frames) == 13
    red = np.asarray(frames[0]).astype(int)[..., 0] - np.asarray(frames[0]).astype(int)[..., 1] > 200
    rows, columns = np.nonzero(red)
    assert columns.min() > frames[0].width * 2 / 3 and rows.min() > frames[0].height / 2
    assert np.ptp(rows) + 1 == film.SIDE and np.ptp(columns) + 1 == film.SIDE // 2
    with Image.open(film.FILE) as picture:
        assert picture.format == "WEBP" and picture.n_frames > 10 and picture.size == frames[0].size
    assert film.FILE.stat().st_size < 1_000_000
