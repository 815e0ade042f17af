"""Counts by outcome, as a table and as JSON."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from .outcomes import EXPECTED, Outcome

SHOWN = 12  # rows of each outcome


@dataclass
class Report:
    """What a run found.

    Attributes:
        seed: The number it began with.
        prompts: How many were asked.
        outcomes: How often each kind of outcome came.
        places: The same by node or input.
        reasons: For each node of the host that raised, one message.
        succeeded: For each node of ours how many prompts with it ended well.
        computed_again: Prompts that succeeded and were computed anew, nothing being cached, to compare the results.
        memory: The server's memory in bytes, at rest, after so many prompts.
        faults: Each distinct one: kind, where, message, how often, and the file that replays it.
    """

    seed: int
    prompts: int = 0
    outcomes: Counter = field(default_factory=Counter)
    places: dict[str, Counter] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    succeeded: Counter = field(default_factory=Counter)
    computed_again: int = 0
    memory: list[tuple[int, int]] = field(default_factory=list)
    faults: list[dict] = field(default_factory=list)

    def count(self, outcome: Outcome, prompt: dict) -> None:
        """Add one outcome.

        Args:
            outcome: What became of the prompt.
            prompt: API format.
        """
        self.prompts += 1
        self.outcomes[outcome.kind] += 1
        if outcome.kind == EXPECTED[0]:
            self.succeeded.update({node["class_type"] for node in prompt.values() if node["class_type"][:4] == "Vace"})
        if outcome.where:
            self.places.setdefault(outcome.kind, Counter())[outcome.where] += 1
        if outcome.kind == EXPECTED[3]:
            self.reasons.setdefault(outcome.where, outcome.text[:200])

    def as_text(self) -> str:
        """The table, in Markdown."""
        lines = [f"Seed {self.seed}, {self.prompts} prompts.", "", "| outcome | where | times |", "|---|---|---|"]
        for kind in (*EXPECTED, *sorted(set(self.outcomes) - set(EXPECTED))):
            lines.append(f"| {kind} | | {self.outcomes[kind]} |")
            of_kind = self.places.get(kind, Counter()).most_common()
            lines += [f"| | {where} | {times} |" for where, times in of_kind[:SHOWN]]
            if rest := of_kind[SHOWN:]:
                lines.append(f"| | {len(rest)} others | {sum(times for _, times in rest)} |")
        lines += ["", "| node | prompts with it that ended well |", "|---|---|"]
        lines += [f"| {node} | {times} |" for node, times in sorted(self.succeeded.items())]
        lines += ["", f"Computed anew and compared: {self.computed_again}."]
        lines += ["", "Memory at rest: " + ", ".join(f"{b / 1e6:.0f} MB after {n}" for n, b in self.memory)]
        lines += [f"FAULT {one['kind']}: {one['where']}: {one['text'][:300]} ({one['file']})" for one in self.faults]
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        """``report.md`` and ``report.json`` in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(self.as_text() + "\n", "utf-8", errors="backslashreplace")
        (folder / "report.json").write_text(json.dumps(vars(self), indent=1), "utf-8")
