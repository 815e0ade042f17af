"""Runs a training with ComfyUI's classes in reach.

``python -m harness.miniature.training miniature ARGUMENTS``, or ``adapter ARGUMENTS``, as ``dev.py`` calls it.
"""

from __future__ import annotations

import logging
import os
import sys

from ..host.locations import pack_module


def train_miniature(arguments: list[str]) -> int:
    """Train the miniature; gives the exit status."""
    return pack_module("miniature.train.command").train_by_command(arguments)


def train_adapter(arguments: list[str]) -> int:
    """Train an adapter for a base, which may be the miniature's; gives the exit status."""
    vocabulary = pack_module("miniature.world.vocabulary").VOCABULARY
    return pack_module("training.adapter.command").train_adapter_by_command(arguments, [vocabulary])


TRAININGS = {"miniature": train_miniature, "adapter": train_adapter}


def run_training(name: str, arguments: list[str]) -> int:
    """Make the host ready and run a training.

    Args:
        name: One of ``TRAININGS``.
        arguments: Of its command line.

    Returns:
        The exit status.
    """
    sys.path.insert(0, os.environ["COMFYUI_PATH"])
    logging.disable(logging.WARNING)
    from comfy.cli_args import args

    args.use_pytorch_cross_attention = True  # on a CPU the host's choice keeps every pair of tokens for the gradient
    pack_module("training.networks").prepare_host()
    return TRAININGS[name](arguments)


if __name__ == "__main__":
    sys.exit(run_training(sys.argv[1], sys.argv[2:]))
