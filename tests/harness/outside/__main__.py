"""``python dev.py outside``: every workflow, and the package, checked by tools that know nothing of us."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from ..canvas.identity import FILES
from ..canvas.texts import FOLDER, texts
from ..host.base_directory import prepare
from ..host.locations import ROOT, dev_dir
from ..host.server import ComfyServer
from . import report, tools

INSIDE = Path(__file__).with_name("inside.py")
WORKFLOWS = {  # check: tool, what is checked, and what is wrong with the planted copy
    "convert": ("comfy-cli", "workflows turned into prompts, as those in `api`", "a wire that is gone"),
    "prompt": ("comfy-cli", "prompts of `api`, against `/object_info`", "a node of nobody"),
    "validate": ("comfy-draftsman", "workflows, against `/object_info`", "a node of nobody"),
    "lint": ("comfy-draftsman", "workflows, how they read", "a node upon another"),
}


def main(arguments: list[str]) -> int:
    """Run every check.

    Args:
        arguments: The command line.

    Returns:
        The exit status: 1 if a tool found something, or does not find what was planted.
    """
    parser = argparse.ArgumentParser(prog="dev.py outside", description=__doc__)
    parser.add_argument("--save", action="store_true", help=f"write {report.FILE.name}")
    given = parser.parse_args(arguments)
    python = tools.environment(dev_dir() / "outside", Path(sys.executable))
    with tempfile.TemporaryDirectory() as folder:
        info, version = _object_info(Path(folder))
        checks = [*_workflows(python, info), *_registry(python, Path(folder) / "pack")]
    text = report.as_text(checks, f"ComfyUI {version}")
    print(text)
    if given.save:
        report.FILE.write_text(text, "utf-8")
    return int(not all(check.passed for check in checks))


def _object_info(folder: Path) -> tuple[Path, str]:
    """A file with what a server says of all nodes, and the server's version."""
    info, base = folder / "object_info.json", folder / "base"
    prepare(base)
    for file in FILES.values():  # names are enough: nothing runs
        place = base / "models" / file.directory / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    with ComfyServer(cpu=True, base=base) as server:
        info.write_text(json.dumps(server.get("/object_info")), "utf-8")
        return info, server.get("/system_stats")["system"]["comfyui_version"]


def _workflows(python: Path, info: Path) -> list[report.Check]:
    cases = [[text.title, str(text.graph), str(FOLDER / "api" / f"{name}.json")] for name, text in texts().items()]
    task, out = info.with_name("task.json"), info.with_name("remarks.json")
    task.write_text(json.dumps({"info": str(info), "comfy": tools.COMFY, "cases": cases}), "utf-8")
    subprocess.run([str(python), str(INSIDE), str(task), str(out)], check=True, env=tools.quiet())
    return [_check(WORKFLOWS[name], remarks) for name, remarks in json.loads(out.read_text("utf-8")).items()]


def _check(about: tuple[str, str, str], remarks: dict) -> report.Check:
    sorted_out = [report.sort_out(file, said) for file, said in remarks["files"].items()]
    findings = [finding for found, _ in sorted_out for finding in found]
    meant = Counter(code for _, codes in sorted_out for code in codes)
    noticed = bool(report.sort_out("", remarks["planted"])[0])
    return report.Check(*about, len(sorted_out), findings, noticed, dict(meant))


def _registry(python: Path, copy: Path) -> list[report.Check]:
    """``comfy node validate`` and ``pack`` on what git tracks, in a repository of its own, for pack asks git."""
    copy.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(copy)], input=archive, check=True)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=copy, check=True)
    findings = report.registry_findings(*_comfy(python, copy, "validate"))
    said, status = _comfy(python, copy, "pack")
    packed = list(copy.glob("*.zip"))
    for file in packed:
        print(f"packed: {file.name}, {file.stat().st_size >> 10} KiB")
        file.unlink()
    (copy / "planted.py").write_text("x = eval(input())\n", "utf-8")
    noticed = bool(report.registry_findings(*_comfy(python, copy, "validate")))
    (copy / "pyproject.toml").unlink()
    unpacked = _comfy(python, copy, "pack")[1] != 0 or not list(copy.glob("*.zip"))
    lost = [] if packed and status == 0 else [f"no package: {said}"]
    return [
        report.Check("comfy-cli", "the package, as the registry checks it", "`eval`", 1, findings, noticed, {}),
        report.Check("comfy-cli", "the package, made", "no `pyproject.toml`", 1, lost, unpacked, {}),
    ]


def _comfy(python: Path, folder: Path, verb: str) -> tuple[str, int]:
    command = [str(python), *tools.COMFY, "node", verb]
    run = subprocess.run(command, cwd=folder, env=tools.quiet(), capture_output=True, text=True)
    return run.stdout + run.stderr, run.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
