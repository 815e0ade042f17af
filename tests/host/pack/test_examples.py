"""A ComfyUI that has the pack and its models and nothing else: every published workflow opens and runs there."""

import os

import pytest

from harness.host import base_directory
from harness.host.locations import base_dir
from harness.host.server import ComfyServer
from harness.inputs.examples import FOLDER
from harness.workflows import API, miniature, published

pytestmark = [pytest.mark.host, pytest.mark.server]

NAMES = sorted(path.stem for path in API.glob("*.json"))
SHIPPED = sorted(path.name for path in FOLDER.glob("vace_*"))
LOADERS = {"LoadVideo": "file", "LoadImage": "image"}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    base = tmp_path_factory.mktemp("fresh")
    base_directory.prepare(base)
    (base / "models").rmdir()
    base_directory.link(base_dir() / "models", base / "models")
    (base / "input" / "vace_last.jpg").write_bytes(b"the user's own")
    with ComfyServer(base=base) as running:
        assert (base / "input" / "vace_last.jpg").read_bytes() == b"the user's own"
        (base / "input" / "vace_last.jpg").unlink()
        for name in SHIPPED:
            if name != "vace_last.jpg":
                assert (base / "input" / name).read_bytes() == (FOLDER / name).read_bytes()
    with ComfyServer(base=base) as running:
        yield running


def test_what_was_deleted_comes_back_with_the_next_start_and_the_lists_show_it(fresh):
    assert sorted(file.name for file in (fresh.base / "input").iterdir() if file.is_file()) == SHIPPED
    info = fresh.get("/object_info")
    listed = {*info["LoadImage"]["input"]["required"]["image"][0]}
    listed |= {*info["LoadVideo"]["input"]["required"]["file"][1]["options"]}
    assert listed >= set(SHIPPED), "else the front end calls them missing"


def loaded_by(name):
    return {
        node["inputs"][LOADERS[node["class_type"]]]
        for node in published(name).values()
        if node["class_type"] in LOADERS
    }


def few_that_load_all():
    """Names of workflows that together load every shipped file."""
    left, chosen = set(SHIPPED), []
    while left:
        chosen.append(max(NAMES, key=lambda name: len(loaded_by(name) & left)))
        left -= loaded_by(chosen[-1])
    return chosen


FEW = few_that_load_all()


@pytest.mark.parametrize(
    "name", [name if name in FEW else pytest.param(name, marks=pytest.mark.long) for name in NAMES]
)
def test_every_published_workflow_runs_with_the_inputs_that_it_brings(fresh, name):
    prompt = miniature(published(name), name, own_inputs=True, width=64, height=64, steps=1)
    entry = fresh.run(prompt)
    files = fresh.outputs(entry)
    assert files and all(file.is_file() for file in files)


@pytest.mark.parametrize("name", NAMES)
def test_workflows_load_shipped_files_only(name):
    assert loaded_by(name) <= set(SHIPPED)


def test_every_shipped_file_is_used_and_all_of_them_are_small():
    assert set().union(*map(loaded_by, NAMES)) == set(SHIPPED)
    assert sum((FOLDER / name).stat().st_size for name in SHIPPED) < 1_000_000
