"""The lock of a run: held to the end of a process, however it ends, and told where a disk has none."""

import errno
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wan_vace.vace_core.errors import VaceInputError
from wan_vace.vace_core.long import frame_file as framefile
from wan_vace.vace_core.long import lock as runlock

from .test_runs import begin

KILLED = """
    import os, sys, types
    pack = types.ModuleType("wan_vace"); pack.__path__ = [sys.argv[1]]; sys.modules["wan_vace"] = pack
    from pathlib import Path
    import torch
    from wan_vace.vace_core.long.runs import Run
    from wan_vace.vace_core.long.segments import plan_segments
    run = Run.open(Path(sys.argv[2]), {"seed": "7"}, plan_segments(27, 13, 5), (4, 6), 16.0)
    run.write(0, torch.zeros(13, 4, 6, 3, dtype=torch.uint8), {})
    def frames():
        yield torch.ones(9, 4, 6, 3, dtype=torch.uint8)
        print("writing", flush=True)
        sys.stdin.readline()
        os._exit(9)
    run.write(1, frames(), {})
"""


def test_a_killed_process_holds_its_lock_to_the_end_and_no_longer(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(KILLED), Path(framefile.__file__).parents[2], tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        with pytest.raises(VaceInputError, match=f"is being worked on by process {process.pid}. Wait until it has"):
            begin(tmp_path, {"seed": "7"})
        process.communicate("die\n")
    assert process.returncode == 9
    assert (tmp_path / "segment_002.rgb.part").exists()
    with begin(tmp_path, {"seed": "7"}) as run:
        assert [run.finished(i) for i in range(3)] == [True, False, False]
    assert not list(tmp_path.glob("*.part"))


def test_a_run_is_open_once_and_free_after_any_end(tmp_path):
    with pytest.raises(RuntimeError, match="sampling failed"), begin(tmp_path):
        with pytest.raises(VaceInputError, match=f"is being worked on by process {os.getpid()}"):
            begin(tmp_path)
        raise RuntimeError("sampling failed")
    run = begin(tmp_path)
    run.close()
    run.close()
    begin(tmp_path).close()


def test_a_disk_without_locks_is_told(tmp_path, monkeypatch):
    def unknown(_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(runlock, "_lock", unknown)
    with pytest.raises(VaceInputError, match=r"cannot be locked \(Function not implemented\).*a disk of this computer"):
        begin(tmp_path)
