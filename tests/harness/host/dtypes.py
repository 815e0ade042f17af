"""``tests/host`` once for each precision that a host may keep and compute models in, and a table of what came of it."""

from __future__ import annotations

import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from .computing import COMPUTE, DEVICE, FLAGS
from .install import say
from .locations import Host
from .processes import run_child, tool_env
from .workers import BY_FILE, workers_env

# By name: the host's flag, and whether it computes in 16 bits too, as on a GPU, instead of casting to float32.
RUNS = {
    "bf16": ("--bf16-unet", ""),
    "fp16": ("--fp16-unet", ""),
    "bf16-computed": ("--bf16-unet", "16-bits"),
    "fp16-computed": ("--fp16-unet", "16-bits"),
}
BROWSER = "tests/host/pack/test_front_end.py"  # places nodes and computes nothing
COLUMNS = ("passed", "failed", "skipped")


def run_dtypes(host: Host, arguments: Sequence[str]) -> int:
    """Run the tests on the CPU, one precision after the other, and print the table.

    Args:
        host: An installed host.
        arguments: Names of ``RUNS``, all of them without one; then what goes to pytest.

    Returns:
        The exit status: of the last run that failed, 0 if none did.
    """
    names = [name for name in arguments if name in RUNS]
    rest = [argument for argument in arguments if argument not in RUNS]
    status, rows = 0, {}
    for name in names or RUNS:
        flag, compute = RUNS[name]
        say(f"{name}: {flag}{', computing in 16 bits' * bool(compute)}")
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.xml"
            argv = [
                str(host.python),
                "-m",
                "pytest",
                *BY_FILE,
                "-q",
                "tests/host",
                f"--ignore={BROWSER}",
                f"--junitxml={report}",
                *rest,
            ]
            env = tool_env(host) | workers_env() | {DEVICE: "cpu", FLAGS: flag, COMPUTE: compute}
            status = run_child(argv, env) or status
            rows[name] = read_counts(report)
    say(f"{'':14}" + "".join(f"{column:>8}" for column in COLUMNS))
    for name, counts in rows.items():
        say(f"{name:14}" + "".join(f"{count:8}" for count in counts))
    return status


def read_counts(report: Path) -> tuple[int, int, int]:
    """How many tests passed, failed and were skipped, by pytest's report; errors are failures; 0 without a report."""
    if not report.is_file():
        return 0, 0, 0
    suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
    total, failed, skipped = (
        sum(int(suite.get(key, 0)) for suite in suites for key in keys)
        for keys in (("tests",), ("failures", "errors"), ("skipped",))
    )
    return total - failed - skipped, failed, skipped
