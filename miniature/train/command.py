"""``python dev.py train``: the miniature's stages, each of which goes on where it was interrupted."""

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch

from ...training.networks import prepare_host
from .plots import draw_all
from .shipping import ship_weights
from .stages import STAGES, Training


def train_by_command(arguments: Sequence[str]) -> int:
    """Run stages.

    Args:
        arguments: Of the command line.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="dev.py train", description=__doc__)
    parser.add_argument("stages", nargs="*", choices=[*STAGES, []], help=f"some of {', '.join(STAGES)}; all by default")
    parser.add_argument("--folder", type=Path, required=True, help="where state and logs are kept")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="as many as there are cores, up to two")
    parser.add_argument("--scale", type=float, default=1.0, help="of all counts, for a trial")
    parser.add_argument("--compile", action="store_true", help="a third faster, but needs a C++ compiler")
    parser.add_argument("--bf16", action="store_true", help="faster where the processor computes in bfloat16")
    parser.add_argument("--ship", action="store_true", help="write the weights into the repository")
    wanted = parser.parse_args(arguments)
    torch.set_num_threads(wanted.threads)
    prepare_host()
    training = Training(wanted.folder, wanted.seed, wanted.scale, wanted.compile, wanted.bf16)
    for stage in wanted.stages or STAGES:
        getattr(training, stage)()
    if wanted.ship:
        draw_all(ship_weights(training))
    return 0
