"""Starting and stopping processes, ComfyUI's above all."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.host.client import HostDiedError
from harness.host.locations import Host, SetupError
from harness.host.processes import start_group, stop_group
from harness.host.server import ComfyServer, free_port

SLEEP = "import time; time.sleep(60)"
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', '{SLEEP}']).pid, flush=True); {SLEEP}"


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        return status.read_text().split()[2] != "Z"
    if sys.platform == "linux":
        return False
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0


def wait_until_dead(pid: int) -> bool:
    end = time.monotonic() + 5
    while alive(pid) and time.monotonic() < end:
        time.sleep(0.02)
    return not alive(pid)


def test_free_port_can_be_listened_on():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port()))


@pytest.mark.skipif(os.name == "nt", reason="asks for processes the POSIX way")
def test_stop_ends_the_process_and_its_children_and_no_other():
    other = start_group([sys.executable, "-c", SLEEP])
    ours = start_group([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    child = int(ours.stdout.readline())
    stop_group(ours)
    try:
        assert ours.poll() is not None
        assert wait_until_dead(child)
        assert other.poll() is None
    finally:
        ours.stdout.close()
        stop_group(other)
    stop_group(other)  # a second time does nothing


def test_a_host_that_dies_at_start_shows_its_log(tmp_path):
    (tmp_path / "main.py").write_text("import sys; sys.exit('no such device')", "utf-8")
    server = ComfyServer(cpu=True, host=Host(tmp_path, Path(sys.executable), own=True), base=tmp_path)
    with pytest.raises(HostDiedError, match=r"ended while it started(?s:.*)no such device"), server:
        pass
    assert server.process is None


def test_a_host_that_never_answers_is_stopped(tmp_path):
    (tmp_path / "main.py").write_text(SLEEP, "utf-8")
    host = Host(tmp_path, Path(sys.executable), own=True)
    with pytest.raises(HostDiedError, match="did not answer"), ComfyServer(cpu=True, host=host, boot_timeout=0.5):
        pass


def test_a_missing_host_is_told_how_to_install(tmp_path):
    with pytest.raises(SetupError, match=r"`python dev\.py test` installs one"):
        ComfyServer(host=Host(tmp_path, tmp_path / "python", own=False))
