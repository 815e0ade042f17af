"""Runs ``main`` of one of the pack's modules with ComfyUI's classes in reach, ready for training.

``python -m harness.pack training.adapter.command ARGUMENTS``, as ``dev.py`` calls it.
"""

from __future__ import annotations

import logging
import os
import sys

from .places import pack_module


def main(module: str, arguments: list[str]) -> int:
    """Run a module.

    Args:
        module: Its name within the pack.
        arguments: For its ``main``.

    Returns:
        The exit status.
    """
    sys.path.insert(0, os.environ["COMFYUI_PATH"])
    logging.disable(logging.WARNING)
    from comfy.cli_args import args

    args.use_pytorch_cross_attention = True  # on a CPU the host's choice keeps every pair of tokens for the gradient
    pack_module("miniature.networks.models").prepare_host()
    return pack_module(module).main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
