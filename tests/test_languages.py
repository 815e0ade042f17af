"""The Chinese texts and help pages: whole, of today's nodes, in one vocabulary, in a form the front end can show."""

import json
import re
from pathlib import Path

import pytest

from harness.pages import PAGES, english_copy
from harness.structure import schema

ROOT = Path(__file__).resolve().parents[1]
CHINESE = ROOT / "locales" / "zh"
NODES, TEXTS = schema.load(), json.loads((CHINESE / "nodeDefs.json").read_text("utf-8"))
SAME_IN_CHINESE = {"VAE", "CLIP", "CFG", "VCU", "Latent", "Sigmas", "FreeNoise"}
# What vue-i18n, in which the front end translates, takes for its own syntax.
SYNTAX = set("@{}|")
CODE, NODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)"), re.compile(r"「([^」]*)」")


def key(name):
    """Of an input, as the front end looks it up."""
    return name.replace(".", "_")


def keys(node):
    """Of all inputs of a node, those that a growing group can bring included."""
    for one in node["inputs"]:
        yield key(one["name"])
        if "prefix" in one:
            yield from (key(f"{one['name']}.{one['prefix']}{i}") for i in range(one["max"]))


def is_chinese(text):
    return bool(re.search(r"[\u4e00-\u9fff]", text))


def slots(text):
    """Names and tooltips of a node's inputs and outputs."""
    return [*text["inputs"].values(), *text["outputs"].values()]


def without_blocks(page):
    return re.sub(r"^```.*?^```$", "", page, flags=re.S | re.M)


def english(node_id):
    return (PAGES / f"{node_id}.md").read_text("utf-8")


def chinese(node_id):
    return (PAGES / node_id / "zh.md").read_text("utf-8")


def test_every_node_is_translated_and_no_other():
    assert set(TEXTS) == set(NODES)
    names = [text["display_name"] for text in TEXTS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("node_id", NODES)
def test_every_input_and_output_is_translated_and_no_other(node_id):
    text, node = TEXTS[node_id], NODES[node_id]
    assert set(text) == {"display_name", "description", "inputs", "outputs"}
    assert sorted(text["inputs"]) == sorted(set(keys(node)))
    assert list(text["outputs"]) == [str(i) for i in range(len(node["outputs"]))]
    assert all(set(slot) == {"name", "tooltip"} for slot in slots(text))


@pytest.mark.parametrize("node_id", NODES)
def test_nothing_is_left_in_english(node_id):
    text = TEXTS[node_id]
    assert text["display_name"].startswith("VACE ") and is_chinese(text["description"])
    for slot in slots(text):
        assert is_chinese(slot["tooltip"])
        assert is_chinese(slot["name"]) or slot["name"].rstrip(" 0123456789") in SAME_IN_CHINESE


@pytest.mark.parametrize("node_id", NODES)
def test_no_text_has_what_the_front_end_takes_for_syntax(node_id):
    text = TEXTS[node_id]
    said = [text["display_name"], text["description"], *(word for slot in slots(text) for word in slot.values())]
    assert not [one for one in said if SYNTAX & set(one)]


@pytest.mark.parametrize("node_id", NODES)
def test_every_node_named_exists(node_id):
    known = {text["display_name"] for text in TEXTS.values()}
    named = set(NODE.findall(json.dumps(TEXTS[node_id], ensure_ascii=False) + chinese(node_id)))
    assert named <= known


def test_an_output_and_an_input_of_one_name_are_called_the_same():
    """The same word for the same thing, wherever it is a wire; settings may be called by what they do in their node."""
    for kind in ("VACE_VCU", "VACE_CONTEXT", "VACE_ADAPTER", "VACE_CROP", "VACE_LONG_VCU", "VIDEO", "LATENT", "HOOKS"):
        called = {}
        for node_id, node in NODES.items():
            for one in node["inputs"]:
                if one["type"] == kind:
                    called.setdefault(one["name"], set()).add(TEXTS[node_id]["inputs"][key(one["name"])]["name"])
            for i, one in enumerate(node["outputs"]):
                if one["type"] == kind:
                    called.setdefault(one["name"], set()).add(TEXTS[node_id]["outputs"][str(i)]["name"])
        assert called and all(len(words) == 1 for words in called.values()), called


def test_every_category_of_the_menu_is_chinese_here_or_in_comfyui():
    ours = json.loads((CHINESE / "main.json").read_text("utf-8"))["nodeCategories"]
    used = {part for node in NODES.values() for part in node["category"].split("/")}
    of_comfyui = {"mask", "combine"}
    assert set(ours) == used - of_comfyui
    assert all(is_chinese(word) for part, word in ours.items() if part != "vace")


def test_no_english_file_hides_the_texts_of_the_nodes():
    assert [path.name for path in CHINESE.parent.iterdir()] == ["zh"]


def test_help_pages_are_of_nodes_and_lie_where_every_language_finds_one():
    assert {path.stem for path in PAGES.glob("*.md")} == set(NODES)
    assert {path.parent.name for path in PAGES.glob("*/zh.md")} == set(NODES)
    assert all({path.name for path in (PAGES / node_id).iterdir()} == {"en.md", "zh.md"} for node_id in NODES)


@pytest.mark.parametrize("node_id", NODES)
def test_the_page_for_every_language_is_the_english_one(node_id):
    page = PAGES / f"{node_id}.md"
    assert english_copy(page).read_bytes() == page.read_bytes(), "python dev.py draw --pictures copies it"


@pytest.mark.parametrize("node_id", NODES)
def test_both_help_pages_say_the_same_of_the_same_inputs(node_id):
    """Inputs, outputs and choices by their ids, every number, headings, and rows of tables."""
    node = NODES[node_id]
    ids = {one["name"] for one in (*node["inputs"], *node["outputs"])}
    ids |= {name.rpartition(".")[2] for name in ids}
    ids |= {choice for one in node["inputs"] for choice in one.get("options", ()) if isinstance(choice, str)}
    here, there = english(node_id), chinese(node_id)
    assert ids & set(CODE.findall(here)) == ids & set(CODE.findall(there))
    assert set(re.findall(r"\d+(?:\.\d+)?", here)) == set(re.findall(r"\d+(?:\.\d+)?", there))
    for start in ("#", r"\|", "- ", "```"):
        assert len(re.findall(f"^{start}", here, re.M)) == len(re.findall(f"^{start}", there, re.M)), start
    pictures = re.compile(r"^!\[.+\]\((.+)\)$", re.M)  # looked for beside the English page, in every language
    assert pictures.findall(here) == pictures.findall(there)


@pytest.mark.parametrize("node_id", NODES)
def test_a_chinese_page_has_the_names_that_the_node_shows(node_id):
    """The id that is said first has its name behind it, so that a reader finds it on the node."""
    node, text, page = NODES[node_id], TEXTS[node_id], without_blocks(chinese(node_id))
    assert page.startswith(f"# {text['display_name']}\n")
    called = {}
    for i, one in enumerate(node["outputs"]):
        called.setdefault(one["name"], set()).add(text["outputs"][str(i)]["name"])
    for one in node["inputs"]:
        for name in (one["name"], one["name"].rpartition(".")[2]):
            called.setdefault(name, set()).add(text["inputs"][key(one["name"])]["name"])
    for name in set(CODE.findall(page)) & set(called):
        first = page[page.index(f"`{name}`") + len(name) + 2 :]
        shown = tuple(f"\uff08{word}\uff09" for word in called[name])  # in Chinese brackets
        assert name in {word.lower() for word in called[name]} or first.startswith(shown), name


@pytest.mark.parametrize("node_id", NODES)
def test_no_paragraph_of_a_page_is_left_in_english(node_id):
    for block in re.split(r"\n\s*\n", without_blocks(chinese(node_id))):
        example = block.startswith("      ")
        assert example or is_chinese(block) or not block.strip(), block
