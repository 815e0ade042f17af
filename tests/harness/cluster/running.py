"""Run batches as a user does, in processes of their own, and a Ray for them to join."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..host.computing import computing_flags
from ..host.locations import ROOT, Host, base_dir, locate
from ..host.processes import host_env, start_group, stop_group
from ..host.server import free_port
from .batches import batch

STUB = Path(__file__).parent / "stub"
START_SECONDS, TRIES = 60.0, 3
TOKEN = "RAY_AUTH_TOKEN_PATH"
OBJECT_STORE = 80 * 2**20


def stub_host() -> Host:
    """The recorded stub, as if it were a ComfyUI."""
    return Host(STUB, Path(sys.executable), own=True)


def batch_env() -> dict[str, str]:
    """The environment of batches and of Ray: packages are found as they are here, the pack is not on the path.

    Workers do not yield to other programs, as Ray lets them: on a busy machine a ComfyUI would not start for minutes.
    """
    found = [path for path in sys.path if path.endswith("site-packages") or (Path(path) / "ray").is_dir()]
    own = {"PYTHONPATH": os.pathsep.join(found), "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    return host_env() | own


def _on_loopback(folder: Path) -> None:
    """With a token, as the environment says to every Ray of this process, and to batches that join one."""
    if TOKEN in os.environ:
        return
    token = folder / "token"
    token.write_text(uuid.uuid4().hex * 2, "utf-8")
    os.environ.update({TOKEN: str(token), "RAY_AUTH_MODE": "token", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"})


@contextlib.contextmanager
def ray_nodes(folder: Path, nodes: int, odd: str = "") -> Iterator[tuple[str, list[int]]]:
    """A Ray of several nodes on this machine; gives its address and the processes of their raylets.

    Args:
        folder: Of its files.
        nodes: How many, besides a head that takes no work.
        odd: ``NAME=VALUE`` in the environment of the last one alone.
    """
    _on_loopback(folder)
    argv, env = [sys.executable, "-m", "harness.cluster.nodes", "--nodes", str(nodes)], batch_env()
    argv += ["--odd", odd] if odd else []
    env["PYTHONPATH"] += f"{os.pathsep}{ROOT / 'tests'}"
    for attempt in range(TRIES):
        log = folder / f"nodes-{attempt}.log"
        with log.open("wb") as file:
            process = start_group(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
        try:
            if said := process.stdout.readline().decode().split():
                yield said[0], [int(raylet) for raylet in said[1:]]
                return
        finally:
            process.communicate()  # its input ends
            stop_group(process)
    raise RuntimeError(_not_started(log))


@contextlib.contextmanager
def ray_head(folder: Path, cpus: int, *more: str) -> Iterator[str]:
    """A Ray on loopback without a dashboard, up inside a ``with``.

    Args:
        folder: Of its files.
        cpus: How many it believes to have.
        more: Of its command line.
    """
    _on_loopback(folder)
    for attempt in range(TRIES):  # it gives up after 30 s where others compute
        port = free_port()
        argv = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--port", str(port)]
        argv += ["--include-dashboard=False", "--include-log-monitor=False", "--no-monitor", "--disable-usage-stats"]
        argv += [
            "--num-cpus",
            str(cpus),
            "--object-store-memory",
            str(OBJECT_STORE),
            "--temp-dir",
            f"/tmp/ray-{port}",
            *more,
        ]
        log = folder / f"ray-{attempt}.log"
        with log.open("wb") as file:
            process = start_group(argv, env=batch_env(), stdout=file, stderr=subprocess.STDOUT)
        try:
            if _is_up(process, log):
                yield f"127.0.0.1:{port}"
                return
        finally:
            stop_group(process, grace=1.0)
            shutil.rmtree(f"/tmp/ray-{port}", ignore_errors=True)
    raise RuntimeError(_not_started(log))


def _not_started(log: Path) -> str:
    return f"Ray did not start:\n{log.read_text('utf-8', errors='replace')[-3000:]}"


def _is_up(process: subprocess.Popen, log: Path) -> bool:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if "Ray runtime started" in log.read_text("utf-8", errors="replace"):
            return True
        time.sleep(0.1)
    return False


class Batch:
    """A batch that is run by the command, over and over.

    Attributes:
        folder: Its own.
        shared: Whether workers are told that they see it.
    """

    shared = True

    def __init__(self, folder: Path, workflow: Path, table: Path, host: Host | None = None, address: str = "") -> None:
        """Say how it is run.

        Args:
            folder: For the batch.
            workflow: In API format.
            table: Of its jobs.
            host: The ComfyUI; the installed one if None.
            address: Of a Ray to join; empty for one of its own.
        """
        self.folder, self._workflow, self._table = folder, workflow, table
        self._host, self._address = host or locate(), address

    def argv(self, verb: str, *more: str) -> list[str]:
        """The command line."""
        argv = [sys.executable, str(ROOT / "cluster"), verb]
        if verb not in ("run", "check"):
            return [*argv, str(self.folder), *more]
        flags = " ".join(computing_flags(self._host.python)) or " "
        argv += [str(self._workflow), str(self._table), "--comfyui", str(self._host.comfyui), f"--flags={flags}"]
        argv += ["--python", str(self._host.python), "--base", str(base_dir())]
        if verb == "run":
            argv += ["--to", str(self.folder), "--pause", "0.2"]
            argv += ["--address", self._address] if self._address else []
            argv += ["--shared"] if self.shared else []
        return [*argv, *more]

    def start(self, *more: str) -> subprocess.Popen:
        """Begin ``run`` and do not wait for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "run.log").open("ab") as log:
            return start_group(self.argv("run", *more), env=batch_env(), stdout=log, stderr=subprocess.STDOUT)

    def call(self, verb: str, *more: str, timeout: float = 300) -> tuple[int, str]:
        """Run a verb to its end; gives its status and all that it said."""
        argv = self.argv(verb, *more)
        done = subprocess.run(argv, env=batch_env(), capture_output=True, text=True, timeout=timeout, check=False)
        return done.returncode, done.stdout + done.stderr

    def states(self) -> dict[str, str]:
        """The state of each job; none before there is a manifest."""
        if not (self.folder / "manifest.sqlite").is_file():
            return {}
        return {row["name"]: row["state"] for row in batch.Manifest(self.folder).jobs()}

    def count(self, state: str) -> int:
        """How many jobs are in a state."""
        return list(self.states().values()).count(state)

    def log(self) -> str:
        """What `start` said so far."""
        return (self.folder / "run.log").read_text("utf-8")

    def attempts(self) -> list[int]:
        """How often each job was tried, the fewest first."""
        return sorted(row["attempts"] for row in batch.Manifest(self.folder).jobs())

    def held(self) -> list[str]:
        """Names of workers whose stub holds a prompt, so that it surely runs there."""
        return sorted(path.parent.name for path in (self.folder / "made").glob("*/held"))

    def go(self) -> None:
        """Let the prompts that are held go on, and hold no other."""
        (self.folder / "go").touch()

    def end(self) -> None:
        """The same, of those that are kept."""
        (self.folder / "end").touch()

    def hosts(self, worker: str = "") -> list[int]:
        """The processes of its ComfyUIs, or of one worker's; each is a child of its worker."""
        return processes("main.py", str(self.folder / "workers" / worker), "--listen")


def wait_for(ask: Callable[[], Any], seconds: float = 120) -> Any:
    """Ask until the answer is true, and give it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ask():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not happen")


def processes(*words: str) -> list[int]:
    """Ids of the processes whose command line holds all these words; Linux alone has them as files."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if all(word in line for word in words) and int(path.parent.name) != os.getpid():
                found.append(int(path.parent.name))
    return found


def parent(pid: int) -> int:
    """Id of the process that started it; that of a ComfyUI of a batch is its worker."""
    return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[1])


def kill(pid: int) -> None:
    """As the system does when memory runs out: no clean-up, no farewell."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
