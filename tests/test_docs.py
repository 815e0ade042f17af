"""What README and the guide say: every node, input, choice and number is looked up, every link followed."""

import json
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from harness.verbs import VERBS
from wan_vace.vace_core.sampling import PRESETS
from wan_vace.vace_core.sampling.presets import CUSTOM, OFFICIAL_SAMPLER

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = json.loads((ROOT / "tests" / "host" / "schema.json").read_text("utf-8"))
NODES = {node["name"]: node for node in SCHEMA.values()}
README, GUIDE = ROOT / "README.md", ROOT / "docs" / "guide.md"
PAGES = [
    *ROOT.glob("*.md"),
    *(
        path
        for name in ("docs", "example_workflows", "benchmarks", "training", "miniature")
        for path in (ROOT / name).rglob("*.md")
    ),
]

LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"|^\[[\w ]+\]: (\S+)$", re.M)
BOLD, CODE = re.compile(r"\*\*(VACE\s[^*]+)\*\*"), re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# Names of other programs outside of the first column of a table, and commands and places.
FOREIGN = {"WanVaceToVideo", "--exact", "--force", "vace_wan_inference.py", "generate.py", "python dev.py gpu"}
FOREIGN |= {"vace_preproccess.py --task", "example_workflows/api", "/object_info", "wan_vace.VaceInputError"}
FOREIGN |= {"null", "false", "true", "WanVideoDecode", "WanVideoVACEStartToEndFrame"}
OWN = {*PRESETS, CUSTOM, OFFICIAL_SAMPLER}


def text(path):
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.S | re.M)


def anchors(path):
    """What GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", text(path), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    for found in LINK.findall(text(page)):
        link = "".join(found)
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / unquote(file)).resolve() if file else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: there is no such heading"


def test_every_workflow_named_in_the_guide_has_its_link():
    page = text(GUIDE)
    named = set(re.findall(r"\| \[([\w ]+)\] \|", page))
    assert named == set(re.findall(r"^\[([\w ]+)\]: ", page, re.M)) and named


@pytest.mark.parametrize("page", [README, GUIDE], ids=lambda path: path.name)
def test_every_node_in_bold_exists(page):
    named = set(BOLD.findall(text(page)))
    assert named and not named - set(NODES)


def test_every_node_is_in_the_readme():
    assert not set(NODES) - set(BOLD.findall(text(README)))


def units(page):
    """The bullets, table rows and paragraphs, each as one line; of tables about other programs without their column."""
    elsewhere = False
    for block in re.split(r"\n\s*\n|\n(?=- )", text(page)):
        if found := re.search(r"^##? .*$", block, re.M):
            elsewhere = "Coming from" in found[0]
        if not block.lstrip().startswith("|"):
            yield " ".join(block.split())
            continue
        for row in block.splitlines():  # the nodes of the heading are meant in every row
            yield row.partition("|")[2].partition("|")[2] if elsewhere else f"{block.splitlines()[0]} {row}"


def words_of(name):
    """What may be said of a node: its inputs, whole or without their owner, its choices, its outputs."""
    node = NODES[name]
    said = {each["name"] for each in (*node["inputs"], *node["outputs"])}
    said |= {word.rpartition(".")[2] for word in said}
    return said | {choice for each in node["inputs"] for choice in each.get("options", ()) if isinstance(choice, str)}


def is_value(word):
    """Numbers, places and lists of both, as text inputs take them: ``0:1, 40%:1``."""
    return all(re.fullmatch(r"[\d.:%]+|first|last", part) for part in re.split(r"[,\s]+", word))


@pytest.mark.parametrize("unit", [u for u in units(GUIDE) if CODE.search(u)], ids=lambda unit: unit[:50])
def test_every_input_and_choice_belongs_to_a_node_beside_it(unit):
    known = {word for name in BOLD.findall(unit) for word in words_of(name)} | FOREIGN | OWN
    unknown = {word for word in CODE.findall(unit) if word not in known and not is_value(word)}
    assert not unknown, f"{sorted(unknown)} belong to none of {sorted(set(BOLD.findall(unit)))}"


def test_the_table_of_presets_is_that_of_the_code():
    row = re.compile(r"^\| ([^|]+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([^|]+) \| ([^|]+) \|$", re.M)
    rows = {
        name: (int(steps), float(cfg), float(shift), sampler)
        for name, steps, cfg, shift, sampler, _ in row.findall(text(GUIDE))
    }
    assert rows == {name: (one.steps, one.cfg, one.shift, one.sampler) for name, one in PRESETS.items()}
    for name, *_, lora in row.findall(text(GUIDE)):
        belongs = PRESETS[name].belongs_to
        assert (lora == "-") == (not belongs)
        assert not belongs or lora.split(" at ")[0].split(",")[0].split()[-1].strip(",") in belongs


def test_every_command_is_in_contributing():
    lines = (ROOT / "CONTRIBUTING.md").read_text("utf-8").splitlines()
    listed = {line.split()[2] for line in lines if line.startswith("python dev.py ")}
    assert listed == set(VERBS)
