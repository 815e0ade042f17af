"""Mutation tests: masks and conditioning changed a little, over a thousand times, and their tests run on each change.

A change that no test notices shows a test that is missing, or code that is not needed, or has a reason below. mutmut
makes the changes in a copy of the files. Run as a script this is in its environment and tells what each change was.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TOOL = "mutmut==3.8.1"
ROOMS, INSIDE = ("masks", "conditioning"), "inside"
LEAST, KILLED = 0.9, (1, 3)  # of all mutants; exit statuses of pytest: a test failed, or pytest did
SETTINGS = """[tool.mutmut]
source_paths = ["wan_vace/vace_core"]
only_mutate = [{only}]
also_copy = ["wan_vace"]
pytest_add_cli_args_test_selection = ["wan_vace/tests/core"]
pytest_add_cli_args = ["--import-mode=importlib", "--hypothesis-seed=0", "-p", "no:cacheprovider", "-q"]
timeout_constant = 60.0

[tool.pytest.ini_options]  # or else pytest looks for them further up
"""
# Why no test on a CPU can notice a change: what the line was and became, with a line break between, and the reason.
GPU = "where it is computed: only a GPU tells"
REASONS = (
    (r"device\b.*\n.*(\.to\(None\)|device=None|device and |, \)|stop, \))", GPU),
    (r"numpy\(force=.*\n", GPU),
    (r"require_shape.*\n.*\"(XX.*XX|b c t h w|B C T H W|t h w)\"", "names of axes, not shown where sizes are fixed"),
    (r"rearrange.*\n.*\"T C H W -> 1 C T H W\"", "names of axes within a pattern"),
    (r"k : k \+ 1\] = picture.*\n.*k : k \+ 2\] = picture", "what lies behind is written afterwards"),
    (r"strict=True.*\n", "there are always as many on each side"),
    (r"len\(pixels\).*\n.*stop < len", "a copy where a view would do"),
    (r"SNAP_WITHIN.*\n.* < SNAP_WITHIN", "between the levels of a file, where no pixel is"),
    (r"torch\.rand\(4.*\n.*torch\.rand\(5", "one draw more, which nobody takes"),
    (r"frame\[0, 0\].*\n.*frame\[(1, 0|0, 1)\]", "every pixel of the frame is of one value"),
    (r"floodFill.*\n.*(None, None, 1|\(1, 0\), 1|\(0, 1\), 1)", "the border is one piece, wherever the flood begins"),
    (r"(floodFill|fillPoly).*\n.*, 2\)", "any number but 0 fills"),
    (r"(findContours|distanceTransform|np\.ones).*\n.*(None|, \))", "what OpenCV takes without it is the same"),
)


@dataclass(frozen=True)
class Mutant:
    """One change: of which file and function, whether a test failed, and the line as it was above what it became."""

    file: str
    function: str
    killed: bool
    change: str = ""

    @property
    def reason(self) -> str:
        """Why it may survive; empty when nothing tells."""
        return next((reason for pattern, reason in REASONS if re.search(pattern, self.change)), "")


def main(arguments: list[str]) -> int:
    """Run all; the status is 1 if too few are killed, or one survives without a reason."""
    from .host.beside import environment_with
    from .host.locations import ROOT, dev_dir

    python, folder = environment_with(TOOL, dev_dir() / "mutmut"), dev_dir() / "mutants"
    _lay_out(ROOT, folder)
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "tests")}
    run = [str(python), "-m", "mutmut", "run", "--max-children", str(os.cpu_count() or 1)]
    if status := subprocess.call(run, cwd=folder, env=env):
        return status
    told = subprocess.check_output([str(python), __file__, INSIDE], cwd=folder, env=env)
    mutants = [Mutant(*each) for each in json.loads(told)]
    table = as_text(mutants)
    print(f"\n{table}")
    if "--save" in arguments:
        (ROOT / "benchmarks" / "results" / "mutants.md").write_text(table, "utf-8")
    return int(not passes(mutants))


def passes(mutants: list[Mutant]) -> bool:
    """Whether enough are killed, and the others have a reason."""
    left = [mutant for mutant in mutants if not mutant.killed]
    return len(mutants) - len(left) >= LEAST * len(mutants) and all(mutant.reason for mutant in left)


def _lay_out(root: Path, folder: Path) -> None:
    """The core and the tests of its rooms, in a folder of the name by which they import it."""
    shutil.rmtree(folder, ignore_errors=True)
    pack = folder / "wan_vace"
    shutil.copytree(root / "vace_core", pack / "vace_core", ignore=shutil.ignore_patterns("__pycache__"))
    for room in ROOMS:
        shutil.copytree(root / "tests" / "core" / room, pack / "tests" / "core" / room)
    shutil.copy(root / "tests" / "conftest.py", pack / "tests")
    only = ", ".join(f'"wan_vace/vace_core/{room}/*.py"' for room in ROOMS)
    (folder / "pyproject.toml").write_text(SETTINGS.format(only=only), "utf-8")


def as_text(mutants: list[Mutant]) -> str:
    """The tables, in Markdown."""
    killed = sum(mutant.killed for mutant in mutants)
    head = (
        f"# Mutants\n\n`python dev.py mutants --save`, {TOOL}: {len(mutants)} small changes of the code, each tried "
        f"with its tests. {killed} were noticed ({killed / len(mutants):.1%}).\n"
    )
    lines = [head, "| file | mutants | killed | survived |", "|---|---|---|---|"]
    for file in dict.fromkeys(mutant.file for mutant in mutants):
        own = [mutant.killed for mutant in mutants if mutant.file == file]
        lines.append(f"| `vace_core/{file}` | {len(own)} | {sum(own)} | {len(own) - sum(own)} |")
    lines += ["", "| why it survives | where | the line became |", "|---|---|---|"]
    for mutant in sorted((each for each in mutants if not each.killed), key=lambda each: each.reason):
        became = mutant.change.partition("\n")[2].replace("|", "\\|")
        lines.append(f"| {mutant.reason or 'UNEXPLAINED'} | `{mutant.function}` | `{became}` |")
    return "\n".join([*lines, ""])


def _mutants() -> list[tuple[str, str, bool, str]]:
    """Inside of the environment: the fields of every `Mutant`, from what mutmut wrote."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant

    found, top = [], Path("mutants")
    for file in sorted(top.rglob("*.meta")):
        source = file.with_suffix("").relative_to(top)
        name_of_file = source.relative_to("wan_vace/vace_core").as_posix()
        for name, status in json.loads(file.read_text("utf-8"))["exit_code_by_key"].items():
            function = re.sub(r".*\.x_?|__mutmut_\d+$", "", name).replace("ǁ", ".").strip(".")
            diff = "" if status in KILLED else get_diff_for_mutant(name, path=source)
            was, became = (re.findall(rf"^\{sign}(?![+-]{{2}}) *(.*)$", diff, re.MULTILINE) for sign in "-+")
            found.append((name_of_file, function, status in KILLED, f"{' '.join(was)}\n{' '.join(became)}"))
    return found


if __name__ == "__main__":
    if sys.argv[1:] == [INSIDE]:
        print(json.dumps(_mutants()))
    else:
        sys.exit(main(sys.argv[1:]))
