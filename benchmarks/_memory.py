"""What a run holds at most, as the system or as PyTorch counts it, and a VAE that takes next to nothing itself.

The system counts pages of the process. Which of those that were freed it gets back, and when, is up to the C library:
that is tens of MiB either way, so this is for runs that hold hundreds.
"""

import json
import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path

import torch
from _table import keep
from torch.autograd.profiler_util import MEMORY_EVENT_NAME
from torch.profiler import ProfilerActivity, profile

MEBI = 2**10  # of the kibibytes that Linux counts in
STRIDE = 5


def main(arguments, run, report, result):
    """One measurement, printed as JSON, where there are arguments; else all of them, printed and kept in a file."""
    if arguments:
        with torch.inference_mode():
            print(json.dumps(run(*arguments)))
        return
    keep("\n".join(report()), result)


def measured(script, *arguments):
    """What a script prints as JSON in its last line, run in a process of its own."""
    argv = [sys.executable, script, *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=True, env=os.environ)
    return json.loads(done.stdout.splitlines()[-1])


def spread(values):
    """Median, least and most of sorted values."""
    return f"{values[len(values) // 2]:.4g} ({values[0]:.4g} to {values[-1]:.4g})"


def peak(reset=False):
    """The most memory that this process held, in KiB, since the last reset. Linux alone tells it."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def allocated(run):
    """What a run gives, and what PyTorch's tensors on the CPU, those inside of its operators too, took for it.

    Returns:
        ``(result, most, left)``: MiB above what there was before, at most and at the end.
    """
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        result = run()
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == MEMORY_EVENT_NAME]
    held = [0, *accumulate(event.nbytes() for event in sorted(events, key=lambda event: event.start_ns()))]
    return result, max(held) / 2**20, held[-1] / 2**20


def thin_vae():
    """A VAE of the host's class and of one channel."""
    import comfy.sd
    from comfy.ldm.wan.vae import WanVAE

    network = WanVAE(dim=1, z_dim=16, temperal_downsample=[False, True, True])
    generator = torch.Generator().manual_seed(0)
    weights = {  # large enough for pictures that differ all over
        name: torch.randn(weight.shape, generator=generator) * 0.5 for name, weight in network.state_dict().items()
    }
    return comfy.sd.VAE(sd=weights, dtype=torch.float32)


def sparse(pixels, width):
    """Every fifth row and column of a clip; a smaller one, which wan-vace tries the device with, as it is."""
    return pixels[..., ::STRIDE, ::STRIDE] if pixels.shape[-1] == width else pixels


def dense(pixels, width):
    """What was made of a sparse clip, as large as if it had been made of all of it."""
    return repeated(pixels) if pixels.shape[-1] == width // STRIDE else pixels


def repeated(pixels):
    """Every row and column five times."""
    return pixels.repeat_interleave(STRIDE, -1).repeat_interleave(STRIDE, -2)
