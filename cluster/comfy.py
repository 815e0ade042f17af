"""A ComfyUI of a worker's own, on loopback, in folders of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from .client import ComfyClient
from .errors import BatchError, HostDiedError
from .settings import THREADS, Settings

MADE, RUNS = "made", "vace_runs"
BOOT_SECONDS, BOOTS = 600.0, 2  # a port that was free may be taken until it is used
LOG_TAIL = 1500


class ComfyProcess:
    """It, started when first needed and again when it died.

    Attributes:
        client: Asks it; None while it does not run.
        output: Its output folder, which no other one writes to.
        input: Its input folder.
        log: What it printed since it was started.
    """

    def __init__(self, settings: Settings, scratch: Path, *, on_cpu: bool) -> None:
        """Choose the folders; nothing is started yet.

        Args:
            settings: How it is run.
            scratch: A folder of its own on this machine.
            on_cpu: Whether it is kept off the accelerator.
        """
        self._settings, self._scratch, self._on_cpu = settings, scratch, on_cpu
        shared = Path(settings.batch) if settings.shared else scratch
        self._made = shared / MADE
        self.input, self.output = shared / "files", self._made / scratch.name
        self.log = scratch / "comfyui.log"
        self.client: ComfyClient | None = None
        self._process: subprocess.Popen | None = None
        self._leash: subprocess.Popen | None = None
        for folder in (self.input, self.output, scratch / "user"):
            folder.mkdir(parents=True, exist_ok=True)

    @property
    def is_up(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    async def ensure(self) -> ComfyClient:
        """Start it unless it runs, and wait until it answers.

        Raises:
            HostDiedError: If it does not come up.
            BatchError: If it is not on this machine.
        """
        if self.client and self.is_up:
            return self.client
        for _ in range(BOOTS):
            await self.stop()
            self._share_runs()
            self._begin(_free_port())
            if await self._comes_up():
                return self.client
        raise HostDiedError(self._not_up("ended while it started"))

    def _begin(self, port: int) -> None:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(port),
                cwd=self._settings.here()[0],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl+C in a terminal reaches the driver alone, which then ends us in order
            )
        leash = [sys.executable, "-ISc", self._settings.leash, str(self._process.pid)]
        self._leash = subprocess.Popen(leash, stdin=subprocess.PIPE, start_new_session=True)
        self.client = ComfyClient(f"http://127.0.0.1:{port}")

    async def stop(self) -> None:
        """End it."""
        if self.client:
            await self.client.close()
        self.client = None
        if self._process is None:
            return
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, 10)
        self._leash.stdin.close()  # which ends what is left of it
        self._leash.wait()
        self._process.wait()
        self._process = None

    def tail(self) -> str:
        """The last lines of its log."""
        return self.log.read_text("utf-8", errors="replace")[-LOG_TAIL:] if self.log.is_file() else ""

    def _share_runs(self) -> None:
        """One folder of long videos for all workers, so that another one goes on where this one stopped."""
        runs, link = self._made / RUNS, self.output / RUNS
        runs.mkdir(exist_ok=True)
        if link.exists():
            return
        try:
            link.symlink_to(Path("..", RUNS), target_is_directory=True)
        except OSError as error:
            raise BatchError(
                f"{link} cannot be a link to {runs} ({error}). On Windows, switch on its developer mode."
            ) from None

    def _command(self, port: int) -> list[str]:
        comfyui, python, base = self._settings.here()
        cpu = ["--cpu"] if self._on_cpu and "--cpu" not in self._settings.flags else []
        return [
            *(str(python), str(comfyui / "main.py")),
            *("--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(base)),
            *("--input-directory", str(self.input), "--output-directory", str(self.output)),
            *("--temp-directory", str(self._scratch), "--user-directory", str(self._scratch / "user")),
            *("--database-url", "sqlite:///:memory:", "--disable-api-nodes", *cpu, *self._settings.flags),
        ]

    def _environment(self) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in (THREADS, "PYTHONPATH")}
        env |= {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        env.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # spinning threads make two hosts on one machine crawl
        return env | ({THREADS: self._settings.threads} if self._settings.threads else {})

    async def _comes_up(self) -> bool:
        """Whether it answers; False when it ended instead. One that is not up when this is cancelled is ended."""
        end = time.monotonic() + BOOT_SECONDS
        try:
            while time.monotonic() < end and self.is_up:
                with contextlib.suppress(HostDiedError):
                    await self.client.get("/system_stats")
                    return True
                await asyncio.sleep(0.2)
        except asyncio.CancelledError:
            await self.stop()
            raise
        if self.is_up:
            await self.stop()
            raise HostDiedError(self._not_up(f"did not answer after {BOOT_SECONDS:g} s"))
        return False

    def _not_up(self, what: str) -> str:
        return f"ComfyUI {what}. The end of {self.log}:\n{self.tail()}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
