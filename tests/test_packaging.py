"""What an installer reads: both places must name the same."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_requirements_are_those_of_the_project():
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    (dependencies,) = re.findall(r"^dependencies = \[(.*)\]$", project, re.MULTILINE)
    listed = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert [f'"{line}"' for line in listed] == dependencies.split(", ")
