"""A ComfyUI that has the pack and its models and nothing else: every published workflow opens and runs there."""

import hashlib
import importlib
import json
import os
import shutil

import pytest

from harness.host import base_directory
from harness.host.locations import base_dir
from harness.host.server import ComfyServer
from harness.inputs.examples import FOLDER
from harness.workflows import API, miniature, published

pytestmark = [pytest.mark.host, pytest.mark.server]

NAMES = sorted(path.stem for path in API.glob("*.json"))
SHIPPED = sorted(path.name for path in FOLDER.glob("vace_*"))
DELETED = ("vace_last.jpg", "vace_car.mp4")
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
        assert {name: digest(base / "input" / name) for name in SHIPPED if name != "vace_last.jpg"} == {
            name: digest(FOLDER / name) for name in SHIPPED if name != "vace_last.jpg"
        }
        assert (base / "input" / "vace_LICENSE.txt").read_bytes() == (FOLDER / "LICENSE").read_bytes()
    for name in (*DELETED, "vace_LICENSE.txt"):
        (base / "input" / name).unlink()
    with ComfyServer(base=base) as running:
        left = sorted(file.name for file in (base / "input").iterdir() if file.is_file())
        for name in DELETED:
            shutil.copyfile(FOLDER / name, base / "input" / name)  # for the workflows below
        yield running, left


def digest(file):
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_was_deleted_stays_so_after_a_start_and_the_lists_show_the_files(fresh):
    running, left = fresh
    assert left == [name for name in SHIPPED if name not in DELETED]
    info = running.get("/object_info")
    listed = {*info["LoadImage"]["input"]["required"]["image"][0]}
    listed |= {*info["LoadVideo"]["input"]["required"]["file"][1]["options"]}
    assert listed >= set(SHIPPED), "else the front end calls them missing"


@pytest.fixture
def folders(host, tmp_path):
    """An input folder of the host that nothing else uses, the marker in such a user folder, and what fills them."""
    import folder_paths

    place_examples = importlib.import_module("wan_vace.nodes._host.files").place_examples

    before = folder_paths.get_input_directory(), folder_paths.get_user_directory()
    folder_paths.set_input_directory(str(tmp_path / "input"))
    folder_paths.set_user_directory(str(tmp_path / "user"))
    yield tmp_path / "input", tmp_path / "user" / "wan_vace" / "examples.json", place_examples
    folder_paths.set_input_directory(before[0])
    folder_paths.set_user_directory(before[1])


PLACED = sorted([*SHIPPED, "vace_LICENSE.txt"])


def test_each_file_is_placed_once_and_a_new_one_of_its_name_again(folders):
    inputs, marker, place_examples = folders
    assert sorted(place_examples()) == PLACED and place_examples() == []
    (inputs / "vace_car.mp4").unlink()
    (inputs / "vace_first.jpg").write_bytes(b"changed")
    assert place_examples() == [] and (inputs / "vace_first.jpg").read_bytes() == b"changed"
    noted = json.loads(marker.read_text("utf-8"))
    assert noted[str(inputs)]["vace_car.mp4"] == digest(FOLDER / "vace_car.mp4")
    noted[str(inputs)] |= {"vace_car.mp4": "of an older version", "vace_first.jpg": "of an older version"}
    marker.write_text(json.dumps(noted), "utf-8")
    assert place_examples() == ["vace_car.mp4"] and (inputs / "vace_first.jpg").read_bytes() == b"changed"
    assert place_examples() == []


def test_what_a_killed_process_left_goes_at_a_later_start(folders):
    inputs, marker, place_examples = folders
    place_examples()
    left = inputs / ".vace_car.mp4.99.part", marker.with_name(".examples.json.99.part")
    begun, of_others = inputs / ".vace_car.mp4.98.part", inputs / ".mine.mp4.99.part"
    for path in (*left, begun, of_others):
        path.touch()
    for path in (*left, of_others):
        os.utime(path, (0, 0))
    assert place_examples() == []
    assert begun.exists() and of_others.exists() and not any(path.exists() for path in left)


def test_another_input_folder_is_another_place(folders, tmp_path):
    import folder_paths

    _, _, place_examples = folders
    place_examples()
    folder_paths.set_input_directory(str(tmp_path / "second"))
    assert sorted(place_examples()) == PLACED and place_examples() == []


@pytest.mark.parametrize("content", ["{", "[]", '{"input": 3}', "\N{SNOWMAN}"])
def test_a_damaged_marker_counts_as_none(folders, content):
    _, marker, place_examples = folders
    marker.parent.mkdir(parents=True)
    marker.write_bytes(content.encode("utf-16"))
    assert sorted(place_examples()) == PLACED and place_examples() == []


def test_a_user_folder_that_cannot_be_written_to_is_told_in_one_line(folders, caplog):
    inputs, marker, place_examples = folders
    marker.parent.parent.mkdir(parents=True)
    marker.parent.write_text("a file where the folder would be", "utf-8")
    caplog.set_level("INFO", "wan_vace")
    assert sorted(place_examples()) == PLACED and sorted(file.name for file in inputs.iterdir()) == PLACED
    told = [line for line in caplog.messages if "examples.json cannot be written" in line]
    assert len(told) == 1 and "come back at the next start" in told[0]


def test_an_input_folder_that_cannot_be_written_to_is_told_and_tried_again(folders, caplog):
    inputs, marker, place_examples = folders
    inputs.write_text("a file where the folder would be", "utf-8")
    assert place_examples() == [] and not marker.exists()
    assert [line for line in caplog.messages if "Copy them there from" in line]
    inputs.unlink()
    assert sorted(place_examples()) == PLACED


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
    running, _ = fresh
    prompt = miniature(published(name), name, own_inputs=True, width=64, height=64, steps=1)
    entry = running.run(prompt)
    files = running.outputs(entry)
    assert files and all(file.is_file() for file in files)


@pytest.mark.parametrize("name", NAMES)
def test_workflows_load_shipped_files_only(name):
    assert loaded_by(name) <= set(SHIPPED)


def test_every_shipped_file_is_used_and_all_of_them_are_small():
    assert set().union(*map(loaded_by, NAMES)) == set(SHIPPED)
    assert sum((FOLDER / name).stat().st_size for name in SHIPPED) < 1_000_000
