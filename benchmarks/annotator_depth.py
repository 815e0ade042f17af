"""Depth: controlnet-aux and the official normalisation frame by frame against this pack, in 480x832, and flicker.

Networks have random weights: their time is that of real ones, their pictures are not, so that flicker is measured on a
known scene whose frames get scales and shifts of their own, as a network gives them that looks at each frame alone.
"""

import os
import time
import warnings

import numpy as np
import torch
from _timing import compare, header

from harness.host.locations import pack_module

FRAMES, HEIGHT, WIDTH = 16, 480, 832
CLIP_FRAMES = 81
WOBBLE = 0.01  # of scale and shift


def scene(num_frames, height, width):
    """A floor with bumps, past which something near goes, [T, H, W], and where that is."""
    bumps = torch.nn.functional.interpolate(torch.rand(1, 1, 12, 20), (height, width), mode="bicubic")[0, 0]
    floor = 0.2 + 0.5 * torch.linspace(0, 1, height)[:, None] + 0.15 * bumps
    x, y = torch.arange(width) / width, torch.arange(height)[:, None] / height
    there = [((x - 2 * t / num_frames + 0.5) / 0.14) ** 2 + ((y - 0.5) / 0.3) ** 2 < 1 for t in range(num_frames)]
    there = torch.stack(there)
    scale, shift = WOBBLE * torch.randn(2, num_frames, 1, 1)
    return (1 + scale) * torch.where(there, 1.2, floor) + shift, there


def official(maps):
    """What the official annotator and controlnet-aux do after the network, frame by frame, to an IMAGE."""
    drawn = []
    for frame in maps:
        depth = frame.clone()
        depth -= torch.min(depth)
        depth /= torch.max(depth)
        drawn.append((depth.numpy() * 255.0).clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2))
    return torch.from_numpy(np.stack(drawn).astype(np.float32) / 255)


def midas_detector(model):
    """controlnet-aux's detector around a network with random weights, frame by frame, as a node around it does."""
    from controlnet_aux import MidasDetector
    from controlnet_aux.midas.api import MiDaSInference

    inference = MiDaSInference.__new__(MiDaSInference)  # its own constructor wants a file
    torch.nn.Module.__init__(inference)
    inference.model = model
    detect = MidasDetector(inference)

    def run(frames):
        pictures = [(frame.numpy() * 255).astype(np.uint8) for frame in frames]
        drawn = [detect(picture, detect_resolution=HEIGHT, image_resolution=HEIGHT) for picture in pictures]
        return torch.from_numpy(np.stack(drawn).astype(np.float32) / 255)

    return run


def flicker(frames, there):
    """Mean change of what stands still, and that of the worst frame, in levels of 255."""
    still = ~(there[1:] | there[:-1])
    changes = [c[s].mean().item() * 255 for c, s in zip((frames[1:] - frames[:-1]).abs()[..., 0], still, strict=True)]
    return sum(changes) / len(changes), max(changes)


def silent(_done, _total):
    """Show no progress."""


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    depth, nets = (pack_module(f"annotators.depth.{name}") for name in ("control", "networks"))

    def draw(maps, value_range):
        return depth.depth_control(maps, value_range, False)

    maps, _ = scene(FRAMES, HEIGHT, WIDTH)
    print(
        f"{FRAMES} maps {WIDTH}x{HEIGHT}; a time is of all of them, on both sides from float maps to a float IMAGE on"
    )
    print("8-bit levels; with a network from IMAGE to IMAGE.")
    header("others", "wan-vace")
    for value_range in (depth.OFFICIAL, depth.CLIP, depth.STEADY):
        compare(f"official loop / ours, {value_range}", lambda: official(maps), lambda r=value_range: draw(maps, r))

    model = nets.midas_network("cpu").eval().requires_grad_(False)
    model.scratch.output_conv[4].bias.fill_(2.0)
    midas = nets.midas(1)
    network = midas.wrap(model)
    ours = depth.DepthMaps(lambda: lambda pixels: midas.maps(network, pixels), ("random",), midas.size)
    frames, detect = torch.rand(1, HEIGHT, WIDTH, 3), midas_detector(model)

    def steady():
        return draw(depth.unpacked(ours(frames, silent)), depth.STEADY)

    compare("MidasDetector / ours, steady, 1 frame", lambda: detect(frames), steady, rounds=2)

    recipe = nets.depth_anything(nets.SMALL, 1)
    small = recipe.wrap(nets.depth_anything_network(nets.SMALL, "cpu").eval().requires_grad_(False))
    start = time.process_time()
    recipe.maps(small, frames.movedim(-1, 1))
    print(f"Depth Anything V2 small, 1 frame {time.process_time() - start:25.4f} s")

    torch.set_num_threads(os.cpu_count())
    clip, there = scene(CLIP_FRAMES, HEIGHT // 2, WIDTH // 2)
    print(f"\nBackground of {CLIP_FRAMES} frames, scale and shift {WOBBLE:.0%} off: change from frame to frame, of 255")
    for name, control in (("official loop", official(clip)), *((r, draw(clip, r)) for r in depth.RANGES)):
        mean, worst = flicker(control, there)
        print(f"{name:20} mean {mean:6.2f}   worst frame {worst:6.2f}")


if __name__ == "__main__":
    torch.manual_seed(0)
    with torch.inference_mode():
        main()
