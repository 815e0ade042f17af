"""What the host computes on and in: its own choice, unless the environment says otherwise.

``WAN_VACE_DEVICE=cpu`` keeps it on the CPU. ``WAN_VACE_HOST_FLAGS`` holds more of its command line, such as
``--bf16-unet``, for the host in this process and for every server that is started. ``WAN_VACE_COMPUTE=16-bits`` makes a
host on the CPU, in this process only, compute in 16 bits where it would on a GPU; else it casts to float32 there.
"""

from __future__ import annotations

import importlib
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from .locations import SetupError

DEVICE, FLAGS, COMPUTE = "WAN_VACE_DEVICE", "WAN_VACE_HOST_FLAGS", "WAN_VACE_COMPUTE"


@cache
def has_accelerator(python: Path) -> bool:
    """Whether the host's torch can compute on something else than the CPU.

    Args:
        python: The host's interpreter. It is asked only when the machine looks as if it had one.
    """
    if sys.platform != "darwin" and not (shutil.which("nvidia-smi") or shutil.which("rocminfo")):
        return False
    question = "import sys, torch; sys.exit(not (torch.cuda.is_available() or torch.backends.mps.is_available()))"
    return subprocess.run([str(python), "-c", question], capture_output=True, check=False).returncode == 0


def computing_flags(python: Path, cpu: bool | None = None) -> list[str]:
    """The part of the host's command line that says what it computes on and in.

    Args:
        python: The host's interpreter.
        cpu: True computes on the CPU, False lets the host choose, None lets it choose where there is an accelerator;
            the environment may ask for the CPU all the same.

    Raises:
        SetupError: If the environment asks for a device that is not known here.
    """
    device = os.environ.get(DEVICE, "")
    if device not in ("", "cpu"):
        raise SetupError(f"{DEVICE} is {device!r}. Set it to cpu, or leave it out: then the host chooses.")
    on_cpu = device == "cpu" or (not has_accelerator(python) if cpu is None else cpu)
    flags = shlex.split(os.environ.get(FLAGS, ""))
    return [*(["--cpu"] if on_cpu and "--cpu" not in flags else []), *flags]


def compute_as_told() -> None:
    """Let the host in this process compute in 16 bits on the CPU, if the environment asks for it.

    The host takes a CPU to be too slow for them and asks two functions; torch computes in them all the same.

    Raises:
        SetupError: If the environment asks for something that is not known here.
    """
    wanted = os.environ.get(COMPUTE, "")
    if wanted not in ("", "16-bits"):
        raise SetupError(f"{COMPUTE} is {wanted!r}. Set it to 16-bits, or leave it out: then the host chooses.")
    if wanted:
        management = importlib.import_module("comfy.model_management")
        management.should_use_fp16 = management.should_use_bf16 = lambda *_, **__: True
