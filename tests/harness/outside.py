"""Other people's tools on this pack: comfy-cli and comfy-draftsman, in an environment of their own.

Once that is there, no network is needed. Run as a script this is inside of it and checks the workflows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = ("comfy-cli==1.23.0", "comfy-draftsman==0.25.3")
ALLOWED = {"no-groups"}  # a workflow of five nodes needs no frame around them


def check(host_python: Path) -> int:
    """Make the environment, ask a server what nodes there are, and run every check.

    Args:
        host_python: Interpreter that makes the environment.

    Returns:
        The exit status: 1 if a tool found something.
    """
    from .canvas.identity import FILES
    from .host.base_directory import prepare
    from .host.locations import ROOT, dev_dir
    from .host.server import ComfyServer

    python = _environment(dev_dir() / "outside", host_python)
    with tempfile.TemporaryDirectory() as folder:
        info, base = Path(folder) / "object_info.json", Path(folder) / "base"
        prepare(base)
        for file in FILES.values():  # names are enough: nothing runs
            place = base / "models" / file.directory / file.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        with ComfyServer(cpu=True, base=base) as server:
            info.write_text(json.dumps(server.get("/object_info")), "utf-8")
        run = [str(python), str(Path(__file__)), str(info), str(ROOT)]
        workflows = subprocess.call(run, env=_quiet())
        return max(workflows, _registry(python, ROOT, Path(folder) / "pack"))


def _environment(folder: Path, host_python: Path) -> Path:
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    stamp = folder / "tools.txt"
    if not stamp.is_file() or stamp.read_text("utf-8") != " ".join(TOOLS):
        subprocess.run([str(host_python), "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *TOOLS], check=True)
        stamp.write_text(" ".join(TOOLS), "utf-8")
    return python


def _registry(python: Path, root: Path, copy: Path) -> int:
    """``comfy node validate`` and ``pack`` on what git tracks, in a repository of its own, for pack asks git."""
    copy.mkdir()
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=root, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(copy)], input=archive, check=True)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=copy, check=True)
    comfy = [str(python), "-m", "comfy_cli", "--skip-prompt", "--no-enable-telemetry", "node"]
    statuses = [subprocess.call([*comfy, verb], cwd=copy, env=_quiet()) for verb in ("validate", "pack")]
    packed = list(copy.glob("*.zip"))
    print(f"packed: {', '.join(f'{file.name} ({file.stat().st_size >> 10} KiB)' for file in packed) or 'nothing'}")
    return max(*statuses, int(not packed))


def _quiet() -> dict[str, str]:
    return os.environ | {"DO_NOT_TRACK": "1", "COMFY_NO_TRACKING": "1", "PYTHONPATH": ""}


def _check_workflows(info_file: str, root: str) -> int:
    """Inside of the environment: every workflow converted, validated and linted by tools that know nothing of us."""
    from comfy_cli.workflow_to_api import convert_ui_to_api
    from comfy_draftsman.graph.lint import lint
    from comfy_draftsman.graph.model import Workflow

    info = json.loads(Path(info_file).read_text("utf-8"))
    found = []
    graphs = sorted((Path(root) / "example_workflows").glob("*.json"))
    for file in graphs:
        graph = json.loads(file.read_text("utf-8"))
        converted = convert_ui_to_api(graph, info)
        active = {str(n["id"]) for n in graph["nodes"] if n["type"] in info and n.get("mode", 0) == 0}
        if set(converted) != active:
            found.append(f"{file.name}: comfy-cli converts nodes {sorted(converted)}, not {sorted(active)}")
        findings = lint(Workflow.from_ui(graph), info)
        found += [f"{file.name}: {one}" for one in findings if one["code"] not in ALLOWED]
    prompts = sorted((Path(root) / "example_workflows" / "api").glob("*.json"))
    for file in prompts:
        argv = [sys.executable, "-m", "comfy_cli", "--skip-prompt", "--no-enable-telemetry", "workflow", "validate"]
        run = subprocess.run([*argv, "--workflow", str(file), "--input", info_file], capture_output=True, text=True)
        found += [f"{file.name}: {run.stdout[-600:]}"] if run.returncode else []
    print("\n".join([*found, f"{len(graphs)} graphs, {len(prompts)} prompts, {len(found)} findings"]))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(_check_workflows(*sys.argv[1:]) if sys.argv[1:] else check(Path(sys.executable)))
