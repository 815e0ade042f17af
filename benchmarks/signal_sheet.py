"""What the control signals and masks that need no weights make of real clips, as one picture to look at.

Depth and pose need weights or keypoints: depth is left out, pose is of a drawn walker.
"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw

from harness.host.inprocess import load_host
from harness.inputs import footage
from harness.inputs.skeletons import HEIGHT, WIDTH, walker

SHOWN = (0, 8, 16, 24, 32)
CELL, LABEL = 168, 190
OUTPUT = Path(__file__).parent / "results" / "signals.jpg"
LINES = {"method": "local contrast", "thickness": 1.0, "detail": 0.5, "strength": 1.0}
GRABCUT = {"method": "grabcut", "boxes": "", "subject_points": "", "background_points": "", "reach": 10, "clean": True}


def main():
    call = load_host()
    rows = {}
    for name, clip, box in (("boy and dog", footage.BOY_AND_DOG, "62%,63%,93%,98%"), ("car", footage.CAR, "")):
        frames = torch.from_numpy(footage.load(clip, footage.FRAMES)).float() / 255
        rows[name] = frames
        rows[f"gray, official, {name}"] = call("VaceAnnotateGray", frames=frames, luma="official")[0]
        rows[f"lineart, {name}"] = call("VaceAnnotateLineart", frames=frames, method=LINES, polarity="dark on white")[0]
        for scale in ("official per frame", "steady per clip"):
            flow = call("VaceAnnotateFlow", frames=frames, method={"method": "dis", "check": True}, scale=scale)[0]
            rows[f"flow, {scale}, {name}"] = flow
        if box:
            rows |= masks(call, frames, box)
    people = [[{"pose_keypoints_2d": points[:18].ravel().tolist()}] for points in walker(footage.FRAMES)]
    text = json.dumps([{"canvas_width": WIDTH, "canvas_height": HEIGHT, "people": one} for one in people])
    look = {"body": True, "face": True, "hands": False, "palette": "official", "smoothing": True, "fill_gaps": 5}
    rows["pose, drawn walker"] = call("VaceDrawPose", pose_json=text, width=0, height=0, length=0, **look)[0]
    sheet(rows).save(OUTPUT, quality=88)
    print(OUTPUT.relative_to(OUTPUT.parents[2]))


def masks(call, frames, box):
    hints = {**GRABCUT, "boxes": box, "subject_points": "78%,80% 74%,70%", "which_frames": "0"}
    mask, preview, which, _ = call("VaceMaskSubject", frames=frames, method=hints)
    method = {"method": "optical flow", "refine_edges": True, "edge_band": 5}
    tracked, followed, *_ = call("VaceTrackMask", frames=frames, mask=mask, mask_frames=which, method=method)
    _, *rest = call("VaceTrackLayout", mask=tracked, colour="#000000", width=0, height=0, length=0, fit="cover")
    layout = next(part for part in rest if isinstance(part, torch.Tensor))
    return {"subject mask, frame 0": preview, "tracked mask": followed, "layout, tracked contour": layout}


def sheet(rows):
    picture = Image.new("RGB", (LABEL + CELL * len(SHOWN), CELL * len(rows)), "white")
    draw = ImageDraw.Draw(picture)
    for y, (name, frames) in enumerate(rows.items()):
        draw.text((8, y * CELL + CELL // 2), name, fill="black")
        for x, index in enumerate(SHOWN if len(frames) > 1 else SHOWN[:1]):
            cell = Image.fromarray((frames[index].cpu().numpy() * 255).round().astype(np.uint8))
            cell.thumbnail((CELL - 4, CELL - 4))
            picture.paste(cell, (LABEL + x * CELL, y * CELL))
    return picture


if __name__ == "__main__":
    with torch.inference_mode():
        main()
