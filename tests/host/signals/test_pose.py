"""VACE Annotate Pose in the real host: files with known answers by every method, missing and foreign files, caching."""

import asyncio
import gc
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.inputs.pose_networks import PERSON, Writer, detector, poser, write_onnx, write_script
from wan_vace.annotators.pose.detect import DETECTOR_ANSWER, POSE_ANSWER, DwPose, Found, rcnn_network
from wan_vace.annotators.pose.draw import Look, draw_people
from wan_vace.annotators.pose.people import read_people
from wan_vace.annotators.pose.runtimes import Runtime, Scripted
from wan_vace.annotators.pose.smooth import smooth
from wan_vace.annotators.protocol import silent

pytestmark = [
    pytest.mark.usefixtures("empty_folders"),
    pytest.mark.host,
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
]

FALLBACK = {"without_person": "official whole frame"}
DWPOSE = {"method": "dwpose", "person_score": 0.3, **FALLBACK}
ONNX = {**DWPOSE, "method": "dwpose onnx"}
RCNN = {"method": "keypoint rcnn", "person_score": 0.75}
DRAWING = {"body": True, "face": True, "hands": False, "palette": "official", "smoothing": True, "fill_gaps": 5}
RCNN_FILE = "keypointrcnn_resnet50_fpn_coco-fc266e95.pth"
ANYWHERE = (8, 140, 80, 240, 400, 0.9, PERSON, None)
RED = (32, 400, 60, 560, 420, 0.9, PERSON, 2)


@pytest.fixture(scope="module")
def networks():
    """YOLOX that sees one person anywhere and one in red frames, and points all over each."""
    generator = torch.Generator().manual_seed(2)
    places = torch.stack([torch.randint(size, (133,), generator=generator) for size in (576, 768)], 1)
    return detector([ANYWHERE, RED]), poser(places, torch.full((133,), 0.8))


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models/vace_annotators"


def write(models, networks, method="dwpose"):
    """The two files of DWPose."""
    if method == "dwpose":
        write_script(models / "yolox_l.torchscript.pt", networks[0], 1, 640, 640)
        write_script(models / "dw-ll_ucoco_384_bs5.torchscript.pt", networks[1], 5, 384, 288)
    else:
        write_onnx(models / "yolox_l.onnx", networks[0], 1, 640, 640)
        write_onnx(models / "dw-ll_ucoco_384.onnx", networks[1], "batch", 384, 288)


def clip():
    """Six frames of an odd size, the last three red."""
    frames = torch.rand(6, 61, 95, 3) * 0.2
    frames[3:, ..., 0] = 1
    return frames


def pose(call, frames, method=DWPOSE, **drawing):
    return call("VaceAnnotatePose", frames=frames, method=method, **{**DRAWING, **drawing})


def known(networks, frames):
    """Who is in the frames, found by the networks themselves."""
    pair = Runtime("yolox", networks[0], DETECTOR_ANSWER), Runtime("dw", Scripted(networks[1]), POSE_ANSWER)
    return Found(**DwPose(lambda: pair, ())(frames, silent)).people(*frames.shape[1:3])


@pytest.mark.parametrize("method", [DWPOSE, ONNX], ids=["dwpose", "dwpose onnx"])
def test_people_are_found_smoothed_and_drawn(call, models, networks, method):
    write(models, networks, method["method"])
    frames = clip()
    control, video, keypoints, report = pose(call, frames, method)
    people = smooth(known(networks, frames)).people
    np.testing.assert_allclose(read_people("pose", keypoints).points, people.points, atol=1e-2)
    assert people.points.shape[1] == 2 and [len(frame["people"]) for frame in keypoints] == [1, 1, 1, 2, 2, 2]
    assert (control - draw_people(people, *frames.shape[1:3])).abs().mean() < 0.01 and control.shape == frames.shape
    assert control.max() > 0.5 and torch.equal(video.get_components().images, control)
    assert report.startswith("People: 1 in 3, 2 in 3 of 6 frames.\n")
    assert "People are found by yolox_l." in report and ("onnxruntime (CPUExecutionProvider) runs them." in report) == (
        method is ONNX
    )


def test_what_is_drawn_follows_the_sockets(call, models, networks):
    write(models, networks)
    frames = clip()
    drawing = {"body": True, "face": False, "hands": True, "palette": "openpose", "smoothing": False, "fill_gaps": 0}
    control = pose(call, frames, **drawing)[0]
    people = smooth(known(networks, frames), False, 0).people
    expected = draw_people(people, *frames.shape[1:3], Look(True, False, True, "openpose"))
    assert (control - expected).abs().mean() < 0.01
    assert not torch.equal(control, pose(call, frames)[0])


def test_what_was_found_is_kept_and_drawn_anew(call, models, networks, tmp_path):
    write(models, networks)
    frames = clip()
    first = pose(call, frames, smoothing=False)[2]
    (kept,) = (tmp_path / "temp/vace_annotations").iterdir()
    tensors = load_file(kept)
    save_file({**tensors, "points": tensors["points"] + torch.tensor([3.0, 0, 0])}, kept)  # to see where it is from
    again = pose(call, frames, smoothing=False, palette="openpose")[2]
    moved = read_people("pose", again).points - read_people("pose", first).points
    np.testing.assert_allclose(moved[:, 0, 0], [[3, 0, 0]] * 6, atol=1e-3)
    assert list((tmp_path / "temp/vace_annotations").iterdir()) == [kept]
    pose(call, frames, {**DWPOSE, "person_score": 0.4})
    assert len(list((tmp_path / "temp/vace_annotations").iterdir())) == 2


def test_frame_rate_and_sound_go_along(call, models, networks):
    write(models, networks)
    audio = {"waveform": torch.zeros(1, 1, 100), "sample_rate": 100}
    source = call("CreateVideo", images=clip(), fps=25.0, audio=audio)[0]
    parts = pose(call, source)[1].get_components()
    assert parts.frame_rate == 25 and parts.audio is audio


def test_one_picture_works(call, models, networks):
    write(models, networks)
    assert pose(call, clip()[:1])[0].shape == (1, 61, 95, 3)


def test_draw_pose_takes_the_keypoints(call, models, networks):
    write(models, networks)
    frames = clip()
    control, _, keypoints, _ = pose(call, frames)
    drawing = {**DRAWING, "smoothing": False, "fill_gaps": 0}
    drawn = call("VaceDrawPose", pose_keypoints=keypoints, width=0, height=0, length=0, **drawing)[0]
    assert (drawn - control).abs().mean() < 0.01


def test_the_host_loads_the_networks_and_frees_them(call, models, networks, monkeypatch):
    import comfy.model_management as management

    load, loaded = management.load_models_gpu, []

    def watched(patchers, **options):
        loaded.extend(type(patcher.model).__name__ for patcher in patchers)
        load(patchers, **options)

    monkeypatch.setattr(management, "load_models_gpu", watched)
    write(models, networks)
    pose(call, clip())
    assert set(loaded) == {"Scripted"}
    gc.collect()
    left = [each.model for each in management.current_loaded_models if each.model is not None]
    assert not any(type(patcher.model).__name__ == "Scripted" for patcher in left)


@pytest.mark.parametrize("fallback", ["official whole frame", "nobody"])
def test_frames_without_anybody_are_told(call, models, networks, fallback):
    write(models, (detector([RED]), networks[1]))
    control, _, keypoints, report = pose(call, clip(), {**DWPOSE, "without_person": fallback}, fill_gaps=0)
    whole = fallback == "official whole frame"
    assert [len(frame["people"]) for frame in keypoints] == [int(whole)] * 3 + [1] * 3
    assert ("Nobody was found in frame 0, 1, 2. Gaps longer than fill_gaps stay black." in report) != whole
    assert ("No box was found around a person in frame 0, 1, 2; the whole frame was taken" in report) == whole
    assert bool(control[:3].any()) == whole


def test_a_clip_without_people_is_refused(call, models, networks):
    write(models, (detector([]), networks[1]))
    with pytest.raises(ValueError, match=r"No person was found in any of the 6 frames\. Use a video with a person"):
        pose(call, clip(), {**DWPOSE, "without_person": "nobody"})


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (DWPOSE, ["yolox_l.torchscript.pt", "dw-ll_ucoco_384_bs5.torchscript.pt", "https://huggingface.co/hr16/"]),
        (ONNX, ["yolox_l.onnx", "dw-ll_ucoco_384.onnx", "https://huggingface.co/yzd-v/DWPose"]),
        (RCNN, [RCNN_FILE, "https://download.pytorch.org/models/"]),
    ],
    ids=["dwpose", "dwpose onnx", "keypoint rcnn"],
)
def test_missing_files_are_named_with_their_place(call, method, names):
    with pytest.raises(ValueError, match=rf"The pose method {method['method']} needs") as error:
        pose(call, clip(), method)
    message = str(error.value)
    assert all(name in message for name in [*names, "vace_annotators"]) and "Or choose" not in message


def test_a_method_whose_files_are_here_is_named(call, models, networks):
    write(models, networks, "dwpose onnx")
    with pytest.raises(ValueError, match=r"needs yolox_l\.torchscript\.pt.*Or choose dwpose onnx, whose files are her"):
        pose(call, clip())


def test_only_the_missing_file_is_named(call, models, networks):
    write(models, networks)
    (models / "yolox_l.torchscript.pt").unlink()
    with pytest.raises(ValueError, match=r"needs yolox_l\.torchscript\.pt") as error:
        pose(call, clip())
    assert "dw-ll" not in str(error.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>", r"cannot be read"),
        ("pickle", r"is no TorchScript file of today"),
        ("script", r'is refused: its program holds "save"'),
        ("other", r"is another network than its name says: it answers"),
    ],
)
def test_foreign_script_files_are_refused(call, models, networks, tmp_path, content, message):
    write(models, networks)
    path = models / "yolox_l.torchscript.pt"
    if content == "pickle":
        torch.save({"code": np.random.default_rng}, path)
    elif content == "script":
        with torch.inference_mode(False):
            torch.jit.save(torch.jit.script(Writer(str(tmp_path / "written"))), str(path))
    elif content == "other":
        write_script(path, networks[1], 1, 640, 640)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"yolox_l\.torchscript\.pt {message}"):
        pose(call, clip())
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"other": torch.zeros(1)}, r"does not hold these weights .*It is another model's file"),
        ({"weight": np.random.default_rng}, r"is refused: it holds more than tensors"),
        (b"<html>", r"(cannot be read|is refused)"),
    ],
    ids=["foreign", "code", "corrupt"],
)
def test_foreign_weights_are_refused(call, models, content, message):
    models.mkdir(parents=True)
    if isinstance(content, bytes):
        (models / RCNN_FILE).write_bytes(content)
    else:
        torch.save(content, models / RCNN_FILE)
    with pytest.raises(ValueError, match=rf"{RCNN_FILE} {message}"):
        pose(call, clip(), RCNN)


def test_a_foreign_onnx_file_is_refused(call, models, networks):
    write(models, networks, "dwpose onnx")
    with zipfile.ZipFile(models / "dw-ll_ucoco_384.onnx", "w") as archive:
        archive.writestr("a", b"")
    with pytest.raises(ValueError, match=r"dw-ll_ucoco_384\.onnx cannot be read"):
        pose(call, clip(), ONNX)


def test_keypoint_rcnn_finds_bodies(call, models):
    torch.manual_seed(1)
    network = rcnn_network()
    with torch.no_grad():
        network.rpn.head.bbox_pred.weight.zero_()
        network.rpn.head.bbox_pred.bias.copy_(torch.tensor([0.0, 0, 4, 4]).repeat(3))  # wherever it looks: all of it
        network.roi_heads.box_predictor.cls_score.bias.copy_(torch.tensor([0.0, 3.0]))  # everything is a person
        network.roi_heads.keypoint_predictor.kps_score_lowres.bias.fill_(9.0)  # with every point
    models.mkdir(parents=True)
    torch.save(network.state_dict(), models / RCNN_FILE)
    control, _, keypoints, report = pose(call, torch.rand(1, 12, 120, 3), RCNN)
    assert control.any() and f"People are found by {RCNN_FILE}." in report
    assert "Keypoint R-CNN finds no faces and no hands; only bodies are drawn." in report
    people = read_people("pose", keypoints).points
    assert (people[..., :18, 2] > 0.9).all() and (people[..., 24:92, 2] == 0).all()


@pytest.mark.parametrize("method", ["openpose", {"method": "openpose"}])
def test_an_unknown_method_is_refused(call, method):
    with pytest.raises(
        ValueError,
        match=r"method is openpose; it must be one of dwpose, dwpose onnx, keypoint rcnn, blazepose\. Choose one\.",
    ):
        pose(call, clip(), method)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (torch.rand(2, 8, 8, 4), r"frames has 4 channels \(RGB with alpha\)"),
        (torch.rand(2, 8, 8), r"frames must have shape \[T, H, W, C\]"),
        (torch.full((2, 8, 8, 3), torch.nan), r"frames holds NaN"),
    ],
    ids=["alpha", "a mask", "nan"],
)
def test_inputs_that_are_no_video_are_refused(call, frames, message):
    with pytest.raises(ValueError, match=message):
        pose(call, frames)


@pytest.mark.parametrize("method", [DWPOSE, RCNN], ids=["dwpose", "keypoint rcnn"])
def test_a_prompt_with_it_is_valid(host, host_nodes, method):
    import execution

    settings = dict(method)
    inputs = {"frames": ["1", 0], "method": settings.pop("method"), **DRAWING}
    inputs |= {f"method.{name}": value for name, value in settings.items()}
    prompt = {
        "1": {"class_type": "EmptyImage", "inputs": {"width": 64, "height": 48, "batch_size": 3, "color": 0}},
        "2": {"class_type": "VaceAnnotatePose", "inputs": inputs},
        "3": {"class_type": "PreviewImage", "inputs": {"images": ["2", 0]}},
    }
    valid, error, _, errors = asyncio.run(execution.validate_prompt("pose", prompt, None))
    assert valid, (error, errors)
