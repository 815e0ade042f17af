"""Side-by-side timing: two callables in turn, their ratio pair by pair."""

import asyncio
import importlib
import logging
import statistics
import sys
import time
from pathlib import Path

ROUNDS = 7


def compare(label, peer, ours, rounds=ROUNDS):
    """Run ``peer`` and ``ours`` in turn and print the ratio of their CPU times, peer / ours.

    Args:
        label: The row's name.
        peer: What others do.
        ours: What this pack does.
        rounds: Pairs, after one warm-up pair that does not count.
    """
    pairs = [(_cpu_seconds(peer), _cpu_seconds(ours)) for _ in range(rounds + 1)][1:]
    ratios = sorted(a / b for a, b in pairs)
    theirs, mine = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(
        f"{label:44} {theirs:9.4f} s {mine:9.4f} s   ratio {ratios[0]:.2f} / {statistics.median(ratios):.2f} / "
        f"{ratios[-1]:.2f}",
        flush=True,
    )


def header(peer, ours):
    """Name the columns."""
    print(f"{'CPU time, medians':44} {peer:>11} {ours:>11}   peer/ours min / median / max")


def load_host():
    """The host's ``nodes`` module with this pack loaded, on one CPU thread, and a function that calls a node."""
    from harness import places

    sys.path.insert(0, str(places.locate().comfyui))
    sys.argv = sys.argv[:1]
    import comfy.utils
    from comfy.cli_args import args

    args.cpu, args.base_directory = True, str(places.base_dir())
    import torch

    importlib.import_module("utils.extra_config")  # first, as in main.py: nodes puts another utils on the path
    import nodes

    logging.disable(logging.WARNING)

    comfy.utils.set_progress_bar_enabled(False)
    torch.set_num_threads(1)
    asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
    asyncio.run(nodes.load_custom_node(str(Path(__file__).resolve().parents[1])))
    return nodes, lambda node_id, **inputs: _call(nodes.NODE_CLASS_MAPPINGS[node_id], inputs)


def _call(node, inputs):
    if hasattr(node, "GET_SCHEMA"):
        return tuple(node.PREPARE_CLASS_CLONE(None).EXECUTE_NORMALIZED(**inputs).args)
    return getattr(node(), node.FUNCTION)(**inputs)


def _cpu_seconds(run):
    start = time.process_time()
    run()
    return time.process_time() - start
