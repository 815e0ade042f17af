"""Every writer under every fault of a machine, each in a process of its own: `python dev.py faults`."""

import json
import os
import subprocess
import sys

import pytest

from harness.faults.case import SKIPPED

pytestmark = pytest.mark.host

WRITERS = {
    *("VACE Save VCU", "VACE Sample Long Video", "VACE Build Long VCU", "VACE Decode Video", "annotators"),
    *("VACE Encode VCU", "the pack, as it is loaded"),
}
READ_AGAIN = {"VACE Save VCU", "VACE Sample Long Video", "annotators", "VACE Encode VCU", "a connected video"}


@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked, which Windows cannot do")
@pytest.mark.parametrize("part", ["kills", "disks", "cuts", "sharing"])
def test_no_fault_of_a_machine_costs_more_than_a_sentence_or_time(tmp_path, part):
    argv = [sys.executable, "-m", "harness.faults", "--tries", "2", "--parts", part, "--json", str(tmp_path / "found")]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=1800, check=False)
    found = json.loads((tmp_path / "found").read_text())
    assert {name for name, row in found.items() if row["wrong"]} == set(), run.stdout[-5000:] + run.stderr[-2000:]
    assert {name.partition(": ")[2] for name in found} == (READ_AGAIN if part == "cuts" else WRITERS)
    if part == "disks" and all(row["came"].startswith(SKIPPED) for row in found.values()):
        without = pytest.fail if os.environ.get("CI") else pytest.skip  # a check that runs nothing must not pass
        without("file systems cannot be mounted here; it takes Linux and root")
    assert all(row["tried"] for row in found.values())


@pytest.mark.long
@pytest.mark.server
def test_interrupts_and_replaced_models_leave_the_same_bytes(tmp_path):
    argv = [sys.executable, "-m", "harness.faults", "--parts", "servers", "--json", str(tmp_path / "found")]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=1800, check=False)
    found = json.loads((tmp_path / "found").read_text())
    assert {name for name, row in found.items() if row["wrong"]} == set(), run.stdout[-5000:] + run.stderr[-2000:]
    assert any("VaceSampleVcu, sample" in name for name in found)
