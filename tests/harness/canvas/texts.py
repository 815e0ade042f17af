"""Names and notes of the published workflows, from example_workflows/README.md, which people read too."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ..host.locations import ROOT

FOLDER = ROOT / "example_workflows"
FILE = FOLDER / "README.md"
SECTION = re.compile(
    r"^### (?P<title>[^\n]+)\n\n\[(?P<name>\w+)\]\(api/(?P=name)\.json\)\n\n(?P<text>.+?)(?=\n+##|\s*\Z)",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Text:
    """What is said of a workflow.

    Attributes:
        name: Of its file in API format.
        title: In the template browser, which shows the name of the file and nothing else.
        text: What it does and what to change first, in Markdown.
    """

    name: str
    title: str
    text: str

    @property
    def graph(self) -> Path:
        """Its file for the browser."""
        return FOLDER / f"{self.title}.json"

    @property
    def picture(self) -> Path:
        """What the template browser shows of it."""
        return FOLDER / f"{self.title}.jpg"


@cache
def texts() -> dict[str, Text]:
    """All of them by name, in the order of the file."""
    found = [Text(**match.groupdict()) for match in SECTION.finditer(FILE.read_text("utf-8"))]
    return {text.name: text for text in found}
