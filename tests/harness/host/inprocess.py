"""The host in this process: for the tests, and for measurements that need many calls of nodes and no server."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from . import locations
from .computing import compute_as_told, computing_flags


def import_host(comfyui: Path, cpu: bool | None = None, extras: bool = True) -> ModuleType:
    """ComfyUI's ``nodes`` module, on one thread, its flags read as its ``main.py`` reads them.

    Args:
        comfyui: Its tree.
        cpu: As for ``computing_flags``.
        extras: Whether with all core nodes; without, it takes a third of the time.
    """
    sys.path.insert(0, str(comfyui))
    import comfy.options

    before, base = sys.argv, ["--base-directory", str(locations.base_dir())]
    sys.argv = [str(comfyui / "main.py"), *computing_flags(Path(sys.executable), cpu), *base]
    comfy.options.enable_args_parsing()
    try:
        importlib.import_module("comfy.cli_args")
    finally:
        sys.argv = before
    import torch

    importlib.import_module("utils.extra_config")  # first, as in main.py: nodes puts another utils on the path
    import nodes

    compute_as_told()
    torch.set_num_threads(1)  # the small checkpoints are too small for more to pay
    if extras:
        asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
    return nodes


def load_host() -> Callable[..., tuple]:
    """The host on one CPU thread with the pack in it; gives a function that runs a node by its id.

    On the CPU always: what is measured is compared with numbers that were recorded there.
    """
    nodes = import_host(locations.locate().comfyui, cpu=True)
    import comfy.utils

    logging.disable(logging.WARNING)
    comfy.utils.set_progress_bar_enabled(False)
    asyncio.run(nodes.load_custom_node(str(locations.ROOT)))
    return lambda node_id, **inputs: run_node(nodes.NODE_CLASS_MAPPINGS[node_id], inputs)


def run_node(node: type, inputs: dict) -> tuple:
    """What a node gives, whichever way it is written."""
    if hasattr(node, "GET_SCHEMA"):
        return tuple(node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**inputs).args)
    return getattr(node(), node.FUNCTION)(**inputs)
