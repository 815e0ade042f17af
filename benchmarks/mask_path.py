"""A mask alone: from a mask of 720p to the 64 channels of the context, in the core node and here.

The core node does this among other things, so its time is taken line by line, of the lines that work on the mask.
"""

import inspect
import re
import sys
import time

import torch
from _table import Spread, Table, is_quick, keep, ratios
from encode_memory import thin_vae

from harness.host.inprocess import load_host
from harness.host.locations import ROOT, pack_module

LENGTH, HEIGHT, WIDTH = 81, 720, 1280
SIZE = {"width": WIDTH, "height": HEIGHT, "length": LENGTH}
ROUNDS = 1 if is_quick() else 5
TEXT = (
    "`python dev.py bench mask_path`: {length} frames of {width} x {height}, on the CPU, one thread. Of WanVaceToVideo "
    "the lines count that work on its mask, as it runs, from the mask that comes in to the 64 channels; of this pack "
    "VACE Build VCU with the mask and a black picture for all frames, which checks both, and then the channels. CPU "
    "time, median of {rounds} pairs, least and most in brackets. Whether the channels are the same is looked at, too."
)
COLUMNS = (
    "mask", "core, ms", "VACE Build VCU, ms", "channels, ms", "core / channels", "core / both", "same channels",
)  # fmt: skip
MASKS = {
    "random": lambda shape, dice: torch.rand(shape, generator=dice).round_(),
    "of ones": lambda shape, _: torch.ones(shape),
}
ON_MASK = re.compile(r"(if mask\.|mask = |mask\.)")
RESULT = ROOT / "benchmarks" / "results" / "mask_path.md"


class LineTimes:
    """CPU seconds of a function's lines, by number, while it is called."""

    def __init__(self, function):
        self.code, self.seconds, self.since = function.__code__, {}, None

    def __enter__(self):
        sys.settrace(self._call)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _call(self, frame, _event, _argument):
        return self._line if frame.f_code is self.code else None

    def _line(self, frame, event, _argument):
        now = time.process_time()
        if self.since:
            line, begun = self.since
            self.seconds[line] = self.seconds.get(line, 0.0) + now - begun
        self.since = (frame.f_lineno, time.process_time()) if event == "line" else None
        return self._line


def core(call, vae, mask):
    """``(seconds, channels)``."""
    import nodes

    execute = nodes.NODE_CLASS_MAPPINGS["WanVaceToVideo"].execute.__func__
    lines, first = inspect.getsourcelines(execute)
    on_mask = {first + number for number, line in enumerate(lines) if ON_MASK.match(line.strip())}
    prompt = [[torch.zeros(1, 16, 32), {}]]
    with LineTimes(execute) as times:
        positive, *_ = call(
            "WanVaceToVideo", positive=prompt, negative=prompt, vae=vae, batch_size=1, strength=1.0, control_masks=mask,
            **SIZE,
        )  # fmt: skip
    assert on_mask & times.seconds.keys(), "no line of the core node works on a mask any more"
    return sum(times.seconds.get(line, 0.0) for line in on_mask), positive[0][1]["vace_mask"][0]


def ours(call, mask):
    """``(seconds of checking, seconds of folding, channels)``."""
    core = pack_module("vace_core.conditioning"), pack_module("vace_core.masks.semantics")
    frames = torch.zeros(1, HEIGHT, WIDTH, 3).expand(LENGTH, -1, -1, -1)  # a mask wants some
    begun = time.process_time()
    vcu, _ = call(
        "VaceBuildVcu", references={}, control_video=frames, control_masks=mask, inside_mask="control", **SIZE
    )
    checked = time.process_time()
    channels = core[1].fold_mask(core[0].channel_mask(vcu, "official"), LENGTH, 0)
    return checked - begun, time.process_time() - checked, channels


def row(call, vae, name):
    mask = MASKS[name]((LENGTH, HEIGHT, WIDTH), torch.Generator().manual_seed(0))
    rounds, same = [], True
    for _ in range(ROUNDS + 1):  # the first warms up
        (theirs, expected), (checking, folding, found) = core(call, vae, mask), ours(call, mask)
        rounds.append((theirs, checking, folding))
        same = same and torch.equal(expected[0], found)
    rounds = rounds[1:]
    milliseconds = [Spread.of(1e3 * each[part] for each in rounds) for part in range(3)]
    cells = ratios((each[0], each[2]) for each in rounds), ratios((each[0], sum(each[1:])) for each in rounds)
    print(name, *map(str, milliseconds), *cells, same, flush=True)
    return name, *milliseconds, *cells, same


def main():
    torch.set_num_threads(1)
    call, vae = load_host(), thin_vae()
    with torch.inference_mode():
        rows = [row(call, vae, name) for name in MASKS]
    keep(str(Table("A mask into 64 channels", TEXT.format(**SIZE, rounds=ROUNDS), COLUMNS, rows)), RESULT)


if __name__ == "__main__":
    main()
