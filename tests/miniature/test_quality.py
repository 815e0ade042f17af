"""The trained miniature on the real host: every task can be judged, and some of them are, on a scene each."""

from dataclasses import replace

import pytest
import torch

from harness.inprocess import run_node
from wan_vace.miniature import quality, quality_sheets
from wan_vace.miniature.quality_cases import CASES, FIRST_SEED
from wan_vace.miniature.quality_gates import GATES
from wan_vace.miniature.quality_studies import pooled_mask
from wan_vace.miniature.quality_studio import open_studio
from wan_vace.miniature.world import draw, random_scene
from wan_vace.vace_core.masks import fold_mask, seen_frames

pytestmark = pytest.mark.host

SAMPLED = ("depth", "pose", "layout", "inpaint", "guided_inpaint", "outpaint", "first_last", "swap")


@pytest.fixture(scope="module")
def call(host, host_nodes):
    with torch.inference_mode():
        yield lambda node_id, **inputs: run_node(host.NODE_CLASS_MAPPINGS[node_id], inputs)


@pytest.fixture(scope="module")
def studio(call):
    from harness.nodes.wan_vace_dev.miniature import load_clip

    return open_studio(call, load_clip())


def failed(task, scores):
    """Gates of a task that a clip does not pass."""
    return [g.measure for g in GATES[task] if g.measure in scores and not g.passed(scores[g.measure], None)]


def everything(case, frames):
    """What a case measures, of frames that keep what they are to keep."""
    return case.judge(frames) | (case.joined(frames) if case.joined else {})


def test_every_task_has_a_gate():
    assert list(GATES) == list(CASES)


def test_what_falls_short_of_its_aim_says_so():
    gates = [gate for gates in GATES.values() for gate in gates if gate.aim]
    assert gates and all(gate.limit < gate.aim and gate.beats and not gate.lower for gate in gates)
    row = quality.Row("extend", "continuity", (0.4, 0.6), (0.2, 0.2), quality.Gate("continuity", 0.4, aim=0.6))
    assert row.cells[2:] == ["0.50 (0.40 .. 0.60)", "0.20 (0.20 .. 0.20)", "at least 0.4, aim 0.6", "yes"]


@pytest.mark.parametrize("task", CASES)
def test_the_truth_passes_every_gate_and_another_scene_does_not(call, task):
    for seed in (0, 1):
        case = CASES[task](call, FIRST_SEED + seed)
        assert not failed(task, everything(case, case.clip.frames))
        other = draw(random_scene(FIRST_SEED + seed + 500, place="night"), len(case.clip.frames))
        kept = case.vcu.mask <= 0.5
        scores = everything(case, other.frames)
        scores["kept, dB"] = quality.measures.psnr(other.frames, case.vcu.frames, kept)
        assert failed(task, scores)
        measured = {*scores, "kept and pasted, dB"} - ({"kept, dB"} if not kept.any() else set())
        assert {gate.measure for gate in GATES[task]} <= measured


def test_what_is_kept_of_an_exchange_is_the_truths_too(call):
    for task in ("inpaint", "swap", "guided_inpaint", "outpaint", "extend", "keyframes"):
        case = CASES[task](call, FIRST_SEED)
        kept = case.vcu.mask <= 0.5
        assert quality.measures.psnr(case.clip.frames, case.vcu.frames, kept) == quality.measures.CEILING


@pytest.mark.parametrize("task", SAMPLED)
def test_a_task_passes_its_gates_on_a_scene(studio, task):
    rows = quality.rows_of(task, [quality.attempt(studio, task, 0)])
    short = [" | ".join(row.cells) for row in rows if not row.passed(row.gate.slack if row.gate else 0)]
    assert not short, "\n".join(short)


def test_a_join_is_judged_with_what_is_kept_put_back(studio):
    found = quality.attempt(replace(studio, steps=1), "extend", 0)
    kept = found.case.vcu.mask <= 0.5
    torn = torch.where(kept[..., None], found.case.vcu.frames, found.film_without)
    assert found.scores_without["continuity"] == pytest.approx(found.case.joined(torn)["continuity"], abs=0.02)
    assert found.scores_without["continuity"] < found.case.joined(found.case.clip.frames)["continuity"]


def test_the_vae_gives_back_clips_that_it_was_not_trained_on(studio):
    row = quality.vae_row(studio, 4)
    assert row.passed(), row.cells


def test_the_verb_writes_its_table_and_a_sheet_and_fails_with_a_gate(call, tmp_path, monkeypatch):
    from harness.nodes.wan_vace_dev.miniature import load_clip

    told = []
    monkeypatch.setitem(quality.GATES, "t2v", (quality.Gate("colour", 2.0),))
    options = quality.read_options(["--seeds", "1", "--tasks", "t2v", "--out", str(tmp_path)])
    assert quality.run(options, call, load_clip(), told.append) == 1
    assert told[0].startswith("t2v: not passed: colour")
    rows = [line for line in (tmp_path / "miniature_quality.md").read_text("utf-8").splitlines() if "| t2v |" in line]
    assert "at least 2 | NO |" in rows[0] and len(rows) == 4
    assert (tmp_path / "miniature" / "t2v.jpg").stat().st_size < 100_000


def test_a_task_that_is_not_there_is_a_sentence(capsys):
    with pytest.raises(SystemExit):
        quality.read_options(["--tasks", "dance"])
    assert "there is no task dance; there are: t2v" in capsys.readouterr().err


def test_a_sheet_shows_what_the_model_looks_at(call):
    case = CASES["swap"](call, FIRST_SEED)
    shown = quality_sheets.looked_at(case.vcu)
    kept = case.vcu.mask <= 0.5
    assert torch.equal(shown[1:][kept[1:]], case.vcu.frames[1:][kept[1:]])
    assert (shown[1:][~kept[1:]] == 0.5).all() and torch.equal(shown[0], case.vcu.references[0].image)


def test_pooling_sees_every_frame_where_the_official_choice_sees_one():
    mask = torch.ones(17, 16, 16)
    mask[6] = 0  # of the frames 5 to 8
    assert 6 not in seen_frames(17) and (fold_mask(mask) == 1).all()
    pooled = pooled_mask(mask)
    assert (
        pooled.shape == fold_mask(mask).shape and (pooled[:, 2] == 0.75).all() and (pooled[:, [0, 1, 3, 4]] == 1).all()
    )
    assert (pooled_mask(mask, worst=True) == 1).all()
    still = (torch.rand(1, 16, 16) > 0.5).float().expand(17, -1, -1)
    assert torch.equal(pooled_mask(still), fold_mask(still))
