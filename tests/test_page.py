"""What the pack brings into ComfyUI's page: texts of workflows and files are texts there, never HTML or programs."""

import re
from pathlib import Path

import pytest

SCRIPTS = sorted((Path(__file__).resolve().parents[1] / "web" / "js").rglob("*js"))
# Every way to make elements or programs of a text. None is needed: elements are made one by one.
OF_TEXT = re.compile(
    r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|srcdoc|setHTML\w*|eval|Function)\b"
    r"|document\.write|javascript:|setAttribute\(\s*[\"'`](?:on|href|src)|set(?:Timeout|Interval)\(\s*[\"'`]|\bimport\("
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_no_text_becomes_html_or_a_program(path):
    found = [line.strip() for line in path.read_text("utf-8").splitlines() if OF_TEXT.search(line)]
    assert not found, f"{path.name}: {found}. Make elements with createElement, and texts with textContent."


def test_the_pattern_finds_what_it_is_for():
    for line in ("box.innerHTML = name", 'el.insertAdjacentHTML("x", t)', 'setTimeout("f()")', "new Function(text)"):
        assert OF_TEXT.search(line)
    assert len(SCRIPTS) > 10
