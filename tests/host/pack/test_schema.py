"""What every node takes and gives, against the file that says so: saved workflows hold it."""

import asyncio
import copy
import difflib

import pytest

from harness.structure import schema
from harness.workflows import API, published

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def now(host_nodes):
    return schema.describe({node_id: node.GET_NODE_INFO_V1() for node_id, node in host_nodes.items()})


def test_no_id_socket_order_or_default_changes_unnoticed(now):
    kept, found = schema.FILE.read_text("utf-8").splitlines(), schema.as_text(now).splitlines()
    difference = "\n".join(difflib.unified_diff(kept, found, "tests/host/schema.json", "this host", lineterm="", n=2))
    assert not difference, (
        f"The interface of the nodes changed; saved workflows and API prompts may break. If it is meant, run "
        f"`python dev.py schema` and tell it in CHANGELOG.md.\n{difference}"
    )


def test_whoever_leaves_an_input_out_gets_its_default(now):
    """An optional widget has a default, and what is required comes first, what is rarely used last."""
    for node_id, node in now.items():
        widgets = [one for one in node["inputs"] if one["type"] in ("INT", "FLOAT", "STRING", "BOOLEAN", "COMBO")]
        bare = [one["name"] for one in widgets if one["optional"] and "default" not in one]
        assert not bare, f"{node_id}: {bare} have no default"
        order = [(one["optional"], one.get("advanced", False)) for one in node["inputs"] if "." not in one["name"]]
        assert order == sorted(order), f"{node_id} does not list essentials first and advanced inputs last"


def test_only_seeds_of_samplers_are_called_seed(now):
    """The front end gives what is called seed a new value for each run."""
    seeds = {node_id for node_id, node in now.items() for one in node["inputs"] if one["name"] == "seed"}
    assert seeds == {"VaceSampleContext", "VaceSampleLongVideo", "VaceSampleVcu"}


@pytest.mark.parametrize("name", sorted(path.stem for path in API.glob("*.json")))
def test_the_host_accepts_a_workflow_without_any_optional_value(host_nodes, name):
    """Only files may be wrong: the models and clips that the workflows name are not all here."""
    from execution import validate_prompt

    prompt = schema.cut(published(name), only_defaults=False)
    errors = asyncio.run(validate_prompt("prompt", copy.deepcopy(prompt), None))[3]
    kinds = {error["type"] for node in errors.values() for error in node["errors"]}
    assert kinds <= {"value_not_in_list", "custom_validation_failed"}, errors


def test_defaults_are_left_out_and_come_back():
    inputs = {"video": ["1", 0], "boxes": "0,0,9,9", "grow": 4.0, "feather": 0.0, "width": ["2", 0], "fit": "cover"}
    prompt = {"3": {"class_type": "VaceInpaintVideo", "inputs": inputs}}
    short = schema.cut(prompt)["3"]["inputs"]
    assert short == {"video": ["1", 0], "boxes": "0,0,9,9", "grow": 4.0, "width": ["2", 0]}
    whole = schema.complete(prompt)["3"]["inputs"]
    assert inputs.items() < whole.items() and whole["augment_seed"] == 0
    assert schema.cut(prompt, only_defaults=False)["3"]["inputs"] == {"video": ["1", 0], "width": ["2", 0]}


def test_an_option_keeps_its_name_while_one_of_its_inputs_is_given():
    inputs = {"settings": "custom", "settings.steps": 25, "settings.cfg": 1.0}
    prompt = {"1": {"class_type": "VaceSampleVcu", "inputs": inputs}}
    assert schema.cut(prompt)["1"]["inputs"] == {"settings": "custom", "settings.cfg": 1.0}
    assert schema.complete(schema.cut(prompt))["1"]["inputs"].items() >= inputs.items()
