"""What the tools said, as a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..host.locations import ROOT
from .tools import TOOLS

FILE = ROOT / "benchmarks" / "results" / "outside.md"
CLEAN = "All validation checks passed successfully"  # without it comfy-cli warns, and its status is 0 all the same
# What a tool remarks and what is meant so: how its message begins, and why; the rest are findings.
MEANT = {
    "no-groups": ("no groups", "no frame around nodes: each workflow has about six"),
    "node-disabled": (r"1 node\(s\) muted", "*Few steps* is switched off until its file is there"),
    "widget-count-drift": (
        r"LoadVideo #\d+: 1 saved value\(s\) past",
        "the core's Load Video saves the name of its upload button",
    ),
}
INTRODUCTION = """# Other tools on the workflows and the package

`python dev.py outside --save`: {tools}, which know nothing of this pack, {host}.
A fault that was planted in a copy has to be found by each check, else nothing it says counts.

| tool | check | of | findings | planted fault |
|---|---|--:|--:|---|
"""


@dataclass(frozen=True)
class Check:
    """What one check of a tool came to.

    Attributes:
        tool: Its name.
        about: What is checked.
        planted: What was wrong with the copy that the tool had to notice.
        count: How many files were checked.
        findings: What is wrong, a sentence each.
        noticed: Whether it found the planted fault.
        meant: How often it remarked what is meant so, by its code, a key of `MEANT`.
    """

    tool: str
    about: str
    planted: str
    count: int
    findings: Sequence[str]
    noticed: bool
    meant: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether it was a check at all, and found nothing."""
        return bool(self.count) and self.noticed and not self.findings


def sort_out(file: str, remarks: Sequence[dict]) -> tuple[list[str], list[str]]:
    """What comfy-draftsman said of a file: findings as sentences, and codes of what is meant so.

    Args:
        file: Its name.
        remarks: As the tool gives them, with ``code`` and ``message``.
    """
    findings = [f"{file}: {one['code']}: {one['message']}" for one in remarks if not _is_meant(one)]
    return findings, [one["code"] for one in remarks if _is_meant(one)]


def _is_meant(remark: dict) -> bool:
    begin, _ = MEANT.get(remark["code"], (None, None))
    return begin is not None and remark.get("level", "info") == "info" and bool(re.match(begin, remark["message"]))


def registry_findings(said: str, status: int) -> list[str]:
    """What ``comfy node validate`` found, of what it printed and its status."""
    if status == 0 and CLEAN in said:
        return []
    told = [line.strip() for line in said.splitlines() if line.strip() and not re.match(r"Validating|Running", line)]
    return ["; ".join(told) or f"status {status}"]


def as_text(checks: Sequence[Check], host: str) -> str:
    """The table and what was found, in Markdown."""
    lines = [INTRODUCTION.format(tools=" and ".join(tool.replace("==", " ") for tool in TOOLS), host=host).rstrip("\n")]
    for one in checks:
        noticed = f"{one.planted}: {'found' if one.noticed else 'NOT FOUND'}"
        lines.append(f"| {one.tool} | {one.about} | {one.count} | {len(one.findings)} | {noticed} |")
    found = [finding for one in checks for finding in one.findings]
    lines += ["", *([f"- {finding}" for finding in found] or ["Nothing was found."])]
    meant = {code: sum(one.meant.get(code, 0) for one in checks) for code in MEANT}
    lines += ["", "Remarked, and meant so:", ""]
    lines += [f"- `{code}`, {count} times: {MEANT[code][1]}" for code, count in meant.items() if count]
    return "\n".join(lines) + "\n"
