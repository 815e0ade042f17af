"""``python dev.py train``: the miniature's stages, each of which goes on where it was interrupted."""

import argparse
import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

import torch

from ...training.networks import prepare_host, training_device
from ..locations import WEIGHTS
from .plots import draw_all
from .profiles import CPU, PROFILES, Profile
from .shipping import ship_weights
from .stages import STAGES, Training

AMPERE = (8, 0)  # the first CUDA cards that compute in bfloat16


def train_by_command(arguments: Sequence[str]) -> int:
    """Run stages.

    Args:
        arguments: Of the command line.

    Returns:
        The exit status.
    """
    wanted = read_options(arguments)
    torch.set_num_threads(wanted.threads)
    prepare_host()
    training = training_of(wanted)
    for stage in wanted.stages or training.profile.stages:
        getattr(training, stage)()
    if wanted.ship and training.profile.name == CPU.name:
        draw_all(ship_weights(training, WEIGHTS))
    elif wanted.ship:  # what the tests and workflows of the repository load stays as it is
        ship_weights(training, training.folder / "weights")
    return 0


def read_options(arguments: Sequence[str]) -> argparse.Namespace:
    """What the command line says; ``profile`` is a `Profile` with its limits."""
    parser = argparse.ArgumentParser(prog="dev.py train", description=__doc__)
    parser.add_argument("stages", nargs="*", choices=[*STAGES, []], help=f"some of {', '.join(STAGES)}; by the profile")
    parser.add_argument("--folder", type=Path, required=True, help="where state and logs are kept")
    parser.add_argument("--profile", choices=PROFILES, default=CPU.name, help="gpu: a larger one, in ten minutes")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="as many as there are cores, up to two")
    parser.add_argument("--workers", type=int, help="processes that draw clips; as many as there are cores for gpu")
    parser.add_argument("--scale", type=float, default=1.0, help="of all counts, for a trial")
    parser.add_argument("--batch", type=int, help="clips of a step, and one crop for the VAE, for a trial")
    parser.add_argument("--seconds", type=float, help="of all limits of a profile that has them")
    parser.add_argument("--untimed", action="store_true", help="every step, however long: the seed settles the weights")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, help="a third faster, but needs a C++ compiler, or Triton"
    )
    parser.add_argument(
        "--bf16", action=argparse.BooleanOptionalAction, help="faster where the processor computes in bfloat16"
    )
    parser.add_argument("--ship", action="store_true", help="write the weights: cpu into the repository, gpu beside it")
    wanted = parser.parse_args(arguments)
    profile = PROFILES[wanted.profile]
    if (wanted.seconds is not None or wanted.untimed) and not profile.seconds:
        parser.error(f"--seconds and --untimed are for a profile with limits; {profile.name} has none")
    if wanted.seconds is not None and (wanted.untimed or wanted.seconds <= 0):
        parser.error("--seconds is more than 0, and not together with --untimed")
    if wanted.batch is not None and wanted.batch < 1:
        parser.error(f"--batch is {wanted.batch}, it must be at least 1")
    profile = _limited(profile, wanted.seconds, wanted.untimed)
    wanted.profile = profile if wanted.batch is None else profile.with_batch(wanted.batch)
    return wanted


def _limited(profile: Profile, seconds: float | None, untimed: bool) -> Profile:
    if untimed:
        return profile.untimed()
    return profile if seconds is None else profile.within(seconds)


def training_of(wanted: argparse.Namespace) -> Training:
    """The training that the options of `read_options` mean, on this machine."""
    profile, folder, quick = wanted.profile, wanted.folder, wanted.profile.on_gpu and computes_in_bfloat16()
    compiled = quick and importlib.util.find_spec("triton") is not None if wanted.compile is None else wanted.compile
    half = quick if wanted.bf16 is None else wanted.bf16
    workers = (os.cpu_count() or 1) * profile.workers if wanted.workers is None else wanted.workers
    if profile.name != CPU.name:
        folder = folder.with_name(f"{folder.name}_{profile.name}")
    return Training(folder, wanted.seed, wanted.scale, compiled, half, profile, workers)


def computes_in_bfloat16() -> bool:
    """Whether there is a CUDA card that has bfloat16 in hardware."""
    return training_device().type == "cuda" and torch.cuda.get_device_capability() >= AMPERE
