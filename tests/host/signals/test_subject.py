"""VACE Mask Subject and VACE Track Mask in the real host: hints, files, wires between them, inputs that do not fit."""

import pytest
import torch

from wan_vace.annotators.subject.masks import prepared, stretched
from wan_vace.annotators.subject.u2net import U2Net

pytestmark = [pytest.mark.host, pytest.mark.usefixtures("empty_folders")]

GRAB = {"method": "grabcut", "boxes": "", "mask": None, "subject_points": "", "background_points": "", "reach": 8}
GRAB |= {"clean": True, "which_frames": "0"}
U2NET = {"method": "u2net", "threshold": 0.5, "which_frames": "all"}
FLOW = {"method": "optical flow", "refine_edges": True, "edge_band": 5}
RIGID = {"method": "rigid motion"}


@pytest.fixture
def u2net(tmp_path):
    """The official file with random weights, and the network itself."""
    torch.manual_seed(4)
    network = U2Net().eval()
    with torch.no_grad():  # random weights say hardly anything
        said = network(prepared(torch.rand(1, 33, 47, 3))).logit()
        network.outconv.weight.mul_(2 / said.std())
        network.outconv.bias.sub_(said.mean()).mul_(2 / said.std())
    path = tmp_path / "models/VACE-Annotators/salient/u2net.pt"
    path.parent.mkdir(parents=True)
    torch.save(network.state_dict(), path)
    return network


def scene(num_frames=5, height=67, width=91):
    """A red square that moves 2 pixels a frame over noisy green; frames and masks."""
    frames = torch.tensor([0.2, 0.6, 0.3]) + 0.12 * torch.randn(height, width, 3).clamp(-2, 2)
    frames = frames.clamp(0, 1).repeat(num_frames, 1, 1, 1)
    masks, square = torch.zeros(num_frames, height, width), torch.rand(24, 24, 3) * 0.2 + torch.tensor([0.7, 0, 0])
    for k in range(num_frames):
        masks[k, 20:44, 20 + 2 * k : 44 + 2 * k] = 1
        frames[k, 20:44, 20 + 2 * k : 44 + 2 * k] = square
    return frames, masks


def iou(a, b):
    return ((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum()


def find(call, frames, method=GRAB, **settings):
    return call("VaceMaskSubject", frames=frames, method={**method, **settings})


def follow(call, frames, mask, mask_frames="0", method=FLOW):
    return call("VaceTrackMask", frames=frames, mask=mask, mask_frames=mask_frames, method=method)


def test_a_box_becomes_a_mask_and_the_mask_a_track(call):
    frames, masks = scene()
    source = call("CreateVideo", images=frames, fps=25.0)[0]
    mask, preview, which, report = find(call, source, boxes="12,12,54,54", which_frames="2")
    assert mask.shape == (1, 67, 91) and which == "2" and iou(mask[0], masks[2]) > 0.95
    assert report.startswith("The subject covers 9.") and report.endswith("% of the frame.")
    assert (preview[0][mask[0] == 0] == 0.5).all()
    torch.testing.assert_close(preview[0][mask[0] == 1], frames[2][mask[0] == 1])
    tracked, shown, video, report = follow(call, source, mask, which)
    assert tracked.shape == (5, 67, 91) and min(iou(a, b) for a, b in zip(tracked, masks, strict=True)) > 0.9
    assert torch.equal(tracked[2], mask[0]) and report.startswith("The mask covers ")
    parts = video.get_components()
    assert parts.frame_rate == 25 and torch.equal(parts.images, shown) and (shown[tracked == 0] == 0.5).all()


def test_several_frames_both_ways_round(call):
    frames, masks = scene()
    mask, _, which, _ = find(call, frames, mask=masks, which_frames="-1, 0")
    assert mask.shape[0] == 2 and which == "0, 4"
    for method in (FLOW, RIGID):
        tracked = follow(call, frames, mask, which, method)[0]
        assert min(iou(a, b) for a, b in zip(tracked, masks, strict=True)) > 0.9
    assert find(call, frames, mask=masks[:1], which_frames="all")[0].shape == masks.shape


def test_a_track_is_kept_and_the_settings_reach_it(call, tmp_path, monkeypatch):
    import sys

    frames, masks = scene(3)
    first = follow(call, frames, masks[:1])[0]
    assert len(list((tmp_path / "temp/vace_annotations").iterdir())) == 1
    with monkeypatch.context() as without:  # nothing is computed again
        without.setitem(sys.modules, "cv2", None)
        assert torch.equal(follow(call, frames, masks[:1])[0], first)
        with pytest.raises(ValueError, match=r"Making masks needs opencv-python-headless"):
            follow(call, frames, masks[:1], method=RIGID)
    follow(call, frames, masks[:1], method={**FLOW, "refine_edges": False})
    follow(call, frames, masks[:1], method={**FLOW, "edge_band": 3})
    assert len(list((tmp_path / "temp/vace_annotations").iterdir())) == 3


def test_u2net_finds_with_its_file(call, u2net):
    frames = torch.rand(2, 33, 47, 3)
    mask, _, which, report = find(call, frames, U2NET)
    with torch.inference_mode():
        expected = torch.nn.functional.interpolate(stretched(u2net(prepared(frames))), (33, 47), mode="bilinear")[:, 0]
    assert which == "0, 1" and 0.01 < mask.mean() < 0.99
    assert ((mask > 0.5) != (expected > 0.5)).float().mean() < 0.01
    assert report.startswith("The subject is what u2net.pt finds to stand out.\nThe subject covers ")
    assert find(call, frames, U2NET, threshold=0.9, which_frames="1")[0].sum() < mask[1].sum()


def test_nothing_found_is_told(call):
    frames, masks = scene(2)
    masks[1] = 0
    report = find(call, frames, mask=masks, which_frames="all")[3]
    assert "Nothing was found in frame 1. Give it points on the subject, or a closer box." in report
    most = torch.ones(1, 67, 91)
    most[:, :4] = 0
    assert (
        "Nearly everything was taken for the subject in frame 0: look at the preview."
        in find(call, frames, mask=most, reach=1, clean=False)[3]
    )


def test_a_lost_subject_is_told(call):
    frames, masks = scene(4)
    frames[2:] = torch.rand(67, 91, 3)
    report = follow(call, frames, masks[:1])[3]
    assert "The mask has less than 20% of its size in frame" in report and "give a mask of such a frame too" in report


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"The method u2net needs u2net\.pt, which is not on this machine\. Download it from .*vace_annotators"),
        ({"other": torch.zeros(1)}, r"u2net\.pt does not hold these weights .*It is another model's file"),
        ({"weight": torch.nn.Linear}, r"u2net\.pt is refused: it holds more than tensors"),
        (b"", r"u2net\.pt cannot be read"),
    ],
    ids=["missing", "foreign", "code", "corrupt"],
)
def test_a_file_that_is_not_there_or_not_its_weights_is_refused(call, tmp_path, content, message):
    path = tmp_path / "models/vace_annotators/u2net.pt"
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(ValueError, match=message):
        find(call, torch.rand(1, 32, 32, 3), U2NET)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"Nothing says where the subject is"),
        ({"boxes": "100,0,200,50"}, r"boxes: box 100,0,200,50 is wholly outside the frame of 91 x 67 pixels"),
        ({"mask": torch.zeros(1, 67, 91)}, r"mask is black"),
        ({"mask": torch.ones(1, 67, 67)}, r"mask is 67 x 67 but frames is 91 x 67"),
        ({"mask": torch.full((1, 67, 91), 0.5)}, r"mask looks like a picture"),
        ({"boxes": "1,1,9,9", "which_frames": "5"}, r"which_frames: frame 5 is outside the clip, whose 5 frames"),
    ],
)
def test_hints_that_do_not_fit_are_refused(call, settings, message):
    with pytest.raises(ValueError, match=message):
        find(call, scene()[0], **settings)


@pytest.mark.parametrize(
    ("mask", "which", "message"),
    [
        (torch.zeros(1, 67, 91), "0", r"mask is black: it shows nothing to find"),
        (torch.zeros(1, 64, 64), "0", r"mask is Load Image's empty mask"),
        (torch.ones(1, 67, 67), "0", r"mask is 67 x 67 but frames is 91 x 67"),
        (torch.ones(2, 67, 91), "0", r"mask has 2 frames, but mask_frames names 1"),
        (torch.ones(1, 67, 91), "7", r"mask_frames: frame 7 is outside the clip, whose 5 frames are 0 to 4"),
        (torch.ones(1, 67, 91), "", r"mask_frames is empty"),
        (torch.ones(1, 67, 91, 3), "0", r"mask must have shape \[T, H, W\]"),
    ],
)
def test_masks_that_do_not_fit_are_refused(call, mask, which, message):
    with pytest.raises(ValueError, match=message):
        follow(call, scene()[0], mask, which)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.rand(2, 67, 91, 4), r"frames has 4 channels \(RGB with alpha\)"),
        (torch.rand(2, 67, 91), r"frames must have shape \[T, H, W, C\]"),
    ],
    ids=["alpha", "a mask"],
)
def test_frames_that_are_none_are_refused(call, frames, message):
    with pytest.raises(ValueError, match=message):
        find(call, frames, boxes="1,1,9,9")
    with pytest.raises(ValueError, match=message):
        follow(call, frames, torch.ones(1, 67, 91))


def test_one_frame_cannot_be_followed(call):
    with pytest.raises(ValueError, match="frames has 1 frame, but a mask track needs at least 2"):
        follow(call, torch.rand(1, 67, 91, 3), torch.ones(1, 67, 91))


@pytest.mark.parametrize("method", ["sam", {"method": "sam"}])
def test_an_unknown_method_is_refused(call, method):
    with pytest.raises(ValueError, match=r"method is sam; it must be one of grabcut, u2net, selfie\. Choose one\."):
        call("VaceMaskSubject", frames=torch.rand(1, 8, 8, 3), method=method)
    with pytest.raises(ValueError, match=r"method is sam; it must be one of optical flow, rigid motion\. Choose one\."):
        follow(call, torch.rand(2, 8, 8, 3), torch.ones(1, 8, 8), method=method)
