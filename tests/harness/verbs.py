"""The verbs of ``dev.py``: functions, whose first lines are the help.

What follows a verb goes to the program behind it as it stands, pytest's options included, which subparsers of argparse
would take for their own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from . import bench as benchmarks
from .browser.browser import OTHER_FRONT_END
from .host import base_directory, install, locations, mediapipe, versions
from .host.dtypes import run_dtypes
from .host.locations import ROOT, Host, SetupError
from .host.processes import run_child, tool_env
from .host.workers import BY_FILE, workers_env
from .structure import floor_plan

UI = ("tests/ui", "-m", "ui", "-n", "0")  # one host and one page for all of them


def main(arguments: list[str]) -> int:
    """Run one verb.

    Args:
        arguments: The command line after ``dev.py``.

    Returns:
        The exit status.
    """
    verb, *rest = arguments or ["--help"]
    if verb in ("-h", "--help", "help"):
        return _list_verbs()
    if verb not in VERBS:
        _list_verbs()
        return _fail(f"There is no verb {verb!r}; choose one of the above.")
    try:
        return VERBS[verb](rest)
    except SetupError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("Interrupted. Run it again to continue.", 130)


def demo(arguments: list[str]) -> int:
    """Run three tasks with the miniature and say where their clips are."""
    return _run_module(set_up(), "harness.miniature.demo", *arguments)


def test(arguments: list[str]) -> int:
    """Lint, format check and tests, a process for each core (-n 0: one); the rest goes to pytest. --ui: the page."""
    host = set_up_tests()
    parser = argparse.ArgumentParser(prog="dev.py test", allow_abbrev=False, add_help=False)
    parser.add_argument("--ui", action="store_true")
    parser.add_argument("--front-end")
    own, arguments = parser.parse_known_args(arguments)
    env = tool_env(host) | workers_env()
    if own.front_end:
        env[OTHER_FRONT_END] = str(install.front_end(own.front_end, host.python))
    arguments = [*UI, *arguments] if own.ui else arguments
    for check in (["ruff", "check", "--output-format", "concise", "."], ["ruff", "format", "--check", "."]):
        if status := _run_module(host, *check):
            return status
    return run_child([str(host.python), "-m", "pytest", *BY_FILE, *arguments], env)


def long(arguments: list[str]) -> int:
    """The tests that `test` leaves out because they take minutes."""
    return _run_module(set_up_tests(), "pytest", "-m", "long", *arguments)


def serve(arguments: list[str]) -> int:
    """Run ComfyUI with the pack until Ctrl+C and open the browser (--no-browser, --port N)."""
    return _run_module(set_up(), "harness.host.serve", *arguments)


def bench(arguments: list[str]) -> int:
    """Measure beside the core nodes, quickly (--full: as in benchmarks/results), or run the benchmarks named."""
    names, quick = benchmarks.chosen(arguments)
    return benchmarks.run(set_up(), names, quick)


def parity(arguments: list[str]) -> int:
    """Write this host's column of benchmarks/results/adapter_parity.md."""
    ready = set_up()
    cases = ["tests/host", "-k", "adapter or merged or diffusers", *arguments]
    return run_child([str(ready.python), "-m", "pytest", "-q", *cases], tool_env(ready) | {"WAN_VACE_PARITY": "1"})


def dtypes(arguments: list[str]) -> int:
    """Run tests/host once for each precision of models (bf16, fp16, bf16-computed, fp16-computed) and count."""
    return run_dtypes(set_up_tests(), arguments)


def file_kinds(arguments: list[str]) -> int:
    """Load every kind of file and LoRA that is in circulation for VACE and write benchmarks/results/file_kinds.md."""
    ready = set_up()
    cases = ["tests/host/adapter/test_layouts.py", "tests/host/adapter/lora", *arguments]
    return run_child([str(ready.python), "-m", "pytest", "-q", *cases], tool_env(ready) | {"WAN_VACE_LAYOUTS": "1"})


def fuzz(arguments: list[str]) -> int:
    """Ask a server prompts made by chance and count what comes of them (--minutes N, --seed S, --replay FILE)."""
    return _run_module(set_up(), "harness.fuzz", *arguments)


def hostile(arguments: list[str]) -> int:
    """Give every reader files that were made to do harm and say what came of each (--only TEXT, --save)."""
    return _run_module(set_up(), "harness.hostile", *arguments)


def faults(arguments: list[str]) -> int:
    """Kill, fill disks, cut files, interrupt, and say what came of each (--parts A,B, --only TEXT, --flags, --save)."""
    return _run_module(set_up(), "harness.faults", *arguments)


def soak(arguments: list[str]) -> int:
    """Run all workflows shuffled on one server and see that nothing grows (--prompts N, --seed S, --save)."""
    return _run_module(set_up(), "harness.host.soak", *arguments)


def quality(arguments: list[str]) -> int:
    """Measure the trained miniature in every task (--seeds N, --tasks a,b, --out DIR, --studies)."""
    return _run_module(set_up(), "harness.miniature.quality", *arguments)


def host(arguments: list[str]) -> int:
    """Choose and install a ComfyUI version (--version X); --test: tests/host there instead; list those known."""
    parser = argparse.ArgumentParser(prog="dev.py host", description=host.__doc__, allow_abbrev=False)
    parser.add_argument("--version", help="ComfyUI version to use from now on, or to test; with --test also `all`")
    parser.add_argument("--test", action="store_true", help="run tests/host on it; what else is given goes to pytest")
    parser.add_argument("--save", action="store_true", help=f"write its row into {versions.FILE.name} and the table")
    parser.add_argument("--remove", action="store_true", help="take its environment away after the test")
    given, rest = parser.parse_known_args(arguments)
    wanted = given.version
    if given.test:
        known = [*locations.RELEASES] if wanted == "all" else [locations.check_version(wanted or locations.NEWEST)]
        return versions.run_versions(known, rest, given.save, given.remove)
    if rest:
        parser.error(f"unknown: {' '.join(rest)}")
    if wanted:
        locations.select_version(wanted)
        set_up()
        return 0
    for version in locations.RELEASES:
        print(version, "(in use)" if version == locations.selected_version() else "")
    return 0


def schema(arguments: list[str]) -> int:
    """Write tests/host/schema.json anew: what every node takes and gives, which a test compares."""
    return _run_module(set_up(), "harness.structure.schema", *arguments)


def draw(arguments: list[str]) -> int:
    """Make example_workflows/*.json and every drawn picture (--graphs, --pictures, --editors, --demo; names)."""
    return _run_module(set_up(), "harness.browser.draw", *arguments)


def browser(arguments: list[str]) -> int:
    """Place every node in ComfyUI's front end, in both node modes (--front-end VERSION|newest|pinned, --save)."""
    return _run_module(set_up(), "harness.browser.front_ends", *arguments)


def train(arguments: list[str]) -> int:
    """Train the miniature, an hour and a quarter (vae, base, adapter, tuned, comparison; --profile gpu; --ship)."""
    ready, folder = set_up(), str(locations.dev_dir() / "miniature")
    argv = [str(ready.python), "-m", "harness.miniature.training", "miniature", "--folder", folder, *arguments]
    return run_child(argv, tool_env(ready) | {"OMP_WAIT_POLICY": "ACTIVE"})  # alone on the machine


def train_adapter(arguments: list[str]) -> int:
    """Train an adapter for a Wan base from a folder of clips (--help; see training/TRAINING.md)."""
    ready = set_up()
    argv = [str(ready.python), "-m", "harness.miniature.training", "adapter", *arguments]
    return run_child(argv, tool_env(ready), Path.cwd())  # names of files are as the user sees them


def gpu(arguments: list[str]) -> int:
    """Try the pack on this machine's GPU in 7 minutes and write a report to send (--help)."""
    ready = install.ready(tools=False)
    argv = [str(ready.python), "-m", "harness.gpu", *arguments]
    return run_child(argv, tool_env(ready), Path.cwd())  # --out is as the user sees it


def cluster(arguments: list[str]) -> int:
    """Measure batches on Ray and write benchmarks/results/cluster.md (--parts A,B of its parts; see --help)."""
    return _run_module(set_up(), "harness.cluster.measure", *arguments)


def outside(arguments: list[str]) -> int:
    """Check workflows and package with comfy-cli and comfy-draftsman, in an environment of their own (--save)."""
    ready = set_up()
    return run_child([str(ready.python), "-m", "harness.outside", *arguments], tool_env(ready))


def mutants(arguments: list[str]) -> int:
    """Change masks and conditioning a thousand times and see that a test notices each change (--save)."""
    ready = set_up()
    return run_child([str(ready.python), "-m", "harness.mutants", *arguments], tool_env(ready))


def coverage(arguments: list[str]) -> int:
    """Run the tests and say which lines and branches they leave out, and why (--save, --keep, --tables)."""
    return _run_module(set_up_tests(), "harness.coverage", *arguments)


def migrate(arguments: list[str]) -> int:
    """Turn a workflow of WanVaceToVideo into one of this pack (IN OUT, --exact, --force); installs nothing."""
    return subprocess.call([sys.executable, str(ROOT / "migration"), *arguments])


def structure(arguments: list[str]) -> int:
    """Draw ARCHITECTURE.svg from the imports and count the arrows between folders."""
    return floor_plan.main(arguments)


def set_up() -> Host:
    """Host and base directory, ready to run; one line for each step that had something to do."""
    start = time.perf_counter()
    ready = install.ready()
    base_directory.fill(ready)
    install.say(f"ready ({time.perf_counter() - start:.1f} s)")
    return ready


def set_up_tests() -> Host:
    """The same, with the networks that tests take from elsewhere; without a network tests say what they lack."""
    ready = set_up()
    try:
        mediapipe.fetch_networks(ready.python)
    except SetupError as error:
        install.say(f"{error} Tests that need it say so.")
    return ready


VERBS = {
    verb.__name__.replace("_", "-"): verb
    for verb in (
        demo,
        test,
        long,
        serve,
        bench,
        parity,
        dtypes,
        file_kinds,
        fuzz,
        hostile,
        faults,
        soak,
        quality,
        browser,
        gpu,
        outside,
        mutants,
        coverage,
        migrate,
        cluster,
        structure,
        host,
        schema,
        draw,
        train,
        train_adapter,
    )
}


def _run_module(host: Host, module: str, *arguments: str) -> int:
    return run_child([str(host.python), "-m", module, *arguments], tool_env(host))


def _list_verbs() -> int:
    print("python dev.py VERB")
    for name, verb in VERBS.items():
        print(f"  {name:13} {verb.__doc__}")
    return 0


def _fail(message: str, status: int = 1) -> int:
    print(f"error: {message}", file=sys.stderr)
    return status
