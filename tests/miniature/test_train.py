"""The training as a whole, with hardly any steps: every stage, what it leaves behind, and that a seed settles it."""

import importlib
import json

import pytest
import torch
from safetensors.torch import load_file

SCALE = 0.001


@pytest.fixture(scope="module")
def train(host, gradients):
    """The module, with the host as it must be for training and few clips to measure on."""
    import comfy.model_management

    from wan_vace.miniature.train import abilities, dit_training, vae_training
    from wan_vace.miniature.train import stages as train
    from wan_vace.training import muon

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comfy.model_management, "in_training", True)
        patch.setattr(dit_training, "CHECK_PARTS", 1)
        patch.setattr(vae_training, "HELD", 1)
        patch.setattr(vae_training, "MEASURED", 4)
        patch.setattr(abilities, "STEPS", 2)
        patch.setattr(muon, "TURNS", 1)  # four fifths of the time; tests/training/test_muon.py has them all
        yield train


def trained(train, folder, stages, seed=0):
    training = train.Training(folder, seed, SCALE)
    for stage in stages:
        getattr(training, stage)()
    return {name: stage["hash"] for name, stage in json.loads((folder / "stages.json").read_text("utf-8")).items()}


def weights(folder, name):
    return torch.load(folder / f"{name}.pt", weights_only=True)


@pytest.fixture(scope="module")
def whole(train, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, trained(train, folder, train.STAGES)


@pytest.mark.long
def test_a_seed_settles_the_weights_also_when_each_stage_is_a_run_of_its_own(train, whole, tmp_path):
    _, hashes = whole
    assert set(train.STAGES) - {"comparison"} <= set(hashes)
    for stage in ("vae", "base", "adapter", "tuned"):
        again = trained(train, tmp_path, [stage])
    assert again == {name: hashes[name] for name in again}


@pytest.mark.long
def test_another_seed_gives_other_weights(train, whole, tmp_path):
    assert trained(train, tmp_path, ["vae"], seed=1)["vae"] != whole[1]["vae"]


def test_the_adapter_leaves_the_base_as_it_is_and_global_fine_tuning_does_not(whole):
    folder, _ = whole
    base, adapter, tuned, everything = (weights(folder, name) for name in ("base", "adapter", "tuned", "global"))
    assert all(torch.equal(adapter[name], weight) for name, weight in base.items())
    assert all(torch.equal(tuned[name], weight) for name, weight in base.items())
    assert not all(torch.equal(tuned[name], weight) for name, weight in adapter.items())
    assert not all(torch.equal(everything[name], weight) for name, weight in base.items())


def test_every_model_of_the_comparison_is_measured_with_its_context_and_without(whole):
    folder, hashes = whole
    found = json.loads((folder / "abilities.json").read_text("utf-8"))
    compared = set(hashes) - {"vae", "base", "adapter", "tuned"}
    assert set(found) == {"base", *(f"{name}, context {what}" for name in compared for what in ("on", "off"))}
    frozen = [found[f"{name}, context off"] for name in ("adapter_short", "consecutive", "together")]
    assert all(measured == found["base"] for measured in frozen)  # what the adapter cannot touch


def test_phases_bring_their_tasks_in_order(train, whole):
    folder, _ = whole
    tasks = list(importlib.import_module("wan_vace.miniature.train.tasks").WORLD_TASKS.values())
    lessons = train.Training(folder, 0, SCALE).lessons()
    for phase, lesson in enumerate(lessons):
        assert all(tasks[task].phase <= phase for group in lesson.requests for task in group.task)
    assert [lesson.until for lesson in lessons] == [*train.PHASES_END, 1.0]


def test_the_last_clips_are_longer(train, whole):
    folder, _ = whole
    *_, before, last = (lesson.targets.latents.shape[2] for lesson in train.Training(folder, 0, SCALE).lessons())
    assert (before, last) == (5, 9)


def test_what_is_shipped_says_how_it_came_about(train, whole, tmp_path):
    from wan_vace.miniature.networks import models
    from wan_vace.miniature.train import shipping

    folder, hashes = whole
    log = shipping.ship_weights(train.Training(folder, 0, SCALE, half=True), tmp_path)
    record = json.loads((tmp_path / "record.json").read_text("utf-8"))
    assert (record["hashes"]["vae"], record["hashes"]["base"]) == (hashes["vae"], hashes["base"])
    assert {name: stage["hash"] for name, stage in record["stages"].items()} == hashes
    threads = torch.get_num_threads()
    assert record["command"] == f"python dev.py train --seed 0 --threads {threads} --scale {SCALE} --bf16"
    stages = {json.loads(line)["stage"] for line in log.read_text("utf-8").splitlines()}
    assert {"vae_frames", "vae_clips", "vae_decoder", "base", "adapter", "tuned", "global"} <= stages
    adapter = load_file(tmp_path / models.FILES["adapter"])
    assert models.weights_hash(adapter) == record["hashes"]["adapter"]
    tuned = {name: weight.half() for name, weight in weights(folder, "tuned").items() if name.startswith("vace_")}
    assert adapter.keys() == tuned.keys() and all(torch.equal(adapter[name], weight) for name, weight in tuned.items())
