"""Child processes: their environment, and how to end exactly the ones that were started."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from .locations import ROOT, Host, dev_dir


def host_env() -> dict[str, str]:
    """Environment for the host; caching byte code in the development folder saves seconds at each start."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}
    env.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads make two hosts on one machine crawl
    env.update(PYTHONPYCACHEPREFIX=str(dev_dir() / "pycache"), PYTHONUTF8="1", PYTHONUNBUFFERED="1")
    return env


def tool_env(host: Host) -> dict[str, str]:
    """Environment for our own programs in the host's Python: they find ``harness`` and the host."""
    return host_env() | {
        "PYTHONPATH": str(ROOT / "tests"),
        "COMFYUI_PATH": str(host.comfyui),
        "COMFYUI_PYTHON": str(host.python),
    }


def start_group(argv: list[str], **options: object) -> subprocess.Popen:
    """Start a process as the head of its own group, so that Ctrl+C does not reach it before we do."""
    if os.name == "nt":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        options["start_new_session"] = True
    return subprocess.Popen(argv, **options)


def stop_group(process: subprocess.Popen, grace: float = 10.0) -> None:
    """End a process of ``start_group`` and its children, and nothing else.

    Args:
        process: What ``start_group`` returned; may have ended already.
        grace: Seconds between the polite request and the kill.
    """
    if os.name == "nt":
        if process.poll() is None:
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
            process.wait()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(grace)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Within, SIGTERM ends the program as an exception does, so that ``with`` blocks clean up."""
    usable = threading.current_thread() is threading.main_thread()
    if not usable or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def run_child(argv: list[str], env: dict[str, str], cwd: Path = ROOT) -> int:
    """Run a program in the foreground until it ends by itself.

    Ctrl+C reaches it from the terminal and SIGTERM is passed on; either way we wait for its own clean-up.

    Returns:
        Its exit status, 128 + n when signal n ended it.
    """
    child = subprocess.Popen(argv, env=env, cwd=cwd)
    before = signal.signal(signal.SIGTERM, lambda number, frame: child.terminate())
    try:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                status = child.wait()
                return status if status >= 0 else 128 - status
    finally:
        signal.signal(signal.SIGTERM, before)


def own_memory(process: int) -> int:
    """Bytes that a process holds beside pages of files, which a fork comes to share late; 0 once it has ended.

    Not every kernel tells them apart (gVisor names VmRSS alone); there the pages of files count too.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text("utf-8")
    except OSError:
        return 0
    return memory_in(status)


def memory_in(status: str) -> int:
    """Bytes in the text of a `/proc/PID/status`; 0 for a process that has ended and was not waited for."""
    sizes = dict(line.split(":", 1) for line in status.splitlines() if line.startswith(("Rss", "VmRSS")))
    own = [sizes[name] for name in ("RssAnon", "RssShmem") if name in sizes] or [sizes.get("VmRSS", "0 kB")]
    return 1024 * sum(int(size.split()[0]) for size in own)


def held_at_first() -> int:
    """Bytes that this process, a fork, begins with, see `own_memory`.

    What the C library had freed and kept is given back before: work in it would not be seen, and what is given back
    later would be taken off.
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if give_back is not None:
        give_back(0)
    return own_memory(os.getpid())
