"""Every control signal and mask over HTTP, on frames of a real clip."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from harness.host.client import PromptFailedError
from harness.host.server import ComfyServer
from harness.inputs.skeletons import HEIGHT, WIDTH, walker

pytestmark = [pytest.mark.host, pytest.mark.server]
FRAMES = 5
CLIP = {
    "clip": {"class_type": "LoadImage", "inputs": {"image": "boy_and_dog.webp"}},
    "few": {"class_type": "ImageFromBatch", "inputs": {"image": ["clip", 0], "batch_index": 0, "length": FRAMES}},
}
FEW = ["few", 0]
POSE = {"body": True, "face": True, "hands": False, "palette": "official", "smoothing": True, "fill_gaps": 5}
GRABCUT = {
    "method": "grabcut", "method.boxes": "60%,60%,95%,98%", "method.subject_points": "78%,80%",
    "method.background_points": "", "method.reach": 10, "method.clean": True, "method.which_frames": "0",
}  # fmt: skip
SIGNALS = {
    "VaceAnnotateGray": {"frames": FEW, "luma": "official"},
    "VaceAnnotateLineart": {
        "frames": FEW, "method": "local contrast", "method.thickness": 1.0, "method.detail": 0.5,
        "method.strength": 1.0, "polarity": "dark on white",
    },
    "VaceAnnotateFlow": {"frames": FEW, "method": "dis", "method.check": True, "scale": "official per frame"},
    "VaceAnnotateDepth": {
        "method": "connected depth", "depth": ["gray", 0], "range": "steady", "invert": False,
    },
    "VaceDrawPose": {"frames": FEW, "width": 0, "height": 0, "length": 0, **POSE},
}  # fmt: skip
MASKS = {
    "VaceMaskSubject": {"frames": FEW, **GRABCUT},
    "VaceTrackMask": {
        "frames": FEW, "mask": ["subject", 0], "mask_frames": ["subject", 2], "method": "optical flow",
        "method.refine_edges": True, "method.edge_band": 5,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def server():
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ComfyServer() as running:
        yield running


def walker_json():
    """One person in each frame, as OpenPose writes it."""
    people = [[{"pose_keypoints_2d": points[:18].ravel().tolist()}] for points in walker(FRAMES)]
    return json.dumps([{"canvas_width": WIDTH, "canvas_height": HEIGHT, "people": one} for one in people])


def pictures(server, prompt, output):
    """Frames that an IMAGE output saves, [T, H, W, 3]."""
    save = {"class_type": "SaveImage", "inputs": {"images": output, "filename_prefix": "test/signal"}}
    entry = server.run({**prompt, "save": save})
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in server.outputs(entry)])


@pytest.mark.parametrize("signal", SIGNALS)
def test_signal_runs_and_gives_a_frame_for_each(server, signal):
    inputs = dict(SIGNALS[signal])
    if signal == "VaceDrawPose":
        inputs["pose_json"] = walker_json()
    gray = {"class_type": "VaceAnnotateGray", "inputs": SIGNALS["VaceAnnotateGray"]}
    prompt = {**CLIP, "gray": gray, "signal": {"class_type": signal, "inputs": inputs}}
    frames = pictures(server, prompt, ["signal", 0])
    assert frames.shape == (FRAMES, 350, 350, 3)
    assert frames.std() > 2  # something is drawn


def test_subject_is_found_and_followed(server):
    subject = {"class_type": "VaceMaskSubject", "inputs": MASKS["VaceMaskSubject"]}
    track = {"class_type": "VaceTrackMask", "inputs": MASKS["VaceTrackMask"]}
    shown = {"class_type": "MaskToImage", "inputs": {"mask": ["track", 0]}}
    frames = pictures(server, {**CLIP, "subject": subject, "track": track, "shown": shown}, ["shown", 0])
    assert frames.shape == (FRAMES, 350, 350, 3)
    share = (frames > 127).mean((1, 2, 3))
    assert ((share > 0.01) & (share < 0.3)).all()


def test_detector_without_its_file_says_which_and_where(server):
    method = {"method": "keypoint rcnn", "method.person_score": 0.75}
    pose = {"class_type": "VaceAnnotatePose", "inputs": {"frames": FEW, **method, **POSE}}
    with pytest.raises(PromptFailedError, match=r"keypointrcnn_resnet50_fpn.*vace_annotators"):
        pictures(server, {**CLIP, "signal": pose}, ["signal", 0])
