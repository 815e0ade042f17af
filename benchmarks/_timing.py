"""Side-by-side timing: two callables in turn, their ratio pair by pair.

`torch.utils.benchmark` measures wall time of one callable after the other, so that what else the machine does falls on
one of them; here both of a pair run within a moment, and the CPU time of a pair gives one ratio.
"""

import statistics
import time

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


def _cpu_seconds(run):
    start = time.process_time()
    run()
    return time.process_time() - start
