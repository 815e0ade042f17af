"""Flow: the official visualiser and ours, what the check of DIS costs, and how much colours flicker, in 480x832.

The peer draws as RAFT's ``flow_viz.py``, which VACE uses: numpy, a frame at a time. CPU time is compared on one thread;
wall time is printed with the threads there are. Flicker is the mean change of a still background's colour, in levels.
"""

import os
import time

import numpy as np
import torch
from _timing import compare, header

from harness.host.locations import pack_module
from harness.inputs import footage as clips

FRAMES, HEIGHT, WIDTH = 5, 480, 832


def footage(name, num_frames):
    """A real clip at the benchmark's size, [T, H, W, 3] in [0, 1]."""
    import cv2

    frames = [cv2.resize(f, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for f in clips.load(name, num_frames)]
    return torch.from_numpy(np.stack(frames)).float() / 255


def official(wheel):
    """The official way to draw a field, with the same hues."""
    hues = wheel.colour_wheel()

    def draw(field):
        x, y = field[..., 0], field[..., 1]
        radius = np.sqrt(np.square(x) + np.square(y)).max() + 1e-5
        x, y = x / radius, y / radius
        strength = np.sqrt(np.square(x) + np.square(y))
        at = (np.arctan2(-y, -x) / np.pi + 1) / 2 * (len(hues) - 1)
        low = np.floor(at).astype(np.int32)
        high = np.where(low + 1 == len(hues), 0, low + 1)
        picture = np.zeros((*x.shape, 3), np.uint8)
        for channel in range(3):
            levels = hues[:, channel] / 255.0
            colour = (1 - (at - low)) * levels[low] + (at - low) * levels[high]
            inside = strength <= 1
            colour[inside] = 1 - strength[inside] * (1 - colour[inside])
            colour[~inside] *= 0.75
            picture[..., channel] = np.floor(255 * colour)
        return picture

    return lambda flow: torch.from_numpy(np.stack([draw(field) for field in flow.numpy()]))


def silent(_done, _total):
    """Show no progress."""


def wall(run):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) / (FRAMES - 1) * 1000


def flickers(flow):
    """Mean change of evenly moving ground beside something whose speed changes, in levels, by scale."""
    fastest = torch.tensor([4.0, 20.0, 6.0, 15.0, 4.0])
    field = torch.full((5, 60, 104, 2), 1.5)
    field[:, :12, :12, 0] = fastest[:, None, None]
    radii = {"official per frame": flow.largest_motion(field)}
    radii["steady per clip"] = torch.tensor(flow.steady_radius([field]))
    colours = {name: flow.flow_colours(field, radius).float()[:, 20:] for name, radius in radii.items()}
    return {name: (x[1:] - x[:-1]).abs().mean().item() for name, x in colours.items()}


def main():
    import cv2

    from harness.inputs.footage import BOY_AND_DOG, CAR, DANCER

    flow, wheel = (pack_module(f"annotators.flow.{name}") for name in ("control", "wheel"))
    from harness.inputs.motion import dense_flow  # of the pack that was loaded just now

    frames = footage(DANCER, FRAMES)
    field = dense_flow(frames)
    draw, ours = official(wheel), lambda: wheel.flow_colours(field, wheel.largest_motion(field))
    print(f"{FRAMES} frames {WIDTH}x{HEIGHT}; a time is of the whole clip.")
    far = (draw(field).int() - ours().int()).abs().max()
    print(f"largest difference between the official colours and ours: {far} of 255")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    header("official", "wan-vace")
    compare("colours of given motion", lambda: draw(field), ours)
    header("no check", "check")
    compare(
        "motion by DIS",
        lambda: dense_flow(frames, flow.Dis(False)),
        lambda: dense_flow(frames, flow.Dis(True)),
    )
    cv2.setNumThreads(-1)
    torch.set_num_threads(os.cpu_count())
    runs = {
        "colours, official": lambda: draw(field),
        "colours": ours,
        "node, dis without check": lambda: flow.Flow(flow.Dis(False))(frames, silent),
        "node, dis": lambda: flow.Flow()(frames, silent),
    }
    for name, run in runs.items():
        print(f"wall time of {name:26} {wall(run):6.1f} ms a frame")
    for name, levels in flickers(flow).items():
        print(f"flicker of even ground, {name:20} {levels:6.2f} of 255")
    for clip in (BOY_AND_DOG, DANCER, CAR):
        annotator = flow.Flow()
        annotator(footage(clip, 9), silent)
        largest = annotator.found[0].largest
        print(f"fastest point of a frame, {clip:38} {min(largest):5.1f} to {max(largest):5.1f} px")


if __name__ == "__main__":
    torch.manual_seed(0)
    with torch.inference_mode():
        main()
