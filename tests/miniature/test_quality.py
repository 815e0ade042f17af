"""The trained miniature on the real host: every task can be judged, and some of them are, on a scene each."""

import json
from dataclasses import replace

import pytest
import torch

from harness.host.inprocess import run_node
from wan_vace.miniature.quality import command as quality
from wan_vace.miniature.quality import gates as quality_gates
from wan_vace.miniature.quality import limits as quality_limits
from wan_vace.miniature.quality import sheets as quality_sheets
from wan_vace.miniature.quality.cases import CASES, FIRST_SEED
from wan_vace.miniature.quality.gates import AIMS, Gate, gates_of
from wan_vace.miniature.quality.studies import pooled_mask
from wan_vace.miniature.quality.studio import open_studio
from wan_vace.miniature.world import measures
from wan_vace.miniature.world.scenes import draw_scene, random_scene
from wan_vace.vace_core.masks.semantics import fold_mask, seen_frames

pytestmark = pytest.mark.host

SAMPLED = "depth", "inpaint", "first_last"
SAMPLED_IN_LONG = "pose", "layout", "guided_inpaint", "outpaint", "swap"


@pytest.fixture(scope="module")
def call(host, host_nodes):
    with torch.inference_mode():
        yield lambda node_id, **inputs: run_node(host.NODE_CLASS_MAPPINGS[node_id], inputs)


@pytest.fixture(scope="module")
def studio(call):
    from harness.nodes.wan_vace_dev.miniature import load_clip

    return open_studio(call, load_clip())


def failed(task, scores):
    """Gates of a task whose aim a clip does not reach."""
    return [g.measure for g in AIMS[task] if g.measure in scores and not g.passed(scores[g.measure], None)]


def everything(case, frames):
    """What a case measures, of frames that keep what they are to keep."""
    return case.judge(frames) | (case.joined(frames) if case.joined else {})


def test_every_task_has_a_gate():
    assert list(AIMS) == list(CASES)


def test_a_larger_miniature_is_held_to_higher_aims():
    larger, shipped = ({gate.measure: gate for gate in gates_of("t2v", profile)} for profile in ("gpu", None))
    assert larger["shape"].limit == 0.95 > AIMS["t2v"][1].aim >= shipped["shape"].limit
    assert larger["colour"] == AIMS["t2v"][0]


def test_what_falls_short_of_its_aim_says_so():
    row = quality.MeasureRow("extend", "continuity", (0.4, 0.6), (0.2, 0.2), Gate("continuity", 0.6, reached=0.4))
    assert row.cells[2:] == ["0.50 (0.40 .. 0.60)", "0.20 (0.20 .. 0.20)", "at least 0.4, aim 0.6", "yes"]


def test_the_shipped_limits_are_of_gates_and_looser_than_their_aims():
    shipped = json.loads(quality_gates.LIMITS.read_text("utf-8"))
    assert set(shipped) <= set(AIMS)
    for task, limits in shipped.items():
        gates = {gate.measure: gate for gate in gates_of(task)}
        for measure, limit in limits.items():
            gate = gates[measure]
            assert gate.limit == limit != gate.aim and (limit > gate.aim) == gate.lower


@pytest.mark.parametrize("task", CASES)
def test_the_truth_passes_every_gate_at_another_size_too(call, task):
    case = CASES[task](call, FIRST_SEED, 128)
    assert case.clip.frames.shape[1:3] == case.vcu.frames.shape[1:3] == (128, 128)
    assert not failed(task, everything(case, case.clip.frames))


@pytest.mark.parametrize("task", CASES)
def test_the_truth_passes_every_gate_and_another_scene_does_not(call, task):
    for seed in (0, 1):
        case = CASES[task](call, FIRST_SEED + seed)
        assert not failed(task, everything(case, case.clip.frames))
        other = draw_scene(random_scene(FIRST_SEED + seed + 500, place="night"), len(case.clip.frames))
        kept = case.vcu.mask <= 0.5
        scores = everything(case, other.frames)
        scores["kept, dB"] = measures.psnr(other.frames, case.vcu.frames, kept)
        assert failed(task, scores)
        measured = {*scores, "kept and pasted, dB"} - ({"kept, dB"} if not kept.any() else set())
        assert {gate.measure for gate in AIMS[task]} <= measured


def test_what_is_kept_of_an_exchange_is_the_truths_too(call):
    for task in ("inpaint", "swap", "guided_inpaint", "outpaint", "extend", "keyframes"):
        case = CASES[task](call, FIRST_SEED)
        kept = case.vcu.mask <= 0.5
        assert measures.psnr(case.clip.frames, case.vcu.frames, kept) == measures.CEILING


@pytest.mark.parametrize("task", [*SAMPLED, *(pytest.param(one, marks=pytest.mark.long) for one in SAMPLED_IN_LONG)])
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


def test_late_frames_are_given_back_as_well_as_early_ones(studio):
    for seed in (0, 3):
        frames = draw_scene(random_scene(FIRST_SEED + seed), 41).frames
        back = studio.given_back(frames)
        early, late = (measures.psnr(back[part], frames[part]) for part in (slice(8), slice(-8, None)))
        assert late > early - 2


@pytest.mark.long
def test_the_verb_writes_its_table_and_a_sheet_and_fails_with_a_gate(call, tmp_path, monkeypatch):
    from harness.nodes.wan_vace_dev.miniature import load_clip

    told = []
    monkeypatch.setitem(AIMS, "t2v", (Gate("colour", 2.0),))
    monkeypatch.setattr(quality_gates, "LIMITS", tmp_path / "none.json")
    options = quality.read_options(["--seeds", "1", "--tasks", "t2v", "--out", str(tmp_path)])
    assert quality.measure_quality(options, call, load_clip(), told.append) == 1
    assert told[0].startswith("t2v: not passed: colour")
    rows = [line for line in (tmp_path / "miniature_quality.md").read_text("utf-8").splitlines() if "| t2v |" in line]
    assert "at least 2 | NO |" in rows[0] and len(rows) == 4
    assert (tmp_path / "miniature" / "t2v.jpg").stat().st_size < 100_000


def test_limits_are_set_from_scenes_of_their_own(studio, tmp_path, monkeypatch):
    asked, told = [], []

    def score(_, task, scene, number):
        asked.append((scene, number))
        return {gate.measure: gate.aim - 0.21 * (gate.measure == "shape") for gate in AIMS[task]}

    monkeypatch.setattr(quality_limits, "LIMITS", tmp_path / "limits.json")
    assert quality_limits.set_limits(studio, score, 3, 12, tmp_path, told.append) == 0
    assert json.loads((tmp_path / "limits.json").read_text("utf-8")) == {"t2v": {"shape": 0.35}}
    assert set(asked) == {(FIRST_SEED + quality_limits.APART + number, number) for number in range(3)}
    assert told[0] == "t2v: shape 0.35" and told[1] == "reference: as aimed"
    lines = (tmp_path / "miniature_limits.md").read_text("utf-8").splitlines()
    assert "| t2v | shape | 0.39 | 0.00 | 0.39 .. 0.39 | at least 0.6 | at least 0.35 |" in lines


def test_a_scene_that_sets_limits_is_scored_as_in_the_table(studio):
    quick = replace(studio, steps=2)
    assert quality.scored(quick, "swap", FIRST_SEED + 1, 1) == quality.attempt(quick, "swap", 1).scores


@pytest.mark.parametrize("asked", [["--tasks", "t2v", "--limits"], ["--tasks", "t2v", "--studies"]])
def test_a_run_of_its_own_chooses_its_tasks(asked, capsys):
    with pytest.raises(SystemExit):
        quality.read_options(asked)
    assert "--studies and --limits choose their own tasks; leave --tasks out" in capsys.readouterr().err


def test_a_task_that_is_not_there_is_a_sentence(capsys):
    with pytest.raises(SystemExit):
        quality.read_options(["--tasks", "dance"])
    assert "there is no task dance; there are: t2v" in capsys.readouterr().err


def test_a_sheet_shows_what_the_model_looks_at(call):
    case = CASES["swap"](call, FIRST_SEED)
    shown = quality_sheets.seen_by_model(case.vcu)
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
