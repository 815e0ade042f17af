"""The host in this process, for measurements that need many calls of nodes and no server."""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import Callable

from . import locations


def load_host() -> Callable[..., tuple]:
    """The host on one CPU thread with the pack in it; gives a function that runs a node by its id."""
    sys.path.insert(0, str(locations.locate().comfyui))
    sys.argv = sys.argv[:1]
    from comfy.cli_args import args

    args.cpu, args.base_directory = True, str(locations.base_dir())
    import torch

    importlib.import_module("utils.extra_config")  # first, as in main.py: nodes puts another utils on the path
    import comfy.utils

    import nodes

    logging.disable(logging.WARNING)
    comfy.utils.set_progress_bar_enabled(False)
    torch.set_num_threads(1)
    asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
    asyncio.run(nodes.load_custom_node(str(locations.ROOT)))
    return lambda node_id, **inputs: run_node(nodes.NODE_CLASS_MAPPINGS[node_id], inputs)


def run_node(node: type, inputs: dict) -> tuple:
    """What a node gives, whichever way it is written."""
    if hasattr(node, "GET_SCHEMA"):
        return tuple(node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**inputs).args)
    return getattr(node(), node.FUNCTION)(**inputs)
