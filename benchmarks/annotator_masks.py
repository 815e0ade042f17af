"""Masks at 480x832: following one mask against cutting every frame anew, and growing against the host's GrowMask.

CPU time is compared on one thread; overlap is with the known mask of a shape that moves over a ground.
"""

import numpy as np
import torch
from _timing import compare, header

from harness.host.inprocess import load_host
from harness.host.locations import pack_module

FRAMES, HEIGHT, WIDTH, ROUNDS = 5, 480, 832, 3
BOX = 0.1  # of the subject's sides: room around it in the box that GrabCut gets


def clip():
    """The clip of the tracker's tests at the benchmark's size; [T, H, W, 3] in [0, 1] and masks [T, H, W]."""
    import cv2
    from annotators.subject.test_track import clip as small

    frames, masks = small(FRAMES)
    large = [cv2.resize(frame, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC) for frame in frames.numpy()]
    inside = [cv2.resize(mask.astype(np.float32), (WIDTH, HEIGHT)) > 0.5 for mask in masks]
    return torch.from_numpy(np.stack(large)).clamp(0, 1), np.stack(inside)


def every_frame(frames, masks):
    """OpenCV's GrabCut on whole frames, from the box of the known mask in each."""
    import cv2

    found = []
    for frame, mask in zip(frames, masks, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        room = int(BOX * max(len(rows), len(columns)))
        box = columns[0] - room, rows[0] - room, len(columns) + 2 * room, len(rows) + 2 * room
        labels = np.zeros(mask.shape, np.uint8)
        picture = (frame.numpy() * 255).astype(np.uint8)
        cv2.grabCut(picture, labels, box, np.zeros((1, 65)), np.zeros((1, 65)), 5, cv2.GC_INIT_WITH_RECT)
        found.append(labels % 2 == 1)
    return np.stack(found)


def iou(found, masks):
    found = np.asarray(found) > 0.5
    return min((a & b).sum() / (a | b).sum() for a, b in zip(found, masks, strict=True))


def main():
    import cv2

    cv2.setNumThreads(1)
    call = load_host()
    track = pack_module("annotators.subject.track")
    frames, masks = clip()
    given = torch.from_numpy(masks).float()

    def follow(follower):
        return track.MaskTrack((0,), given[:1], follower)(frames)[..., 0]

    def ours(grow):
        return call("VaceGrowMask", mask=given, grow=grow, feather=0.0, unit="pixels")[0]

    def host(grow):
        return call("GrowMask", mask=given, expand=grow, tapered_corners=True)[0]

    print(f"{FRAMES} frames {WIDTH}x{HEIGHT}; a time is of the whole clip.")
    header("peer", "wan-vace")

    def peer():
        return every_frame(frames, masks)

    compare("GrabCut in every frame / optical flow", peer, lambda: follow(track.ByFlow()), ROUNDS)
    compare("the same / rigid motion", peer, lambda: follow(track.ByPoints()), ROUNDS)
    for grow in (8, 32):
        compare(
            f"GrowMask / VACE Grow Mask, {grow} pixels", lambda g=grow: host(g), lambda g=grow: ours(float(g)), ROUNDS
        )
    for name, found in (
        ("GrabCut in every frame", every_frame(frames, masks)),
        ("optical flow", follow(track.ByFlow())),
        ("optical flow, edges not refined", follow(track.ByFlow(refine=False))),
        ("rigid motion", follow(track.ByPoints())),
    ):
        print(f"least overlap of {name:34} {iou(found, masks):.3f}")


if __name__ == "__main__":
    with torch.inference_mode():
        main()
