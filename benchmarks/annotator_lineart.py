"""Lines without weights: controlnet-aux frame by frame against this pack, from IMAGE to IMAGE, in 480x832.

CPU time is compared on one thread; wall time is printed with the threads there are. Flicker is the mean change between
frames as a share of the ink, on a still picture with fresh noise in every frame.
"""

import os
import time
import warnings

import numpy as np
import torch
from _timing import compare, header

from harness.host.locations import pack_module
from harness.inputs import footage as clips

FRAMES, HEIGHT, WIDTH = 16, 480, 832
NOISE = 0.015  # of 1, as of a phone's camera indoors


def frame_by_frame(detect):
    """What a node around a detector of controlnet-aux does: to bytes, a picture at a time, and back."""

    def run(frames):
        drawn = [detect((frame.numpy() * 255).astype(np.uint8)) for frame in frames]
        return torch.from_numpy(np.stack(drawn).astype(np.float32) / 255)

    return run


def footage():
    """A real clip at the benchmark's size, [T, H, W, 3] in [0, 1]."""
    import cv2

    frames = [cv2.resize(f, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for f in clips.load(clips.DANCER, FRAMES)]
    return torch.from_numpy(np.stack(frames)).float() / 255


def silent(_done, _total):
    """Show no progress."""


def flicker(ink):
    return ((ink[1:] - ink[:-1]).abs().mean() / ink.mean()).item()


def wall(run, frames):
    best = min(timed(run, frames) for _ in range(3))
    return best / len(frames) * 1000


def timed(run, frames):
    start = time.perf_counter()
    run(frames)
    return time.perf_counter() - start


def main():
    import cv2

    warnings.simplefilter("ignore")
    from controlnet_aux import CannyDetector, LineartStandardDetector

    lineart, grey = (pack_module(f"annotators.lines.{name}") for name in ("lineart", "gray"))
    frames, standard, canny = footage(), LineartStandardDetector(), CannyDetector()

    def ours(frames):
        return lineart.LocalContrastLines()(frames, silent)

    same_size = frame_by_frame(lambda f: standard(f, detect_resolution=HEIGHT, output_type="np"))
    default = frame_by_frame(lambda f: standard(f, output_type="np"))
    edges = frame_by_frame(lambda f: canny(f, 100, 200, HEIGHT, HEIGHT, "np"))
    grey_aux = frame_by_frame(lambda f: cv2.cvtColor(cv2.cvtColor(f, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2RGB))

    print(
        f"{FRAMES} frames {WIDTH}x{HEIGHT}; a time is of the whole clip, on both sides from float IMAGE to float IMAGE:"
    )
    print(
        "the others take and give 8-bit pictures, so turning frames into these and back is in their time, as in nodes."
    )
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    header("aux", "wan-vace")
    compare("lines, aux at 480 (LineartStandard)", lambda: same_size(frames), lambda: ours(frames))
    compare("lines, aux at its default 512", lambda: default(frames), lambda: ours(frames))
    compare("aux Canny, for scale", lambda: edges(frames), lambda: ours(frames))
    compare("gray, frame by frame", lambda: grey_aux(frames), lambda: grey.Gray()(frames, silent))
    cv2.setNumThreads(-1)
    torch.set_num_threads(os.cpu_count())
    for name, run in (("LineartStandard at 480", same_size), ("Canny", edges), ("ours", ours)):
        print(f"wall time of {name:24} {wall(run, frames):6.1f} ms a frame")
    still = (frames[:1] + NOISE * torch.randn(8, HEIGHT, WIDTH, 3)).clamp(0, 1)
    for name, ink in (
        ("Canny", edges(still)),
        ("LineartStandard at 480", same_size(still)),
        ("ours", 1 - ours(still)),
        ("ours, detail 0.25", 1 - lineart.LocalContrastLines(detail=0.25)(still, silent)),
        ("ours, thickness 1.5", 1 - lineart.LocalContrastLines(1.5)(still, silent)),
    ):
        print(f"flicker of {name:29} {flicker(ink):6.3f} of the ink, {ink.mean():.1%} ink")


if __name__ == "__main__":
    torch.manual_seed(0)
    with torch.inference_mode():
        main()
