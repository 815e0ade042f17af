"""The host in this process on its accelerator, started as its own ``main.py`` does it, which an import alone does not.

Dynamic VRAM is switched on there, between the reading of the flags and the first model; whoever only imports the host
runs the classic ModelPatcher.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import locations
from .inprocess import run_node

EXTRAS = ("nodes_wan.py", "nodes_torch_compile.py")  # loading all takes seconds
OLDEST_TORCH = (2, 8)  # that dynamic VRAM works with, as main.py has it


@dataclass(frozen=True)
class RunningHost:
    """A host in this process.

    Attributes:
        call: Runs a node by its id and gives its outputs.
        dynamic_vram: ``on``, or ``off`` with the reason.
    """

    call: Callable[..., tuple]
    dynamic_vram: str


def start_host(base: Path, cpu: bool, classic: bool) -> RunningHost:
    """The host with the pack in it, and of its own nodes those of Wan and of torch.compile beside the basic ones.

    Args:
        base: Base directory; its models folder is where loaders look.
        cpu: Whether to compute on the CPU.
        classic: Whether to leave dynamic VRAM off, as ``--disable-dynamic-vram`` does.
    """
    sys.path.insert(0, str(locations.locate().comfyui))
    sys.argv = sys.argv[:1]
    from comfy.cli_args import args

    args.base_directory, args.cpu, args.disable_dynamic_vram = str(base), cpu, classic
    has_dynamic_vram = _prepare_dynamic_vram()
    importlib.import_module("utils.extra_config")  # first, as in main.py: nodes puts another utils on the path
    state = _switch_dynamic_vram_on() if has_dynamic_vram else _reason_for_none(cpu, classic)
    import comfy.utils

    import nodes

    logging.disable(logging.WARNING)
    comfy.utils.set_progress_bar_enabled(False)
    extras = locations.locate().comfyui / "comfy_extras"
    own_nodes = [(extras / name, "comfy_extras") for name in EXTRAS]
    for path, parent in (*own_nodes, (locations.ROOT, "custom_nodes")):
        if not asyncio.run(nodes.load_custom_node(str(path), module_parent=parent)):
            raise RuntimeError(f"ComfyUI refused {path.name}.")
    return RunningHost(lambda node_id, **inputs: run_node(nodes.NODE_CLASS_MAPPINGS[node_id], inputs), state)


def _prepare_dynamic_vram() -> bool:
    """Whether the flags ask for it and its library could be made ready, which must be before any model is there."""
    from comfy import cli_args

    if not getattr(cli_args, "enables_dynamic_vram", bool)():
        return False
    import comfy_aimdo.control

    given = [{"simple_vram_headroom": None, "nvml_pressure": True}, {"simple_vram_headroom": None}, {}]
    for arguments in given:  # newer ones take more
        with contextlib.suppress(TypeError):
            comfy_aimdo.control.init(**arguments)
            return True
    return False


def _switch_dynamic_vram_on() -> str:
    import comfy.memory_management
    import comfy.model_management as management
    import comfy.model_patcher
    import comfy_aimdo.control

    if not management.is_nvidia() or management.is_wsl():
        return "off: ComfyUI has it for NVIDIA cards only, and not in WSL"
    if management.torch_version_numeric < OLDEST_TORCH:
        return f"off: it needs PyTorch {'.'.join(map(str, OLDEST_TORCH))}"
    devices = management.get_all_torch_devices()
    headroom = int(getattr(importlib.import_module("comfy.cli_args").args, "vram_headroom", 0) * 1024**3)
    try:
        begun = comfy_aimdo.control.init_devices((each.index, headroom) for each in devices)
    except TypeError:  # an older one
        begun = comfy_aimdo.control.init_devices(each.index for each in devices)
    if not begun:
        return "off: comfy-aimdo does not work here"
    comfy.model_patcher.CoreModelPatcher = comfy.model_patcher.ModelPatcherDynamic
    comfy.memory_management.aimdo_enabled = True
    return "on"


def _reason_for_none(cpu: bool, classic: bool) -> str:
    from comfy import cli_args

    if not hasattr(cli_args, "enables_dynamic_vram"):
        return "off: this ComfyUI has none"
    if cli_args.enables_dynamic_vram():
        return "off: comfy-aimdo is started in a way that is not known here"
    return f"off: {'computed on the CPU' if cpu else 'switched off' if classic else 'switched off by the flags'}"
