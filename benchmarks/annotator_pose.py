"""Drawing two people with faces in 480x832, from points to IMAGE: others against this pack, and what smoothing does.

The official way is VACE's own steps with the drawing functions of controlnet-aux, which are the same code: a canvas of
1024 pixels, dimmed as a whole, turned to RGB and resized. The host's node draws at the video's size instead, so its
picture is another one. CPU time is compared on one thread.
"""

import time
import warnings

import numpy as np
import torch
from _timing import compare, header

from harness.host.inprocess import load_host
from harness.host.locations import pack_module
from harness.inputs import skeletons

FRAMES, HEIGHT, WIDTH = 16, 480, 832


def walkers(num_frames):
    return np.stack([skeletons.walker(num_frames), skeletons.walker(num_frames, 600, -50, 300)], 1)


def official(points, canvas, size):
    """[T, H, W, 3] as VACE's annotator draws points [T, N, 136, 3] of a 480 x 832 picture."""
    import cv2
    from controlnet_aux.dwpose import util

    frames = []
    for people in points:
        places = people[..., :2] / (WIDTH, HEIGHT)
        index = np.arange(len(people) * 18).reshape(-1, 18)
        picture = np.zeros((*canvas, 3), np.uint8)
        picture = util.draw_bodypose(picture, places[:, :18].reshape(-1, 2), index)
        picture = util.draw_facepose(picture, places[:, 24:92])
        frames.append(cv2.resize(picture[..., ::-1], size[::-1], interpolation=cv2.INTER_AREA))
    return torch.from_numpy(np.stack(frames).astype(np.float32) / 255)


def direct(points):
    """As `official`, with controlnet-aux's functions at the size of the video, as most nodes draw."""
    return official(points, (HEIGHT, WIDTH), (HEIGHT, WIDTH))


def jitter(points, truth):
    joints = points[:, 0, :18]
    error = np.where(joints[..., 2:] > 0, joints[..., :2] - truth[:, 0, :18, :2], np.nan)
    return np.sqrt(np.nanmean(error**2)), np.sqrt(np.nanmean(np.diff(error, axis=0) ** 2))


def main():
    import cv2

    warnings.simplefilter("ignore")
    call = load_host()
    data, draw, smooth, tiles = (
        pack_module(f"annotators.pose.{name}") for name in ("people", "draw", "smooth", "tiles")
    )

    points = walkers(FRAMES)
    people, keypoints = data.People(points, HEIGHT, WIDTH), data.to_keypoints(data.People(points, HEIGHT, WIDTH))
    host = {"draw_body": True, "draw_head": True, "draw_hands": False, "draw_feet": False, "draw_face": True}
    host |= {"keypoints": keypoints, "stick_width": 4, "face_point_size": 3, "score_threshold": 0.3}

    print(f"{FRAMES} frames {WIDTH}x{HEIGHT}, 2 people with faces; a time is of the clip, from points to float IMAGE.")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    header("others", "wan-vace")
    for size in ((480, 832), (720, 1280), (481, 833), (1080, 1920)):
        compare(
            f"the official way at {size[1]}x{size[0]}",
            lambda size=size: official(points, tiles.canvas_size(*size), size),
            lambda size=size: draw.draw_people(people, *size),
        )

    def ours():
        return draw.draw_people(people, HEIGHT, WIDTH)

    compare("SDPose Draw Keypoints", lambda: call("SDPoseDrawKeypoints", **host), ours)
    compare("controlnet-aux at the video's size", lambda: direct(points), ours)
    theirs = official(points, tiles.canvas_size(HEIGHT, WIDTH), (HEIGHT, WIDTH))
    for name, picture in (("ours", ours()), ("controlnet-aux at the video's size", direct(points))):
        difference = (picture - theirs).abs() * 255
        print(
            f"difference of {name} from the official way: mean {difference.mean():.2f}, largest {difference.max():.0f}"
        )

    truth = walkers(81)
    for seed in range(3):
        found = skeletons.spoiled(truth, seed=seed)
        start = time.process_time()
        smoothed = smooth.smooth(data.People(found, HEIGHT, WIDTH)).people.points
        seconds = time.process_time() - start
        first = smoothed if np.abs(smoothed[40, 0, 1] - truth[40, 0, 1]).max() < 50 else smoothed[:, ::-1]
        (raw, shake), (error, steady) = jitter(found, truth), jitter(first, truth)
        print(
            f"smoothing 81 frames, seed {seed}: error {raw:.2f} -> {error:.2f} px, "
            f"jitter {shake:.2f} -> {steady:.2f} px, {seconds:.2f} s"
        )


if __name__ == "__main__":
    torch.manual_seed(0)
    with torch.inference_mode():
        main()
