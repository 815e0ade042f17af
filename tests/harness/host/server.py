"""Start ComfyUI with the pack on a free port of this machine, and stop it again."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import warnings
from pathlib import Path
from types import TracebackType

from . import deprecations
from .client import POLL_SECONDS, ComfyClient, HostDiedError
from .computing import computing_flags
from .locations import Host, SetupError, base_dir, dev_dir, locate
from .processes import exit_on_sigterm, host_env, start_group, stop_group

LOG_TAIL = 3000
KEPT_SECONDS = 2 * 24 * 3600


def free_port() -> int:
    """A TCP port on the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ComfyServer(ComfyClient):
    """A ComfyUI of our own, up inside a ``with`` block.

    Attributes:
        url: Where it answers.
        log: Its log file.
        base: Its base directory.
        process: Its process; None outside the block.
    """

    def __init__(
        self,
        *,
        cpu: bool | None = None,
        port: int | None = None,
        arguments: tuple[str, ...] = (),
        host: Host | None = None,
        base: Path | None = None,
        boot_timeout: float = 180.0,
    ) -> None:
        """Choose how to start; nothing is started yet.

        Args:
            cpu: True computes on the CPU, False lets the host choose, None goes by the environment (``computing``).
            port: TCP port; a free one if None.
            arguments: More of the host's command line.
            host: The ComfyUI to run; the installed one if None.
            base: Base directory; the development one if None.
            boot_timeout: Seconds until the first answer.
        """
        self.host = host or locate()
        if not (self.host.comfyui / "main.py").is_file() or not self.host.python.exists():
            raise SetupError("There is no ComfyUI yet; `python dev.py test` installs one.")
        self.base = base or base_dir()
        self.cpu = cpu
        self.port = port or free_port()
        self.arguments = arguments
        self.boot_timeout = boot_timeout
        self.process: subprocess.Popen | None = None
        self.run_dir = _new_run_dir()
        self.log = self.run_dir / "comfyui.log"
        folders = {
            "output": self.base / "output",
            "input": self.base / "input",
            "temp": self.run_dir / "temp",
        }
        super().__init__(f"http://127.0.0.1:{self.port}", folders)

    def __enter__(self) -> ComfyServer:
        self._cleanup = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            stack.enter_context(exit_on_sigterm())
            log = stack.enter_context(self.log.open("ab"))  # a server that is started again goes on in it
            self.process = start_group(
                self._command(), cwd=self.host.comfyui, env=host_env(), stdout=log, stderr=subprocess.STDOUT
            )
            stack.callback(self._stop)
            self._wait_until_up()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()
        if kind is None and (lines := deprecations.in_log(self.log.read_text("utf-8", errors="replace"))):
            warnings.warn("\n".join(lines), deprecations.CallsDeprecatedWarning, stacklevel=2)

    def log_tail(self) -> str:
        """The last lines of the host's log."""
        return self.log.read_text("utf-8", errors="replace")[-LOG_TAIL:]

    def _command(self) -> list[str]:
        return [
            str(self.host.python),
            str(self.host.comfyui / "main.py"),
            *computing_flags(self.host.python, self.cpu),
            *("--listen", "127.0.0.1", "--port", str(self.port)),
            *("--base-directory", str(self.base), "--temp-directory", str(self.run_dir)),
            *("--database-url", "sqlite:///:memory:", "--disable-api-nodes"),
            *self.arguments,
        ]

    def _wait_until_up(self) -> None:
        end = time.monotonic() + self.boot_timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise HostDiedError(f"ComfyUI ended while it started. The end of {self.log}:\n{self.log_tail()}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                self.get("/system_stats")
                return
            time.sleep(POLL_SECONDS)
        raise HostDiedError(f"ComfyUI did not answer. The end of {self.log}:\n{self.log_tail()}")

    def _stop(self) -> None:
        stop_group(self.process)
        self.process = None


def _new_run_dir() -> Path:
    """A folder for one run's log and temp files; those of the last two days are kept."""
    runs = dev_dir() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    for log in runs.glob("*/comfyui.log"):
        if time.time() - log.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(log.parent, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime("%m%d-%H%M%S-"), dir=runs))
